"""A segment that is open: its rows, vectors and filter columns, each checked before it is used."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.errors import SourceError
from eoagent_indexes.blocks import BlockedVectors
from eoagent_indexes.checked import map_checked, read_checked
from eoagent_indexes.groupcache import GroupCache
from eoagent_indexes.hot import ROW_BYTES, HotColumns
from eoagent_indexes.ids import ID_BYTES, IdColumn, SortedIds
from eoagent_indexes.layout import COLUMNS, IDS, TILES
from eoagent_indexes.manifest import AnnEntry, SegmentEntry, TombstoneEntry
from eoagent_indexes.refusals import damaged
from eoagent_indexes.rowgroups import RowGroups
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.tombstones import live_mask

__all__ = ["Segment", "SegmentFiles"]


class SegmentFiles:
    """The files of a segment, which no version changes; each is opened when it is first used."""

    def __init__(
        self, root: Path, entry: SegmentEntry, *, groups: GroupCache | None = None
    ) -> None:
        self.groups = groups or GroupCache()
        """Rows that stay decoded."""
        self.root = root
        """The index folder."""
        self.entry = entry
        """What the manifest says of the segment."""
        self._guard = threading.RLock()
        self._columns: HotColumns | None = None
        self._ids: SortedIds | None = None
        self._vectors: BlockedVectors | None = None
        self._tiles: RowGroups | None = None

    @property
    def columns(self) -> HotColumns:
        """Filter columns.

        Raises:
            SourceError: if their file is missing or damaged.
        """
        with self._guard:
            if self._columns is None:
                columns = HotColumns.over(self._mapped(COLUMNS, ROW_BYTES), self.entry.rows)
                codes = columns.collection
                if codes.min() < 0 or codes.max() >= len(self.entry.collections):
                    raise self.wrong(COLUMNS, "counts collections that its entry does not list")
                self._columns = columns
            return self._columns

    @property
    def ids(self) -> SortedIds:
        """Tile ids in order, with their rows.

        Raises:
            SourceError: if their file is missing or damaged.
        """
        with self._guard:
            if self._ids is None:
                ids = SortedIds.over(self._mapped(IDS, ID_BYTES), self.entry.rows)
                if ids.rows.max() >= self.entry.rows:
                    raise self.wrong(IDS, f"names rows that {self.entry.rows} rows do not have")
                self._ids = ids
            return self._ids

    @property
    def vectors(self) -> BlockedVectors:
        """Vectors, checked by blocks as they are used.

        Raises:
            SourceError: if their file is missing, or not of this shape.
        """
        with self._guard:
            if self._vectors is None:
                self._vectors = BlockedVectors(self.root, self.entry)
            return self._vectors

    @property
    def tiles(self) -> RowGroups:
        """Rows.

        Raises:
            SourceError: if their file is missing or damaged.
        """
        with self._guard:
            if self._tiles is None:
                mapped = map_checked(self.root, self.entry.file(TILES))
                try:
                    tiles = RowGroups(mapped, self.groups)
                except (pa.ArrowException, OSError, ValueError) as error:
                    found = f"is no Parquet file: {str(error)[:200]}"
                    raise self.wrong(TILES, found) from error
                if tiles.rows != self.entry.rows:
                    found = f"holds {tiles.rows} rows, {self.entry.rows} vectors belong to it"
                    raise self.wrong(TILES, found)
                if not tiles.schema.equals(TILE_SCHEMA):
                    raise self.wrong(TILES, "has not the columns of a tile table")
                self._tiles = tiles
            return self._tiles

    def wrong(self, name: str, found: str) -> SourceError:
        """Return the error for a file of the segment that is not as it was written."""
        return damaged(self.root, self.root / self.entry.file(name).path, found)

    def _mapped(self, name: str, row_bytes: int) -> memoryview:
        file = self.entry.file(name)
        if file.bytes != row_bytes * self.entry.rows:
            found = f"has {file.bytes} bytes, which are not {self.entry.rows} rows"
            raise self.wrong(name, found)
        return memoryview(map_checked(self.root, file))


class Segment:
    """A segment as one version of an index has it; safe for threads."""

    def __init__(
        self,
        files: SegmentFiles,
        tombstones: TombstoneEntry | None = None,
        ann: AnnEntry | None = None,
    ) -> None:
        self.files = files
        """Its files."""
        self.entry = files.entry
        """What the manifest says of it."""
        self.tombstones = tombstones
        """Which of its rows are deleted; None if none is."""
        self.ann = ann
        """Its derived search structure, if it has one."""
        self._live: NDArray[np.bool_] | None = None
        self._calibration: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Tiles, the deleted ones too."""
        return self.entry.rows

    @property
    def live_rows(self) -> int:
        """Tiles that a search may find."""
        return self.rows - (self.tombstones.rows if self.tombstones else 0)

    @property
    def live(self) -> NDArray[np.bool_]:
        """Which rows a search may find, (rows,).

        Raises:
            SourceError: if the file of the deleted rows is missing or damaged.
        """
        if self._live is None:
            mask = live_mask(self.files.root, self.tombstones, self.rows)
            mask.flags.writeable = False
            self._live = mask
        return self._live

    @property
    def columns(self) -> HotColumns:
        """Filter columns, each (rows,), read-only.

        Raises:
            SourceError: if their file is missing or damaged.
        """
        return self.files.columns

    def vectors(
        self, rows: NDArray[np.integer], out: NDArray[np.float16] | None = None
    ) -> NDArray[np.float16]:
        """Return the vectors of some rows, a copy (n, dimensions).

        Args:
            rows: from 0 up to the number of rows.
            out: where the copy goes, of that shape; new memory by default.

        Raises:
            SourceError: if their bytes are not those that were written.
        """
        return self.files.vectors.take(rows, out)

    def vector_range(self, start: int, stop: int) -> NDArray[np.float16]:
        """Return the vectors of rows `start` up to `stop`, a read-only view without a copy.

        Raises:
            SourceError: if their bytes are not those that were written.
        """
        return self.files.vectors.range(start, stop)

    def table(self, rows: NDArray[np.integer], columns: Sequence[str] | None = None) -> pa.Table:
        """Return some rows of the tile table in the order asked for, with all columns or some.

        Raises:
            SourceError: if the file is missing or damaged.
        """
        try:
            return self.files.tiles.take(rows, columns)
        except (pa.ArrowException, OSError) as error:
            found = f"cannot be decoded: {str(error)[:200]}"
            raise self.files.wrong(TILES, found) from error

    def find(self, words: IdColumn, *, deleted: bool = False) -> NDArray[np.int64]:
        """Return the row of each tile id, -1 where it is not there.

        Args:
            words: ids, from `eoagent_indexes.ids.id_words`.
            deleted: whether rows that are deleted count as there.

        Raises:
            SourceError: if a file is missing or damaged.
        """
        rows = self.files.ids.find(words)
        if not deleted and self.tombstones is not None:
            rows[(rows >= 0) & ~self.live[rows]] = -1
        return rows

    def ann_bytes(self) -> NDArray[np.uint8]:
        """Return the bytes of the derived search structure, checked and mapped into memory.

        Raises:
            SourceError: if there is none, or its file is missing or damaged.
        """
        ann = self._structure()
        return np.frombuffer(map_checked(self.files.root, ann.file), dtype=np.uint8)

    @property
    def calibration(self) -> dict[str, Any]:
        """What was measured of the derived search structure: recall and seconds by setting.

        Raises:
            SourceError: if there is none, or its file is missing or damaged.
        """
        if self._calibration is None:
            root, file = self.files.root, self._structure().curve
            try:
                told = json.loads(read_checked(root, file))
            except (ValueError, RecursionError) as error:
                raise damaged(root, root / file.path, "is not JSON") from error
            if not isinstance(told, dict):
                raise damaged(root, root / file.path, "is no calibration")
            self._calibration = told
        return self._calibration

    def _structure(self) -> AnnEntry:
        if self.ann is None:
            root = self.files.root
            raise SourceError(
                f"segment {self.entry.id} of index '{root.name}' has no search structure",
                href=str(root),
            )
        return self.ann

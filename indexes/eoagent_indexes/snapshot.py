"""An index opened at one committed version; what later versions do makes no difference to it."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import SourceError
from eoagent_indexes.checked import check_size
from eoagent_indexes.groupcache import GroupCache
from eoagent_indexes.ids import id_words
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.manifest import Manifest
from eoagent_indexes.parts import (
    QuarantineRecord,
    UnitRecord,
    read_ledger,
    read_quarantine,
)
from eoagent_indexes.pins import Pin
from eoagent_indexes.pointer import Pointer, load_current, read_pointer
from eoagent_indexes.segment import Segment, SegmentFiles

__all__ = ["Found", "Snapshot"]

_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Where tiles are, in the order they were asked for."""

    segments: NDArray[np.int64]
    """Position in `Snapshot.segments`, -1 where a tile is not there."""
    rows: NDArray[np.int64]
    """Row in that segment, -1 likewise."""

    @property
    def is_there(self) -> NDArray[np.bool_]:
        """Which of the tiles are there."""
        return self.segments >= 0


class Snapshot:
    """A committed version of an index; safe for threads."""

    def __init__(
        self,
        layout: IndexLayout,
        pointer: Pointer,
        manifest: Manifest,
        *,
        pin: Pin | None = None,
        known: Sequence[SegmentFiles] = (),
    ) -> None:
        self.layout = layout
        """Where everything lies."""
        self.pointer = pointer
        """What CURRENT said."""
        self.manifest = manifest
        """What the version consists of."""
        self._pin = pin
        files = {one.entry: one for one in known}
        groups = next((one.groups for one in known), None)  # one cache for all segments
        groups = groups or GroupCache()
        dead = {entry.segment: entry for entry in manifest.tombstones}
        ann = {entry.segment: entry for entry in manifest.ann}
        self.segments: tuple[Segment, ...] = tuple(
            Segment(
                files.get(entry) or SegmentFiles(layout.root, entry, groups=groups),
                dead.get(entry.id),
                ann.get(entry.id),
            )
            for entry in manifest.segments
        )
        """Segments, in the order of the manifest."""

    @classmethod
    def open(cls, folder: Path, *, pin: bool = True) -> Snapshot:
        """Open the version that stands.

        Sizes of all files are compared here. Each is hashed when it is first read, before it is
        parsed, so that what a search rules out by the manifest costs nothing; vectors are hashed
        by blocks as they are used. Search structures are derived and may be missing;
        `Segment.ann_bytes` tells.

        Args:
            folder: the index folder.
            pin: whether a vacuum shall keep this version for as long as it is open.

        Raises:
            NotFound: if no version was committed there.
            SourceError: if a file is missing or of another size, or the manifest is damaged or of
                another format.
        """
        layout = IndexLayout(Path(os.path.abspath(folder)))  # noqa: PTH100  links stay as named
        for _ in range(_TRIES):
            pointer, manifest = load_current(layout)
            held = Pin(layout, pointer.version) if pin else None
            snapshot = cls(layout, pointer, manifest, pin=held)
            with contextlib.ExitStack() as undo:
                undo.callback(snapshot.close)
                try:
                    snapshot._check()
                except SourceError:
                    # Replaced before it was pinned, it may have fallen to a vacuum meanwhile.
                    if read_pointer(layout) == pointer:
                        raise
                    continue
                undo.pop_all()
            return snapshot
        raise SourceError(
            f"index '{layout.root.name}' changes faster than it can be opened",
            href=str(layout.root),
            hint="try again",
        )

    @property
    def folder(self) -> Path:
        """The index folder."""
        return self.layout.root

    @property
    def version(self) -> int:
        """Number of the version."""
        return self.manifest.version

    def find(self, tile_ids: Sequence[str], *, deleted: bool = False) -> Found:
        """Return where tiles are.

        Args:
            tile_ids: ids of tiles.
            deleted: whether rows that are deleted count as there.

        Raises:
            InputError: if one is no tile id.
            SourceError: if a file is missing or damaged.
        """
        words = id_words(tile_ids)
        where = np.full(len(tile_ids), -1, dtype=np.int64)
        rows = where.copy()
        for number, segment in enumerate(self.segments):
            found = segment.find(words, deleted=deleted)
            fresh = (found >= 0) & (where < 0)
            where[fresh], rows[fresh] = number, found[fresh]
        return Found(where, rows)

    def units(self) -> dict[str, UnitRecord]:
        """Return the last record of each work unit.

        Raises:
            SourceError: if a part of the ledger is missing or damaged.
        """
        return read_ledger(self.folder, self.manifest.ledger)

    def units_done(self) -> dict[str, UnitRecord]:
        """Return the work units whose tiles this version holds.

        Raises:
            SourceError: if a part of the ledger is missing or damaged.
        """
        return {key: unit for key, unit in self.units().items() if unit.state == "done"}

    def quarantine(self) -> tuple[QuarantineRecord, ...]:
        """Return what could not be read and was not done since.

        Raises:
            SourceError: if a part is missing or damaged.
        """
        units = self.units()
        records = read_quarantine(self.folder, self.manifest.quarantine)
        return tuple(r for r in records if r.unit not in units or units[r.unit].state == "failed")

    def close(self) -> None:
        """Let a vacuum have the version; what was read stays readable while it is referred to."""
        if self._pin is not None:
            self._pin.close()

    def __enter__(self) -> Self:
        """Return the snapshot."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _check(self) -> None:
        # A search goes on without what is derived.
        derived = {file for entry in self.manifest.ann for file in (entry.file, entry.curve)}
        files = [file for file in self.manifest.files() if file not in derived]
        _in_threads([functools.partial(check_size, self.folder, file) for file in files])


def _in_threads(jobs: Sequence[Callable[[], object]]) -> None:
    if len(jobs) < 4:
        for job in jobs:
            job()
        return
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()

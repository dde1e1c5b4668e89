"""Commit what a build has finished: every so many tiles or seconds, each item whole."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from eoagent.contracts.record import digest
from eoagent_indexes.build.engines import Engine
from eoagent_indexes.build.job import Receipt
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.compaction import TARGET_ROWS, compact
from eoagent_indexes.merge_choice import small_segments
from eoagent_indexes.parts import QuarantineRecord, UnitRecord
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

__all__ = ["COMMIT_S", "COMMIT_TILES", "MERGE_SEGMENTS", "Committer", "stand_in", "tiles_of"]

COMMIT_TILES: Final = 65_536
"""Finished tiles after which they are committed."""
COMMIT_S: Final = 60.0
"""Seconds after which what is finished is committed."""
MERGE_SEGMENTS: Final = 64
"""Small segments that are merged while a build goes on, since each commit lists all segments."""


class Committer:
    """Takes receipts and makes versions of them."""

    def __init__(
        self,
        writer: IndexWriter,
        engine: Engine,
        spool: Spool,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start from the version that stands."""
        self.added = 0
        """Tiles added so far."""
        self.removed = 0
        """Tiles dropped so far."""
        self.seconds = 0.0
        """Seconds spent in commits, segments included."""
        snapshot = writer.snapshot
        units = {} if snapshot is None else snapshot.units()
        self.known: dict[tuple[str, str], UnitRecord] = {
            (unit.collection, unit.item_id): unit for unit in units.values() if unit.state == "done"
        }
        """What the index holds, by collection and item."""
        self._failed = {key: u.error for key, u in units.items() if u.state == "failed"}
        self._state = {} if snapshot is None else snapshot.manifest.state
        self._writer, self._engine, self._spool, self._clock = writer, engine, spool, clock
        self._waiting: list[Receipt] = []
        self._tiles = 0
        self._open_files: dict[str, set[str]] = defaultdict(set)
        self._last = clock()

    def note(self, file: str, units: Iterable[str]) -> None:
        """Note which units a batch holds tiles of; it stays until all of them are committed."""
        self._open_files[file] |= set(units)

    def take(self, receipt: Receipt) -> None:
        """Take what became of an item, and commit when it is time.

        Raises:
            SourceError: if the disk is full or cannot be written, or another writer took over.
        """
        self._waiting.append(receipt)
        self._tiles += receipt.tiles if receipt.state == "done" else 0
        if self._tiles >= COMMIT_TILES or self._clock() - self._last >= COMMIT_S:
            self.commit()
            self._merge()

    def commit(
        self, *, gone: Iterable[UnitRecord] = (), state: dict[str, Any] | None = None
    ) -> None:
        """Make a version of all that is finished.

        Args:
            gone: units whose items the source does not list any more.
            state: what the build notes for itself.

        Raises:
            SourceError: if the disk is full or cannot be written, or another writer took over.
        """
        began = self._clock()
        done = [one for one in self._waiting if one.state == "done"]
        units = frozenset(one.unit for one in done if one.tiles)
        files = sorted({name for one in done for name in one.files})
        entry = self._engine.seal(units, files) if units else None
        old = [*gone, *self._replaced(done)]
        snapshot = self._writer.snapshot
        dropped = tiles_of(snapshot, [unit.unit for unit in old]) if snapshot and old else []
        before = snapshot.manifest.live if snapshot else 0
        failed = [one for one in self._waiting if self._is_news(one)]
        manifest = self._writer.commit(
            add=[entry] if entry is not None else [],
            drop_tiles=dropped,
            ledger=[
                *self._ledger(done, failed),
                *(u.model_copy(update={"state": "gone"}) for u in old),
            ],
            quarantine=[_quarantined(one) for one in failed],
            state=None if state == self._state else state,
        )
        self.removed += len(dropped)
        self.added += manifest.live - before + len(dropped)
        self._remember(done, old)
        self._waiting, self._tiles = [], 0
        self._spool.drop(self._settled(done))
        self._last = self._clock()
        self.seconds += self._last - began

    def _merge(self) -> None:
        began, snapshot = self._clock(), self._writer.snapshot
        small = small_segments(snapshot.segments, TARGET_ROWS) if snapshot else ()
        if len(small) >= MERGE_SEGMENTS:
            compact(self._writer, small_only=True)
            self._last = self._clock()
            self.seconds += self._last - began

    def _replaced(self, done: list[Receipt]) -> list[UnitRecord]:
        """Return the units whose items have changed."""
        found = []
        for one in done:
            known = self.known.get((one.collection, one.item_id))
            if known is not None and known.unit != one.unit:
                found.append(known)
        return found

    def _is_news(self, receipt: Receipt) -> bool:
        """Return whether an item is refused that was not, or for another reason."""
        key = stand_in(receipt.collection, receipt.item_id)
        return receipt.state == "refused" and self._failed.get(key) != receipt.reason

    def _ledger(self, done: list[Receipt], failed: list[Receipt]) -> list[UnitRecord]:
        records = [
            _record(one, one.unit, "done").model_copy(
                update={"tiles": one.tiles, "skipped": sum(one.skipped.values())}
            )
            for one in done
        ]
        for one in failed:
            key = stand_in(one.collection, one.item_id)
            self._failed[key] = one.reason
            records.append(_record(one, key, "failed").model_copy(update={"error": one.reason}))
        for one in self._waiting:
            key = stand_in(one.collection, one.item_id)
            if one.state != "refused" and self._failed.pop(key, None) is not None:
                records.append(_record(one, key, "gone"))
        return records

    def _settled(self, done: list[Receipt]) -> list[str]:
        """Return the batches all of whose units are committed now."""
        found = []
        for one in done:
            for name in one.files:
                waiting = self._open_files.get(name, set())
                waiting.discard(one.unit)
                if not waiting:
                    self._open_files.pop(name, None)
                    found.append(name)
        return sorted(set(found))

    def _remember(self, done: list[Receipt], old: list[UnitRecord]) -> None:
        for unit in old:
            self.known.pop((unit.collection, unit.item_id), None)
        for one in done:
            self.known[one.collection, one.item_id] = UnitRecord(
                unit=one.unit, state="done", collection=one.collection, item_id=one.item_id
            )


def stand_in(collection: str, item_id: str) -> str:
    """Return the key under which an item is noted whose unit is not known: it cannot be read."""
    return digest(["item", collection, item_id])[:32]


def tiles_of(snapshot: Snapshot, units: Iterable[str]) -> list[str]:
    """Return the ids of the live tiles of some units.

    Raises:
        SourceError: if a segment is missing or damaged.
    """
    wanted = set(units)
    found = []
    for segment in snapshot.segments:
        table = segment.table(segment.live.nonzero()[0], ["tile_id", "unit"])
        found += [
            tile
            for tile, unit in zip(
                table.column("tile_id").to_pylist(), table.column("unit").to_pylist(), strict=True
            )
            if unit in wanted
        ]
    return found


def _record(receipt: Receipt, unit: str, state: Literal["done", "failed", "gone"]) -> UnitRecord:
    return UnitRecord(
        unit=unit,
        state=state,
        collection=receipt.collection,
        item_id=receipt.item_id,
        href=receipt.item_href,
    )


def _quarantined(receipt: Receipt) -> QuarantineRecord:
    return QuarantineRecord(
        unit=stand_in(receipt.collection, receipt.item_id),
        collection=receipt.collection,
        item_id=receipt.item_id,
        href=receipt.item_href,
        reason=receipt.reason,
        when=datetime.now(UTC),
    )

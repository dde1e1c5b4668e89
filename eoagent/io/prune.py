"""Bound what the ledger and the store keep: remove old runs, then what no run links to.

The order makes an interruption harmless at any point: runs go in one transaction; then records of
artifacts that no run links to; then files that no record names. Whatever is left over by an
interrupted prune is found by the next one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.record import Record
from eoagent.io.ledger import Ledger
from eoagent.io.ledger_rows import RunSummary
from eoagent.io.store import FileStore
from eoagent.io.store_removal import Holding, holdings, remove_orphans, remove_records

__all__ = ["GRACE", "PruneReport", "prune"]

GRACE: Final = timedelta(hours=1)
"""Artifacts put or used within this time stay even if no run links to them (yet)."""

_BATCH: Final = 500


class PruneReport(Record):
    """What a prune removed."""

    runs: tuple[str, ...]
    """Runs, newest first."""
    artifacts: tuple[str, ...]
    """Artifacts."""
    bytes: int
    """Bytes of stored files and records that were freed."""


def prune(
    ledger: Ledger,
    store: FileStore,
    *,
    keep_last: int | None = None,
    older_than: timedelta | None = None,
    max_bytes: int | None = None,
    grace: timedelta = GRACE,
) -> PruneReport:
    """Remove runs, the artifacts that no remaining run links to, and cached results with them.

    A run goes if it began longer ago than `older_than`, or if the artifacts of the runs that are
    newer take up all of `max_bytes`; the newest `keep_last` runs are kept in any case, and if
    `keep_last` is the only limit all others go. A run that a living process works on stays, and so
    does every artifact that was put or used since it began. Without a limit only left-overs go.

    Raises:
        InputError: if a limit is negative.
        SourceError: if ledger or store cannot be written, another process holds them too long, or
            the ledger is damaged.
    """
    if min(keep_last or 0, max_bytes or 0) < 0 or (older_than or timedelta()) < timedelta():
        raise InputError("prune was asked with a negative limit", hint="give 0 or more")
    ledger.file.check()  # a damaged index could hide the links of a run that stays
    now = ledger.clock()
    freed = remove_orphans(store.layout)  # needs no room, so it comes first
    live = ledger.live_runs()
    runs = ledger.list_runs()
    cutoff = None if older_than is None else now - older_than
    doomed: set[str] = set()
    if cutoff is not None:
        doomed |= {run.id for run in runs if run.created < cutoff}
    if max_bytes is not None:
        doomed |= _beyond(ledger, store, [run for run in runs if run.id not in doomed], max_bytes)
    if keep_last is not None and older_than is None and max_bytes is None:
        doomed |= {run.id for run in runs}
    doomed -= {run.id for run in runs[: keep_last or 0]} | {run.id for run in live}
    gone = tuple(run.id for run in runs if run.id in doomed)
    with ledger.file.writing() as connection:
        _remove_runs(connection, gone)
        if cutoff is not None:
            connection.execute("DELETE FROM cache WHERE created < ?", (cutoff.isoformat(),))
    before = {holding.handle: holding for holding in holdings(store.layout)}
    since = min([now - grace, *(run.created for run in live)])
    artifacts = _remove_unlinked(ledger, store, tuple(before), since.astimezone(UTC).timestamp())
    freed += sum(before[handle].record_bytes for handle in artifacts)
    freed += remove_orphans(store.layout)
    ledger.file.give_back_space()
    return PruneReport(runs=gone, artifacts=artifacts, bytes=freed)


def _beyond(
    ledger: Ledger, store: FileStore, newest_first: Sequence[RunSummary], max_bytes: int
) -> set[str]:
    sizes: dict[str, int] = {}
    for sha256, _, size in store.layout.object_files():
        sizes[sha256] = sizes.get(sha256, 0) + size
    known = {holding.handle: holding for holding in holdings(store.layout)}
    counted: set[str] = set()
    total = 0
    for position, run in enumerate(newest_first):
        for handle in ledger.get_run(run.id).handles:
            if handle in known and handle not in counted:
                counted.add(handle)
                total += _new_bytes(known[handle], sizes, counted)
        if total > max_bytes:
            return {older.id for older in newest_first[position:]}
    return set()


def _new_bytes(holding: Holding, sizes: dict[str, int], counted: set[str]) -> int:
    new = holding.objects - counted
    counted |= new
    return holding.record_bytes + sum(sizes.get(sha256, 0) for sha256 in new)


def _remove_runs(connection: sqlite3.Connection, runs: Iterable[str]) -> None:
    names = [(run,) for run in runs]
    connection.executemany("INSERT OR IGNORE INTO pruning (run) VALUES (?)", names)
    connection.executemany("DELETE FROM calls WHERE run = ?", names)
    connection.executemany("DELETE FROM links WHERE run = ?", names)
    connection.executemany("DELETE FROM runs WHERE id = ?", names)
    connection.execute("DELETE FROM pruning")


def _remove_unlinked(
    ledger: Ledger, store: FileStore, handles: Sequence[str], unused_since: float
) -> tuple[str, ...]:
    removed: list[str] = []
    for start in range(0, len(handles), _BATCH):
        batch = handles[start : start + _BATCH]
        # Under the write lock no run can link to an artifact while it is being removed.
        with ledger.file.writing() as connection:
            unlinked = [
                handle
                for handle in batch
                if not connection.execute(
                    "SELECT 1 FROM links WHERE handle = ? LIMIT 1", (handle,)
                ).fetchone()
            ]
            gone = remove_records(store.layout, unlinked, unused_since=unused_since)
            connection.executemany(
                "DELETE FROM cache WHERE key IN (SELECT key FROM cache_links WHERE handle = ?)",
                [(handle,) for handle in gone],
            )
        removed += gone
    return tuple(removed)

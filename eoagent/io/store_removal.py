"""Take artifacts out of a store: records first, then the files that no record names any more.

It does not decide what may go; `eoagent.io.prune` does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eoagent.contracts.errors import NotFound
from eoagent.io.atomic import disk_errors, sync_folder
from eoagent.io.locks import hold
from eoagent.io.scratch import sweep_scratch
from eoagent.io.store_layout import StoreLayout
from eoagent.io.stored import objects_in

__all__ = ["Holding", "holdings", "remove_orphans", "remove_records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What an artifact takes up."""

    handle: str
    """`kind:id`."""
    objects: frozenset[str]
    """Hashes of the stored files that its record names."""
    record_bytes: int
    """Size of the record."""


def holdings(layout: StoreLayout) -> Iterator[Holding]:
    """Yield what each artifact takes up, damaged ones included.

    Raises:
        SourceError: if the store cannot be read.
    """
    for handle in layout.handles():
        with contextlib.suppress(NotFound):  # removed meanwhile
            data = layout.read_record(handle)
            yield Holding(handle=handle, objects=objects_in(data), record_bytes=len(data))


def remove_records(
    layout: StoreLayout, handles: Iterable[str], *, unused_since: float
) -> tuple[str, ...]:
    """Remove artifacts that nobody put or got since a time (seconds since 1970); say which.

    Their files stay until `remove_orphans`, so that no record is ever without its file.

    Raises:
        SourceError: if the store cannot be written.
    """
    removed = []
    with disk_errors(layout.records):
        if not layout.records.is_dir():
            return ()
        with hold(layout.lock, exclusive=True):
            for handle in handles:
                record = layout.record_path(handle)
                if record.is_file() and record.stat().st_mtime < unused_since:
                    record.unlink()
                    removed.append(handle)
            if removed:
                sync_folder(layout.records)
    return tuple(removed)


def remove_orphans(layout: StoreLayout) -> int:
    """Remove files that no record names, and the scratch of dead processes; return the bytes.

    Raises:
        SourceError: if the store cannot be written.
    """
    if not layout.root.is_dir():
        return 0
    with hold(layout.lock, exclusive=True):
        freed = sweep_scratch(layout.scratch)
        named: set[str] = set()
        for holding in holdings(layout):
            named |= holding.objects
        for sha256, path, size in layout.object_files():
            if sha256 not in named:
                with disk_errors(path):
                    path.unlink()
                freed += size
    return freed

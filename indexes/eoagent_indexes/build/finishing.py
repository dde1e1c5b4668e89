"""End a build: commit the rest, drop what has gone, merge small segments, speed up search."""

from __future__ import annotations

from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.index import Surroundings
from eoagent_indexes.ann import ANN_ROWS, build_ann
from eoagent_indexes.build.committing import Committer
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.compaction import compact
from eoagent_indexes.writer import IndexWriter

__all__ = ["finish"]


def finish(
    writer: IndexWriter,
    committer: Committer,
    spool: Spool,
    around: Surroundings,
    *,
    gone: bool,
    is_whole: bool,
    listed: set[tuple[str, str]],
) -> tuple[str, ...]:
    """Bring an index into the state that a build leaves it in, and return warnings.

    Args:
        writer: the writer of the index.
        committer: what is finished and not committed yet.
        spool: batches.
        around: deadline.
        gone: whether tiles go whose items are not listed.
        is_whole: whether the source was read to its end.
        listed: items that the source lists, by collection and id.

    Raises:
        SourceError: if the disk is full or cannot be written, or another writer took over.
    """
    lost = [unit for item, unit in committer.known.items() if item not in listed] if gone else []
    committer.commit(gone=lost, state={"complete": is_whole})
    if is_whole:  # batches of items that were refused, or that are not listed any more
        spool.clear()
    spool.close()
    compact(writer, deadline=around.deadline)
    return _structures(writer, around)


def _structures(writer: IndexWriter, around: Surroundings) -> tuple[str, ...]:
    """Make a search structure for each large segment that has none."""
    snapshot = writer.snapshot
    assert snapshot is not None
    for segment in snapshot.segments:
        if segment.ann is not None or segment.live_rows <= ANN_ROWS:
            continue
        if around.deadline is not None:
            around.deadline.check()
        try:
            entry = build_ann(segment)
        except ModelMissing as error:
            said = f"large segments are searched tile by tile, which is slower: {error}"
            return (f"{said} ({error.hint}, then update the index)",)
        writer.commit(ann={segment.entry.id: entry})
    return ()

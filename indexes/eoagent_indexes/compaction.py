"""Write small segments, and those with many deleted rows, anew as large ones; never in place."""

from __future__ import annotations

from typing import Final

from eoagent.contracts.progress import Deadline, Progress
from eoagent_indexes.manifest import Manifest
from eoagent_indexes.merge_choice import groups_to_merge, small_segments
from eoagent_indexes.merging import merge
from eoagent_indexes.writer import IndexWriter

__all__ = ["TARGET_ROWS", "compact", "groups_to_merge"]

TARGET_ROWS: Final = 1_000_000
"""Most rows of a segment that a compaction writes."""
_ROUNDS: Final = 8


def compact(
    writer: IndexWriter,
    *,
    target_rows: int = TARGET_ROWS,
    small_only: bool = False,
    deadline: Deadline | None = None,
    progress: Progress | None = None,
) -> Manifest | None:
    """Merge what is worth it, one commit a group of segments, and return the last manifest.

    Tiles come to lie by collection and month, and a month of more than `target_rows` by place. A
    merged segment has no search structure until one is made. The disk holds old and new segments
    of a group at a time.

    Args:
        writer: an open writer.
        target_rows: most rows of a merged segment.
        small_only: whether only small segments are merged, with each other: what a build does that
            goes on, and leaves putting large ones in order to the end.
        deadline: checked before each new segment; what was committed stays.
        progress: told after each commit.

    Returns:
        None if nothing was worth it.

    Raises:
        SourceError: if a file is damaged or the disk refuses; what was committed stays.
        BudgetExceeded: if the deadline passes.
    """
    manifest = None
    for _ in range(1 if small_only else _ROUNDS):  # what was merged may fit what lies next to it
        snapshot = writer.snapshot
        if snapshot is None:
            return None
        if small_only:
            groups = [group for group in [small_segments(snapshot.segments, target_rows)] if group]
        else:
            groups = groups_to_merge(snapshot.segments, target_rows)
        if not groups:
            break
        for number, group in enumerate(groups, 1):
            merged = merge(
                writer.layout.root,
                group,
                encoder=snapshot.manifest.encoder,
                target_rows=target_rows,
                deadline=deadline,
            )
            names = [segment.entry.id for segment in group]
            manifest = writer.commit(add=merged, drop_segments=names)
            if progress is not None:
                progress(number / len(groups), f"merged {len(names)} segments")
    return manifest

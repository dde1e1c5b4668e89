"""Write small segments, and those with many deleted rows, anew as large ones; never in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.progress import Deadline, Progress
from eoagent_indexes.extent import centres
from eoagent_indexes.hilbert import hilbert_keys
from eoagent_indexes.manifest import Manifest, SegmentEntry
from eoagent_indexes.segment import Segment, SegmentFiles
from eoagent_indexes.segment_write import GROUP_ROWS, stream_segment
from eoagent_indexes.writer import IndexWriter

__all__ = ["TARGET_ROWS", "compact", "groups_to_merge"]

TARGET_ROWS: Final = 1_000_000
"""Most rows of a segment that a compaction writes."""
_SMALL: Final = 1 / 4
_DEAD: Final = 0.2


def compact(
    writer: IndexWriter,
    *,
    target_rows: int = TARGET_ROWS,
    deadline: Deadline | None = None,
    progress: Progress | None = None,
) -> Manifest | None:
    """Merge what is worth it, one commit a merged segment, and return the last manifest.

    Rows keep their order of collection, place and time. A merged segment has no search structure
    until one is made. Memory holds sort keys, what filter columns and ids are made of (together
    about 300 bytes a tile), and a few row groups of each source, never the tiles as a whole.

    Args:
        writer: an open writer.
        target_rows: most rows of a merged segment.
        deadline: checked before each merge; what was committed stays.
        progress: told after each.

    Returns:
        None if nothing was worth it.

    Raises:
        SourceError: if a file is damaged or the disk refuses; what was committed stays.
        BudgetExceeded: if the deadline passes.
    """
    snapshot = writer.snapshot
    if snapshot is None:
        return None
    groups = groups_to_merge(snapshot.segments, target_rows)
    manifest = None
    for number, group in enumerate(groups, 1):
        if deadline is not None:
            deadline.check()
        merged = _merge(writer, group)
        names = [segment.entry.id for segment in group]
        manifest = writer.commit(add=[merged], drop_segments=names)
        if progress is not None:
            progress(number / len(groups), f"merged {len(names)} segments")
    return manifest


def groups_to_merge(segments: Sequence[Segment], target_rows: int) -> list[tuple[Segment, ...]]:
    """Return which segments become one: small ones, and those with over 20 % deleted rows.

    Args:
        segments: segments of a version.
        target_rows: most rows of a merged segment; less than a quarter of it is small.
    """
    worn = [s for s in segments if s.rows - s.live_rows > _DEAD * s.rows]
    small = [s for s in segments if s.live_rows < _SMALL * target_rows and s not in worn]
    near = sorted([*worn, *small], key=_place)
    groups: list[list[Segment]] = []
    rows = target_rows + 1
    for segment in near:
        if rows + segment.live_rows > target_rows:
            groups.append([])
            rows = 0
        groups[-1].append(segment)
        rows += segment.live_rows
    return [tuple(group) for group in groups if len(group) > 1 or group[0] in worn]


def _place(segment: Segment) -> tuple[tuple[str, ...], str, str]:
    time = segment.entry.time
    start = time.start.isoformat() if time and time.start else ""
    return segment.entry.collections, start, segment.entry.id


def _merge(writer: IndexWriter, group: Sequence[Segment]) -> SegmentEntry:
    assert writer.snapshot is not None
    # Files of their own, so that what is decoded and mapped here is let go afterwards.
    root = writer.layout.root
    sources = [
        Segment(SegmentFiles(root, one.entry, groups_kept=4), one.tombstones) for one in group
    ]
    order = _order(sources)
    return stream_segment(
        root,
        _pieces(sources, order),
        rows=len(order),
        encoder=writer.snapshot.manifest.encoder,
    )


def _order(sources: Sequence[Segment]) -> NDArray[np.int64]:
    """Return source and row of every live tile, (n, 2), in the order they are to be stored in."""
    names = sorted({name for source in sources for name in source.entry.collections})
    columns: list[tuple[NDArray[Any], ...]] = []
    for number, source in enumerate(sources):
        rows = np.flatnonzero(source.live)
        hot = source.columns
        edges = (hot.west, hot.south, hot.east, hot.north)
        boxes = np.stack([edge[rows].astype(np.float64) for edge in edges], axis=1)
        upper, lower = source.files.ids.words_in_row_order()
        rank = np.array([names.index(name) for name in source.entry.collections], dtype=np.int32)
        columns.append(
            (
                lower[rows],
                upper[rows],
                hot.start[rows],
                hilbert_keys(*centres(boxes)),
                rank[hot.collection[rows]],
                np.full(len(rows), number, dtype=np.int64),
                rows,
            )
        )
    whole = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    order = np.lexsort(whole[:5])
    return np.stack([whole[5][order], whole[6][order]], axis=1)


def _pieces(
    sources: Sequence[Segment], order: NDArray[np.int64]
) -> Iterator[tuple[pa.Table, NDArray[np.float16]]]:
    for start in range(0, len(order), GROUP_ROWS):
        part = order[start : start + GROUP_ROWS]
        tables, vectors, places = [], [], []
        for number in np.unique(part[:, 0]).tolist():
            mine = np.flatnonzero(part[:, 0] == number)
            rows = part[mine, 1]
            tables.append(sources[number].table(rows))
            vectors.append(sources[number].vectors(rows))
            places.append(mine)
        back = np.argsort(np.concatenate(places))
        yield pa.concat_tables(tables).take(pa.array(back)), np.concatenate(vectors)[back]

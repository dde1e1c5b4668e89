"""Choose which segments a compaction writes anew.

Tiles belong together by collection and month, and by place where a month has more than fill a
segment. Two segments clash if their months overlap and their stretches of the curve do: a search
in a place then opens both where one would do. Small segments are merged with their neighbours in
time. Large ones are written again only where those that clash with them hold a quarter as many
tiles, so that each tile is written a few times however many updates come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.segment import Segment

__all__ = ["groups_to_merge", "small_segments"]

_SMALL: Final = 1 / 4
_DEAD: Final = 0.2
_OVERLAY: Final = 1 / 4

_Group = tuple[Segment, ...]


def groups_to_merge(segments: Sequence[Segment], target_rows: int) -> list[_Group]:
    """Return which segments are to be written anew together.

    Args:
        segments: segments of a version.
        target_rows: most rows of a merged segment; less than a quarter of it is small.
    """
    groups: list[_Group] = []
    pack: list[Segment] = []
    for cluster in _clusters(segments):
        is_loose = all(_is_loose(one, target_rows) for one in cluster)
        if not is_loose or _rows(pack) + _rows(cluster) > target_rows:
            groups.append(tuple(pack))
            pack = []
        if is_loose:
            pack += cluster
        else:
            groups += _settled(cluster, target_rows)
    groups.append(tuple(pack))
    return [group for group in groups if len(group) > 1 or any(map(_is_worn, group))]


def small_segments(segments: Sequence[Segment], target_rows: int) -> _Group:
    """Return the segments that are small or have many deleted rows, if there are several."""
    found = tuple(one for one in segments if _is_loose(one, target_rows))
    return found if len(found) > 1 else ()


def _settled(cluster: Sequence[Segment], target_rows: int) -> list[_Group]:
    """Return what is to be done where a large segment is among those that clash."""
    boxes = _boxes(cluster)
    base: list[int] = []
    for number in sorted(range(len(cluster)), key=lambda n: -cluster[n].live_rows):
        if not _clash(boxes[number], boxes[base]).any():
            base.append(number)
    over = [one for number, one in enumerate(cluster) if number not in set(base)]
    if over and _rows(over) >= _OVERLAY * _rows(cluster[number] for number in base):
        return [tuple(cluster)]
    loose = tuple(one for one in over if _is_loose(one, target_rows))
    return [loose, *((cluster[number],) for number in base)]


def _clusters(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments in groups whose outlines do not clash, in order of month."""
    boxes = _boxes(segments)
    members = [[number] for number in range(len(segments))]
    while True:
        joined, outlines = _joined(boxes)
        members = [[number for one in part for number in members[one]] for part in joined]
        if len(outlines) == len(boxes):
            break
        boxes = outlines
    return [[segments[number] for number in part] for part in members]


def _joined(boxes: NDArray[np.int64]) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Return which boxes are joined with those that they clash with, and the boxes around them."""
    free = np.ones(len(boxes), dtype=np.bool_)
    parts: list[list[int]] = []
    outlines = []
    for seed in np.lexsort((boxes[:, 2], boxes[:, 0])).tolist():
        if not free[seed]:
            continue
        free[seed] = False
        part, outline = [seed], boxes[seed].copy()
        near = np.flatnonzero(free & _clash(outline, boxes))
        while len(near):
            part += near.tolist()
            free[near] = False
            around = boxes[part]
            outline[[0, 2]] = around[:, [0, 2]].min(axis=0)
            outline[[1, 3]] = around[:, [1, 3]].max(axis=0)
            near = np.flatnonzero(free & _clash(outline, boxes))
        parts.append(part)
        outlines.append(outline)
    return parts, np.array(outlines, dtype=np.int64).reshape(-1, 4)


def _boxes(segments: Sequence[Segment]) -> NDArray[np.int64]:
    """Return first and last month and least and greatest place on the curve, (n, 4).

    Months are counted over all collections, those of one collection after those of another.
    """
    ends = [
        ((e.collections[0], e.months[0]), (e.collections[-1], e.months[1]))
        for e in (segment.entry for segment in segments)
    ]
    cells = sorted({cell for pair in ends for cell in pair})
    ranks = {cell: rank for rank, cell in enumerate(cells)}
    found = [
        (ranks[first], ranks[last], *segment.entry.curve)
        for (first, last), segment in zip(ends, segments, strict=True)
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def _clash(box: NDArray[np.int64], boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which boxes share months with one, and more of the curve than an end."""
    shares_months = (boxes[:, 0] <= box[1]) & (boxes[:, 1] >= box[0])
    shares_curve = (boxes[:, 2] < box[3]) & (boxes[:, 3] > box[2])
    clash: NDArray[np.bool_] = shares_months & shares_curve
    return clash


def _rows(segments: Iterable[Segment]) -> int:
    return sum(one.live_rows for one in segments)


def _is_worn(segment: Segment) -> bool:
    return segment.rows - segment.live_rows > _DEAD * segment.rows


def _is_loose(segment: Segment, target_rows: int) -> bool:
    return segment.live_rows < _SMALL * target_rows or _is_worn(segment)

"""Write segments anew: whole months together while they are few rows, one cut by place if many."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.progress import Deadline
from eoagent_indexes.cells import curve_keys, month_numbers
from eoagent_indexes.groupcache import GroupCache
from eoagent_indexes.hilbert import BITS
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.segment import Segment, SegmentFiles
from eoagent_indexes.segment_write import GROUP_ROWS, stream_segment

__all__ = ["merge", "spans"]

_Cell = tuple[str, int]
_MONTHS: Final = 1 << 32
_DECODED_BYTES: Final = 4 << 20  # of each source: a few row groups
_CURVE: Final = (0, (1 << 2 * BITS) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Tiles that lie together: those of some months in a stretch of the curve."""

    first: _Cell
    """Collection and month that it starts with."""
    last: _Cell
    """Those that it ends with."""
    curve: tuple[int, int] = _CURVE
    """Places on the curve, from the first to before the second."""

    def rows(self, source: Segment) -> NDArray[np.int64]:
        """Return the live rows of a segment that belong to it."""
        cells = _cells(source)
        low, high = _code(source, self.first, 0), _code(source, self.last, 1)
        rows = np.flatnonzero(source.live & (cells >= low) & (cells < high))
        if self.curve != _CURVE and len(rows):
            keys = curve_keys(source.columns, rows)
            rows = rows[(keys >= self.curve[0]) & (keys < self.curve[1])]
        return rows


def merge(
    root: Path,
    group: Sequence[Segment],
    *,
    encoder: EncoderFingerprint,
    target_rows: int,
    deadline: Deadline | None = None,
) -> list[SegmentEntry]:
    """Write the live tiles of some segments as new ones, and return their entries.

    Months of a collection follow each other into one segment while together they are at most
    `target_rows`. A month of more is cut along the Hilbert curve into about equal stretches.
    Memory holds the places of the tiles of one month, sort keys, ids and filter columns of one new
    segment (about 300 bytes a tile), and a few row groups of each source.

    Args:
        root: the index folder.
        group: the segments.
        encoder: what made the vectors.
        target_rows: most rows of a new segment.
        deadline: checked before each new segment; what was written then is garbage.

    Raises:
        SourceError: if a file is damaged or the disk refuses.
        BudgetExceeded: if the deadline passes.
    """
    made: list[SegmentEntry] = []
    counts = [_counts(source) for source in _opened(root, group)]
    for span in spans(sum(counts, Counter()), target_rows):
        held = [one for one, count in zip(group, counts, strict=True) if count.keys() & set(span)]
        sources = _opened(root, held)
        rows = sum(count[cell] for count in counts for cell in span)
        whole = _Part(first=span[0], last=span[-1])
        for part in [whole] if rows <= target_rows else _cut(sources, whole, target_rows):
            order = _order(sources, part)
            # More than the target are left only where very many tiles share one place.
            for piece in np.array_split(order, math.ceil(len(order) / target_rows)):
                if deadline is not None:
                    deadline.check()
                pieces = _pieces(sources, piece)
                made.append(stream_segment(root, pieces, rows=len(piece), encoder=encoder))
    return made


def _opened(root: Path, group: Sequence[Segment]) -> list[Segment]:
    """Return segments with files of their own: what is decoded here is let go afterwards."""
    return [Segment(_files(root, one.entry), one.tombstones) for one in group]


def _files(root: Path, entry: SegmentEntry) -> SegmentFiles:
    return SegmentFiles(root, entry, groups=GroupCache(_DECODED_BYTES))


def _cells(source: Segment) -> NDArray[np.int64]:
    """Return collection and month of each row as one number, in their order."""
    columns = source.columns
    return columns.collection.astype(np.int64) * _MONTHS + month_numbers(columns.start)


def _code(source: Segment, cell: _Cell, after: int) -> int:
    """Return the number of a month in a source, which may not have its collection."""
    name, month = cell
    names = source.entry.collections
    earlier = sum(1 for one in names if one < name)
    return earlier * _MONTHS + (month + after if name in names else -1)


def _counts(source: Segment) -> Counter[_Cell]:
    """Return the live rows of a segment by collection and month."""
    codes, counts = np.unique(_cells(source)[source.live] + 1, return_counts=True)
    names = source.entry.collections
    return Counter(
        {
            (names[code // _MONTHS], code % _MONTHS - 1): count
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        }
    )


def spans(counts: Counter[_Cell], target_rows: int) -> list[list[_Cell]]:
    """Return collections and months in order, together while they are at most so many rows.

    Args:
        counts: rows by collection and month.
        target_rows: most rows of several months together.
    """
    found: list[list[_Cell]] = []
    rows = target_rows
    for cell in sorted(counts):
        if rows + counts[cell] > target_rows:
            found.append([])
            rows = 0
        found[-1].append(cell)
        rows += counts[cell]
    return found


def _cut(sources: Sequence[Segment], whole: _Part, target_rows: int) -> list[_Part]:
    """Return the stretches of the curve that a month is cut into, none of which parts a place."""
    keys = np.concatenate([curve_keys(one.columns, whole.rows(one)) for one in sources])
    keys.sort()
    fewest = math.ceil(len(keys) / target_rows)
    for count in range(fewest, 2 * fewest + 1):
        marks = keys[np.arange(1, count) * len(keys) // count]
        sizes = np.diff(np.searchsorted(keys, marks), prepend=0, append=len(keys))
        if sizes.max() <= target_rows:
            break
    ends = [_CURVE[0], *np.unique(marks).tolist(), _CURVE[1]]
    parts = [
        _Part(first=whole.first, last=whole.last, curve=stretch)
        for stretch in itertools.pairwise(ends)
    ]
    return [part for part in parts if np.diff(np.searchsorted(keys, part.curve))[0]]


def _order(sources: Sequence[Segment], part: _Part) -> NDArray[np.int64]:
    """Return source and row of the tiles of a part, (n, 2), in the order of a segment."""
    names = sorted({name for source in sources for name in source.entry.collections})
    columns: list[tuple[NDArray[Any], ...]] = []
    for number, source in enumerate(sources):
        rows = part.rows(source)
        if not len(rows):
            continue
        hot = source.columns
        upper, lower = source.files.ids.words_in_row_order()
        rank = np.array([names.index(name) for name in source.entry.collections], dtype=np.int32)
        columns.append(
            (
                lower[rows],
                upper[rows],
                hot.start[rows],
                curve_keys(hot, rows),
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

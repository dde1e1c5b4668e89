"""What a commit does to the rows of an index: which go, and which new ones are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.ids import IdColumn, id_words
from eoagent_indexes.manifest import SegmentEntry, TombstoneEntry
from eoagent_indexes.segment import Segment, SegmentFiles

__all__ = ["Changes", "Outcome", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Which tiles come and go."""

    add: tuple[SegmentEntry, ...] = ()
    """Segments that come."""
    drop_tiles: tuple[str, ...] = ()
    """Ids of tiles that go before those come."""
    drop_segments: frozenset[str] = frozenset()
    """Ids of segments that go as a whole."""

    @property
    def is_nothing(self) -> bool:
        """Whether no tile comes or goes."""
        return not (self.add or self.drop_tiles or self.drop_segments)


@dataclass(slots=True)
class Outcome:
    """The rows of the new version."""

    segments: list[SegmentFiles] = field(default_factory=list)
    """Segments with a live tile, old ones first."""
    kept: list[TombstoneEntry] = field(default_factory=list)
    """Lists of deleted rows that stay as they are."""
    fresh: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Deleted rows by segment, where a new list is to be written."""


def apply(root: Path, base: Sequence[Segment], changes: Changes) -> Outcome:
    """Return the rows of the version after some changes.

    Args:
        root: the index folder.
        base: segments of the version before.
        changes: what comes and goes.

    Raises:
        InputError: if something to be dropped is no tile id.
        SourceError: if a file is missing or damaged.
    """
    outcome = Outcome()
    doomed = id_words(changes.drop_tiles)
    dead: list[tuple[SegmentFiles, NDArray[np.bool_]]] = []
    for segment in base:
        if segment.entry.id in changes.drop_segments:
            continue
        hit = segment.find(doomed) if changes.drop_tiles else np.empty(0, dtype=np.int64)
        hit = hit[hit >= 0]
        alive = segment.live.copy()
        alive[hit] = False
        if not alive.any():
            continue
        outcome.segments.append(segment.files)
        dead.append((segment.files, ~alive))
        if len(hit):
            outcome.fresh[segment.entry.id] = np.flatnonzero(~alive)
        elif segment.tombstones is not None:
            outcome.kept.append(segment.tombstones)
    for entry in changes.add:
        files = SegmentFiles(root, entry)
        twins = _there_already(files.ids.words_in_row_order(), dead)
        if twins.all():
            continue
        outcome.segments.append(files)
        dead.append((files, twins))
        if twins.any():
            outcome.fresh[entry.id] = np.flatnonzero(twins)
    return outcome


def _there_already(
    words: IdColumn, others: Sequence[tuple[SegmentFiles, NDArray[np.bool_]]]
) -> NDArray[np.bool_]:
    found = np.zeros(len(words[0]), dtype=np.bool_)
    for files, dead in others:
        rows = files.ids.find(words)
        found |= (rows >= 0) & ~dead[rows]
    return found

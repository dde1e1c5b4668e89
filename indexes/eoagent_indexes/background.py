"""How a query scores against random tiles of the index, so that a score can be told from chance.

The sample is the tiles whose ids come first: ids are hashes, so that is a random choice, which is
the same however the index is cut into segments. Mean and covariance of their vectors give mean and
standard deviation of the scores of any query at once, exactly those of scoring each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.segment import Segment

__all__ = ["SAMPLE", "Background"]

SAMPLE: Final = 4096
"""Tiles of the sample; all of a smaller index."""
_FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Mean and covariance of the vectors of random tiles."""

    mean: NDArray[np.float32]
    """(d,)."""
    covariance: NDArray[np.float32]
    """(d, d)."""
    tiles: int
    """How many tiles they are of."""

    @classmethod
    def of(cls, segments: Sequence[Segment], *, sample: int = SAMPLE) -> Self | None:
        """Return the background of an index; None if it has no tile.

        Raises:
            SourceError: if a file of a segment is damaged.
        """
        firsts = [_first_rows(segment, sample) for segment in segments]
        upper = np.concatenate([words for words, _ in firsts]) if firsts else np.empty(0)
        if not len(upper):
            return None
        numbers = np.concatenate(
            [np.full(len(rows), n, dtype=np.int64) for n, (_, rows) in enumerate(firsts)]
        )
        rows = np.concatenate([rows for _, rows in firsts])
        chosen = np.argsort(upper, kind="stable")[:sample]
        parts = []
        for number in np.unique(numbers[chosen]).tolist():
            mine = np.sort(rows[chosen[numbers[chosen] == number]])
            parts.append(segments[number].vectors(mine))
        vectors = np.concatenate(parts).astype(np.float32)
        mean = vectors.mean(axis=0, dtype=np.float64)
        apart = vectors - mean.astype(np.float32)
        return cls(
            mean=mean.astype(np.float32),
            covariance=(apart.T @ apart) / np.float32(len(vectors)),
            tiles=len(vectors),
        )

    def of_query(self, query: NDArray[np.float32]) -> tuple[float, float]:
        """Return mean and standard deviation of the scores of a query against the sample."""
        variance = float(query @ self.covariance @ query)
        return float(query @ self.mean), max(variance, 0.0) ** 0.5

    def z(self, scores: NDArray[np.float64], query: NDArray[np.float32]) -> list[float | None]:
        """Return how many standard deviations scores are above the mean; None if all are alike."""
        mean, deviation = self.of_query(query)
        if deviation < _FLAT:
            return [None] * len(scores)
        found: list[float | None] = [round(float(z), 4) for z in (scores - mean) / deviation]
        return found


def _first_rows(segment: Segment, count: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the ids that come first among the live tiles, by their upper half, and their rows."""
    ids = segment.files.ids
    dead = segment.rows - segment.live_rows
    upper = ids.upper[: count + dead]
    rows = ids.rows[: count + dead].astype(np.int64)
    if dead:
        alive = segment.live[rows]
        upper, rows = upper[alive], rows[alive]
    return upper[:count], rows[:count]

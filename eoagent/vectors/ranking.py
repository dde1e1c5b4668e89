"""Rank vectors by their cosine with a query, and say how unusual a score is.

A cosine has no absolute meaning: true matches and absurd negatives of one encoder can score alike.
So a score comes with its rank and with z, its distance from the scores of a background sample in
standard deviations. Neither is a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import require_unit

__all__ = [
    "Background",
    "Ranked",
    "background_of",
    "background_rows",
    "best_rows",
    "cosines",
    "rank_rows",
]

_BLOCK_VALUES: Final = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """How a query scores against what was not chosen for it."""

    mean: float
    """Mean cosine with the sample."""
    std: float
    """Standard deviation of those cosines."""
    count: int
    """Vectors in the sample."""

    def z(self, scores: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return how many standard deviations scores are above the mean; None without a spread."""
        if self.std <= 0:
            return None
        return (np.asarray(scores, dtype=np.float64) - self.mean) / self.std


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Rows by score, best first; the rank of a row is its place here, from 1."""

    rows: NDArray[np.intp]
    """Rows of what was ranked."""
    cosines: NDArray[np.float32]
    """Their cosines with the query."""
    zs: NDArray[np.float64] | None
    """Their z; None without a background or where its scores are all the same."""


def cosines(queries: NDArray[Any], vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return the cosine of each query with each vector, (queries, vectors).

    Products are summed in float64 and rounded once, so that equal vectors have equal scores
    wherever they stand.

    Raises:
        InputError: if something is no unit vector, or dimensions differ.
    """
    left = require_unit(queries, "queries").astype(np.float64)
    right = require_unit(vectors, "vectors", dimensions=left.shape[1])
    found = np.empty((len(left), len(right)), dtype=np.float32)
    step = max(1, _BLOCK_VALUES // right.shape[1])
    for start in range(0, len(right), step):
        block = right[start : start + step].astype(np.float64)
        found[:, start : start + step] = left @ block.T
    return found


def best_rows(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the rows of the k highest scores, best first; of equal scores the lower row first.

    Args:
        scores: (n,).
        k: most rows; all where there are fewer.

    Raises:
        InputError: if k is below 1, there is no score, or one is NaN.
    """
    values = np.asarray(scores, dtype=np.float64)
    if k < 1:
        raise InputError(f"the best {k} rows were asked for; at least one is needed")
    if values.ndim != 1 or not values.size or np.isnan(values).any():
        raise InputError(
            f"scores are a row of numbers without NaN; these have shape {values.shape}"
        )
    if k >= len(values):
        return np.argsort(-values, kind="stable")
    last = np.partition(values, len(values) - k)[len(values) - k]
    above = np.flatnonzero(values > last)
    level = np.flatnonzero(values == last)[: k - len(above)]
    return np.concatenate([above[np.argsort(-values[above], kind="stable")], level])


def background_rows(count: int, sample: int, *, seed: int) -> NDArray[np.intp]:
    """Return the rows of a random sample without repetition, in order; all where there are fewer.

    Raises:
        InputError: if there is no row, or none is asked for.
    """
    if count < 1 or sample < 1:
        raise InputError(f"a sample of {sample} out of {count} rows was asked for")
    if sample >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=sample, replace=False))


def background_of(query: NDArray[Any], sample: NDArray[Any]) -> Background:
    """Return how one query (d,) scores against a sample (n, d)."""
    scores = cosines(np.asarray(query)[None], sample)[0].astype(np.float64)
    return Background(mean=float(scores.mean()), std=float(scores.std()), count=len(scores))


def rank_rows(
    query: NDArray[Any], vectors: NDArray[Any], *, k: int, background: Background | None = None
) -> Ranked:
    """Return the k rows that are most like one query (d,), with cosine and z.

    Raises:
        InputError: if something is no unit vector, dimensions differ, or k is below 1.
    """
    scores = cosines(np.asarray(query)[None], vectors)[0]
    rows = best_rows(scores, k)
    zs = None if background is None else background.z(scores[rows])
    return Ranked(rows=rows, cosines=scores[rows], zs=zs)

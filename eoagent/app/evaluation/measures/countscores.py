"""How well counts agree with the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CountScores", "score_counts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountScores:
    """Scores of pairs of counts."""

    pairs: int
    """Pictures and classes that were counted."""
    exact: float
    """Share that is exactly right."""
    mae: float
    """Mean absolute error, objects."""
    rmse: float
    """Root of the mean squared error, objects."""
    bias: float
    """Mean of found less true, objects."""
    total_found: int
    """Objects found in all."""
    total_true: int
    """Objects that there are in all."""


def score_counts(found: Sequence[int], truth: Sequence[int]) -> CountScores:
    """Return the scores of counts, one or more.

    Args:
        found: what was counted, (n,).
        truth: what there is, (n,).
    """
    ours, theirs = np.asarray(found, np.int64), np.asarray(truth, np.int64)
    off = (ours - theirs).astype(np.float64)
    return CountScores(
        pairs=len(off),
        exact=float(np.mean(off == 0)),
        mae=float(np.mean(np.abs(off))),
        rmse=float(np.sqrt(np.mean(off**2))),
        bias=float(np.mean(off)),
        total_found=int(ours.sum()),
        total_true=int(theirs.sum()),
    )

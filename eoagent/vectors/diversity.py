"""Choose results that are good and unlike each other (maximal marginal relevance).

Source: Carbonell and Goldstein, SIGIR 1998, https://doi.org/10.1145/290941.291025
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import require_unit

__all__ = ["diverse_rows"]


def diverse_rows(
    scores: NDArray[Any], vectors: NDArray[Any], *, k: int, relevance: float = 0.5
) -> NDArray[np.intp]:
    """Return k rows, each the best of what is left by score and by difference from those chosen.

    A row is worth `relevance` times its score, less the rest times its highest cosine with a row
    chosen before; of equal ones the lower row is taken. With a relevance of 1 it is the ranking.

    Args:
        scores: cosine of each row with the query, (n,).
        vectors: unit vectors of the rows, (n, d).
        k: rows; all where there are fewer.
        relevance: weight of the score, 0 to 1.

    Raises:
        InputError: if something is no unit vector, numbers differ, or k or the weight is none.
    """
    rows = require_unit(vectors, "vectors")
    own = np.asarray(scores, dtype=np.float64)
    if own.shape != (len(rows),) or np.isnan(own).any():
        raise InputError(f"{len(rows)} scores are needed, without NaN; there are {own.shape}")
    if k < 1 or not 0 <= relevance <= 1:
        raise InputError(
            f"{k} rows at a relevance of {relevance} were asked for; at least one row and a weight "
            "within 0..1 are needed"
        )
    wide = rows.astype(np.float64)
    likeness = np.full(len(rows), -np.inf)
    is_left = np.ones(len(rows), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(k, len(rows))):
        worth = own if not chosen else relevance * own - (1 - relevance) * likeness
        best = int(np.argmax(np.where(is_left, worth, -np.inf)))
        chosen.append(best)
        is_left[best] = False
        likeness = np.maximum(likeness, wide @ wide[best])
    return np.array(chosen, dtype=np.intp)

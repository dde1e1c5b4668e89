"""Make one query out of what is to be found and what is not: more like this, less like that."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import require_unit

__all__ = ["LESS", "query_vector"]

LESS: Final = 0.5
"""Weight of what is not to be found."""
_SMALL: Final = 1e-6


def query_vector(
    like: NDArray[Any], unlike: NDArray[Any] | None = None, *, less: float = LESS
) -> Vectors:
    """Return the unit vector of the mean of some vectors, less a share of the mean of others, (d,).

    Args:
        like: vectors of what is looked for, (n, d).
        unlike: vectors of what is not, (m, d); None or no row for none.
        less: weight of the second mean.

    Raises:
        InputError: if nothing is looked for, something is no unit vector, dimensions differ, or
            both cancel out.
    """
    positive = require_unit(like, "what is looked for")
    query = positive.mean(axis=0, dtype=np.float64)
    if unlike is not None and len(unlike):
        negative = require_unit(unlike, "what is not", dimensions=positive.shape[1])
        query = query - less * negative.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(query))
    if length < _SMALL:
        raise InputError(
            "what is looked for and what is not cancel out: the query has no direction",
            hint="leave out one of the examples",
        )
    return np.asarray(query / length, dtype=np.float32)

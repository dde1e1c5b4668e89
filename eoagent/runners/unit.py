"""Bring the vectors of a model to length 1, and refuse those that have no direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import ModelError

__all__ = ["unit_vectors"]


def unit_vectors(raw: NDArray[Any], *, dimensions: int, name: str) -> Vectors:
    """Return the vectors divided by their length, (n, d) float32, in an array of their own.

    Args:
        raw: what the model gave, (n, d).
        dimensions: length that the card states.
        name: what the model is called in messages.

    Raises:
        ModelError: if the shape is another, or a vector is not finite or of length 0.
    """
    if raw.ndim != 2 or raw.shape[1] != dimensions:
        shape = " x ".join(str(size) for size in raw.shape)
        raise ModelError(f"{name} gave vectors of shape {shape}, its card says n x {dimensions}")
    values = raw.astype(np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", values, values))
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if bad.size:
        what = "is zero" if lengths[bad[0]] == 0 else "is not finite"
        raise ModelError(
            f"{name} gave {bad.size} of {len(raw)} vectors without a direction: "
            f"the one of item {bad[0]} {what}",
            hint=f"check the weights: eoagent models verify {name}; or take float32 for the model",
        )
    unit: Vectors = (values / lengths[:, None]).astype(np.float32)
    return unit

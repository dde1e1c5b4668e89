"""Check that arrays are vectors that can be compared, and bring others to unit length."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError

__all__ = ["UNIT_TOLERANCE", "norms_of", "require_labels", "require_unit", "unit_vectors"]

UNIT_TOLERANCE: Final = 0.01
"""A vector whose length is this near to 1 counts as unit: float16 and bfloat16 round that much."""
_FLAT: Final = 2


def require_unit(vectors: NDArray[Any], what: str, *, dimensions: int = 0) -> Vectors:
    """Return vectors as float32, if they are rows of unit length.

    Args:
        vectors: (n, d).
        what: name for messages, in the plural (`pictures`).
        dimensions: the d that they must have; 0 takes any.

    Raises:
        InputError: if there is none, they have another shape, or one is not finite or not unit.
    """
    rows = _rows(vectors, what, dimensions)
    lengths = norms_of(rows)
    off = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if off.size:
        raise InputError(
            f"{what}: {off.size} of {len(rows)} vectors are not of unit length; row {off[0]} has "
            f"{lengths[off[0]]:.4g}",
            hint="divide each vector by its length",
        )
    return rows


def unit_vectors(vectors: NDArray[Any], what: str, *, dimensions: int = 0) -> Vectors:
    """Return vectors divided by their lengths, as float32.

    Raises:
        InputError: if there is none, they have another shape, or one is zero or not finite.
    """
    rows = _rows(vectors, what, dimensions)
    lengths = norms_of(rows)
    off = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if off.size:
        raise InputError(
            f"{what}: {off.size} of {len(rows)} vectors have no direction; the first is row "
            f"{off[0]}",
            hint="leave out vectors that are zero or hold values that are not finite",
        )
    return np.asarray(rows / lengths[:, None], dtype=np.float32)


def norms_of(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the length of each row; NaN where a value is not finite, and no warning."""
    with np.errstate(invalid="ignore", over="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        return np.asarray(np.sqrt(squares))


def require_labels(labels: NDArray[Any], what: str, *, rows: int, classes: int) -> NDArray[np.intp]:
    """Return labels as indices of classes, one for each row.

    Raises:
        InputError: if there are more or fewer than rows, or one names no class.
    """
    found = np.asarray(labels)
    if found.shape != (rows,) or not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            f"{what}: {rows} labels are needed, as whole numbers; there are "
            f"{found.dtype} of shape {found.shape}"
        )
    off = np.flatnonzero((found < 0) | (found >= classes))
    if off.size:
        raise InputError(
            f"{what}: label {found[off[0]]} of row {off[0]} is none of the {classes} classes",
            hint="labels count from 0",
        )
    return found.astype(np.intp)


def _rows(vectors: NDArray[Any], what: str, dimensions: int) -> Vectors:
    found = np.asarray(vectors)
    if found.ndim != _FLAT or not np.issubdtype(found.dtype, np.number):
        raise InputError(
            f"{what}: vectors are rows of numbers, and this is {found.dtype} of shape {found.shape}"
        )
    if not found.size:
        raise InputError(f"{what}: there is no vector")
    if dimensions and found.shape[1] != dimensions:
        raise InputError(
            f"{what}: vectors of {dimensions} dimensions are needed, and these have "
            f"{found.shape[1]}",
            hint="compare vectors of one encoder only",
        )
    return np.ascontiguousarray(found, dtype=np.float32)

"""Stored numbers to values: which are data, and scale and offset under the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_stored_valid", "to_values", "value_dtype"]

_NEAR_LARGEST: Final = 1e38
_WIDE: Final = frozenset({"float64", "int32", "uint32", "int64", "uint64"})


def value_dtype(dtypes: Sequence[str]) -> type[np.float32 | np.float64]:
    """Return the type that values are given in: float64 where float32 would lose digits."""
    return np.float64 if _WIDE & set(dtypes) else np.float32


def is_stored_valid(stored: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Return True where stored numbers are data: not nodata, and finite.

    A nodata value that the type cannot hold matches nothing. For float32, nodata near the largest
    number matches all numbers near it, since it is often written with too few digits.
    """
    is_float = stored.dtype.kind == "f"
    valid: NDArray[np.bool_] = (
        np.isfinite(stored) if is_float else np.ones(stored.shape, dtype=np.bool_)
    )
    if nodata is None or math.isnan(nodata):
        return valid
    if stored.dtype == np.float32 and abs(nodata) >= _NEAR_LARGEST:
        near = stored <= -_NEAR_LARGEST if nodata < 0 else stored >= _NEAR_LARGEST
        valid &= ~near
    elif is_float:
        valid &= stored != stored.dtype.type(nodata)
    elif _holds(stored.dtype, nodata):
        valid &= stored != stored.dtype.type(int(nodata))
    return valid


def to_values(
    stored: NDArray[Any], *, scale: float, offset: float, dtype: type[np.floating[Any]]
) -> NDArray[Any]:
    """Return stored * scale + offset in a float type; a copy even where nothing changes."""
    values = stored.astype(dtype)
    if scale != 1:
        values *= dtype(scale)
    if offset != 0:
        values += dtype(offset)
    return values


def _holds(dtype: np.dtype[Any], nodata: float) -> bool:
    limits = np.iinfo(dtype)
    return nodata.is_integer() and limits.min <= nodata <= limits.max

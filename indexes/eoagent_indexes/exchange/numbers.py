"""Vectors out of a column of an embedding file: decoded, checked, brought to unit length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent_indexes.exchange.footer import Quantization

__all__ = ["EXACT", "Decoded", "check_type", "decode", "longest_of"]

EXACT: Final = 1e-3
"""A vector of numbers that float16 holds exactly, with a length this near to 1, is kept bit by bit:
it was rounded once, and dividing it would add nothing but a second rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Vectors of some rows."""

    halves: NDArray[np.float16]
    """Unit vectors of the sound rows, as they are stored, (sound, d)."""
    rows: NDArray[np.intp]
    """Which rows they are."""
    refused: dict[int, str]
    """Why each other row was refused."""
    scaled: int
    """Rows that were not of unit length and were divided by their length."""
    rounding: float
    """Greatest length that rounding to float16 moved a vector by."""


def check_type(kind: pa.DataType, quantization: Quantization | None, href: str) -> None:
    """Refuse a column that holds no vectors.

    Raises:
        InputError: if it is no list of numbers, or of whole numbers that cannot be read.
    """
    is_list = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    inner = kind.value_type if is_list else None
    if inner is None or not (pa.types.is_floating(inner) or pa.types.is_integer(inner)):
        raise InputError(
            f"{href}: its vectors are {str(kind)[:60]}, and lists of numbers are read",
            hint="write them as list<float>",
        )
    if pa.types.is_integer(inner) and quantization is None and not pa.types.is_int8(inner):
        raise InputError(
            f"{href}: its vectors are {inner}, and nothing says by which scale and offset",
            hint="state `quantization` with scale and offset under the footer key `emb`",
        )


def longest_of(column: pa.Array) -> int:
    """Return the length of the first vector that has one; 0 if there is none."""
    lengths = pc.list_value_length(column).drop_null()
    return int(lengths[0].as_py()) if len(lengths) else 0


def decode(column: pa.Array, dimensions: int, quantization: Quantization | None) -> Decoded:
    """Return the vectors of a column as they are stored.

    Args:
        column: lists of numbers.
        dimensions: how many numbers each must hold.
        quantization: how whole numbers are to be read.
    """
    lengths = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
    refused = {
        int(row): "it has no vector"
        if lengths[row] < 0
        else f"its vector has {lengths[row]} numbers, not {dimensions}"
        for row in np.flatnonzero(lengths != dimensions)
    }
    whole = np.flatnonzero(lengths == dimensions)
    flat = column.take(pa.array(whole)).flatten()
    values = _floats(flat).reshape(len(whole), dimensions)
    if quantization is not None and pa.types.is_integer(flat.type):
        values = values * quantization.scale + quantization.offset
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    for at in np.flatnonzero(~np.isfinite(norms)):
        refused[int(whole[at])] = "its vector holds a value that is not finite"
    for at in np.flatnonzero(norms == 0):
        refused[int(whole[at])] = "its vector is zero"
    sound = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    values, norms = values[sound], norms[sound]
    near = np.abs(norms - 1) <= EXACT
    kept = near.copy()
    kept[near] = (values[near].astype(np.float16) == values[near]).all(axis=1)
    values /= np.where(kept, 1.0, norms)[:, None]
    halves = values.astype(np.float16)
    moved = np.linalg.norm(values - halves, axis=1)
    return Decoded(
        halves=halves,
        rows=whole[sound],
        refused=refused,
        scaled=int((~near).sum()),
        rounding=float(moved.max(initial=0.0)),
    )


def _floats(flat: pa.Array) -> NDArray[Any]:
    """Return numbers as float64; missing ones as NaN."""
    if pa.types.is_integer(flat.type):
        flat = flat.cast(pa.float64())
    return np.array(flat.to_numpy(zero_copy_only=False), dtype=np.float64)

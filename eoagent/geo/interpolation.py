"""Values between pixels: nearest, bilinear and cubic, where some pixels are not valid.

Positions count from the outer corner of the block, so the centre of its first pixel is at 0.5.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Smooth", "interpolate", "window_mean"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Values = NDArray[np.floating[Any]]
Smooth = Literal["bilinear", "cubic"]
"""Ways to look between pixels."""

_EDGE_PX: Final = 1e-6
_KEYS: Final = -0.5


def interpolate(
    values: Values, valid: Bools, rows: Floats, cols: Floats, *, method: Smooth
) -> tuple[Values, Bools]:
    """Return values at positions of a block, and where they are valid.

    A position is valid where the pixel that it lies in is. Bilinear weights are shared out among
    the valid ones of the four nearest pixels; the cubic kernel looks at sixteen, and gives way to
    bilinear where one of them is not valid.

    Args:
        values: (bands, height, width).
        valid: (height, width).
        rows: positions, (h, 1) or (h, w).
        cols: positions, (1, w) or (h, w).
        method: `bilinear`, or `cubic`.

    Returns:
        Values (bands, h, w), NaN where not valid, and valid (h, w).

    Source: R. G. Keys, 1981, Cubic convolution interpolation for digital image processing, IEEE
    Trans. Acoustics, Speech, Signal Processing 29(6), 1153-1160, with a = -1/2.
    """
    known = np.where(valid, values, 0)
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    at_rows, at_cols = _floor(rows + _EDGE_PX), _floor(cols + _EDGE_PX)
    there = _picked(valid, at_rows, at_cols) & np.ones(shape, dtype=np.bool_)
    out, weight = _weighed(known, valid, rows, cols, reach=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        out /= weight
    if method == "cubic":
        smooth, seen = _weighed(known, valid, rows, cols, reach=2)
        whole = seen > 1 - 1e-9
        out = np.where(whole, smooth, out)
    there &= weight > 0
    out[:, ~there] = np.nan
    return out.astype(values.dtype), there


def window_mean(values: Values, valid: Bools, factor: int) -> tuple[Values, Bools]:
    """Return the mean of the valid pixels in each square of `factor` by `factor` pixels.

    Args:
        values: (bands, height, width), both sides multiples of the factor.
        valid: (height, width).
        factor: side of the squares, pixels.

    Returns:
        Means (bands, height / factor, width / factor), NaN where no pixel is valid; and where any
        is.
    """
    count, height, width = values.shape
    cut = (height // factor, factor, width // factor, factor)
    number = valid.reshape(cut).sum(axis=(1, 3))
    total = np.where(valid, values, 0).reshape(count, *cut).sum(axis=(2, 4), dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = total / number
    return means.astype(values.dtype), number > 0


def _weighed(
    known: Values, valid: Bools, rows: Floats, cols: Floats, *, reach: int
) -> tuple[Floats, Floats]:
    """Return the weighed sum of the pixels around, and the sum of the weights that were valid.

    With `reach` 1 of the four around a position, with 2 of the sixteen; cubic weights sum to 1 over
    all sixteen, and their valid sum is reported as 1 only where all are valid.
    """
    first_row, first_col = _floor(rows - 0.5), _floor(cols - 0.5)
    part_row, part_col = rows - 0.5 - first_row, cols - 0.5 - first_col
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    total, seen = np.zeros((len(known), *shape)), np.zeros(shape)
    missing = np.zeros(shape, dtype=np.bool_)
    kernel = _linear if reach == 1 else _cubic
    for down in range(1 - reach, 1 + reach):
        for across in range(1 - reach, 1 + reach):
            weight = kernel(part_row - down) * kernel(part_col - across)
            at_rows, at_cols = first_row + down, first_col + across
            there = _picked(valid, at_rows, at_cols)
            missing |= ~there & (np.abs(weight) > 0)
            weight = np.where(there, weight, 0.0)
            total += weight * _clipped(known, at_rows, at_cols)
            seen += weight
    if reach > 1:
        seen = np.where(missing, 0.0, 1.0)
    return total, seen


def _linear(distance: Floats) -> Floats:
    near: Floats = np.maximum(0.0, 1 - np.abs(distance))
    return near


def _cubic(distance: Floats) -> Floats:
    t = np.abs(distance)
    near = (_KEYS + 2) * t**3 - (_KEYS + 3) * t**2 + 1
    far = _KEYS * t**3 - 5 * _KEYS * t**2 + 8 * _KEYS * t - 4 * _KEYS
    weights: Floats = np.where(t <= 1, near, np.where(t < 2, far, 0.0))
    return weights


def _floor(positions: Floats) -> NDArray[np.int64]:
    """Return positions as whole pixels; a position that is nowhere comes out far outside."""
    return np.floor(np.nan_to_num(positions, nan=-9e9)).astype(np.int64)


def _picked(valid: Bools, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Bools:
    height, width = valid.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    picked: Bools = inside & _clipped(valid, rows, cols)
    return picked


def _clipped(array: NDArray[Any], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[Any]:
    height, width = array.shape[-2:]
    picked: NDArray[Any] = array[..., np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)]
    return picked

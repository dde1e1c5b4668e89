"""One image from several dates: per pixel the median, or the date that is greenest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["greenest", "median"]

Values = NDArray[np.floating[Any]]


def median(stack: Values, valid: NDArray[np.bool_]) -> Values:
    """Return the median over the dates on which a pixel is valid; of two, their mean.

    Args:
        stack: (dates, bands, height, width).
        valid: (dates, height, width).

    Returns:
        (bands, height, width), NaN where no date is valid.
    """
    ordered = np.sort(np.where(valid[:, np.newaxis], stack, np.inf), axis=0)
    count = valid.sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(stack) - 1)
    below, above = (
        np.take_along_axis(ordered, index[np.newaxis, np.newaxis], axis=0)[0]
        for index in (low, high)
    )
    known = count > 0
    middle = np.full(below.shape, np.nan, dtype=stack.dtype)
    middle[:, known] = (below[:, known] + above[:, known]) / 2
    return middle


def greenest(
    stack: Values, valid: NDArray[np.bool_], red: Values, nir: Values
) -> tuple[Values, NDArray[np.bool_]]:
    """Return all bands of the date with the highest NDVI, and where there is one.

    Args:
        stack: (dates, bands, height, width).
        valid: (dates, height, width).
        red: (dates, height, width).
        nir: likewise.

    Returns:
        (bands, height, width), NaN where no date has an NDVI; and True (height, width) where any.

    Source: B. N. Holben, 1986, Characteristics of maximum-value composite images from temporal
    AVHRR data, Int. J. Remote Sensing 7(11), 1417-1434.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi = (nir - red) / (nir + red)
    ndvi = np.where(valid & np.isfinite(ndvi), ndvi, -np.inf)
    best = ndvi.argmax(axis=0)
    known = np.take_along_axis(ndvi, best[np.newaxis], axis=0)[0] > -np.inf
    chosen = np.take_along_axis(stack, best[np.newaxis, np.newaxis], axis=0)[0]
    out: Values = np.where(known, chosen, np.nan).astype(stack.dtype)
    return out, known

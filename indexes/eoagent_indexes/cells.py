"""Where tiles belong: in a collection's month, and there in a place on the Hilbert curve."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.extent import centres
from eoagent_indexes.hilbert import hilbert_keys
from eoagent_indexes.hot import NO_TIME, HotColumns

__all__ = ["NO_MONTH", "curve_keys", "month_numbers"]

NO_MONTH: Final = -1
"""What stands for the month of a tile without a time."""
_YEAR_OF_ZERO: Final = 12 * 1970


def month_numbers(start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the months of times in microseconds since 1970 UTC: twelve times the year and 0 to 11.

    Args:
        start: times; `NO_TIME`, where unknown, gives `NO_MONTH`.
    """
    since_1970 = start.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return np.where(start == NO_TIME, np.int64(NO_MONTH), since_1970 + _YEAR_OF_ZERO)


def curve_keys(columns: HotColumns, rows: NDArray[np.int64] | slice) -> NDArray[np.int64]:
    """Return the places of some rows on the curve; those of tiles without a place come last."""
    edges = (columns.west, columns.south, columns.east, columns.north)
    boxes = np.stack([edge[rows].astype(np.float64) for edge in edges], axis=1)
    return hilbert_keys(*centres(boxes))

"""What each run of rows spans, so that a filter looks only at rows that it may let through.

Rows lie in the order of a Hilbert curve, so a box meets few runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.hot import NO_TIME, HotColumns

__all__ = ["ZONE_ROWS", "Zones", "known_times"]

ZONE_ROWS: Final = 1024
"""Rows a zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """Ranges of each zone, (zones,); what is unknown counts in none of them."""

    west: NDArray[np.float32]
    """Least longitude, degrees; NaN where no tile of the zone has a place."""
    east: NDArray[np.float32]
    """Greatest longitude; a tile over the antimeridian spans them all."""
    south: NDArray[np.float32]
    """Least latitude."""
    north: NDArray[np.float32]
    """Greatest latitude."""
    first: NDArray[np.int64]
    """First instant, microseconds since 1970; greater than `last` where no tile has a time."""
    last: NDArray[np.int64]
    """Last instant."""
    cloud_pct: NDArray[np.float32]
    """Least cloud, percent; NaN where no tile states it."""
    collections: NDArray[np.int32]
    """First and last position of a collection, (2, zones)."""
    without_place: NDArray[np.bool_]
    """Whether a tile has no place."""
    without_time: NDArray[np.bool_]
    """Whether a tile has no time."""
    without_cloud: NDArray[np.bool_]
    """Whether a tile states no cloud."""

    @classmethod
    def of(cls, columns: HotColumns) -> Self:
        """Return the zones of filter columns of at least one row."""
        at = np.arange(0, len(columns.west), ZONE_ROWS)
        over = columns.west > columns.east
        start, end = known_times(columns.start, columns.end)
        timeless = start == NO_TIME
        first = np.where(timeless, np.iinfo(np.int64).max, start)
        west = np.where(over, np.float32(-180), columns.west)
        east = np.where(over, np.float32(180), columns.east)
        codes = columns.collection
        return cls(
            west=np.fmin.reduceat(west, at),
            east=np.fmax.reduceat(east, at),
            south=np.fmin.reduceat(columns.south, at),
            north=np.fmax.reduceat(columns.north, at),
            first=np.minimum.reduceat(first, at),
            last=np.maximum.reduceat(end, at),
            cloud_pct=np.fmin.reduceat(columns.cloud_pct, at),
            collections=np.stack(
                [np.minimum.reduceat(codes, at), np.maximum.reduceat(codes, at)]
            ).astype(np.int32),
            without_place=np.logical_or.reduceat(np.isnan(columns.west), at),
            without_time=np.logical_or.reduceat(timeless, at),
            without_cloud=np.logical_or.reduceat(np.isnan(columns.cloud_pct), at),
        )

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return sum(getattr(self, name).nbytes for name in self.__slots__)


def known_times(
    start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last instants; a tile with one end only is an instant at that end."""
    return np.where(start == NO_TIME, end, start), np.where(end == NO_TIME, start, end)

"""Areas below which an object does not count in RemoteSAM's published counting, by class.

Boxes of 0.8 times such an area or less are dropped there, in pixels of the picture. Source: the
evaluation script of https://github.com/1e12Leon/RemoteSAM (facts only), for DIOR and DOTA.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["LEAST_AREAS_PX2", "LEAST_SHARE", "least_areas_px2"]

LEAST_SHARE: Final = 0.8
"""Boxes whose area is this share of the least area of their class, or below, are dropped."""

LEAST_AREAS_PX2: Final = MappingProxyType[str, Mapping[str, int]](
    {
        "dior": MappingProxyType(
            {
                "airplane": 36,
                "airport": 1824,
                "baseballfield": 20,
                "basketballcourt": 88,
                "bridge": 9,
                "chimney": 12,
                "dam": 264,
                "expressway-service-area": 110,
                "expressway-toll-station": 36,
                "golffield": 2728,
                "groundtrackfield": 132,
                "harbor": 24,
                "overpass": 9,
                "ship": 14,
                "stadium": 255,
                "storagetank": 4,
                "tenniscourt": 36,
                "trainstation": 1170,
                "vehicle": 6,
                "windmill": 27,
            }
        ),
        "dota": MappingProxyType(
            {
                "airplane": 35,
                "ship": 15,
                "storagetank": 8,
                "baseballfield": 81,
                "tenniscourt": 153,
                "basketballcourt": 576,
                "groundtrackfield": 210,
                "harbor": 64,
                "bridge": 24,
                "vehicle": 21,
                "helicopter": 162,
                "roundabout": 16,
                "soccer-ball-field": 72,
                "swimming-pool": 20,
                "container-crane": 187,
                "airport": 1337,
                "helipad": 121,
            }
        ),
    }
)
"""Least areas, square pixels, by benchmark and class in its spelling."""


def least_areas_px2(place: str) -> tuple[str, Mapping[str, int]]:
    """Return the benchmark whose least areas hold, and these.

    Args:
        place: path of the benchmark, which may name it; DIOR is taken where it does not.
    """
    named = next((name for name in LEAST_AREAS_PX2 if name in place.casefold()), "dior")
    return named, LEAST_AREAS_PX2[named]

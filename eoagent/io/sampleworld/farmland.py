"""Divide the plain into parcels: districts of strips, each parcel with a crop and a soil tone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eoagent.io.sampleworld.relief import fractal, unit_axes
from eoagent.io.sampleworld.terrain import Terrain

__all__ = ["CROPS", "Farmland", "lay_farmland"]

CROPS: Final = ("wheat_first", "maize_first", "alfalfa", "vines", "set_aside")
"""What a parcel grows; wheat and maize change places each year."""

_SHARES = (0.31, 0.29, 0.16, 0.15, 0.09)
_DISTRICTS = 15
_ATTRIBUTES = 8191


@dataclass(frozen=True, slots=True, kw_only=True)
class Farmland:
    """The field mosaic; arrays are (side, side)."""

    is_field: NDArray[np.bool_]
    """True on parcels."""
    crop: NDArray[np.uint8]
    """Position in `CROPS` of each pixel's crop."""
    tone: NDArray[np.float64]
    """Brightness of each pixel's parcel against the typical one, 0.85 to 1.15."""
    hedge: NDArray[np.bool_]
    """True on hedges between parcels, drawn as woods."""


def lay_farmland(rng: np.random.Generator, terrain: Terrain) -> Farmland:
    """Return the fields of a seed; they keep off slopes, woods, water and the shore.

    Args:
        rng: source of randomness.
        terrain: the natural world.
    """
    side = terrain.side
    parcel, edge = _parcels(rng, side)
    dry = terrain.land & ~terrain.beach & ~terrain.forest
    away = ~ndimage.binary_dilation(terrain.inland_water, iterations=3)
    # Grassland keeps a ragged belt along the shore and some of the plain.
    from_shore = ndimage.distance_transform_edt(terrain.land) / side
    belt = 0.018 + 0.006 * fractal(rng, side, coarsest=0.2, finest=0.02)
    wild = fractal(rng, side, coarsest=0.3, finest=0.03) > 1.15
    fit = dry & away & (from_shore > belt) & (terrain.height_m < 75.0) & (terrain.height_m > 2.0)
    fit &= ~wild
    crops = rng.choice(len(CROPS), size=_ATTRIBUTES, p=_SHARES).astype(np.uint8)
    tones = rng.uniform(0.85, 1.15, size=_ATTRIBUTES)
    hedged = rng.random(_ATTRIBUTES) < 0.22
    hedge = fit & edge & hedged[parcel]
    return Farmland(
        is_field=fit & ~edge,
        crop=crops[parcel],
        tone=tones[parcel],
        hedge=hedge,
    )


def _parcels(rng: np.random.Generator, side: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the parcel number of each pixel, and the pixels on parcel edges."""
    u, v = unit_axes(side)
    warp_u = 0.010 * fractal(rng, side, coarsest=0.4, finest=0.05)
    warp_v = 0.010 * fractal(rng, side, coarsest=0.4, finest=0.05)
    seeds = rng.uniform(0.0, 1.0, size=(_DISTRICTS, 2))
    district = np.zeros((side, side), dtype=np.intp)
    nearest = np.full((side, side), np.inf)
    for number, (seed_u, seed_v) in enumerate(seeds):
        gap = (u + warp_u - seed_u) ** 2 + (v + warp_v - seed_v) ** 2
        district[gap < nearest] = number
        nearest = np.minimum(nearest, gap)
    turns = rng.uniform(-0.6, 0.6, size=_DISTRICTS) + rng.choice([0.0, np.pi / 2], size=_DISTRICTS)
    lengths = rng.uniform(0.040, 0.085, size=_DISTRICTS)
    widths = rng.uniform(0.015, 0.038, size=_DISTRICTS)
    turn = turns[district]
    along = (u + 0.3 * warp_u) * np.cos(turn) + (v + 0.3 * warp_v) * np.sin(turn)
    across = -(u + 0.3 * warp_u) * np.sin(turn) + (v + 0.3 * warp_v) * np.cos(turn)
    row = np.floor((along + 2.0) / lengths[district]).astype(np.intp)
    # Strips of neighbouring rows are out of step, as if divided by inheritance.
    offset = rng.random(4096)[(row * 31 + district * 7) % 4096]
    strip = np.floor((across + 2.0) / widths[district] + offset).astype(np.intp)
    # A multiplicative hash spreads the parcels over a table of attributes.
    parcel = ((district * 397 + row) * 4001 + strip) * 2654435761 % _ATTRIBUTES
    edge = np.zeros((side, side), dtype=np.bool_)
    edge[:, 1:] |= parcel[:, 1:] != parcel[:, :-1]
    edge[1:, :] |= parcel[1:, :] != parcel[:-1, :]
    return parcel, edge

"""Lay out what nature made: coast, hills, river, lake basin, ponds, woods, the path of a fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eoagent.io.sampleworld.relief import (
    Field,
    blob,
    bump,
    draw_line,
    fractal,
    meander,
    unit_axes,
)

__all__ = ["PIXEL_M", "PLACES", "Terrain", "lay_terrain"]

PIXEL_M: Final = 10.0
"""Pixel of the finest scenes, metres."""

_Bools = NDArray[np.bool_]

PLACES: Final = {
    "town": (0.405, 0.585),
    "lake": (0.700, 0.690),
    "north_pond": (0.545, 0.175),
    "south_pond": (0.885, 0.905),
    "hill": (0.875, 0.130),
    "island": (0.105, 0.385),
    "village_east": (0.865, 0.545),
    "village_north": (0.405, 0.145),
    "airfield": (0.525, 0.890),
    "harbour": (0.326, 0.590),
    "scar": (0.800, 0.330),
    "river_mouth": (0.270, 0.400),
    "cape": (0.200, 0.800),
}
"""Where things are, in unit coordinates (u, v)."""

_LAKE_RADIUS = (0.112, 0.082)
_LAKE_LOBES = ((2, 0.16, 0.6), (3, 0.10, 2.1), (5, 0.06, 0.4), (8, 0.025, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """The natural world; arrays are (side, side), row 0 in the north."""

    side: int
    """Pixels per side."""
    land: _Bools
    """True on dry land and inland water."""
    offshore_px: Field
    """Distance of sea pixels from land, pixels; 0 on land."""
    height_m: Field
    """Height above the sea, metres."""
    beach: _Bools
    """Sand along the coast."""
    forest: _Bools
    """Woods, before anything was built or burned."""
    pine: _Bools
    """Woods that stay green in winter; a part of `forest`."""
    river: _Bools
    """Running water."""
    lake_level: Field
    """Rises from 0 at the lake's deepest point to 1 on the rim of its basin."""
    ponds: tuple[tuple[str, _Bools], ...]
    """Standing water besides the lake: name and pixels."""
    scar: _Bools
    """Woods that burn between the first and the second date."""
    grain: Field
    """Fine texture, mean 0, standard deviation 1."""

    @property
    def inland_water(self) -> _Bools:
        """River, ponds and the whole lake basin."""
        water = self.river | (self.lake_level < 1.0)
        for _, pond in self.ponds:
            water = water | pond
        return water


def lay_terrain(rng: np.random.Generator, side: int) -> Terrain:
    """Return the natural world of a seed.

    Args:
        rng: source of randomness; drawn from in a fixed order.
        side: pixels per side.
    """
    land = _land(rng, side)
    height = _height(rng, side, land)
    offshore = ndimage.distance_transform_edt(~land)
    inshore = ndimage.distance_transform_edt(land)
    sand_px = 3.0 + 2.0 * fractal(rng, side, coarsest=0.25, finest=0.03)
    beach = land & (inshore <= np.clip(sand_px, 0.0, 7.0))
    lake = blob(side, PLACES["lake"], _LAKE_RADIUS, lobes=_LAKE_LOBES)
    lake = lake * (1.0 + 0.03 * fractal(rng, side, coarsest=0.1, finest=0.02))
    ponds = (
        ("north_pond", _pond(side, "north_pond", (0.030, 0.021), 0.9) & land),
        ("south_pond", _pond(side, "south_pond", (0.038, 0.030), 2.3) & land),
    )
    river = _river(side) & land
    forest, scar = _woods(rng, side, height)
    wet = river | (lake < 1.06)
    for _, pond in ponds:
        wet = wet | ndimage.binary_dilation(pond, iterations=2)
    forest &= land & ~beach & ~wet
    return Terrain(
        side=side,
        land=land,
        offshore_px=offshore,
        height_m=height,
        beach=beach & ~river,
        forest=forest,
        pine=forest & (fractal(rng, side, coarsest=0.3, finest=0.02) + height / 150.0 > 1.2),
        river=river,
        lake_level=lake,
        ponds=ponds,
        scar=scar & forest,
        grain=fractal(rng, side, coarsest=0.06, finest=2.2 / side, slope=-0.4),
    )


def _land(rng: np.random.Generator, side: int) -> _Bools:
    u, v = unit_axes(side)
    coast = 0.270 + 0.030 * np.sin(2 * np.pi * (1.1 * v + 0.15))
    coast = coast - 0.115 * np.exp(-(((v - PLACES["cape"][1]) / 0.065) ** 2))
    coast = coast + 0.090 * np.exp(-(((v - PLACES["town"][1]) / 0.070) ** 2))
    rough = 0.013 * fractal(rng, side, coarsest=0.3, finest=0.012, slope=0.6)
    land: _Bools = u - coast + rough > 0
    # The town's ground stays dry and the open sea stays open whatever the noise says.
    land |= blob(side, PLACES["town"], (0.062, 0.095)) < 1.0
    land &= u > 0.06
    island = blob(side, PLACES["island"], (0.036, 0.050), lobes=((2, 0.2, 0.4), (3, 0.15, 1.7)))
    return _without_specks(land) | (island + 3.0 * rough < 1.0)


def _without_specks(land: _Bools) -> _Bools:
    """Keep the mainland and the one sea: fill puddles, drop rocks."""
    labels, count = ndimage.label(land)
    sizes = ndimage.sum_labels(land, labels, index=np.arange(1, count + 1))
    mainland = labels == int(np.argmax(sizes)) + 1
    filled: _Bools = ndimage.binary_fill_holes(mainland)
    return filled


def _height(rng: np.random.Generator, side: int, land: _Bools) -> Field:
    u, _ = unit_axes(side)
    inland_px = ndimage.distance_transform_edt(land)
    slope = 4.0 + 28.0 * np.clip(u - 0.25, 0.0, None)
    hills = 430.0 * bump(side, PLACES["hill"], (0.17, 0.15))
    hills = hills + 150.0 * bump(side, (0.82, 0.34), (0.13, 0.10))
    ridges = fractal(rng, side, coarsest=0.35, finest=0.02, slope=1.1)
    swell = fractal(rng, side, coarsest=0.6, finest=0.1, slope=1.2)
    rolling = (4.0 + 0.17 * hills) * ridges + 5.0 * swell
    shore = 1.0 - np.exp(-inland_px / (0.02 * side))
    height: Field = np.clip(slope + hills + rolling, 1.0, None) * shore
    return np.where(land, height, 0.0)


def _pond(side: int, place: str, radius: tuple[float, float], phase: float) -> _Bools:
    lobes = ((2, 0.14, phase), (3, 0.10, 2 * phase))
    inside: _Bools = blob(side, PLACES[place], radius, lobes=lobes) < 1.0
    return inside


def _river(side: int) -> _Bools:
    mouth = PLACES["river_mouth"]
    course = [(0.905, 0.205), (0.76, 0.245), (0.62, 0.33), (0.45, 0.385), mouth]
    course.append((mouth[0] - 0.09, mouth[1] + 0.01))
    line = meander(course, swing=0.024, waves=4.5, phase=0.7)
    half, last = len(line) // 2, len(line) * 3 // 4
    # At 10 m: a stream of 20 m in the hills, 40 m and then 60 m in the plain.
    return (
        draw_line(side, line[: half + 2], 2.0)
        | draw_line(side, line[half : last + 2], 4.0)
        | draw_line(side, line[last:], 5.6)
    )


def _woods(rng: np.random.Generator, side: int, height: Field) -> tuple[_Bools, _Bools]:
    """Return the woods and the part that burns."""
    patch = fractal(rng, side, coarsest=0.22, finest=0.015, slope=0.7)
    on_slopes = np.clip((height - 42.0) / 30.0, -1.2, 2.5)
    fire_edge = fractal(rng, side, coarsest=0.15, finest=0.01, slope=0.5)
    fire = blob(side, PLACES["scar"], (0.105, 0.075), lobes=((2, 0.25, 2.6), (3, 0.12, 0.5)))
    burned = fire + 0.10 * fire_edge < 1.0
    around = fire + 0.10 * fire_edge < 1.25
    above_trees = height > 455.0
    wooded = (patch + 1.3 * on_slopes > 0.75) | around
    forest: _Bools = ndimage.binary_opening(wooded, iterations=2) & ~above_trees
    scar: _Bools = ndimage.binary_opening(burned, iterations=1)
    return forest, scar

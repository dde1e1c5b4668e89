"""Dress the world for a date: crops, falling lake, fire and regrowth, snow, clouds and shadows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eoagent.io.sampleworld.covers import COVERS, cover_of_look, look_code
from eoagent.io.sampleworld.farmland import Farmland
from eoagent.io.sampleworld.relief import Field, blob, fractal
from eoagent.io.sampleworld.settlement import Settlement
from eoagent.io.sampleworld.terrain import PLACES, Terrain

__all__ = ["DATES", "Dressed", "Moment", "dress"]

_SNOW_LINE_M = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A date and the state that the world is in."""

    time: datetime
    """When the scene is taken, UTC."""
    season: str
    """`spring`, `summer` or `winter`."""
    lake: float
    """Level that the lake fills: pixels of its basin below it are water."""
    scar: str
    """Look of the burned woods; empty before the fire."""
    crops: tuple[str, str, str, str, str]
    """Look of each of the five `farmland.CROPS`."""
    has_clouds: bool = False
    """Whether clouds stand over the land and one corner lies outside the swath."""


def _at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, 8, 30, tzinfo=UTC)


_SUMMER_1 = ("stubble", "crop_full", "crop_pale", "vines", "soil")
_SUMMER_2 = ("crop_full", "stubble", "crop_pale", "vines", "crop_young")

DATES: Final = (
    Moment(time=_at(2023, 7, 13), season="summer", lake=1.0, scar="", crops=_SUMMER_1),
    # Fields and lake stay as they were, so that what changed between the first two is the fire.
    Moment(time=_at(2023, 8, 7), season="summer", lake=1.0, scar="ash", crops=_SUMMER_1),
    Moment(
        time=_at(2024, 1, 29),
        season="winter",
        lake=0.965,
        scar="char_weathered",
        crops=("soil", "crop_young", "crop_young", "soil", "stubble"),
    ),
    Moment(
        time=_at(2024, 4, 18),
        season="spring",
        lake=0.93,
        scar="char_weathered",
        crops=("soil", "crop_full", "crop_full", "soil", "crop_young"),
        has_clouds=True,
    ),
    Moment(time=_at(2024, 7, 17), season="summer", lake=0.86, scar="scrub", crops=_SUMMER_2),
    Moment(time=_at(2025, 7, 12), season="summer", lake=0.77, scar="scrub", crops=_SUMMER_1),
)
"""Dates of the ten-metre scenes, in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dressed:
    """The world on a date; arrays are (side, side)."""

    look: NDArray[np.uint8]
    """Look code of the ground, 0 outside the swath."""
    ground: NDArray[np.uint8]
    """Cover code of the ground, 0 outside the swath."""
    seen: NDArray[np.uint8]
    """Cover code as seen from above: ground, cloud or cloud shadow."""
    cloud: Field
    """Opacity of the clouds, 0 to 1."""


def dress(
    rng: np.random.Generator,
    moment: Moment,
    *,
    terrain: Terrain,
    farmland: Farmland,
    settlement: Settlement,
) -> Dressed:
    """Return the world as it is, and as it is seen, on a date.

    Args:
        rng: source of randomness for clouds and the snow's edge.
        moment: date and state.
        terrain: the natural world.
        farmland: the fields.
        settlement: what is built.
    """
    look = _ground_look(rng, moment, terrain, farmland, settlement)
    cloud = np.zeros(look.shape)
    shadow = np.zeros(look.shape, dtype=np.bool_)
    if moment.has_clouds:
        cloud, shadow = _clouds(rng, terrain)
        look[_outside_swath(terrain.side)] = look_code("nothing")
    inside = look != look_code("nothing")
    ground = cover_of_look()[look]
    seen = ground.copy()
    seen[shadow & inside] = COVERS.index("cloud_shadow")
    seen[(cloud > 0) & inside] = COVERS.index("cloud")
    return Dressed(look=look, ground=ground, seen=seen, cloud=np.where(inside, cloud, 0.0))


def _ground_look(
    rng: np.random.Generator,
    moment: Moment,
    terrain: Terrain,
    farmland: Farmland,
    settlement: Settlement,
) -> NDArray[np.uint8]:
    look = np.full(terrain.land.shape, look_code(f"meadow_{moment.season}"), dtype=np.uint8)
    codes = np.array([look_code(name) for name in moment.crops], dtype=np.uint8)
    look[farmland.is_field] = codes[farmland.crop][farmland.is_field]
    look[terrain.beach] = look_code("beach")
    look[farmland.hedge] = look_code(f"forest_{moment.season}")
    look[terrain.forest] = look_code(f"forest_{moment.season}")
    look[terrain.pine] = look_code("pine")
    if moment.scar:
        look[terrain.scar] = look_code(moment.scar)
    if moment.season == "winter":
        edge = 40.0 * fractal(rng, terrain.side, coarsest=0.1, finest=0.01, slope=0.4)
        look[terrain.land & (terrain.height_m + edge > _SNOW_LINE_M)] = look_code("snow")
    look[~terrain.land] = look_code("sea")
    look[terrain.river] = look_code("river")
    look[terrain.lake_level < 1.0] = look_code("lakebed")
    look[terrain.lake_level < moment.lake] = look_code("lake")
    for _, pond in terrain.ponds:
        look[pond] = look_code("lake")
    built = settlement.look > 0
    look[built] = settlement.look[built]
    return look


def _clouds(rng: np.random.Generator, terrain: Terrain) -> tuple[Field, NDArray[np.bool_]]:
    """Return the clouds' opacity and their shadows, both clear of the lake."""
    side = terrain.side
    puffs = fractal(rng, side, coarsest=0.35, finest=0.01, slope=0.75)
    lake = blob(side, PLACES["lake"], (0.20, 0.17))
    puffs = puffs - 4.0 * np.clip(1.5 - lake, 0.0, 1.0)
    opacity: Field = np.clip(0.30 + 0.9 * (puffs - 1.45), 0.0, 1.0)
    opacity[opacity < 0.30] = 0.0
    down, right = side * 30 // 600, side * 22 // 600
    # The morning sun stands in the south-east: shadows fall to the north-west.
    opacity[lake < 1.0] = 0.0
    moved = ndimage.shift(opacity, (-down, -right), order=0)
    shadow = (moved > 0) & (opacity == 0) & (blob(side, PLACES["lake"], (0.15, 0.12)) > 1.0)
    return opacity, shadow


def _outside_swath(side: int) -> NDArray[np.bool_]:
    row, col = np.indices((side, side), sparse=True)
    outside: NDArray[np.bool_] = (side - 1 - col) + 2.4 * (side - 1 - row) < 0.20 * side
    return outside

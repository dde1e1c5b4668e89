"""Build what people made: roads, a harbour, an airfield, a town of blocks, villages, farms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eoagent.io.sampleworld.covers import look_code
from eoagent.io.sampleworld.relief import blob, draw_line, fractal, meander
from eoagent.io.sampleworld.terrain import PLACES, Terrain

__all__ = ["Building", "Road", "Settlement", "lay_settlement"]

_Bools = NDArray[np.bool_]

_FARMS = 26
_HOUSES_PER_VILLAGE = 16
_RUNWAY_HALF = (0.095, 0.016)
_ROUTES: Final = (
    ("Coast Road", 2.2, [(0.44, -0.02), (0.41, 0.145), (0.43, 0.42), (0.425, 0.60), (0.44, 0.76)]),
    ("South Road", 2.2, [(0.44, 0.76), (0.46, 0.84), (0.50, 1.02)]),
    ("Valley Road", 2.2, [(0.425, 0.56), (0.60, 0.50), (0.74, 0.535), (0.865, 0.545), (1.02, 0.5)]),
    ("Lake Lane", 1.3, [(0.62, 0.507), (0.585, 0.62), (0.565, 0.72), (0.60, 0.80), (0.515, 0.86)]),
    ("Hill Track", 1.3, [(0.865, 0.545), (0.90, 0.42), (0.94, 0.33), (0.91, 0.20)]),
    ("Ponds Way", 1.3, [(0.41, 0.145), (0.50, 0.215), (0.63, 0.18), (0.70, -0.02)]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A building on whole pixels."""

    number: int
    """Number, from 1."""
    row: int
    """First row."""
    col: int
    """First column."""
    height: int
    """Rows."""
    width: int
    """Columns."""
    kind: str
    """`house`, `warehouse` or `farm`."""
    place: str
    """Key in `PLACES`, or `countryside`."""
    look: str
    """Name of the roof's look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road's centre line."""

    name: str
    """Name."""
    kind: str
    """`main`, `track` or `runway`."""
    line: NDArray[np.float64]
    """Points (n, 2) in unit coordinates (u, v)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Everything built; arrays are (side, side)."""

    roads: tuple[Road, ...]
    """Named roads and the runway."""
    buildings: tuple[Building, ...]
    """All buildings; none touches another."""
    look: NDArray[np.uint8]
    """Look code of built pixels, 0 elsewhere."""
    town: _Bools
    """Ground that counts as the town."""
    harbour: tuple[float, float]
    """Head of the pier, unit coordinates (u, v)."""


def lay_settlement(rng: np.random.Generator, terrain: Terrain) -> Settlement:
    """Return what is built in the world of a seed.

    Args:
        rng: source of randomness.
        terrain: the natural world.
    """
    side = terrain.side
    look = np.zeros((side, side), dtype=np.uint8)
    wet = ndimage.binary_dilation(terrain.inland_water, iterations=2) | ~terrain.land
    edge = 0.12 * fractal(rng, side, coarsest=0.12, finest=0.02)
    town = (blob(side, PLACES["town"], (0.080, 0.092)) + edge < 1.0) & terrain.land & ~wet
    look[town] = look_code("yards")
    runway = _lay_runway(look, side)
    roads = _lay_roads(look, terrain)
    harbour = _lay_pier(look, terrain)
    row_cuts, col_cuts = _streets(rng, town, look)
    plan = _BuildingPlan(rng=rng, look=look, free=~wet & ~(look == look_code("asphalt")))
    _fill_blocks(plan, town, row_cuts, col_cuts)
    for village in ("village_east", "village_north"):
        _lay_village(plan, village)
    _lay_farms(plan, terrain, town)
    return Settlement(
        roads=(*roads, runway),
        buildings=tuple(plan.built),
        look=look,
        town=town,
        harbour=harbour,
    )


def _lay_runway(look: NDArray[np.uint8], side: int) -> Road:
    u, v = PLACES["airfield"]
    ends = ((u - _RUNWAY_HALF[0], v + _RUNWAY_HALF[1]), (u + _RUNWAY_HALF[0], v - _RUNWAY_HALF[1]))
    line = np.array(ends)
    look[draw_line(side, line, 4.2)] = look_code("concrete")
    return Road(name="Runway 08/26", kind="runway", line=line)


def _lay_roads(look: NDArray[np.uint8], terrain: Terrain) -> tuple[Road, ...]:
    roads: list[Road] = []
    for number, (name, width_px, route) in enumerate(_ROUTES):
        line = meander(route, swing=0.006, waves=2.0 + number, phase=1.3 * number)
        on_ground = draw_line(terrain.side, line, width_px) & terrain.land
        standing = terrain.lake_level < 1.0
        for _, pond in terrain.ponds:
            standing = standing | pond
        look[on_ground & ~standing & (look != look_code("concrete"))] = look_code("asphalt")
        inside = np.all((line >= 0.0) & (line <= 1.0), axis=1)
        kind = "main" if width_px > 2 else "track"
        roads.append(Road(name=name, kind=kind, line=line[inside]))
    return tuple(roads)


def _lay_pier(look: NDArray[np.uint8], terrain: Terrain) -> tuple[float, float]:
    """Draw a mole with a hook into the bay; return the head of the pier."""
    side = terrain.side
    row = int(PLACES["harbour"][1] * side)
    quay = int(np.argmax(terrain.land[row])) / side
    v = PLACES["harbour"][1]
    hook = np.array([(quay + 0.01, v), (quay - 0.030, v), (quay - 0.040, v - 0.030)])
    mole = draw_line(side, hook, 2.6)
    short = draw_line(side, np.array([(quay + 0.01, v - 0.045), (quay - 0.02, v - 0.045)]), 2.6)
    look[(mole | short) & ~terrain.land] = look_code("concrete")
    return (quay - 0.030, v)


def _streets(
    rng: np.random.Generator, town: _Bools, look: NDArray[np.uint8]
) -> tuple[list[int], list[int]]:
    """Draw the street grid into the town; return its rows and columns."""
    rows = np.flatnonzero(town.any(axis=1))
    cols = np.flatnonzero(town.any(axis=0))
    row_cuts = _cuts(rng, int(rows[0]), int(rows[-1]), (7, 11))
    col_cuts = _cuts(rng, int(cols[0]), int(cols[-1]), (9, 14))
    street = np.zeros_like(town)
    street[row_cuts, :] = True
    street[:, col_cuts] = True
    look[street & town & (look == look_code("yards"))] = look_code("asphalt")
    return row_cuts, col_cuts


def _cuts(rng: np.random.Generator, first: int, last: int, gap: tuple[int, int]) -> list[int]:
    cuts = [first]
    while cuts[-1] < last:
        cuts.append(cuts[-1] + int(rng.integers(*gap)))
    return [cut for cut in cuts if cut <= last]


@dataclass(slots=True, kw_only=True)
class _BuildingPlan:
    """The site while it is being built on."""

    rng: np.random.Generator
    look: NDArray[np.uint8]
    free: _Bools
    built: list[Building] = field(default_factory=list)

    def build(self, at: tuple[int, int], size: tuple[int, int], kind: str, place: str) -> bool:
        """Put up a building if the ground is free, and say whether it was."""
        (row, col), (height, width) = at, size
        side = self.look.shape[0]
        if row < 1 or col < 1 or row + height >= side or col + width >= side:
            return False
        if not self.free[row : row + height, col : col + width].all():
            return False
        roof = self.rng.choice(["roof_tile", "roof_tile", "roof_grey"])
        look = "roof_white" if kind == "warehouse" else str(roof)
        self.look[row : row + height, col : col + width] = look_code(look)
        self.free[row - 1 : row + height + 1, col - 1 : col + width + 1] = False
        self.built.append(
            Building(
                number=len(self.built) + 1,
                row=row,
                col=col,
                height=height,
                width=width,
                kind=kind,
                place=place,
                look=look,
            )
        )
        return True


def _fill_blocks(
    plan: _BuildingPlan, town: _Bools, row_cuts: list[int], col_cuts: list[int]
) -> None:
    side = town.shape[0]
    centre_row, centre_col = PLACES["town"][1] * side, PLACES["town"][0] * side
    for top, bottom in pairwise(row_cuts):
        for left, right in pairwise(col_cuts):
            if not town[top:bottom, left:right].all():
                continue
            far = np.hypot((top - centre_row) / 0.092, (left - centre_col) / 0.080) / side
            if left < centre_col - 0.045 * side and plan.rng.random() < 0.6:
                plan.build(
                    (top + 2, left + 2), (bottom - top - 3, right - left - 3), "warehouse", "town"
                )
                continue
            _fill_block(plan, (top + 1, bottom), (left + 1, right), full=1.0 - 0.45 * float(far))


def _fill_block(
    plan: _BuildingPlan, rows: tuple[int, int], cols: tuple[int, int], *, full: float
) -> None:
    for row in range(rows[0], rows[1] - 1, 4):
        for col in range(cols[0], cols[1] - 1, 4):
            if plan.rng.random() > full:
                continue
            height = min(int(plan.rng.integers(2, 4)), rows[1] - row)
            width = min(int(plan.rng.integers(2, 4)), cols[1] - col)
            plan.build((row, col), (height, width), "house", "town")


def _lay_village(plan: _BuildingPlan, place: str) -> None:
    side = plan.look.shape[0]
    ground = (blob(side, PLACES[place], (0.026, 0.021)) < 1.0) & plan.free & (plan.look == 0)
    plan.look[ground] = look_code("yards")
    rows, cols = np.nonzero(ground)
    placed = 0
    for pick in plan.rng.permutation(rows.size):
        if placed == _HOUSES_PER_VILLAGE:
            return
        size = (int(plan.rng.integers(2, 4)), int(plan.rng.integers(2, 4)))
        placed += plan.build((int(rows[pick]), int(cols[pick])), size, "house", place)


def _lay_farms(plan: _BuildingPlan, terrain: Terrain, town: _Bools) -> None:
    """Scatter farms over the plain, each a building in a yard."""
    side = plan.look.shape[0]
    plain = terrain.land & ~terrain.forest & ~terrain.beach & (terrain.height_m < 70.0) & plan.free
    plain &= ~ndimage.binary_dilation(town | terrain.inland_water, iterations=5)
    plain[: side // 40, :] = False
    plain[:, : side * 3 // 10] = False
    rows, cols = np.nonzero(plain & (plan.look == 0))
    for pick in plan.rng.permutation(rows.size)[: _FARMS * side // 600]:
        row, col = int(rows[pick]), int(cols[pick])
        size = (int(plan.rng.integers(2, 4)), int(plan.rng.integers(3, 5)))
        if plan.build((row, col), size, "farm", "countryside"):
            yard = plan.look[row - 1 : row + size[0] + 1, col - 1 : col + size[1] + 1]
            yard[yard == 0] = look_code("yards")

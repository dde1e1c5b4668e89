"""Coordinate systems: parsing, naming, and the way between a CRS and WGS84."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError, ProjError

from eoagent.contracts.errors import InputError

__all__ = [
    "WGS84",
    "Floats",
    "areal_scale",
    "crs_of",
    "crs_text",
    "from_wgs84",
    "is_lonlat",
    "metres_per_unit",
    "surface_point",
    "to_wgs84",
    "turn_of",
]

Floats = NDArray[np.float64]
"""An array of float64."""

WGS84: Final = Geod(ellps="WGS84")
"""The ellipsoid on which areas and lengths are measured."""

_LONLAT: Final = "EPSG:4326"
_STEP_RAD: Final = 4e-5
_EARTH_RADII_M: Final = (6.2e6, 6.5e6)


class WktSource(Protocol):
    """Anything that can state its CRS as WKT, as the CRS objects of rasterio and pyproj do."""

    def to_wkt(self) -> str:
        """Return the CRS as WKT."""
        ...


@lru_cache(maxsize=256)
def crs_of(text: str) -> CRS:
    """Return the parsed CRS of a grid or a layer.

    Args:
        text: `EPSG:n` or WKT.

    Raises:
        InputError: if the text is empty, names no CRS, or names one that is not on Earth.
    """
    if not text:
        raise InputError(
            "a place on Earth was asked for, but the image has no georeference",
            hint="give a georeferenced file, or ask in pixels",
        )
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(
            f"the coordinate system {_short(text)!r} cannot be read",
            hint="give it as EPSG:n or as WKT",
        ) from error
    ellipsoid = crs.ellipsoid
    low, high = _EARTH_RADII_M
    if ellipsoid is None or not low < ellipsoid.semi_major_metre < high:
        raise InputError(
            f"the coordinate system {_short(text)!r} is not tied to the Earth",
            hint="assign the file its true coordinate system",
        )
    return crs


def crs_text(crs: WktSource | str) -> str:
    """Return `EPSG:n` where that code stands for an equal CRS, else WKT.

    A file can carry a code that does not exist, or a code beside a definition that differs from
    it; the definition wins.

    Args:
        crs: a CRS of rasterio or pyproj, or its WKT.

    Raises:
        InputError: if it cannot be parsed.
    """
    wkt = crs if isinstance(crs, str) else crs.to_wkt()
    parsed = crs_of(wkt)
    code = parsed.to_epsg()
    if code is not None:
        try:
            named = CRS.from_epsg(code)
        except CRSError:
            return parsed.to_wkt()
        if named.equals(parsed, ignore_axis_order=True):
            return f"EPSG:{code}"
    return parsed.to_wkt()


def is_lonlat(text: str) -> bool:
    """Return whether a CRS counts in true longitude and latitude (not on a turned sphere)."""
    crs = crs_of(text)
    return bool(crs.is_geographic) and not crs.is_derived


def turn_of(text: str) -> float:
    """Return the length of a full turn of longitude in the units of a geographic CRS."""
    return 2 * math.pi / crs_of(text).axis_info[0].unit_conversion_factor


def metres_per_unit(text: str) -> float:
    """Return the rough length of one CRS unit in metres; for degrees, along a meridian."""
    crs = crs_of(text)
    factor = float(crs.axis_info[0].unit_conversion_factor)
    return factor * WGS84.a if crs.is_geographic else factor


def to_wgs84(text: str, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return longitude and latitude, degrees, of CRS coordinates; NaN where there are none.

    Longitudes stay continuous on a map that runs over the antimeridian, so they may lie outside
    -180..180.
    """
    return _transform(text, x, y, TransformDirection.FORWARD)


def from_wgs84(text: str, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Return CRS coordinates of longitudes and latitudes in degrees; NaN where there are none."""
    return _transform(text, lon, lat, TransformDirection.INVERSE)


def surface_point(lon: ArrayLike, lat: ArrayLike) -> Floats:
    """Return points of the WGS84 ellipsoid as Earth-centred coordinates.

    Args:
        lon: degrees, any turn.
        lat: degrees, same shape.

    Returns:
        Shape (..., 3), metres.
    """
    lam, phi = np.radians(lon), np.radians(lat)
    normal = WGS84.a / np.sqrt(1 - WGS84.es * np.sin(phi) ** 2)
    ring = normal * np.cos(phi)
    return np.stack(
        [ring * np.cos(lam), ring * np.sin(lam), normal * (1 - WGS84.es) * np.sin(phi)], axis=-1
    )


def areal_scale(text: str, x: ArrayLike, y: ArrayLike) -> Floats:
    """Return square metres of ground per square unit of a CRS; NaN off the map.

    The map from the CRS to the ellipsoid is differentiated in Earth-centred coordinates, which
    know neither an antimeridian nor poles. The central step of about 250 m keeps the relative
    error below 1e-8.
    """
    step = _STEP_RAD * WGS84.a / metres_per_unit(text)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    along = surface_point(*to_wgs84(text, x + step, y)) - surface_point(
        *to_wgs84(text, x - step, y)
    )
    across = surface_point(*to_wgs84(text, x, y + step)) - surface_point(
        *to_wgs84(text, x, y - step)
    )
    scale: Floats = np.linalg.norm(np.cross(along, across), axis=-1) / (2 * step) ** 2
    return scale


def _transform(
    text: str, x: ArrayLike, y: ArrayLike, direction: TransformDirection
) -> tuple[Floats, Floats]:
    first, second = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    )
    transformer = _transformer(text)
    if transformer is None:
        return first.copy(), second.copy()
    out: Sequence[Floats] = transformer.transform(
        first.ravel(), second.ravel(), direction=direction
    )
    lost = ~(np.isfinite(out[0]) & np.isfinite(out[1]))
    pair = [np.where(lost, np.nan, values).reshape(first.shape) for values in out]
    return pair[0], pair[1]


@lru_cache(maxsize=256)
def _transformer(text: str) -> Transformer | None:
    """Return the way from a CRS to WGS84, or None for WGS84 itself."""
    crs = crs_of(text)
    if crs.equals(CRS.from_user_input(_LONLAT), ignore_axis_order=True):
        return None
    try:
        return Transformer.from_crs(crs, _LONLAT, always_xy=True, force_over=not crs.is_geographic)
    except ProjError as error:
        raise InputError(
            f"no way leads from the coordinate system {_short(text)!r} to longitude and latitude",
            hint="assign the file its true coordinate system",
        ) from error


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."

"""Turn features as a file holds them into sound ones: valid, finite, flat, with a CRS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray
from shapely import affinity

from eoagent.contracts.errors import InputError, SourceError
from eoagent.geo.projection import crs_text
from eoagent.geo.wkbdepth import wkb_depth
from eoagent.io.featureset import GEOMETRY_COLUMN, FeatureLimits, FeatureSet, take_rows

__all__ = ["RawFeatures", "crs_from", "from_wkb", "sound"]

_CRS_HINT: Final = "save the file with its CRS (GeoPackage keeps it) or say which EPSG code it has"
_DEEPEST: Final = 20
"""Collections within each other that are read; the library that reads them has no limit."""
_PLAIN: Final = frozenset(b"\x01" + bytes([kind, 0, 0, 0]) for kind in (1, 2, 3)) | frozenset(
    b"\x00" + bytes([0, 0, 0, kind]) for kind in (1, 2, 3)
)
"""How points, lines and polygons begin, which hold no other geometry."""
_MAX_LON: Final = 360.0 + 1e-6
_MAX_LAT: Final = 90.0 + 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeatures:
    """Features as read: geometries may be missing, empty, invalid or three-dimensional."""

    geometries: NDArray[np.object_]
    """(n,) shapely geometries or None."""
    columns: pa.Table
    """Attributes, n rows unless there are no columns."""
    crs: pyproj.CRS | None
    """CRS of the file, None where it states none."""
    assumptions: tuple[str, ...] = ()
    """Choices made while reading."""


def sound(raw: RawFeatures, href: str, limits: FeatureLimits, *, crs: str = "") -> FeatureSet:
    """Return sound features: each repair and each choice is counted in the assumptions.

    Args:
        raw: the features of a file.
        href: the file, for messages.
        limits: bounds on vertices.
        crs: CRS to take where the file states none.

    Raises:
        SourceError: if a coordinate is not finite.
        InputError: if no feature has a geometry, the CRS cannot be told, or coordinates do not
            fit it.
    """
    notes = list(raw.assumptions)
    kept = ~(shapely.is_missing(raw.geometries) | shapely.is_empty(raw.geometries))
    if len(kept) and not kept.any():
        raise InputError(
            f"none of the {len(kept)} features of {href} has a geometry",
            hint="give a layer or file with points, lines or polygons",
        )
    if not kept.all():
        notes.append(f"{_count(~kept)} without a geometry left out")
    rows = np.flatnonzero(kept)
    geometries = _flat(raw.geometries[rows], rows, href, limits)
    if shapely.has_z(raw.geometries[rows]).any():
        notes.append("heights of the vertices are not used")
    found = _known_crs(raw.crs, geometries, href, crs, notes)
    _refuse_outside(found, geometries, href)
    geometries = _fold(found, geometries, notes)
    geometries, whole = _repair(geometries, notes)
    columns = take_rows(_without_geometry_name(raw.columns, notes), rows[whole])
    return FeatureSet(
        geometries=geometries[whole],
        columns=columns,
        crs=crs_text(found),
        assumptions=tuple(notes),
    )


def crs_from(name: Any, href: str) -> pyproj.CRS:
    """Return a CRS from a code, URN, WKT or PROJJSON; CRS84 is told as EPSG:4326 (x first always).

    Raises:
        InputError: if it is no CRS.
    """
    try:
        crs = pyproj.CRS.from_user_input(name)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"{href} names a CRS that is not known: {str(name)[:80]!r}", hint=_CRS_HINT
        ) from error
    authority = crs.to_authority(auth_name="OGC", min_confidence=100)
    return pyproj.CRS.from_epsg(4326) if authority == ("OGC", "CRS84") else crs


def from_wkb(blobs: NDArray[np.object_], href: str) -> NDArray[np.object_]:
    """Return geometries from well-known binary.

    Raises:
        SourceError: if one is damaged, or holds collections too deep within each other.
    """
    try:
        _refuse_deep(blobs)
        return np.asarray(shapely.from_wkb(blobs), dtype=object).reshape(len(blobs))
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise SourceError(
            f"{href}: a geometry cannot be read: {str(error)[:200]}", href=href
        ) from error


def _refuse_deep(blobs: NDArray[np.object_]) -> None:
    """Refuse collections within collections past any use; ValueError says so."""
    for blob in blobs:
        is_plain = not isinstance(blob, bytes) or blob[:5] in _PLAIN
        if not is_plain and wkb_depth(blob, most=_DEEPEST) > _DEEPEST:
            raise ValueError("collections lie too deep within each other")


def _count(which: NDArray[np.bool_]) -> str:
    number = int(which.sum())
    return f"{number} feature{'' if number == 1 else 's'}"


def _flat(
    geometries: NDArray[np.object_], rows: NDArray[np.intp], href: str, limits: FeatureLimits
) -> NDArray[np.object_]:
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    if len(coordinates) > limits.max_vertices:
        raise InputError(
            f"{href} holds {len(coordinates)} vertices, more than {limits.max_vertices}",
            hint="simplify the geometries or cut the file to the area of interest",
        )
    bad = ~np.isfinite(coordinates).all(axis=1)
    if bad.any():
        number = int(rows[owner[np.argmax(bad)]]) + 1
        raise SourceError(
            f"{href}: feature {number} has a coordinate that is not finite", href=href
        )
    return np.asarray(shapely.force_2d(geometries), dtype=object)


def _known_crs(
    stated: pyproj.CRS | None,
    geometries: NDArray[np.object_],
    href: str,
    wanted: str,
    notes: list[str],
) -> pyproj.CRS:
    if stated is not None and not stated.is_engineering:
        return stated
    if wanted:
        notes.append(f"the file states no CRS; {wanted} was given")
        return crs_from(wanted, href)
    if not len(geometries) or _fits_lonlat(geometries):
        notes.append(
            "the file states no CRS; its coordinates fit longitude and latitude, so WGS84 "
            "(EPSG:4326) is assumed"
        )
        return pyproj.CRS.from_epsg(4326)
    bounds = ", ".join(f"{v:.6g}" for v in shapely.total_bounds(geometries))
    raise InputError(
        f"{href} states no CRS, and its coordinates ({bounds}) are not longitude and latitude",
        hint=_CRS_HINT,
    )


def _fits_lonlat(geometries: NDArray[np.object_]) -> bool:
    west, south, east, north = shapely.total_bounds(geometries)
    return bool(max(abs(west), abs(east)) <= _MAX_LON and max(abs(south), abs(north)) <= _MAX_LAT)


def _refuse_outside(crs: pyproj.CRS, geometries: NDArray[np.object_], href: str) -> None:
    if not (_in_degrees(crs) and len(geometries)) or _fits_lonlat(geometries):
        return
    west, south, east, north = shapely.total_bounds(geometries)
    swapped = max(abs(west), abs(east)) <= _MAX_LAT and max(abs(south), abs(north)) <= _MAX_LON
    hint = (
        "longitude and latitude look swapped: x is longitude and comes first"
        if swapped
        else "the coordinates look projected: name their CRS in the file"
    )
    raise InputError(
        f"{href} is in degrees ({crs.name}), but its coordinates run over "
        f"{west:.6g}..{east:.6g}, {south:.6g}..{north:.6g}",
        hint=hint,
    )


def _in_degrees(crs: pyproj.CRS) -> bool:
    units = [axis.unit_name for axis in crs.axis_info[:2]]
    return bool(crs.is_geographic and all(unit == "degree" for unit in units))


def _fold(
    crs: pyproj.CRS, geometries: NDArray[np.object_], notes: list[str]
) -> NDArray[np.object_]:
    """Bring what lies wholly beyond 180 degrees of longitude back by a turn."""
    if not (_in_degrees(crs) and len(geometries)):
        return geometries
    bounds = shapely.bounds(geometries)
    turns = np.where(bounds[:, 0] > 180, -360.0, np.where(bounds[:, 2] < -180, 360.0, 0.0))
    moved = turns != 0
    if not moved.any():
        return geometries
    notes.append(f"{_count(moved)} beyond 180 degrees of longitude moved by a full turn")
    folded = geometries.copy()
    for row in np.flatnonzero(moved):
        folded[row] = affinity.translate(folded[row], xoff=float(turns[row]))
    return folded


def _repair(
    geometries: NDArray[np.object_], notes: list[str]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return valid geometries and which of them are left with anything."""
    invalid = ~shapely.is_valid(geometries)
    whole = np.ones(len(geometries), dtype=bool)
    if not invalid.any():
        return geometries, whole
    repaired = geometries.copy()
    repaired[invalid] = shapely.make_valid(
        geometries[invalid], method="structure", keep_collapsed=False
    )
    whole = ~shapely.is_empty(repaired)
    if (invalid & whole).any():
        notes.append(f"{_count(invalid & whole)} with an invalid geometry repaired")
    if not whole.all():
        notes.append(f"{_count(~whole)} whose geometry has collapsed left out")
    return repaired, whole


def _without_geometry_name(columns: pa.Table, notes: list[str]) -> pa.Table:
    if GEOMETRY_COLUMN not in columns.column_names:
        return columns
    name = f"{GEOMETRY_COLUMN}_"
    while name in columns.column_names:
        name += "_"
    notes.append(f"the attribute `{GEOMETRY_COLUMN}` is called `{name}` here")
    return columns.rename_columns(
        [name if old == GEOMETRY_COLUMN else old for old in columns.column_names]
    )

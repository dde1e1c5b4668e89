"""Footprints and boxes out of the columns of an embedding file, in WGS84 degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.projection import crs_text
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.footprint import box_around, read_bbox
from eoagent.io.rawfeatures import crs_from
from eoagent_indexes.exchange.footer import Footer
from eoagent_indexes.exchange.layouts import Layout

__all__ = ["Placed", "crs_of_file", "place"]

_WGS84: Final = "EPSG:4326"
_MOST_VERTICES: Final = 100_000
_EDGE: Final = 1e-9
_ONE_PART: Final = (shapely.GeometryType.POINT, shapely.GeometryType.POLYGON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where rows lie."""

    outlines: list[bytes | None]
    """WKB in longitude and latitude, for each row."""
    boxes: list[dict[str, float] | None]
    """Box of each row; xmin is above xmax over the antimeridian."""
    refused: dict[int, str]
    """Why a row was refused."""


def crs_of_file(layout: Layout, footer: Footer, kind: pa.DataType | None, href: str) -> str:
    """Return the CRS of the geometries as `EPSG:n` or WKT; empty where there are none.

    Raises:
        InputError: if they are not WKB, or their CRS is not known.
    """
    if kind is None or not layout.geometry:
        return ""
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)) or footer.encoding != "WKB":
        raise InputError(
            f"{href}: geometries are encoded as {footer.encoding[:40]} ({str(kind)[:40]}), and WKB "
            "is read",
            hint="write the file with WKB geometries",
        )
    if footer.crs is None:
        raise InputError(
            f"{href}: its geometries state that their coordinate system is unknown",
            hint="write the file with its CRS",
        )
    return crs_text(crs_from(footer.crs, href))


def place(batch: Any, layout: Layout, crs: str) -> Placed:
    """Return where the rows of a batch lie.

    A row without geometry takes its box, or the point of its centre, or has no place.
    """
    blobs, found, refused = _geometries(batch, layout)
    boxes: list[BBox | None] = [None] * len(found)
    if layout.bbox:
        boxes = [read_bbox(_as_list(value)) for value in batch.column(layout.bbox).to_pylist()]
    plain = _plain_boxes(found) if (crs or _WGS84) == _WGS84 and layout.geometry else {}
    outlines: list[bytes | None] = []
    for row, geometry in enumerate(found):
        box = boxes[row]
        if row in plain:
            outlines.append(blobs[row])
            boxes[row] = box or plain[row]
            continue
        if geometry is None:
            outlines.append(None if box is None else shapely.to_wkb(_outline(box)))
            continue
        told = _sound(geometry, crs or _WGS84)
        if isinstance(told, str):
            refused[row] = told
            outlines.append(None)
            continue
        flat, is_same = told
        outlines.append(blobs[row] if is_same and blobs[row] else shapely.to_wkb(flat))
        boxes[row] = box or box_around(flat)
    return Placed(outlines=outlines, boxes=[_struct(box) for box in boxes], refused=refused)


def _geometries(
    batch: Any, layout: Layout
) -> tuple[list[bytes | None], list[BaseGeometry | None], dict[int, str]]:
    """Return WKB and geometry of each row, and why a row is refused."""
    count = batch.num_rows
    blobs: list[bytes | None] = [None] * count
    found: list[BaseGeometry | None] = [None] * count
    refused: dict[int, str] = {}
    if layout.geometry:
        blobs = batch.column(layout.geometry).to_pylist()
        read = shapely.from_wkb(np.asarray(blobs, dtype=object), on_invalid="ignore")
        for row, geometry in enumerate(read):
            if geometry is None and blobs[row] is not None:
                refused[row] = "its geometry is no WKB"
            elif geometry is not None and not geometry.is_empty:
                found[row] = geometry
    elif layout.lon_lat[0]:
        lon, lat = (_numbers(batch, name) for name in layout.lon_lat)
        for row in np.flatnonzero(np.isfinite(lon) & np.isfinite(lat)).tolist():
            found[row] = shapely.Point(lon[row], lat[row])
    return blobs, found, refused


def _plain_boxes(found: list[BaseGeometry | None]) -> dict[int, BBox]:
    """Return the boxes of the geometries that need no further look, which are most of them.

    These are points and polygons in two dimensions, narrower than half a turn and within degrees.
    """
    shapes = np.array(found, dtype=object)
    with np.errstate(invalid="ignore"):
        west, south, east, north = shapely.bounds(shapes).T
        within = (west > -180) & (east < 180) & (south >= -90) & (north <= 90)
        plain = within & (east - west <= 180)
    plain &= np.isin(shapely.get_type_id(shapes), _ONE_PART)
    plain &= ~shapely.has_z(shapes) & (shapely.get_num_coordinates(shapes) <= _MOST_VERTICES)
    plain &= shapely.get_srid(shapes) == 0
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    plain[owner[~np.isfinite(points).all(axis=1)]] = False
    return {
        row: BBox(west=west[row], south=south[row], east=east[row], north=north[row])
        for row in np.flatnonzero(plain).tolist()
    }


def _sound(geometry: BaseGeometry, crs: str) -> tuple[BaseGeometry, bool] | str:
    """Return a geometry in degrees and whether it is the one given, or why there is none."""
    points = shapely.get_coordinates(geometry)
    if len(points) > _MOST_VERTICES or not np.isfinite(points).all():
        return "its geometry has too many vertices, or one that is not finite"
    flat = shapely.force_2d(geometry)
    try:
        told = flat if crs == _WGS84 else to_lonlat(flat, crs)
    except InputError as error:
        return f"its geometry cannot be placed: {error}"
    lon, lat = shapely.get_coordinates(told).T
    if np.abs(lat).max() > 90 + _EDGE or np.abs(lon).max() > 540:
        return "its geometry lies beyond the degrees of longitude and latitude"
    is_within = bool(np.abs(lon).max() <= 180)
    if not is_within:
        told = split_at_antimeridian(told)
    same = crs == _WGS84 and is_within and not geometry.has_z and shapely.get_srid(geometry) == 0
    return told, same


def _outline(box: BBox) -> BaseGeometry:
    if not box.crosses_antimeridian:
        return shapely.box(box.west, box.south, box.east, box.north)
    west = shapely.box(box.west, box.south, 180, box.north)
    return shapely.MultiPolygon([west, shapely.box(-180, box.south, box.east, box.north)])


def _struct(box: BBox | None) -> dict[str, float] | None:
    if box is None:
        return None
    return {"xmin": box.west, "ymin": box.south, "xmax": box.east, "ymax": box.north}


def _as_list(value: Any) -> Any:
    """Return a box that is a struct as a list; over the antimeridian its east is a turn on."""
    if isinstance(value, dict):
        value = [value.get(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    return value if isinstance(value, list) and None not in value else None


def _numbers(batch: Any, name: str) -> NDArray[np.float64]:
    column = batch.column(name).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

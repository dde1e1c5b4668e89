"""Read tables with coordinates (CSV and kin): a WKT column, or longitude and latitude columns."""

from __future__ import annotations

import io
import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyproj
import shapely
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.featureset import FeatureLimits
from eoagent.io.rawfeatures import RawFeatures, crs_from

__all__ = ["parse_delimited"]

_LON: Final = (
    *("lon", "long", "lng", "longitude", "longitud", "decimallongitude", "londd", "longdd"),
    *("lonwgs84", "longitudewgs84", "londeg", "longitudedeg", "longitudedecimal", "reclong"),
    *("cenlon", "centroidlon", "gpslon", "gpslongitude", "pointlon", "经度", "經度"),
)
_LAT: Final = (
    *("lat", "lat", "lat", "latitude", "latitud", "decimallatitude", "latdd", "latdd"),
    *("latwgs84", "latitudewgs84", "latdeg", "latitudedeg", "latitudedecimal", "reclat"),
    *("cenlat", "centroidlat", "gpslat", "gpslatitude", "pointlat", "纬度", "緯度"),
)
_X: Final = ("x", "xcoord", "coordx", "pointx", "easting", "east", "eastings", "utme", "utmx")
_Y: Final = ("y", "ycoord", "coordy", "pointy", "northing", "north", "northings", "utmn", "utmy")
_WKT: Final = ("wkt", "geometry", "geom", "thegeom", "wktgeom", "geomwkt", "geometrywkt", "shape")
_WKT_TEXT: Final = re.compile(
    r"\s*(?:SRID=(\d{1,6});)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b",
    re.IGNORECASE,
)
_HINT: Final = (
    "name the columns lon and lat (or x and y, with a CRS), or add a column wkt with geometries"
)


def parse_delimited(data: bytes, href: str, limits: FeatureLimits) -> RawFeatures:
    """Return the rows of a comma-, semicolon-, tab- or bar-separated table as features.

    The columns taken for the coordinates are named in the assumptions and are no attributes.

    Raises:
        SourceError: if the text is no table.
        InputError: if no column holds coordinates, or they are no numbers.
    """
    table = _table(data, href)
    if table.num_rows > limits.max_features or table.num_columns > limits.max_columns:
        raise InputError(
            f"{href} holds {table.num_rows} rows and {table.num_columns} columns; the limits are "
            f"{limits.max_features} and {limits.max_columns}",
            hint="cut the table to the rows and columns that matter",
        )
    names = {_plain(name): name for name in reversed(table.column_names)}
    for spelling in _WKT:
        if spelling in names and _holds_wkt(table.column(names[spelling])):
            return _from_wkt(table, names[spelling], href)
    pairs = ((_LON, _LAT), (_X, _Y))
    for xs, ys in pairs:
        for x, y in zip(_found(names, xs), _found(names, ys), strict=False):
            return _from_points(table, x, y, href, degrees=xs is _LON)
    listed = ", ".join(table.column_names[:20])
    raise InputError(f"{href} has no coordinates in its columns ({listed})", hint=_HINT)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.strip().casefold())


def _found(names: dict[str, str], spellings: tuple[str, ...]) -> list[str]:
    return [names[spelling] for spelling in dict.fromkeys(spellings) if spelling in names]


def _table(data: bytes, href: str) -> pa.Table:
    head = data.split(b"\n", 1)[0]
    mark = max(b",;\t|", key=lambda code: head.count(bytes([code])))
    encoding = "utf-8-sig"
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")),
            read_options=pyarrow.csv.ReadOptions(
                block_size=max(1 << 20, len(data) + 1),
                encoding="latin-1" if encoding == "latin-1" else "utf-8",
                use_threads=False,
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=chr(mark), newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"{href} cannot be read as a table: {str(error)[:200]}", href=href
        ) from error
    return table.rename_columns(_distinct(table.column_names))


def _distinct(names: list[str]) -> list[str]:
    """Return column names with a number after those that occurred before."""
    found: list[str] = []
    for name in names:
        wish, number = name, 2
        while wish in found:
            wish, number = f"{name}_{number}", number + 1
        found.append(wish)
    return found


def _holds_wkt(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(column.type):
        return False
    first = next((value for value in column.to_pylist() if value), "")
    return _WKT_TEXT.match(first) is not None


def _from_wkt(table: pa.Table, name: str, href: str) -> RawFeatures:
    texts: list[str | None] = table.column(name).to_pylist()
    codes = {m.group(1) for text in texts if text and (m := _WKT_TEXT.match(text)) and m.group(1)}
    if len(codes) > 1:
        raise InputError(
            f"{href}: column {name} mixes the CRS codes {', '.join(sorted(codes))}",
            hint="bring all rows to one CRS",
        )
    geometries = np.empty(len(texts), dtype=object)
    for row, text in enumerate(texts):
        geometries[row] = _geometry(text, row + 1, name, href)
    return RawFeatures(
        geometries=geometries,
        columns=_rest(table, name),
        crs=crs_from(f"EPSG:{codes.pop()}", href) if codes else None,
        assumptions=(f"geometries are taken from the column {name} (WKT)",),
    )


def _geometry(text: str | None, number: int, name: str, href: str) -> shapely.Geometry | None:
    if text is None or not text.strip():
        return None
    try:
        return shapely.from_wkt(text.rpartition(";")[2])
    except (shapely.errors.GEOSException, ValueError) as error:
        raise SourceError(
            f"{href}: column {name} of row {number} is no geometry: {text[:60]!r}", href=href
        ) from error


def _from_points(table: pa.Table, x: str, y: str, href: str, *, degrees: bool) -> RawFeatures:
    xs, ys = _numbers(table, x, href), _numbers(table, y, href)
    infinite = np.isinf(xs) | np.isinf(ys)
    if infinite.any():
        raise SourceError(
            f"{href}: row {int(np.argmax(infinite)) + 1} has a coordinate that is not finite",
            href=href,
        )
    known = ~(np.isnan(xs) | np.isnan(ys))
    geometries = np.full(table.num_rows, None, dtype=object)
    geometries[known] = shapely.points(xs[known], ys[known])
    note = f"the columns {x} and {y} are taken for x and y"
    if degrees:
        note = f"the columns {x} and {y} are taken for longitude and latitude on WGS84"
    return RawFeatures(
        geometries=geometries,
        columns=_rest(table, x, y),
        crs=pyproj.CRS.from_epsg(4326) if degrees else None,
        assumptions=(note,),
    )


def _numbers(table: pa.Table, name: str, href: str) -> NDArray[np.float64]:
    column = table.column(name)
    try:
        numbers: Any = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        sample = next((str(v) for v in column.to_pylist() if not _is_number(v)), "")
        raise InputError(
            f"{href}: column {name} holds {sample[:40]!r}, which is no number",
            hint="write coordinates as decimal degrees with a point",
        ) from error
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return value is None
    return True


def _rest(table: pa.Table, *taken: str) -> pa.Table:
    return table.drop_columns(list(taken))

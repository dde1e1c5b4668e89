"""Write features to GeoParquet, GeoPackage, GeoJSON or CSV: whole or not at all.

GeoParquet and GeoPackage keep the CRS. GeoJSON and CSV are always in WGS84 longitude and latitude,
the first as RFC 7946 wants it: outer rings counter-clockwise, cut at the antimeridian.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError

from eoagent.contracts.errors import InputError, SourceError
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.measure import to_lonlat
from eoagent.io.atomic import disk_errors, publish
from eoagent.io.featureset import GEOMETRY_COLUMN, FeatureSet, as_column, with_column
from eoagent.io.geoparquet import write_geoparquet

__all__ = ["FORMATS", "MEDIA_TYPES", "write_features"]

_PIXELS: Final = 'LOCAL_CS["pixels",UNIT["metre",1]]'
"""CRS of a GeoPackage layer in pixels; it is read back as no CRS."""


def write_features(path: Path, features: FeatureSet) -> None:
    """Write features to a file whose ending names the format; an existing file is replaced.

    Attributes keep their types where the format has them; lists and records become JSON texts in
    GeoPackage and CSV.

    Raises:
        InputError: if the ending is none that is written, or features in pixels are to become
            GeoJSON.
        SourceError: if the disk is full or cannot be written.
    """
    writer = FORMATS.get(path.suffix.casefold())
    if writer is None:
        raise InputError(
            f"{path.name} has no ending that features are written to",
            hint=f"end it in {', '.join(FORMATS)}",
        )
    part = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            writer(part, features)
            publish(part, path)
    finally:
        for left in (part, part.with_name(part.name + "-journal")):
            with contextlib.suppress(OSError):  # gone when it was renamed
                os.unlink(left)  # noqa: PTH108  as in `atomic`


def _write_geopackage(path: Path, features: FeatureSet) -> None:
    blobs = pa.array(shapely.to_wkb(features.geometries), type=pa.binary())
    table = with_column(_plain(features.columns), GEOMETRY_COLUMN, blobs)
    types = features.geometry_types
    try:
        pyogrio.raw.write_arrow(
            table,
            path,
            driver="GPKG",
            layer=_layer_name(features.label),
            geometry_name=GEOMETRY_COLUMN,
            geometry_type=types[0] if len(types) == 1 else "Unknown",
            crs=features.crs or _PIXELS,
            layer_options={
                "GEOMETRY_NAME": GEOMETRY_COLUMN,
                "FID": _free_name("fid", features.column_names),
            },
        )
    except (DataSourceError, DataLayerError, FieldError, GeometryError) as error:
        raise SourceError(
            f"{path.parent} took no GeoPackage: {str(error)[:300]}",
            href=str(path.parent),
            hint="check that the folder can be written and has room",
        ) from error


def _write_geojson(path: Path, features: FeatureSet) -> None:
    if not features.crs:
        raise InputError(
            "features in pixels have no longitude and latitude, which GeoJSON needs",
            hint="write .gpkg, .parquet or .csv, or give a georeferenced image",
        )
    geometries = _oriented(_lonlat(features, cut=True))
    texts = shapely.to_geojson(geometries)
    rows = features.columns.to_pylist() if features.column_names else [{}] * len(features)
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type":"FeatureCollection","features":[')
        for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
            properties = json.dumps(_json_safe(row), ensure_ascii=False, allow_nan=False)
            file.write(
                f'{"," if number else ""}\n{{"type":"Feature","properties":{properties},'
                f'"geometry":{text}}}'
            )
        file.write("\n]}\n")


def _write_csv(path: Path, features: FeatureSet) -> None:
    geometries = _lonlat(features, cut=False) if features.crs else features.geometries
    texts = pa.array(shapely.to_wkt(geometries, rounding_precision=-1), type=pa.string())
    name = _free_name("wkt", features.column_names)
    pyarrow.csv.write_csv(with_column(_plain(features.columns), name, texts), path)


def _lonlat(features: FeatureSet, *, cut: bool) -> NDArray[np.object_]:
    """Return the geometries in longitude and latitude, where wished cut at the antimeridian."""
    out = features.geometries.copy()
    is_degrees = features.crs == "EPSG:4326"
    for row, geometry in enumerate(features.geometries):
        moved = geometry if is_degrees else to_lonlat(geometry, features.crs, max_segment=math.inf)
        out[row] = split_at_antimeridian(moved) if cut else moved
    return out


def _oriented(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.orient_polygons(geometries, exterior_cw=False), dtype=object)


def _plain(columns: pa.Table) -> pa.Table:
    """Return columns with nested ones as JSON texts."""
    arrays = {
        field.name: (
            as_column([None if v is None else _json_text(v) for v in column.to_pylist()])
            if pa.types.is_nested(field.type) or pa.types.is_null(field.type)
            else column
        )
        for field, column in zip(columns.schema, columns.columns, strict=True)
    }
    return pa.table(arrays)


def _json_text(value: Any) -> str:
    return json.dumps(_json_safe(value), ensure_ascii=False, allow_nan=False)


def _json_safe(value: Any) -> Any:
    """Return a value that JSON can hold: NaN becomes null, times ISO texts, bytes base64."""
    if isinstance(value, Mapping):
        return {str(key): _json_safe(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(member) for member in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, int, bool)) or value is None:
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _free_name(name: str, taken: tuple[str, ...]) -> str:
    known = {column.casefold() for column in taken}
    while name in known:
        name += "_"
    return name


def _layer_name(label: str) -> str:
    plain = "".join(c if c.isalnum() or c in "_- " else "_" for c in label)[:60].strip()
    return plain or "features"


FORMATS: Final[Mapping[str, Callable[[Path, FeatureSet], None]]] = MappingProxyType(
    {
        ".parquet": write_geoparquet,
        ".geoparquet": write_geoparquet,
        ".gpkg": _write_geopackage,
        ".geojson": _write_geojson,
        ".json": _write_geojson,
        ".csv": _write_csv,
    }
)
"""Writer per file ending."""

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".parquet": "application/vnd.apache.parquet",
        ".geoparquet": "application/vnd.apache.parquet",
        ".gpkg": "application/geopackage+sqlite3",
        ".geojson": "application/geo+json",
        ".json": "application/geo+json",
        ".csv": "text/csv",
    }
)
"""Media type per file ending."""

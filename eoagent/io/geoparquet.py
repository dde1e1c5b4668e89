"""Read and write GeoParquet (1.0 and 1.1, geometries as WKB), the form in which features are kept.

Source: GeoParquet 1.1.0, https://geoparquet.org/releases/v1.1.0/
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.featureset import GEOMETRY_COLUMN, FeatureLimits, FeatureSet, with_column
from eoagent.io.rawfeatures import RawFeatures, crs_from, from_wkb

__all__ = ["is_parquet", "parse_geoparquet", "write_geoparquet"]

_MAGIC: Final = b"PAR1"
_VERSION: Final = "1.1.0"
_THRIFT_LIMIT: Final = 64 << 20


def is_parquet(head: bytes) -> bool:
    """Return whether a file that starts with these bytes is Parquet."""
    return head.startswith(_MAGIC)


def parse_geoparquet(file: BinaryIO, href: str, limits: FeatureLimits) -> RawFeatures:
    """Return the rows of a GeoParquet file.

    A file without `geo` metadata is read where it has a binary column `geometry`, and says so.

    Raises:
        SourceError: if the file is damaged.
        InputError: if it has no geometry column, encodes it in another way, or is too large.
    """
    try:
        parquet = pq.ParquetFile(
            file,
            thrift_string_size_limit=_THRIFT_LIMIT,
            thrift_container_size_limit=_THRIFT_LIMIT,
        )
        _refuse_large(parquet.metadata, href, limits)
        geo = _metadata(parquet.schema_arrow, href)
        table = parquet.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(
            f"{href} is not a sound Parquet file: {str(error)[:200]}", href=href
        ) from error
    name, column, notes = _geometry_column(geo, table, href)
    blobs = table.column(name).to_numpy()
    return RawFeatures(
        geometries=from_wkb(np.asarray(blobs, dtype=object), href),
        columns=_attributes(table, name, column),
        crs=_crs(column, href),
        assumptions=notes,
    )


def write_geoparquet(path: Path, features: FeatureSet) -> None:
    """Write features to a new file; equal features give equal bytes.

    Raises:
        OSError: if the disk refuses.
    """
    blobs = pa.array(shapely.to_wkb(features.geometries), type=pa.binary())
    table = with_column(features.columns, GEOMETRY_COLUMN, blobs)
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": list(features.geometry_types),
        "crs": pyproj.CRS.from_user_input(features.crs).to_json_dict() if features.crs else None,
    }
    if len(features):
        column["bbox"] = [float(v) for v in shapely.total_bounds(features.geometries)]
    geo = {
        "version": _VERSION,
        "primary_column": GEOMETRY_COLUMN,
        "columns": {GEOMETRY_COLUMN: column},
    }
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd", store_schema=True)


def _refuse_large(metadata: Any, href: str, limits: FeatureLimits) -> None:
    size = sum(
        metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)
    )
    if metadata.num_rows > limits.max_features or size > limits.max_bytes:
        raise InputError(
            f"{href} declares {metadata.num_rows} features and {size} bytes; the limits are "
            f"{limits.max_features} and {limits.max_bytes}",
            hint="cut the file to the area of interest",
        )
    if metadata.num_columns > limits.max_columns:
        raise InputError(
            f"{href} holds {metadata.num_columns} columns, more than {limits.max_columns}",
            hint="keep the columns that matter",
        )


def _metadata(schema: Any, href: str) -> dict[str, Any]:
    text = (schema.metadata or {}).get(b"geo")
    if text is None:
        return {}
    try:
        geo = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{href}: its `geo` metadata is not JSON", href=href) from error
    if not isinstance(geo, dict) or not isinstance(geo.get("columns"), dict):
        raise SourceError(f"{href}: its `geo` metadata names no columns", href=href)
    return geo


def _geometry_column(
    geo: dict[str, Any], table: Any, href: str
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    name = str(geo.get("primary_column", GEOMETRY_COLUMN))
    column = geo.get("columns", {}).get(name, {})
    if name not in table.column_names or not isinstance(column, dict):
        raise InputError(
            f"{href} has no geometry column '{name[:60]}'; it holds "
            f"{', '.join(table.column_names[:20])}",
            hint="give a GeoParquet file with a WKB geometry column",
        )
    encoding = column.get("encoding", "WKB")
    binary = table.schema.field(name).type
    if encoding != "WKB" or not (pa.types.is_binary(binary) or pa.types.is_large_binary(binary)):
        raise InputError(
            f"{href}: geometries in column '{name[:60]}' are encoded as {str(encoding)[:40]} "
            f"({binary}), and WKB is read here",
            hint="write the file with WKB geometries",
        )
    if not geo:
        notes = (f"the file has no `geo` metadata; its column {name} is taken as WKB",)
    return name, column, notes


def _attributes(table: Any, name: str, column: dict[str, Any]) -> Any:
    """Return the columns besides the geometry and the boxes that only repeat it."""
    covering = column.get("covering")
    boxes = covering.get("bbox") if isinstance(covering, dict) else None
    paths = boxes.values() if isinstance(boxes, dict) else ()
    derived = {path[0] for path in paths if isinstance(path, list) and path}
    dropped = [n for n in table.column_names if n == name or n in derived]
    return table.drop_columns(dropped).replace_schema_metadata(None)


def _crs(column: dict[str, Any], href: str) -> pyproj.CRS | None:
    stated = column.get("crs", "OGC:CRS84") if column else None
    return None if stated is None else crs_from(stated, href)

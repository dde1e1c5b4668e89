"""The columns of a tile table, and the footers that its Parquet files carry.

Sources: GeoParquet 1.1.0, https://geoparquet.org/releases/v1.1.0/ (covering by a bbox column);
stac-geoparquet 1.1.0; STAC embeddings extension 0.0.1 (proposal), footer key `emb`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import shapely

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox

__all__ = [
    "BBOX_TYPE",
    "EMB_VERSION",
    "TILE_SCHEMA",
    "TIME_TYPE",
    "conform",
    "footers",
    "geometry_kinds",
]

EMB_VERSION: Final = "0.0.1"
"""Version of the embeddings extension that the footer `emb` follows."""
TIME_TYPE: Final = pa.timestamp("us", tz="UTC")
"""Type of `start` and `end`."""
BBOX_TYPE: Final = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])
"""Type of `bbox`, degrees; xmin above xmax crosses the antimeridian."""

_REQUIRED: Final = (
    ("tile_id", pa.string()),
    ("collection", pa.string()),
    ("item_id", pa.string()),
    ("item_href", pa.string()),
    ("href", pa.string()),
    ("asset_key", pa.string()),
    ("col", pa.int32()),
    ("row", pa.int32()),
    ("width", pa.int32()),
    ("height", pa.int32()),
)
_OPTIONAL: Final = (
    ("geometry", pa.binary()),
    ("bbox", BBOX_TYPE),
    ("start", TIME_TYPE),
    ("end", TIME_TYPE),
    ("gsd_m", pa.float64()),
    ("cloud_pct", pa.float64()),
    ("nodata_pct", pa.float64()),
)
_LAST: Final = (
    ("sensor", pa.string()),
    ("recipe", pa.string()),
    ("unit", pa.string()),
    ("chip_px", pa.int32()),
)
TILE_SCHEMA: Final = pa.schema(
    [pa.field(name, kind, nullable=False) for name, kind in _REQUIRED]
    + [pa.field(name, kind, nullable=True) for name, kind in _OPTIONAL]
    + [pa.field(name, kind, nullable=False) for name, kind in _LAST]
)
"""Columns of a tile table; row i describes vector i."""


def conform(table: pa.Table) -> pa.Table:
    """Return a table with exactly the columns of `TILE_SCHEMA`, in its order and types.

    Raises:
        InputError: if a column is missing, of another type, or null where it may not be.
    """
    missing = [name for name in TILE_SCHEMA.names if name not in table.column_names]
    extra = [name for name in table.column_names if name not in TILE_SCHEMA.names]
    if missing or extra:
        raise InputError(
            f"a tile table has the columns of TILE_SCHEMA; missing: {missing}, unknown: {extra}"
        )
    for field in TILE_SCHEMA:
        nulls = table.column(field.name).null_count
        if nulls and not field.nullable:
            raise InputError(f"column {field.name} of a tile table has {nulls} nulls, none allowed")
    try:
        return table.select(TILE_SCHEMA.names).cast(TILE_SCHEMA)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"a tile table does not fit TILE_SCHEMA: {error}") from error


def footers(
    encoder: EncoderFingerprint, bbox: BBox | None, kinds: Sequence[str], collections: Sequence[str]
) -> dict[bytes, bytes]:
    """Return the key-value metadata of a tile file.

    Args:
        encoder: what made the vectors beside it.
        bbox: box around its geometries.
        kinds: their types (`Polygon`).
        collections: ids of the collections that its rows come from.
    """
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(kinds),
        "edges": "planar",
        "covering": {
            "bbox": {name: ["bbox", name] for name in ("xmin", "ymin", "xmax", "ymax")},
        },
    }
    if bbox is not None:
        column["bbox"] = [bbox.west, bbox.south, bbox.east, bbox.north]
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": column},
    }
    emb = {
        "version": EMB_VERSION,
        "type": "chip",
        "model": encoder.to_dict(),
        "embedding": {
            "dim": encoder.dimensions,
            "data_type": "float16",
            "metric": "cosine",
            "href": "vectors.npy",
        },
    }
    stac = {
        "version": "1.1.0",
        "collections": {name: {"type": "Collection", "id": name} for name in collections if name},
    }
    texts = {"geo": geo, "emb": emb, "stac-geoparquet": stac}
    return {name.encode(): json.dumps(value).encode() for name, value in texts.items()}


def geometry_kinds(blobs: pa.ChunkedArray) -> set[str]:
    """Return the names of the geometry types in a column of WKB.

    Raises:
        InputError: if one is no WKB.
    """
    values = blobs.drop_null().to_numpy(zero_copy_only=False)
    try:
        ids = set(shapely.get_type_id(shapely.from_wkb(values)).tolist())
    except (shapely.errors.ShapelyError, TypeError) as error:
        raise InputError(f"column geometry of a tile table is no WKB: {error}") from error
    return {_KINDS[number] for number in ids}


_KINDS: Final = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)

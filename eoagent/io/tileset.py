"""Tiles that a search found, as others take them: an artifact, features, GeoJSON, GeoParquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
import shapely.geometry

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import NotFound
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import TimeRange
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tilesearch import TileHit
from eoagent.io.featureset import FeatureSet, feature_set

__all__ = [
    "find_tile",
    "store_tiles",
    "stored_tiles",
    "tile_features",
    "tiles_geojson",
    "time_label",
    "write_tiles_geoparquet",
]

_VERSION: Final = "1.1.0"
_SHOWN: Final = 6
_COLUMNS: Final[dict[str, pa.DataType]] = {
    "rank": pa.int32(),
    "tile_id": pa.string(),
    "score": pa.float64(),
    "z": pa.float64(),
    "collection": pa.string(),
    "item_id": pa.string(),
    "href": pa.string(),
    "item_href": pa.string(),
    "col": pa.int32(),
    "row": pa.int32(),
    "width": pa.int32(),
    "height": pa.int32(),
    "start": pa.timestamp("us", tz="UTC"),
    "end": pa.timestamp("us", tz="UTC"),
    "gsd_m": pa.float64(),
    "cloud_pct": pa.float64(),
    "nodata_pct": pa.float64(),
    "merged": pa.int32(),
}
"""Attributes of a tile in files, in order."""


def time_label(hit: TileHit) -> str:
    """Return when a tile was taken as a person writes it; empty where nobody knows."""
    if hit.start is None and hit.end is None:
        return ""
    return TimeRange(start=hit.start or hit.end, end=hit.end or hit.start).label


def store_tiles(
    store: ArtifactStore, hits: Sequence[TileHit], *, label: str, about: dict[str, Any]
) -> Artifact:
    """Keep tiles as an artifact, an item each with `id`, `href` and all that is known of it.

    Args:
        store: where to keep them.
        hits: the tiles, best first.
        label: what they are, in words.
        about: what the search says besides: index, version, encoder.
    """
    items = [{"id": hit.tile_id, **hit.to_dict()} for hit in hits]
    preview: dict[str, Any] = {
        "count": len(hits),
        "ids": [hit.tile_id for hit in hits[:_SHOWN]],
        "scores": [round(hit.score, 4) for hit in hits[:_SHOWN]],
        "times": [time_label(hit) for hit in hits[:_SHOWN]],
        "items": [hit.item_id[:40] for hit in hits[:_SHOWN]],
    }
    return store.put(
        "tiles",
        title=label[:120],
        payload={"label": label[:200], **about, "items": items},
        preview=preview,
    )


def stored_tiles(artifact: Artifact) -> tuple[TileHit, ...]:
    """Return the tiles of an artifact."""
    return tuple(
        TileHit.model_validate({key: value for key, value in item.items() if key != "id"})
        for item in artifact.payload.get("items", [])
    )


def find_tile(hits: Sequence[TileHit], item: str) -> TileHit:
    """Return the one of some tiles that a text names: its rank, or its id or the start of it.

    Raises:
        NotFound: if it names none, or several.
    """
    if item.isdigit() and len(item) < 6:
        found = [hit for hit in hits if hit.rank == int(item)]
    else:
        found = [hit for hit in hits if item and hit.tile_id.startswith(item)]
    if len(found) == 1:
        return found[0]
    what = f"'{item[:40]}' names {len(found)} of" if item else "no tile was named of"
    raise NotFound(
        f"{what} {len(hits)} tiles",
        hint=f"give a rank from 1 to {len(hits)}, or an id such as {hits[0].tile_id}"
        if hits
        else "search again: there are none",
    )


def tile_features(
    hits: Sequence[TileHit], *, label: str, sources: tuple[Source, ...] = ()
) -> FeatureSet:
    """Return the footprints of the tiles that have one, in WGS84 degrees, with their attributes."""
    placed = [(hit, hit.footprint) for hit in hits if hit.footprint is not None]
    rows = [_row(hit) for hit, _ in placed]
    columns = {name: [_plain(row[name]) for row in rows] for name in _COLUMNS}
    shapes = [shapely.geometry.shape(footprint) for _, footprint in placed]
    return feature_set(shapes, columns, crs="EPSG:4326", label=label[:200], sources=sources)


def tiles_geojson(hits: Sequence[TileHit], about: dict[str, Any]) -> dict[str, Any]:
    """Return tiles as a GeoJSON FeatureCollection; one without a place has no geometry."""
    features = [
        {
            "type": "Feature",
            "id": hit.tile_id,
            "geometry": hit.footprint,
            "properties": {name: _plain(value) for name, value in _row(hit).items()},
        }
        for hit in hits
    ]
    return {"type": "FeatureCollection", **about, "features": features}


def write_tiles_geoparquet(path: Path, hits: Sequence[TileHit], about: dict[str, Any]) -> None:
    """Write tiles to a new GeoParquet file; one without a place has no geometry.

    Raises:
        OSError: if the disk refuses.
    """
    rows = [_row(hit) for hit in hits]
    shapes = [
        None if hit.footprint is None else shapely.geometry.shape(hit.footprint) for hit in hits
    ]
    placed = [shape for shape in shapes if shape is not None]
    columns = {
        name: pa.array([row[name] for row in rows], type=kind) for name, kind in _COLUMNS.items()
    }
    wkb = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
    geometry: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted({shape.geom_type for shape in placed}),
        "crs": pyproj.CRS.from_user_input("OGC:CRS84").to_json_dict(),
    }
    if placed:
        geometry["bbox"] = [float(v) for v in shapely.total_bounds(placed)]
    geo = {
        "version": _VERSION,
        "primary_column": "geometry",
        "columns": {"geometry": geometry},
    }
    table = pa.table({**columns, "geometry": pa.array(wkb, type=pa.binary())})
    said = {"geo": json.dumps(geo), "eoagent": json.dumps(about)}
    pq.write_table(table.replace_schema_metadata(said), path, compression="zstd")


def _row(hit: TileHit) -> dict[str, Any]:
    col, row, width, height = hit.window
    own = {name: getattr(hit, name) for name in _COLUMNS if hasattr(hit, name)}
    place = {"col": col, "row": row, "width": width, "height": height}
    return {name: {**own, **place}[name] for name in _COLUMNS}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

"""Rows of a tile table as the records that a search hands back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping

from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileHit
from eoagent_indexes.segment import Segment

__all__ = ["hits_of", "order_of", "rows_of"]

_POLYGON = 3  # shapely's number of the type
_COLUMNS = (
    "tile_id",
    "collection",
    "item_id",
    "item_href",
    "href",
    "col",
    "row",
    "width",
    "height",
    "geometry",
    "bbox",
    "start",
    "end",
    "gsd_m",
    "cloud_pct",
    "nodata_pct",
)


def rows_of(
    segments: Sequence[Segment],
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: Sequence[str] = _COLUMNS,
) -> pa.Table:
    """Return rows of several segments, at least one, in the order asked for.

    Args:
        segments: the segments.
        numbers: position of the segment of each row, (n,).
        rows: the rows, (n,).
        columns: columns of the tile table.

    Raises:
        SourceError: if a file of a segment is damaged.
    """
    parts, places = [], np.empty(len(rows), dtype=np.int64)
    at = 0
    for number in np.unique(numbers).tolist():
        mine = np.flatnonzero(numbers == number)
        parts.append(segments[number].table(rows[mine], columns))
        places[mine] = np.arange(at, at + len(mine))
        at += len(mine)
    whole = pa.concat_tables(parts)
    return whole if len(parts) == 1 else whole.take(pa.array(places))


def order_of(
    scores: NDArray[np.float64], tile_ids: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """Return the order from the best score down; equal scores go by tile id, where it is given."""
    keys = (-scores,) if tile_ids is None else (np.asarray(tile_ids), -scores)
    return np.lexsort(keys).astype(np.int64)


def hits_of(
    table: pa.Table, scores: Sequence[float], zs: Sequence[float | None]
) -> tuple[TileHit, ...]:
    """Return the rows of a table as hits, ranked in their order."""
    shapes = shapely.from_wkb(table.column("geometry").to_numpy())
    simple = (shapely.get_type_id(shapes) == _POLYGON) & (
        shapely.get_num_interior_rings(shapes) == 0
    )
    simple &= ~shapely.has_z(shapes)
    footprints = [
        _ring(shape) if is_simple else None if shape is None else mapping(shape)
        for shape, is_simple in zip(shapes, simple.tolist(), strict=True)
    ]
    rows = table.drop_columns(["geometry"]).to_pylist()
    return tuple(
        _hit(row, rank=rank, score=scores[rank - 1], z=zs[rank - 1], footprint=footprint)
        for rank, (row, footprint) in enumerate(zip(rows, footprints, strict=True), start=1)
    )


def _ring(polygon: Any) -> dict[str, Any]:
    """Return what `mapping` does of a polygon without holes, at a tenth of its time."""
    ring = tuple(map(tuple, shapely.get_coordinates(polygon).tolist()))
    return {"type": "Polygon", "coordinates": (ring,)}


def _hit(
    row: dict[str, Any],
    *,
    rank: int,
    score: float,
    z: float | None,
    footprint: dict[str, Any] | None,
) -> TileHit:
    box = row["bbox"]
    return TileHit(
        rank=rank,
        tile_id=row["tile_id"],
        score=round(score, 6),
        z=z,
        collection=row["collection"],
        item_id=row["item_id"],
        href=row["href"],
        item_href=row["item_href"],
        window=(row["col"], row["row"], row["width"], row["height"]),
        bbox=None
        if box is None
        else BBox(west=box["xmin"], south=box["ymin"], east=box["xmax"], north=box["ymax"]),
        footprint=footprint,
        start=row["start"],
        end=row["end"],
        gsd_m=_known(row["gsd_m"]),
        cloud_pct=_known(row["cloud_pct"]),
        nodata_pct=_known(row["nodata_pct"]),
    )


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value

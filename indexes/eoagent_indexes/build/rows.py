"""Make the rows of a tile table from tiles that were embedded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from eoagent.contracts.geometry import Window
from eoagent_indexes.build.footprints import Outline, outlines
from eoagent_indexes.build.job import Job
from eoagent_indexes.build.tiles import Tile
from eoagent_indexes.build.unit import Unit
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.tileid import tile_id

__all__ = ["tile_rows"]


def tile_rows(unit: Unit, tiles: Sequence[tuple[Tile, Window]], job: Job) -> pa.Table:
    """Return the rows of some tiles of one unit, in their order."""
    places = outlines(unit.ref.grid, [window for _, window in tiles])
    common = {
        "collection": unit.collection,
        "item_id": unit.item_id,
        "item_href": unit.item_href,
        "href": unit.href,
        "asset_key": unit.asset_key,
        "start": _utc(unit.start),
        "end": _utc(unit.end),
        "gsd_m": unit.gsd_m,
        "sensor": unit.ref.sensor,
        "recipe": unit.recipe.name,
        "unit": unit.key,
    }
    rows = [
        common | _own(unit, tile, window, place, job)
        for (tile, window), place in zip(tiles, places, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=TILE_SCHEMA)


def _own(unit: Unit, tile: Tile, window: Window, place: Outline | None, job: Job) -> dict[str, Any]:
    assert tile.picture is not None
    chip_px = max(tile.picture.shape[:2])
    identity = tile_id(
        collection=unit.collection,
        item_id=unit.item_id,
        asset_key=unit.asset_key,
        asset_version=unit.asset_version,
        window=(window.col, window.row, window.width, window.height),
        recipe=unit.recipe.key,
        chip_px=chip_px,
        gsd_m=job.request.gsd_m,
        encoder=job.fingerprint,
    )
    box = None
    if place is not None:
        edges = place.bbox
        box = {"xmin": edges.west, "ymin": edges.south, "xmax": edges.east, "ymax": edges.north}
    return {
        "tile_id": identity,
        "col": window.col,
        "row": window.row,
        "width": window.width,
        "height": window.height,
        "geometry": None if place is None else place.wkb,
        "bbox": box,
        "cloud_pct": tile.cloud_pct,
        "nodata_pct": tile.nodata_pct,
        "chip_px": chip_px,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)

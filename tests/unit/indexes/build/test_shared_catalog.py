"""A catalog of real imagery of many sensors, against rasterio."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform_geom

from eoagent.contracts.indexing import BuildRequest
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep


@pytest.fixture(scope="module")
def edge():
    return 224


def test_every_sensor_is_indexed_by_its_recipe_or_set_aside_with_a_reason(
    around, shared_data, tmp_path, edge
):
    catalog = shared_data / "catalog"
    upkeep = TileUpkeep(tmp_path / "i", around(typed=[catalog], max_batch=32))
    report = upkeep.build(BuildRequest(source=str(catalog), tile_px=edge, max_nodata_pct=100))
    with Snapshot.open(tmp_path / "i") as snapshot:
        rows = [r for s in snapshot.segments for r in s.table(np.arange(s.rows)).to_pylist()]
    by_item = Counter(row["item_id"] for row in rows)
    aside = {text.split(":")[0] for text in report.quarantined}
    assert len(by_item) + len(aside) + _all_cloud(report) == report.items
    assert {row["recipe"] for row in rows if row["collection"] == "naip"} == {"naip"}
    assert {row["recipe"] for row in rows if row["collection"] == "sentinel-2"} == {
        "s2-reflectance"
    }
    assert {"s1a_camargue_20150309", "dem_olinda", "pucallpa_2020"} <= aside
    for row in rows:
        with rasterio.open(row["href"]) as file:
            across, down = (-(-max(side, edge) // edge) for side in (file.width, file.height))
            if row["cloud_pct"] is None:
                assert by_item[row["item_id"]] == across * down
            assert _apart(row, file) < 0.3 / edge
            assert row["gsd_m"] > 0


def _all_cloud(report):
    """Items all of whose tiles are under clouds: the one Landsat 8 scene, at most."""
    return int(report.skipped.get("cloud", 0) > 0)


def _apart(row, file):
    """Share of the tile that its footprint and the outline of its corners do not have in common."""
    a, _, x, _, e, y = tuple(file.transform)[:6]
    left, top = x + a * row["col"], y + e * row["row"]
    box = shapely.box(left, top + e * row["height"], left + a * row["width"], top)
    dense = shapely.segmentize(box, max(box.length / 200, 1e-9))
    wanted = shapely.geometry.shape(
        transform_geom(file.crs, "EPSG:4326", shapely.geometry.mapping(dense))
    )
    found = shapely.from_wkb(row["geometry"])
    return found.symmetric_difference(wanted).area / wanted.area

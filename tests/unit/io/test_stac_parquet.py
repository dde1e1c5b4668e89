"""Items in stac-geoparquet, compared with the same items as JSON."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io.opening import open_described
from eoagent.io.origin import OriginGuard
from eoagent.io.stac import CatalogLimits, open_catalog
from eoagent.io.stac_parquet import items_in_parquet
from eoagent.io.stated import Stated


def opened(path, **limits):
    return open_catalog(str(path), OriginGuard([str(path)]), CatalogLimits(**limits))


def rows_of(items):
    """Return the rows that the specification asks for: properties flat, WKB, a struct as box."""
    rows = []
    for item in items:
        west, south, east, north = item["bbox"]
        rows.append(
            {key: value for key, value in item.items() if key != "properties"}
            | item["properties"]
            | {
                "geometry": shapely.to_wkb(shapely.geometry.shape(item["geometry"])),
                "bbox": {"xmin": west, "ymin": south, "xmax": east, "ymax": north},
            }
        )
    return rows


def write(path, rows, **columns):
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    for name, array in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, array)
    pq.write_table(table, path)
    return path


@pytest.fixture
def items(stac_server):
    """Items with bands, differing assets, one without cloud cover and one over the antimeridian."""
    made = [stac_server.make_item(f"i{n}") for n in range(3)]
    band = {"name": "B04", "eo:common_name": "red", "raster:scale": 0.0001}
    made[1]["assets"]["extra"] = {"href": "./red.tif", "bands": [band], "roles": ["data"]}
    made[2]["properties"] = {
        "datetime": None,
        "start_datetime": "2024-01-01T00:00:00Z",
        "end_datetime": "2024-03-01T00:00:00Z",
    }
    made[2]["bbox"] = [179.0, -17.0, -179.0, -16.0]
    made[2]["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[179, -17], [180, -17], [180, -16], [179, -16], [179, -17]]],
            [[[-180, -17], [-179, -17], [-179, -16], [-180, -16], [-180, -17]]],
        ],
    }
    return made


def test_a_table_gives_the_scenes_that_the_same_items_give_as_json(items, tmp_path):
    document = tmp_path / "items.json"
    document.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    expected = opened(document).scenes
    found = opened(write(tmp_path / "items.parquet", rows_of(items)))
    assert not found.is_partial
    assert found.source.fingerprint.kind == "sha256"
    same = [scene.model_copy(update={"href": ""}) for scene in found.scenes]
    assert same == [scene.model_copy(update={"href": ""}) for scene in expected]
    assert found.scenes[2].bbox == BBox(west=179, south=-17, east=-179, north=-16)
    assert found.scenes[2].time.label == "2024-01-01/2024-03-01"


def test_times_of_any_unit_and_json_texts_are_read(items, tmp_path):
    rows = rows_of(items[:1])
    for unit in ("s", "ms", "us", "ns"):
        moment = pa.array([1_719_828_000], pa.int64()).cast(pa.timestamp("s", "UTC"))
        texts = pa.array([json.dumps(items[0]["assets"])])
        path = write(
            tmp_path / f"{unit}.parquet", rows, datetime=moment.cast(pa.timestamp(unit, "UTC")),
            assets=texts,
        )  # fmt: skip
        (scene,) = opened(path).scenes
        assert scene.time.start.isoformat() == "2024-07-01T10:00:00+00:00"
        assert [asset.key for asset in scene.assets] == ["data"]


def test_a_real_table_holds_its_items(shared_data):
    found = opened(shared_data / "stac/planetary_computer/naip.parquet")
    assert len(found.scenes) == 5
    assert not found.is_partial
    first = found.scenes[0]
    assert first.id == "ok_m_3409901_nw_14_1_20100425"
    assert first.collection == "naip"
    assert first.gsd_m == 1.0
    assert first.time.label == "2010-04-25"
    assert [band.common_name for band in first.asset("image").bands] == [
        "red",
        "green",
        "blue",
        "nir",
    ]


def test_a_member_of_a_table_or_a_collection_opens_by_its_id(items, tmp_path, write_scene):
    write_scene(tmp_path / "data.tif")
    for item in items:
        item["assets"] = {"data": {"href": "./data.tif", "type": "image/tiff"}}
    document = tmp_path / "items.json"
    document.write_text(json.dumps({"type": "FeatureCollection", "features": items[:2]}))
    for path in (document, write(tmp_path / "items.parquet", rows_of(items[:2]))):
        scenes = opened(path).scenes
        assert [scene.href for scene in scenes] == [f"{path}#i0", f"{path}#i1"]
        guard = OriginGuard([str(tmp_path)])
        assert open_described([scenes[1].href], guard, stated=Stated()).ref.item_id == "i1"


def test_a_limit_on_scenes_is_said(items, tmp_path):
    found = opened(write(tmp_path / "items.parquet", rows_of(items)), max_scenes=2)
    assert len(found.scenes) == 2
    assert "stopped at 2 scenes" in found.missing[0]


def test_what_is_no_stac_table_is_refused(tmp_path, items):
    plain = write(tmp_path / "plain.parquet", [{"id": "a", "geometry": b"x"}])
    with pytest.raises(SourceError, match="without the columns assets") as caught:
        opened(plain)
    assert "open it as features" in caught.value.hint
    whole = write(tmp_path / "whole.parquet", rows_of(items)).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[:-40])
    with pytest.raises(SourceError, match="not a sound stac-geoparquet file"):
        opened(cut)
    with pytest.raises(SourceError, match="the limits are 10 and"):
        list(items_in_parquet(whole, "x", max_items=5, max_bytes=10))


def test_an_unsound_geometry_is_noted_and_the_item_kept(tmp_path, items):
    rows = rows_of(items[:2])
    rows[0]["geometry"] = b"\x01nonsense"
    found = opened(write(tmp_path / "items.parquet", rows))
    assert len(found.scenes) == 2
    assert found.scenes[0].geometry is None
    assert "its footprint is not sound and is not used" in found.scenes[0].notes

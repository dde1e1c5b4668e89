"""The live tour over a server on this machine that imitates earth-search; and without a network."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.io import MemoryFile

from eoagent.app.demo import run_demo
from eoagent.app.demo_live import live_scene
from eoagent.contracts.errors import NotFound, SourceError

SIZE, PIXEL = 512, 40.0
LAND = {"blue": 1500, "green": 1700, "red": 1600, "nir": 4000, "swir16": 3000}
WATER = {"blue": 1500, "green": 1600, "red": 1300, "nir": 1100, "swir16": 1050}
BOXES = {"good": (12.1, 45.2, 12.6, 45.6), "part": (12.1, 45.2, 12.35, 45.6)}


def cog(values):
    """Return the bytes of a COG around Venice."""
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True).transform(12.35, 45.435)
    half = SIZE * PIXEL / 2
    profile = {
        "driver": "COG", "width": SIZE, "height": SIZE, "count": 1, "dtype": values.dtype,
        "crs": "EPSG:32633", "nodata": 0, "blocksize": 128, "compress": "deflate",
        "transform": rasterio.Affine(PIXEL, 0, x - half, 0, -PIXEL, y + half),
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(values, 1)
        return memory.read()


def sentinel_item(stac_server, identity, date, box, cloud):
    """Return an item with the assets that earth-search lists: COGs, JPEG 2000 copies, classes."""
    assets = {}
    for name in LAND:
        said = {
            "eo:bands": [{"name": name, "common_name": name}],
            "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}],
            "roles": ["data", "reflectance"],
        }
        kind = "image/tiff; application=geotiff; profile=cloud-optimized"
        assets[name] = {"href": f"../../../{name}.tif", "type": kind, **said}
        copy = {"href": f"s3://sentinel-s2-l2a/{name}.jp2", "type": "image/jp2", **said}
        assets[f"{name}-jp2"] = copy
    assets["scl"] = {"href": "../../../scl.tif", "type": "image/tiff", "roles": ["reflectance"]}
    assets["thumbnail"] = {"href": "./t.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    return stac_server.make_item(
        identity,
        collection="sentinel-2-l2a",
        box=box,
        assets=assets,
        properties={
            "datetime": date.isoformat().replace("+00:00", "Z"),
            "eo:cloud_cover": cloud,
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "earthsearch:boa_offset_applied": False,
        },
    )


@pytest.fixture
def api(stac_server):
    """Scenes of which only one is recent, clear and covers the place; half of it is water."""
    now = datetime.now(tz=UTC).replace(microsecond=0)

    def item(identity, days, box="good", cloud=1.5):
        date = now - timedelta(days=days)
        return sentinel_item(stac_server, identity, date, BOXES[box], cloud)

    items = [
        item("newest-in-part", 1, box="part"),
        item("new-and-cloudy", 2, cloud=90.0),
        item("wanted", 3),
        item("older", 30),
        item("too-old", 400),
    ]
    with stac_server.StacServer(items, conforms=[*stac_server.CONFORMS, stac_server.QUERY]) as api:
        for name, land in LAND.items():
            values = np.full((SIZE, SIZE), land, "uint16")
            values[:, : SIZE // 2] = WATER[name]
            api.files[f"/v1/{name}.tif"] = cog(values)
        api.files["/v1/scl.tif"] = cog(np.full((SIZE, SIZE), 4, "uint8"))
        yield api


def test_the_newest_clear_scene_over_the_place_is_cut_out(api, tmp_path):
    item, about = live_scene(tmp_path / "scene", datetime.now(tz=UTC), api=api.url)
    assert "scene wanted, 1.5 percent cloud stated" in about
    assert about.startswith("the lagoon around Venice, 20")
    assert json.loads(item.read_text())["id"] == "wanted"
    asked = api.searches[0]
    assert asked["collections"] == ["sentinel-2-l2a"]
    assert asked["query"] == {"eo:cloud_cover": {"lte": 10.0}}
    assert asked["bbox"] == [12.3, 45.4, 12.4, 45.47]
    reads = [e for e in api.server.requests if e.path.endswith(".tif")]
    assert {exchange.path for exchange in reads} == set(api.files)
    assert all("range" in exchange.headers for exchange in reads)
    with rasterio.open(item.with_suffix(".tif")) as made:
        assert made.width < SIZE / 2
        np.testing.assert_allclose(np.unique(made.read(4)), [0.01, 0.3], atol=1e-6)


def test_the_tour_answers_from_that_scene(api, tmp_path):
    stops = []
    for stop in run_demo("earth-search", tmp_path / "tour", api=api.url):
        (answer,) = [event.data for event in stop.events if event.kind == "answer"]
        stop.finish(answer)
        stops.append((stop, answer))
    assert [answer.status for _, answer in stops] == ["answered"] * 3
    assert all(stop.holds(answer) for stop, answer in stops)
    water = stops[0][1]
    with rasterio.open(next((tmp_path / "tour/scene").glob("*.tif"))) as made:
        nir = made.read(4)
    share = 100 * np.count_nonzero(nir < 0.1) / nir.size
    assert water.results[1].number == pytest.approx(share, rel=0.002)
    assert water.results[0].number == pytest.approx(share / 100 * nir.size * PIXEL**2, rel=0.005)
    assert all(source.item_id == "wanted" for f in water.results for source in f.sources)


def test_without_a_clear_scene_the_tour_says_so(api, tmp_path):
    for item in api.items:
        item["properties"]["eo:cloud_cover"] = 50.0
    with pytest.raises(NotFound, match="none of the 0 scenes of sentinel-2-l2a") as caught:
        live_scene(tmp_path, datetime.now(tz=UTC), api=api.url)
    assert "eoagent demo" in caught.value.hint


def test_without_a_network_one_error_says_so(monkeypatch, tmp_path):
    def unreachable(*_args, **_named):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    with pytest.raises(SourceError, match="the live tour reads https://earth-search") as caught:
        next(run_demo("earth-search", tmp_path))
    assert "Temporary failure in name resolution" in str(caught.value)
    assert "check the network, or run `eoagent demo`" in caught.value.hint
    assert not (tmp_path / "scene").exists()


def test_a_file_that_cannot_be_had_is_the_same_error(api, tmp_path):
    del api.files["/v1/nir.tif"]
    with pytest.raises(SourceError, match=r"the files that it names, and could not: .*nir\.tif"):
        live_scene(tmp_path / "scene", datetime.now(tz=UTC), api=api.url)
    assert not (tmp_path / "scene").exists()

"""Masks and features are drawn over the scene they belong to, and over no other."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from eoagent.app.bench import run_tool
from eoagent.io.origin import OriginGuard
from eoagent.io.previews import MapMaker
from eoagent.io.store import FileStore


@pytest.fixture
def call(tmp_path):
    """Run a tool and return the handle of its first artifact."""

    def run(tool, **arguments):
        result = run_tool(tool, arguments, home=tmp_path / "home")
        return next(iter(result.artifacts.values())).handle

    return run


@pytest.fixture
def maps(tmp_path):
    return MapMaker(FileStore(tmp_path / "home"), OriginGuard(typed=[str(tmp_path)]))


@pytest.fixture
def other(write_scene, tmp_path):
    return write_scene(tmp_path / "other.tif")


def _box(tmp_path, west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path = tmp_path / "box.geojson"
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return str(path)


def test_a_mask_lies_over_the_colour_picture_of_its_own_scene(call, maps, scene, other):
    strange = call("open_image", hrefs=[str(other)])
    raster = call("open_image", hrefs=[str(scene)])
    index = call("spectral_index", raster=raster, index="ndvi")
    mask = call("threshold", raster=raster, rule="water")
    drawn = maps.picture(mask, over=[strange, index, raster])
    assert drawn == maps.draw([raster, mask])
    assert drawn != maps.picture(mask)
    assert maps.picture(mask, over=[strange, index]) == maps.draw([mask])


def test_a_raster_is_drawn_alone(call, maps, scene):
    raster = call("open_image", hrefs=[str(scene)])
    index = call("spectral_index", raster=raster, index="ndvi")
    assert maps.picture(index, over=[raster]) == maps.draw([index])


def test_features_lie_over_a_scene_that_they_touch(call, maps, scene, tmp_path):
    raster = call("open_image", hrefs=[str(scene)])
    result = run_tool(
        "measure", {"target": raster, "quantities": ["bounds"]}, home=tmp_path / "home"
    )
    box = {figure.name: figure.value for figure in result.figures}
    middle = (
        (box["bounds_west"] + box["bounds_east"]) / 2,
        (box["bounds_south"] + box["bounds_north"]) / 2,
        box["bounds_east"],
        box["bounds_north"],
    )
    inside = call("open_features", href=_box(tmp_path, *middle))
    assert maps.picture(inside, over=[raster]) == maps.draw([raster, inside])


def test_features_elsewhere_are_drawn_alone(call, maps, scene, tmp_path):
    raster = call("open_image", hrefs=[str(scene)])
    far = call("open_features", href=_box(tmp_path, -60, -40, -59, -39))
    assert maps.picture(far, over=[raster]) == maps.draw([far])


def test_outlines_of_a_picture_in_grey_lie_over_it_even_without_a_place(call, maps, tmp_path):
    path = tmp_path / "grey.tif"
    pixels = np.zeros((1, 40, 50), np.uint8)
    pixels[0, 5:12, 8:30] = 200
    with rasterio.open(
        path, "w", driver="GTiff", width=50, height=40, count=1, dtype="uint8"
    ) as file:
        file.write(pixels)
    raster = call("open_image", hrefs=[str(path)])
    mask = call("threshold", raster=raster, operator="gt", value=100)
    outlines = call("regions", mask=mask)
    assert maps.picture(outlines, over=[raster]) == maps.draw([raster, outlines])
    assert maps.picture(mask, over=[raster]) == maps.draw([mask])  # two scales would mix

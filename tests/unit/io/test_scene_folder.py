"""A bare folder of rasters as scenes, compared with rasterio."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from rasterio.warp import transform_bounds

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.stac import CatalogLimits, open_catalog


def opened(folder, **limits):
    return open_catalog(str(folder), OriginGuard([str(folder)]), CatalogLimits(**limits))


def raster(path, **tags):
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 400_000, 0, -10, 5_000_000)}
    with rasterio.open(path, "w", **profile, **place) as target:
        target.write(np.ones((1, 3, 4), np.uint8))
        target.update_tags(**tags)
    return path


def test_each_raster_is_a_scene_with_its_place(shared_data):
    folder = shared_data / "multiband"
    found = opened(folder)
    assert [scene.id for scene in found.scenes] == sorted(scene.id for scene in found.scenes)
    assert len(found.scenes) == len(list(folder.rglob("*.tif")))
    for scene in found.scenes:
        with rasterio.open(folder / f"{scene.id}.tif") as file:
            expected = transform_bounds(file.crs, 4326, *file.bounds, densify_pts=51)
        box = scene.bbox
        assert (box.west, box.south, box.east, box.north) == pytest.approx(expected, abs=2e-4)
        assert scene.assets[0].href == str((folder / f"{scene.id}.tif").resolve())
        assert scene.gsd_m > 0


def test_a_raster_over_the_dateline_has_a_box_over_it(shared_data):
    scenes = {scene.id: scene for scene in opened(shared_data / "edge_cases").scenes}
    assert scenes["cog_dateline"].bbox.crosses_antimeridian


@pytest.mark.parametrize(
    ("name", "tags", "label", "note"),
    [
        ("s2_20190416.tif", {"datetime": "2001-01-01"}, "2019-04-16", "file name"),
        ("1985.tif", {}, "1985", "file name"),
        ("a.tif", {"datetime": "2019-04-16T10:00:00Z"}, "2019-04-16", "the tag datetime"),
        ("a.tif", {"TIFFTAG_DATETIME": "2011:05:22 17:00:00"}, "2011-05-22", "TIFFTAG_DATETIME"),
    ],
)
def test_the_time_comes_from_the_name_or_a_tag_and_is_said(tmp_path, name, tags, label, note):
    raster(tmp_path / name, **tags)
    (scene,) = opened(tmp_path).scenes
    assert scene.time.label == label
    assert any(note in text for text in scene.notes)


def test_an_unknown_time_is_not_invented(tmp_path):
    raster(tmp_path / "a.tif", datetime="soon")
    (scene,) = opened(tmp_path).scenes
    assert scene.time is None
    assert any("neither the file name nor a tag" in note for note in scene.notes)


@pytest.mark.parametrize(
    ("names", "years"),
    [
        (["f_1920.tif", "f_1047.tif"], [None, None]),
        (["f_1920.tif", "f_7.tif"], [None, None]),
        (["f_1920.tif", "g_1047.tif"], ["1920", None]),
        (["f_1920.tif", "f_2019.tif"], ["1920", "2019"]),
        (["f_2019_1.tif", "f_2020_2.tif", "f_2020_1047.tif"], ["2019", "2020", "2020"]),
        (["a/f_1920.tif", "b/f_1047.tif"], ["1920", None]),
        (["f_20190401.tif", "f_7.tif"], ["2019-04-01", None]),
    ],
)
def test_the_running_number_of_a_series_is_no_year(tmp_path, names, years):
    for name in names:
        raster(tmp_path / name)
    found = {scene.assets[0].href: scene.time for scene in opened(tmp_path).scenes}
    read = [found[str(tmp_path / name)] for name in names]
    assert [time and time.label for time in read] == years


def test_a_file_that_is_no_raster_is_left_out_and_said(tmp_path):
    raster(tmp_path / "good.tif")
    (tmp_path / "bad.tif").write_bytes(b"<VRTDataset></VRTDataset>")
    (tmp_path / "notes.txt").write_text("no raster")
    found = opened(tmp_path)
    assert [scene.id for scene in found.scenes] == ["good"]
    assert found.is_partial
    assert "bad.tif" in found.warnings[0]


def test_a_folder_of_nothing_but_damaged_files_is_refused(tmp_path):
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="not one of the 1 rasters"):
        opened(tmp_path)


def test_a_folder_without_rasters_says_what_is_wanted(tmp_path):
    with pytest.raises(NotFound, match="holds no raster and no catalog") as caught:
        opened(tmp_path)
    assert "catalog.json" in caught.value.hint


def test_a_large_folder_is_cut_and_said(tmp_path):
    for number in range(4):
        raster(tmp_path / f"{number}.tif")
    found = opened(tmp_path, max_files=3)
    assert [scene.id for scene in found.scenes] == ["0", "1", "2"]
    assert found.is_partial
    assert "the first 3 are taken" in found.warnings[0]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    raster(outside / "secret.tif")
    folder = tmp_path / "inside"
    raster(folder / "good.tif")
    (folder / "away").symlink_to(outside, target_is_directory=True)
    (folder / "link.tif").symlink_to(outside / "secret.tif")
    found = opened(folder)
    assert [scene.id for scene in found.scenes] == ["good"]
    assert any("is refused" in warning for warning in found.warnings)

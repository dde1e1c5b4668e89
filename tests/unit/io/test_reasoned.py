"""Scenes as a reasoner is shown them, whole or in part, and what was found put back into them."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from eoagent.contracts.artifact import FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import MaskRef
from eoagent.geo.sampling import Sampling
from eoagent.geo.sceneview import view_whole, view_window
from eoagent.io.blockwise import open_mask
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
from eoagent.io.reasonedfiles import ReasonedScene
from eoagent.io.reasonedmasks import outline_boxes
from eoagent.io.reasonedview import look_at_scene, pixel_cap
from eoagent.io.scenepictures import ScenePictures
from eoagent.io.stored_features import load_stored
from eoagent.io.viewpicture import ViewPictures

UTM = {"crs": "EPSG:32633", "transform": Affine(2, 0, 4e5, 0, -2, 5e6)}
PART = Window(row=20, col=10, height=40, width=60)


@pytest.fixture
def scene(tmp_path):
    """Write three bands and open them; gives reader and reference."""
    closing = []

    def write(values, **profile):
        path = tmp_path / "scene.tif"
        bands, height, width = values.shape
        size = {"width": width, "height": height, "count": bands, "dtype": values.dtype.name}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="GTiff", **size, **profile) as file:
                file.write(values)
        origins = OriginGuard(typed=[str(tmp_path)])
        ref = open_raster([str(path)], origins)
        reader = RasterReader(ref, origins)
        closing.append(reader)
        return reader

    yield write
    for reader in closing:
        reader.close()


@pytest.fixture
def bytes_scene(scene):
    """A scene of 80 x 90 pixels, bright in a square of 20 x 20 at row 30, column 40."""
    values = np.full((3, 80, 90), 30, np.uint8)
    values[:, 30:50, 40:60] = 220
    return scene(values, **UTM)


def test_a_picture_at_the_scenes_own_pixels_is_the_one_that_tiles_are_made_of(scene):
    values = np.random.default_rng(1).normal(100, 30, (3, 40, 50)).astype(np.float32)
    values[:, :5] = np.nan
    reader = scene(values, nodata=float("nan"), **UTM)
    own = Sampling(grid=reader.ref.grid, rows_per_px=1.0, cols_per_px=1.0, gsd_m=2.0)
    tiled, shown = ScenePictures(reader, own), ViewPictures(reader)
    one = tiled.read(reader.ref.grid.window)
    other = shown.read(view_whole(reader.ref.grid, most_pixels=10**6))
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.valid, other.valid)
    assert shown.rule == tiled.rule


def test_the_same_value_has_the_same_colour_in_every_part(scene):
    values = np.linspace(0, 5000, 60 * 80, dtype=np.float32).reshape(1, 60, 80)
    reader = scene(values, **UTM)
    shown = ViewPictures(reader)
    left, right = (
        shown.read(
            view_window(
                reader.ref.grid, Window(row=9, col=c, height=30, width=40), most_pixels=10**6
            )
        )
        for c in (0, 20)
    )
    np.testing.assert_array_equal(left.pixels[:, 20:], right.pixels[:, :20])
    assert shown.rule.startswith("one band in grey, ")


def test_a_coarse_picture_is_the_mean_of_its_pixels(bytes_scene):
    shown = ViewPictures(bytes_scene).read(view_whole(bytes_scene.ref.grid, most_pixels=1800))
    assert shown.pixels.shape == (40, 45, 3)
    expected = np.full((40, 45), 30)
    expected[15:25, 20:30] = 220
    np.testing.assert_array_equal(shown.pixels[..., 0], expected)


def test_a_part_without_valid_pixels_is_refused(scene):
    values = np.full((3, 40, 50), 9, np.uint8)
    values[:, :20] = 0
    reader = scene(values, nodata=0, **UTM)
    part = view_window(reader.ref.grid, Window(row=0, col=0, height=9, width=9), most_pixels=99)
    with pytest.raises(InputError, match="has no valid pixel"):
        ViewPictures(reader).read(part)


def test_the_cap_is_what_a_reasoner_says_else_that_of_its_card(reasoning):
    reasoner = reasoning.StubReasoner(cap=12345)
    assert pixel_cap(reasoner) == 12345
    for said in ({}, {"pixel_cap": "many"}, {"pixel_cap": "²"}):
        reasoner.manner = said
        assert pixel_cap(reasoner) == 64 * 64


def found_in_part(reader, services, reasoning, *, cap):
    """Look at a part of a scene, and return the scene with what was found in it."""
    scale = 1 if cap >= PART.pixels else 2
    box = np.array([[30.0, 10, 50, 30]]) / scale  # the bright square, as the part has it
    reasoner = reasoning.StubReasoner(box, cap=cap)
    look = look_at_scene(reader, reasoner, window=PART)
    grounding = reasoner.ground(look.picture.pixels, "what?")
    masks = outline_boxes(
        look,
        look.view.boxes_to_scene(grounding.boxes),
        look.view.to_scene(grounding.points),
        reasoning.StubOutliner(),
        work=(services.deadline, services.progress),
    )
    asked = ReasonedScene(
        services=services, ref=reader.ref, look=look, question="what?", sources=reader.ref.sources
    )
    return SimpleNamespace(scene=asked, look=look, grounding=grounding, masks=masks)


@pytest.mark.parametrize("cap", [10**6, 600])
def test_what_was_found_in_a_part_lies_at_its_place_in_the_scene(
    bytes_scene, services, reasoning, cap
):
    found = found_in_part(bytes_scene, services, reasoning, cap=cap)
    artifact, area = found.scene.store_mask(found.masks, rule="as told")
    with open_mask(services, MaskRef.model_validate(artifact.payload)) as file:
        yes, valid = file.read()
    expected = np.zeros((80, 90), bool)
    expected[30:50, 40:60] = True
    np.testing.assert_array_equal(yes, expected)
    looked_at = np.zeros((80, 90), bool)
    looked_at[20:60, 10:70] = True
    np.testing.assert_array_equal(valid, looked_at)
    assert area.value == pytest.approx(400 * 4, rel=1e-3)
    square = [4e5 + 80, 5e6 - 100, 4e5 + 120, 5e6 - 60]
    kept = [
        found.scene.store_boxes(found.grounding),
        found.scene.store_outlines(found.masks, found.grounding)[0],
    ]
    for one in kept:
        features = load_stored(services.store, FeaturesRef.model_validate(one.payload))
        assert features.geometries[0].bounds == pytest.approx(square)
    assert "columns 10 to 70 and rows 20 to 60 of the image" in found.look.note()


def test_control_points_place_outlines_as_they_place_the_scene(scene, services, reasoning):
    from rasterio.control import GroundControlPoint

    points = [
        GroundControlPoint(row=r, col=c, x=4e5 + 2 * c, y=5e6 - 2 * r)
        for r, c in [(0, 0), (0, 90), (80, 0), (80, 90)]
    ]
    values = np.full((3, 80, 90), 30, np.uint8)
    values[:, 30:50, 40:60] = 220
    reader = scene(values, gcps=points, crs="EPSG:32633")
    assert reader.ref.grid.gcps
    found = found_in_part(reader, services, reasoning, cap=600)
    artifact, _ = found.scene.store_outlines(found.masks, found.grounding)
    features = load_stored(services.store, FeaturesRef.model_validate(artifact.payload))
    square = [4e5 + 80, 5e6 - 100, 4e5 + 120, 5e6 - 60]
    assert features.geometries[0].bounds == pytest.approx(square, abs=1e-3)

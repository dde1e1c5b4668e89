"""Places in one large image, found coarse to fine by a model that sees colours."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from eoagent import plugins
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelMissing, NotFound
from eoagent.contracts.reasoner import Grounding, Reply
from eoagent.testing import check_tool

PLACE = CRS("EPSG:32633").to_wkt(), Affine(2, 0, 400000, 0, -2, 5000000)


@pytest.fixture
def looking(bench, meaning):
    """A bench with a model of windows of 32 pixels, and the model."""
    encoder = meaning.ColourEncoder()
    return bench.using(models=meaning.OneModels(encoder)), encoder


def large(meaning, *, lakes=((300, 420),), size=(640, 768)):
    """Return an image of forest with lakes of 40 x 40 pixels."""
    pixels = np.empty((3, *size), dtype=np.uint8)
    pixels[:] = np.array(meaning.COLOURS["forest"])[:, None, None]
    for row, col in lakes:
        pixels[:, row : row + 40, col : col + 40] = np.array(meaning.COLOURS["lake"])[:, None, None]
    return pixels


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "find_regions"), name="find_regions")


def test_a_lake_in_a_forest_is_found_at_its_place(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning), PLACE)
    found = bench("find_regions", raster=raster, text="a lake", k=1, budget=200)
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    lake = shapely.box(400000 + 2 * 420, 5000000 - 2 * 340, 400000 + 2 * 460, 5000000 - 2 * 300)
    assert boxes.geometries[0].intersection(lake).area > 0.3 * lake.area
    assert boxes.values("scale") == [1]
    figures = {f.name: f for f in found.figures}
    assert figures["looked_at"].value <= 200
    assert figures["best_z"].value > 3
    assert figures["best_lon"].unit == "deg"


def test_far_fewer_windows_than_all_are_looked_at(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning), PLACE)
    found = bench.values("find_regions", raster=raster, text="a lake", k=1, budget=150)
    every = (2 * 640 // 32 - 1) * (2 * 768 // 32 - 1)
    assert found["looked_at"] <= 150 < every / 10


def test_two_lakes_are_two_places_without_overlap(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning, lakes=((60, 80), (500, 600))), PLACE)
    found = bench("find_regions", raster=raster, text="a lake", k=4, budget=400)
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    first, second = boxes.geometries[0], boxes.geometries[1]
    assert first.intersection(second).area <= 0.25 * min(first.area, second.area)
    centres = {(g.centroid.x < 400768, g.centroid.y > 4999360) for g in (first, second)}
    assert centres == {(True, True), (False, False)}
    zs = boxes.values("z")
    assert zs == sorted(zs, reverse=True)


def test_without_georeference_boxes_are_pixels(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning))
    found = bench("find_regions", raster=raster, text="a lake", k=1)
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    assert boxes.crs == ""
    west, north, east, south = boxes.geometries[0].bounds
    assert west < 460
    assert east > 420
    assert north < 340
    assert south > 300
    assert "best_lon" not in {f.name for f in found.figures}


def test_windows_without_data_are_left_out(looking, meaning):
    bench, _ = looking
    pixels = large(meaning)
    pixels[:, :, :380] = 0
    raster = bench.image(pixels, PLACE, nodata=0)
    found = bench("find_regions", raster=raster, text="a lake", k=1)
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    assert boxes.values("col")[0] >= 360


def test_a_uniform_image_has_nothing_that_stands_out(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning, lakes=()), PLACE)
    with pytest.raises(InputError, match="stands out as 'a lake'"):
        bench("find_regions", raster=raster, text="a lake")


def test_an_image_smaller_than_a_window_is_refused(looking, meaning):
    bench, _ = looking
    raster = bench.image(large(meaning, lakes=(), size=(20, 24)), PLACE)
    with pytest.raises(InputError, match="smaller than one window of 32"):
        bench("find_regions", raster=raster, text="a lake")


def test_the_card_is_checked_before_the_model_runs(looking, meaning):
    bench, encoder = looking
    coarse = CRS("EPSG:32633").to_wkt(), Affine(60, 0, 400000, 0, -60, 5000000)
    raster = bench.image(large(meaning), coarse)
    with pytest.raises(InputError, match="60[.0-9]* m is coarser: colours of more than 30 m mix"):
        bench("find_regions", raster=raster, text="a lake")
    assert encoder.pictures == 0
    assert encoder.texts == []


def test_a_missing_model_says_the_command_and_a_wrong_one_the_cards(bench, looking, meaning):
    raster = bench.image(large(meaning), PLACE)
    with pytest.raises(ModelMissing, match="no model"):
        bench("find_regions", raster=raster, text="a lake")
    other, _ = looking
    with pytest.raises(NotFound, match="no model 'x'"):
        other("find_regions", raster=raster, text="a lake", encoder="x")


def test_the_time_limit_ends_the_search(looking, meaning):
    class Over:
        remaining_s = 0.0

        def check(self):
            raise BudgetExceeded("the time limit was reached")

    bench, _ = looking
    raster = bench.image(large(meaning), PLACE)
    with pytest.raises(BudgetExceeded):
        bench.using(deadline=Over())("find_regions", raster=raster, text="a lake")


def test_kept_results_hang_on_the_weights(looking, meaning):
    bench, _ = looking
    tool = plugins.load("eoagent.tools", "find_regions")
    arguments = tool.arguments(raster=bench.image(large(meaning), PLACE), text="a lake")
    said = tool.depends(arguments, bench.services)
    assert said["weights_sha256"] == "ab" * 32


class Blue:
    """Finds what is purely the colour of a lake in the pictures that it is shown."""

    def __init__(self, reasoning, colour, *, status="none"):
        self.card = reasoning.reasoner_card(id="talker", gsd_max_m=100.0)
        self.manner = {"pixel_cap": "4096"}
        self.colour = np.array(colour, np.uint8)
        self.pictures = []
        self._status = status

    def ground(self, picture, question, *, on_text=None):
        self.pictures.append(picture)
        rows, cols = np.nonzero((picture == self.colour).all(axis=-1))
        boxes = np.zeros((0, 4))
        if len(rows) and self._status == "none":
            boxes = np.array([[cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]], float)
        return Grounding(
            reply=Reply(status="found" if len(boxes) else self._status, answer=""),
            boxes=boxes,
            points=(boxes[:, :2] + boxes[:, 2:]) / 2,
            labels=("",) * len(boxes),
        )


def test_a_closer_look_gives_exact_boxes(bench, meaning, reasoning):
    encoder = meaning.ColourEncoder()
    model = Blue(reasoning, meaning.COLOURS["lake"])
    bench = bench.using(models=meaning.OneModels(encoder, reasoner=model))
    raster = bench.image(large(meaning, lakes=((300, 420),)), PLACE)
    found = bench("find_regions", raster=raster, text="a lake", k=3, budget=200, closer=True)
    exact = bench.read_features(found.artifacts["exact"].handle)
    lake = shapely.box(400000 + 2 * 420, 5000000 - 2 * 340, 400000 + 2 * 460, 5000000 - 2 * 300)
    union = shapely.union_all(exact.geometries)
    assert union.intersection(lake).area > 0.3 * lake.area
    assert union.difference(lake.buffer(2 * 12)).area == 0  # the overview's pixels are 12 wide
    assert set(exact.values("seen_by")) <= {"overview", "likeness", "model"}
    figures = {f.name: f for f in found.figures}
    assert figures["found"].value == len(exact) >= 1
    assert figures["found"].sources[-1].href == "model:talker"
    assert any("was asked where exactly it is" in said for said in found.assumptions)
    assert found.warnings == ()


def test_replies_that_cannot_be_read_are_counted(bench, meaning, reasoning):
    model = Blue(reasoning, meaning.COLOURS["lake"], status="unparseable")
    bench = bench.using(models=meaning.OneModels(meaning.ColourEncoder(), reasoner=model))
    raster = bench.image(large(meaning), PLACE)
    found = bench("find_regions", raster=raster, text="a lake", k=2, budget=200, closer=True)
    assert {f.name: f.value for f in found.figures}["found"] == 0
    (warning,) = found.warnings
    assert warning == "3 of 3 replies of Stub Reasoner could not be read"


def test_a_closer_look_without_its_model_says_the_command(looking, meaning):
    bench, _ = looking
    with pytest.raises(ModelMissing):
        bench("find_regions", raster=bench.image(large(meaning)), text="a lake", closer=True)

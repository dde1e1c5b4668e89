"""Counts of planted objects, found by a model that sees their colours."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS
from scipy import ndimage

from eoagent import plugins
from eoagent.contracts.errors import InputError
from eoagent.testing import check_tool

SHIP, TANK = (200, 40, 40), (200, 40, 200)
UTM = CRS("EPSG:32633").to_wkt(), Affine(0.5, 0, 5e5, 0, -0.5, 5e6)


@pytest.fixture
def model(meaning):
    return meaning.ColourSegmenter({"ship": SHIP, "storagetank": TANK})


@pytest.fixture
def seeing(bench, meaning, model):
    return bench.using(models=meaning.OneModels(segmenter=model))


def scattered(seed, height=150, width=170):
    """Return a picture with rectangles of two colours at random places."""
    rng = np.random.default_rng(seed)
    pixels = np.full((3, height, width), 90, np.uint8)
    for n in range(40):
        row, col = rng.integers(0, height - 12), rng.integers(0, width - 12)
        high, wide = rng.integers(2, 12, 2)
        pixels[:, row : row + high, col : col + wide] = np.array((SHIP, TANK)[n % 2])[:, None, None]
    return pixels


def of_rules(pixels, colour):
    """Return how many objects there are, by the rules in plain loops over scipy's labels."""
    labels, _ = ndimage.label(
        (pixels == np.array(colour)[:, None, None]).all(axis=0), np.ones((3, 3))
    )
    boxes = [(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(labels)]

    def within(a, b):
        return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]

    outer = [
        a for i, a in enumerate(boxes)
        if not any(i != j and within(a, b) and (a != b or j < i) for j, b in enumerate(boxes))
    ]  # fmt: skip
    kept = []
    for a in outer:
        if all(iou(a, b) <= 0.5 for b in kept):
            kept.append(a)
    return len(kept)


def iou(a, b):
    wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    whole = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b))
    return wide * high / (whole - wide * high)


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "count_objects"), name="count_objects")


@pytest.mark.parametrize("seed", range(3))
def test_counts_follow_the_rules_over_all_tiles(seeing, seed):
    pixels = scattered(seed)
    raster = seeing.image(pixels, UTM)
    found = seeing.figures("count_objects", raster=raster, classes=["ships", "Storage Tanks"])
    ships, tanks = of_rules(pixels, SHIP), of_rules(pixels, TANK)
    assert found["count_ships"] == (ships, "count", None)
    assert found["count_storage_tanks"] == (tanks, "count", None)
    assert found["count"][0] == ships + tanks
    assert found["area"][1] == "m2"


def test_counts_boxes_and_table_agree(seeing):
    found = seeing(
        "count_objects", raster=seeing.image(scattered(5), UTM), classes=["ship", "tank"]
    )
    counts = {f.name: f.value for f in found.figures}
    content = json.loads(seeing.path(found.artifacts["table"].handle).read_text())
    assert {row[0]: row[1] for row in content["rows"]} == {
        "ship": counts["count_ship"], "tank": counts["count_tank"],
    }  # fmt: skip
    boxes = seeing.read_features(found.artifacts["boxes"].handle)
    assert len(boxes) == counts["count"]


def test_none_is_a_count_of_zero(seeing):
    found = seeing.values("count_objects", raster=seeing.image(scattered(1), UTM), classes=["dams"])
    assert found == {"count": 0, "count_dams": 0, "area": 0}


def test_names_for_one_class_are_counted_once(seeing, model):
    raster = seeing.image(scattered(2), UTM)
    found = seeing("count_objects", raster=raster, classes=["oil tanks", "storage tank"])
    figures = {f.name: f.value for f in found.figures}
    assert figures["count"] == figures["count_oil_tanks"]
    assert "count_storage_tank" not in figures
    assert any("for oil tanks, storage tank" in said for said in found.assumptions)
    assert {phrase for _, phrase in model.asked} == {"storagetank in the image"}


def test_figures_of_classes_have_names_of_their_own_whatever_the_words(seeing):
    raster = seeing.image(scattered(2), UTM)
    words = ["C-130s", "c 130", "船", "a very long kind of ship that nobody has named so far", "é"]
    found = seeing("count_objects", raster=raster, classes=words)
    names = [f.name for f in found.figures if f.name.startswith("count_")]
    assert names == [
        "count_c_130s", "count_c_130", "count_class", "count_a_very_long_kind_of_ship_that",
        "count_class_2",
    ]  # fmt: skip


def test_a_class_without_a_name_is_refused(seeing):
    raster = seeing.image(scattered(2), UTM)
    with pytest.raises(InputError, match="a class without a name was asked for"):
        seeing("count_objects", raster=raster, classes=["ship", " . "])
    assert "at least 1 item" in seeing.refused("count_objects", raster=raster, classes=[])
    assert "at most 40 items" in seeing.refused("count_objects", raster=raster, classes=["a"] * 41)


def test_airplanes_of_a_real_picture_are_counted_as_people_did(bench, meaning, shared_data):
    folder = shared_data / "counting" / "nwpu_vhr10"
    with (folder / "counts.csv").open() as file:
        counts = {row["image"]: row for row in csv.DictReader(file)}
    truth = json.loads((folder / "instances.json").read_text())
    name = "002.jpg"
    (number,) = [one["id"] for one in truth["images"] if one["file_name"].endswith(name)]
    boxes = [one["bbox"] for one in truth["annotations"] if one["image_id"] == number]

    class Drawn(meaning.ColourSegmenter):
        """Knows the middles of the boxes that people drew in the whole picture."""

        def segment(self, picture, phrases):
            assert list(phrases) == ["airplane in the image"]
            found = np.zeros(picture.shape[:2], np.float32)
            for x, y, wide, high in boxes:
                found[
                    round(y + high / 3) : round(y + high / 2),
                    round(x + wide / 3) : round(x + wide / 2),
                ] = 1
            yield self.result(found)

    model = Drawn({}, input_px=2000)
    seeing = bench.using(models=meaning.OneModels(segmenter=model))
    seeing.services.origins.type_in(str(folder / "images" / name))
    raster = seeing.handle("open_image", hrefs=[str(folder / "images" / name)])
    found = seeing.figures("count_objects", raster=raster, classes=["airplanes"])
    assert found["count"][0] == int(counts[name]["airplane"]) == 7
    assert found["area"][1] == "px2"

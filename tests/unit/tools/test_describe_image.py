"""Captions from planted objects, and from a reasoner that says what it is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from eoagent import plugins
from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.contracts.reasoner import Reply
from eoagent.testing import check_tool

SHIP, TANK = (200, 40, 40), (200, 40, 200)
UTM = CRS("EPSG:32633").to_wkt(), Affine(0.5, 0, 5e5, 0, -0.5, 5e6)


class Talker:
    """A reasoner that answers what it was told."""

    manner = {"profile": "plain"}  # noqa: RUF012

    def __init__(self, card, answer="Ships lie in a harbour.", status="found", notes=()):
        self.card = card
        self.reply = Reply(status=status, answer=answer, notes=tuple(notes))
        self.shown = []

    def describe(self, picture, *, on_text=None):
        self.shown.append(picture)
        return self.reply


@pytest.fixture
def talker(meaning):
    def make(**said):
        card = meaning.colour_card(id="talker", title="Talker", tasks=("reason",), dimensions=0)
        return Talker(card, **said)

    return make


@pytest.fixture
def model(meaning):
    return meaning.ColourSegmenter({"ship": SHIP, "storagetank": TANK}, input_px=128)


@pytest.fixture
def seeing(bench, meaning, model):
    return bench.using(models=meaning.OneModels(segmenter=model))


def harbour():
    pixels = np.full((3, 90, 120), 90, np.uint8)
    for colour, row, col in ((SHIP, 5, 5), (SHIP, 20, 30), (TANK, 60, 100), (SHIP, 70, 80)):
        pixels[:, row : row + 6, col : col + 9] = np.array(colour)[:, None, None]
    return pixels


def caption(found):
    (figure,) = found.figures
    assert (figure.name, figure.unit) == ("caption", "choice")
    return figure.value


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "describe_image"), name="describe_image")


def test_a_caption_tells_what_there_is_and_where_in_fixed_words(seeing):
    raster = seeing.image(harbour(), UTM)
    found = seeing("describe_image", raster=raster, classes=["storage tanks", "ships", "dams"])
    assert caption(found) == (
        "The image shows 1 storage tank and 3 ships. The upper left part has 2 ships. "
        "The lower right part has 1 storage tank and 1 ship."
    )
    content = json.loads(seeing.path(found.artifacts["table"].handle).read_text())
    assert [row[:2] for row in content["rows"]] == [["storage tank", 1], ["ship", 3], ["dam", 0]]
    assert "described by detections, as classes are given" in found.assumptions
    assert "model painted (cpu, float32), Painted is the default segmenter" in found.assumptions


def test_nine_parts_can_be_told_apart(seeing):
    raster = seeing.image(harbour(), UTM)
    found = seeing("describe_image", raster=raster, classes=["ships"], places=9)
    assert caption(found) == (
        "The image shows 3 ships. The upper left part has 2 ships. The lower right part has 1 ship."
    )


def test_an_image_in_which_nothing_is_found_has_a_caption_too(seeing):
    pixels = np.full((3, 40, 40), 90, np.uint8)
    found = seeing("describe_image", raster=seeing.image(pixels, UTM), classes=["ships"])
    assert caption(found) == "None of the classes that were asked for was found in the image."


def test_without_classes_a_stated_list_is_looked_for(seeing, model):
    found = seeing("describe_image", raster=seeing.image(harbour(), UTM), by="detections")
    said = " ".join(found.assumptions)
    assert "no classes were given; looked for: airplane, ship, vehicle, storage tank" in said
    assert "left out" not in said
    assert caption(found).startswith("The image shows 3 ships and 1 storage tank.")
    assert len({phrase for _, phrase in model.asked}) == 15


def test_of_the_list_what_coarse_pixels_cannot_show_is_left_out(seeing, model):
    coarse = CRS("EPSG:32633").to_wkt(), Affine(10, 0, 5e5, 0, -10, 5e6)
    raster = seeing.image(harbour(), coarse)
    found = seeing("describe_image", raster=raster, by="detections")
    said = " ".join(found.assumptions)
    assert "the pixels are too coarse for them: vehicle" in said
    assert not any("vehicle" in phrase for _, phrase in model.asked)
    with pytest.raises(InputError, match="pixels of 10 m cannot show"):
        seeing("describe_image", raster=raster, classes=["vehicles"])


def test_a_reasoner_is_taken_where_there_is_one(bench, meaning, model, talker):
    one = talker(notes=("profile plain",))
    seeing = bench.using(models=meaning.OneModels(segmenter=model, reasoner=one))
    raster = seeing.image(harbour(), UTM)
    found = seeing("describe_image", raster=raster)
    assert caption(found) == "Ships lie in a harbour."
    assert found.artifacts == {}
    np.testing.assert_array_equal(one.shown[0], np.moveaxis(harbour(), 0, -1))
    said = " ".join(found.assumptions)
    assert "described by a reasoner, as one is installed" in said
    assert "profile plain" in said
    assert "120 x 90 pixels" in said
    assert found.figures[0].sources[-1].href == "model:talker"
    assert model.asked == []
    assert caption(seeing("describe_image", raster=raster, by="detections")).startswith("The image")
    tool = plugins.load("eoagent.tools", "describe_image")
    states = [
        tool.depends(tool.arguments(raster=raster, by=by), seeing.services)["card"]
        for by in ("auto", "detections", "reasoner")
    ]
    assert states == ["talker", "painted", "talker"]


def test_without_a_reasoner_auto_says_that_it_counts_and_why(seeing):
    raster = seeing.image(harbour(), UTM)
    found = seeing("describe_image", raster=raster)
    assert any(
        said.startswith("described by detections, as no reasoner could be had: the weights of")
        for said in found.assumptions
    )
    with pytest.raises(ModelMissing) as caught:
        seeing("describe_image", raster=raster, by="reasoner")
    assert caught.value.command == "eoagent models pull talker"


@pytest.mark.parametrize(
    ("status", "answer"), [("none", ""), ("unparseable", "x"), ("found", " \x00")]
)
def test_a_reasoner_that_says_nothing_is_an_error(bench, meaning, talker, status, answer):
    one = talker(status=status, answer=answer)
    seeing = bench.using(models=meaning.OneModels(reasoner=one))
    raster = seeing.image(harbour(), UTM)
    with pytest.raises(ModelError, match="gave no description") as caught:
        seeing("describe_image", raster=raster, by="reasoner")
    assert caught.value.hint == "ask by detections"


def test_what_a_reasoner_says_is_made_plain_cut_and_marked_where_it_was_broken_off(
    bench, meaning, talker
):
    one = talker(status="truncated", answer="a\u202eb " + "c" * 3000)
    seeing = bench.using(models=meaning.OneModels(reasoner=one))
    found = seeing("describe_image", raster=seeing.image(harbour(), UTM))
    assert caption(found).startswith("a b ccc")
    assert len(caption(found)) == 2000
    assert found.warnings == ("the description by talker was broken off",)


def test_a_model_without_a_way_is_refused(seeing, model):
    raster = seeing.image(harbour(), UTM)
    with pytest.raises(InputError, match="painted was named, and not how") as caught:
        seeing("describe_image", raster=raster, model="painted")
    assert caught.value.hint == "give by: detections or reasoner"
    assert model.asked == []


def test_the_price_of_detections_is_that_of_all_classes(seeing):
    tool = plugins.load("eoagent.tools", "describe_image")
    raster = seeing.image(harbour(), UTM)
    price = tool.price(tool.arguments(raster=raster), seeing.services)
    assert price.seconds == 15 * 2.0  # fifteen classes, one tile

"""Labels of scenes without training, by a model that sees colours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from eoagent import plugins
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.testing import check_tool

PLACE = CRS("EPSG:32633").to_wkt(), Affine(2, 0, 400000, 0, -2, 5000000)


@pytest.fixture
def seeing(bench, meaning):
    """A bench with a model of windows of 32 pixels, and the model."""
    encoder = meaning.ColourEncoder()
    return bench.using(models=meaning.OneModels(encoder)), encoder


def of_one(meaning, word, height=40, width=40):
    color = np.array(meaning.COLOURS[word], dtype=np.uint8)
    return np.broadcast_to(color[:, None, None], (3, height, width)).copy()


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "classify_scene"), name="classify_scene")


@pytest.mark.parametrize("word", ["forest", "desert", "snow"])
def test_a_picture_of_one_colour_gets_its_word(seeing, meaning, word):
    bench, encoder = seeing
    raster = bench.image(of_one(meaning, word), PLACE)
    found = bench("classify_scene", raster=raster, labels=["water", "forest", "desert", "snow"])
    figures = {f.name: f for f in found.figures}
    assert figures["label"].value == word
    assert figures["label"].unit == "choice"
    cosines = (
        encoder.encode_texts(["water", "forest", "desert", "snow"])
        @ encoder.encode_images([np.moveaxis(of_one(meaning, word), 0, -1)])[0]
    )
    first, second = np.sort(cosines)[::-1][:2]
    assert figures["score"].value == pytest.approx(first, abs=1e-5)
    assert figures["margin"].value == pytest.approx(first - second, abs=1e-5)
    assert figures["z"].value == pytest.approx((first - cosines.mean()) / cosines.std(), abs=1e-3)


def test_all_labels_stand_in_the_table_nearest_first(seeing, meaning):
    bench, _ = seeing
    raster = bench.image(of_one(meaning, "forest"), PLACE)
    found = bench("classify_scene", raster=raster, labels=["water", "forest", "farmland"])
    content = json.loads(bench.path(found.artifacts["table"].handle).read_text())
    assert [row[0] for row in content["rows"]] == ["forest", "farmland", "water"]
    scores = [row[1] for row in content["rows"]]
    assert scores == sorted(scores, reverse=True)


def test_without_labels_a_stated_list_is_used(seeing, meaning):
    bench, _ = seeing
    found = bench("classify_scene", raster=bench.image(of_one(meaning, "forest"), PLACE))
    said = " ".join(found.assumptions)
    assert "no labels were given" in said
    assert "storage tanks" in said
    assert next(f.value for f in found.figures if f.name == "label") == "a forest"


def test_a_large_scene_is_looked_at_window_by_window(seeing, meaning):
    bench, _ = seeing
    pixels = of_one(meaning, "forest", 160, 160)
    pixels[:, :, 120:] = np.array(meaning.COLOURS["desert"])[:, None, None]
    raster = bench.image(pixels, PLACE)
    figures = bench.values("classify_scene", raster=raster, labels=["forest", "desert", "snow"])
    assert figures["windows"] == 81
    assert figures["label"] == "forest"
    assert 60 < figures["share"] < 90
    whole = bench.values("classify_scene", raster=raster, labels=["forest", "snow"], by="whole")
    assert "windows" not in whole


def test_two_labels_about_as_near_are_told_as_a_doubt(seeing, meaning):
    bench, _ = seeing
    raster = bench.image(of_one(meaning, "water"), PLACE)
    found = bench("classify_scene", raster=raster, labels=["water", "sea", "snow", "desert"])
    assert "about as near" in " ".join(found.warnings)


def test_one_label_is_no_choice(seeing, meaning):
    bench, encoder = seeing
    with pytest.raises(InputError, match="one label was given"):
        bench("classify_scene", raster=bench.image(of_one(meaning, "snow"), PLACE), labels=["snow"])
    assert encoder.texts == []


def test_the_card_is_checked_against_the_real_pixel_size_first(seeing, meaning):
    bench, encoder = seeing
    coarse = CRS("EPSG:4326").to_wkt(), Affine(0.01, 0, 10, 0, -0.01, 45)
    raster = bench.image(of_one(meaning, "snow"), coarse)
    with pytest.raises(InputError, match="is coarser: colours of more than 30 m mix"):
        bench("classify_scene", raster=raster)
    assert encoder.pictures == 0
    assert encoder.texts == []


def test_a_missing_model_says_the_command(bench, meaning):
    raster = bench.image(of_one(meaning, "snow"), PLACE)
    with pytest.raises(ModelMissing) as caught:
        bench("classify_scene", raster=raster)
    assert "eoagent models" in caught.value.command


def test_a_picture_that_is_not_square_is_not_cut(seeing, meaning):
    bench, _ = seeing
    pixels = of_one(meaning, "forest", 20, 60)
    found = bench.values(
        "classify_scene", raster=bench.image(pixels, PLACE), labels=["forest", "snow"]
    )
    assert found["label"] == "forest"


@pytest.fixture
def finding(bench, meaning):
    """A bench with a segmenter alone, and the model."""
    model = meaning.ColourSegmenter(meaning.COLOURS, sure=0.9)
    return bench.using(models=meaning.OneModels(segmenter=model)), model


def half(meaning, first, second):
    pixels = of_one(meaning, first, 40, 40)
    pixels[:, :, 30:] = np.array(meaning.COLOURS[second])[:, None, None]
    return pixels


def test_a_segmenter_tells_the_label_of_the_most_probable_pixel(finding, meaning):
    bench, model = finding
    raster = bench.image(half(meaning, "forest", "water"), PLACE)
    found = bench(
        "classify_scene", raster=raster, labels=["snow", "water", "forest"], model="segmenter"
    )
    figures = {f.name: f.value for f in found.figures}
    # both are seen with 0.9 somewhere; the one that covers more goes first
    assert (figures["label"], figures["second"]) == ("forest", "water")
    assert figures["score"] == pytest.approx(0.9)
    assert figures["margin"] == pytest.approx(0)
    assert figures["shown"] == "forest, water"
    assert {phrase for _, phrase in model.asked} == {
        "snow in the image", "water in the image", "forest in the image",
    }  # fmt: skip
    content = json.loads(bench.path(found.artifacts["table"].handle).read_text())
    assert content["columns"] == ["label", "score", "presence"]
    mean = {"forest": 0.75 * 0.9 + 0.25 * 0.02, "water": 0.25 * 0.9 + 0.75 * 0.02, "snow": 0.02}
    for label, score, presence in content["rows"]:
        assert score == pytest.approx(0.02 if label == "snow" else 0.9)
        assert presence == pytest.approx(0.5 * score + 0.5 * mean[label])
    assert "'forest in the image' for forest" in " ".join(found.assumptions)


def test_a_segmenter_may_see_none_of_the_labels(finding, meaning):
    bench, _ = finding
    raster = bench.image(of_one(meaning, "forest"), PLACE)
    found = bench("classify_scene", raster=raster, labels=["snow", "water"], model="segmenter")
    figures = {f.name: f.value for f in found.figures}
    assert figures["label"] == figures["shown"] == "none"
    assert found.warnings == ("no label has a score of 0.5 or more",)


def test_auto_takes_the_segmenter_only_where_there_is_no_encoder(finding, seeing, meaning):
    bench, model = finding
    raster = bench.image(of_one(meaning, "forest"), PLACE)
    found = bench("classify_scene", raster=raster)
    said = " ".join(found.assumptions)
    assert "no encoder of pictures and texts is installed, so a segmenter was asked" in said
    assert "no labels were given; told among: airport, beach" in said
    assert next(f.value for f in found.figures if f.name == "label") == "forest"
    both = bench.using(models=meaning.OneModels(meaning.ColourEncoder(), model))
    asked = len(model.asked)
    both("classify_scene", raster=raster, labels=["forest", "snow"])
    assert len(model.asked) == asked


def test_a_segmenter_looks_at_a_large_scene_in_tiles(finding, meaning):
    bench, model = finding
    pixels = of_one(meaning, "forest", 100, 150)
    pixels[:, 90:95, 140:145] = np.array(meaning.COLOURS["snow"])[:, None, None]
    found = bench.values(
        "classify_scene", raster=bench.image(pixels, PLACE), labels=["snow", "forest", "water"]
    )
    assert found["windows"] == len(model.asked) / 3 / 2 > 1  # each call is made twice
    assert found["label"] == "forest"
    assert found["second"] == "snow"


def test_without_any_model_the_encoder_is_told_as_missing(bench, meaning):
    own = bench.using(models=meaning.OneModels())
    raster = own.image(of_one(meaning, "snow"), PLACE)
    with pytest.raises(ModelMissing) as caught:
        own("classify_scene", raster=raster)
    assert caught.value.command == "eoagent models pull colours"
    with pytest.raises(ModelMissing) as caught:
        own("classify_scene", raster=raster, model="segmenter")
    assert caught.value.command == "eoagent models pull painted"


def test_a_result_hangs_on_the_model_that_looks(finding, seeing, meaning):
    tool = plugins.load("eoagent.tools", "classify_scene")
    bench, _ = finding
    raster = bench.image(of_one(meaning, "snow"), PLACE)
    arguments = tool.arguments(raster=raster)
    assert tool.depends(arguments, bench.services)["card"] == "painted"
    assert tool.depends(arguments, seeing[0].services)["card"] == "colours"
    assert tool.price(arguments, bench.services).seconds == 2.0 * 15
    assert tool.price(arguments, seeing[0].services).seconds == 0
    assert "leave encoder and by out" in bench.refused(
        "classify_scene", raster=raster, model="segmenter", by="windows"
    )

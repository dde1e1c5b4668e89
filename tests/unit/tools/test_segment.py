"""Masks of phrases, found by a model that sees colours."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from eoagent import plugins
from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.testing import check_tool

ROOF = (180, 60, 40)
FIELD = Affine(0.5, 0, 5e5, 0, -0.5, 5e6)
UTM = CRS("EPSG:32633").to_wkt(), FIELD


@pytest.fixture
def model(meaning):
    return meaning.ColourSegmenter({"roof": ROOF})


@pytest.fixture
def seeing(bench, meaning, model):
    return bench.using(models=meaning.OneModels(segmenter=model))


def village(height=120, width=160):
    """Return a grey picture with two roofs of which one goes over four tiles of 64 pixels."""
    pixels = np.full((3, height, width), 120, np.uint8)
    pixels[:, 40:80, 50:110] = np.array(ROOF)[:, None, None]
    pixels[:, 100:112, 5:15] = np.array(ROOF)[:, None, None]
    return pixels


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "segment"), name="segment")


def test_the_phrase_goes_to_the_model_as_it_stands(seeing, model):
    seeing("segment", raster=seeing.image(village(), UTM), phrase="The big red roofs, left.")
    assert {phrase for _, phrase in model.asked} == {"The big red roofs, left."}


def test_the_mask_is_that_of_the_colour_and_its_area_that_of_its_pixels(
    bench, meaning, model, place
):
    seeing = bench.using(
        models=meaning.OneModels(segmenter=meaning.ColourSegmenter({"roof": ROOF}, gsd_max_m=1000))
    )
    pixels = village()
    found = seeing("segment", raster=seeing.image(pixels, place), phrase="a roof", gsd_m=None)
    figures = {f.name: f for f in found.figures}
    mask, _ = seeing.pixels(found.artifacts["mask"].handle)
    if mask.shape[1:] == pixels.shape[1:]:  # pixels that are not square are made so
        wanted = (pixels == np.array(ROOF)[:, None, None]).all(axis=0)
        np.testing.assert_array_equal(mask[0], wanted)
        areas = place.areas(*wanted.shape)
        assert figures["area"].value == pytest.approx(areas[wanted].sum(), rel=1e-5)
        assert figures["share"].value == pytest.approx(
            100 * areas[wanted].sum() / areas.sum(), rel=1e-5
        )
        assert figures["objects"].value == 2
    else:
        assert any("each the mean of" in said for said in found.assumptions)
    assert figures["area"].unit == "m2"
    assert figures["presence"].value == pytest.approx(0.5 * 0.9 + 0.5 * 0.9, abs=0.25)


def test_outlines_follow_the_pixels_on_the_map(seeing):
    found = seeing("segment", raster=seeing.image(village(), UTM), phrase="roof")
    features = seeing.read_features(found.artifacts["features"].handle)
    corners = [(FIELD @ (c, r)) for c, r in ((50, 40), (110, 40), (110, 80), (50, 80))]
    assert features.crs == "EPSG:32633"
    assert any(one.equals(shapely.Polygon(corners)) for one in features.geometries)
    assert features.values("score") == pytest.approx([0.9, 0.9])


def test_nothing_found_is_an_empty_mask_and_no_error(seeing):
    found = seeing("segment", raster=seeing.image(village(), UTM), phrase="a lake")
    figures = {f.name: f.value for f in found.figures}
    assert figures["area"] == figures["share"] == figures["objects"] == 0
    assert figures["presence"] == pytest.approx(0.02)
    assert len(seeing.read_features(found.artifacts["features"].handle)) == 0


def test_a_plain_picture_is_measured_in_pixels_unless_its_scale_is_given(seeing):
    raster = seeing.image(village())
    plain = seeing.figures("segment", raster=raster, phrase="roof")
    assert plain["area"][:2] == (40 * 60 + 12 * 10, "px2")
    scaled = seeing.figures("segment", raster=raster, phrase="roof", gsd_m=0.3)
    assert scaled["area"][:2] == (pytest.approx(0.09 * 2520), "m2")
    assert scaled["share"] == plain["share"]


def test_an_image_can_be_looked_at_in_coarser_pixels(seeing, model):
    found = seeing("segment", raster=seeing.image(village(), UTM), phrase="roof", gsd_m=2.0)
    assert {size for size, _ in model.asked} == {(30, 40)}
    assert any("pixels of 2 m, each the mean of 4 x 4" in said for said in found.assumptions)
    # pixels of which a part is grey have another colour: 10 x 14 and 3 x 1 are whole
    area = next(f.value for f in found.figures if f.name == "area")
    assert area == pytest.approx(143 * 4, rel=1e-3)


def test_pixels_at_the_threshold_do_not_count(seeing):
    raster = seeing.image(village(), UTM)
    assert seeing.values("segment", raster=raster, phrase="roof", above=0.95)["objects"] == 0
    assert seeing.values("segment", raster=raster, phrase="roof", above=0.01)["share"] == 100


def test_model_phrase_and_threshold_are_stated_and_stand_behind_the_figures(seeing):
    found = seeing("segment", raster=seeing.image(village(), UTM), phrase="roof", model="painted")
    assert "model painted (cpu, float32), as asked for" in found.assumptions
    assert "painted was asked for 'roof'" in found.assumptions
    assert "pixels count where the probability is above 0.5" in found.assumptions
    for figure in found.figures:
        assert "Painted: probability of 'roof' above 0.5" in figure.method
        assert [s.fingerprint.value for s in figure.sources][-1] == "cd" * 32


def test_what_pixels_cannot_show_is_refused_and_what_is_not_known_passes(seeing, model):
    coarse = CRS("EPSG:32633").to_wkt(), Affine(10, 0, 5e5, 0, -10, 5e6)
    raster = seeing.image(village(), coarse)
    with pytest.raises(InputError, match="pixels of 10 m cannot show"):
        seeing("segment", raster=raster, phrase="all the cars")
    assert model.asked == []
    assert seeing.values("segment", raster=raster, phrase="roof")["objects"] == 2


def test_a_missing_model_says_the_command(bench, meaning):
    own = bench.using(models=meaning.OneModels())
    raster = own.image(village(), UTM)
    with pytest.raises(ModelMissing) as caught:
        own("segment", raster=raster, phrase="roof")
    assert caught.value.command == "eoagent models pull painted"


def test_a_file_that_changed_is_asked_anew(bench, meaning, model, tmp_path):
    seeing = bench.using(models=meaning.OneModels(segmenter=model), masks_dir=tmp_path / "masks")
    first = seeing.values("segment", raster=seeing.image(village(), UTM), phrase="roof")
    other = village()
    other[:, 100:112] = 120
    second = seeing.values("segment", raster=seeing.image(other, UTM), phrase="roof")
    assert (first["objects"], second["objects"]) == (2, 1)


def test_a_kept_mask_that_is_damaged_is_made_anew(bench, meaning, model, tmp_path):
    folder = tmp_path / "masks"
    seeing = bench.using(models=meaning.OneModels(segmenter=model), masks_dir=folder)
    raster = seeing.image(village(), UTM)
    first = seeing("segment", raster=raster, phrase="roof")
    asked = len(model.asked)
    (file,) = folder.glob("*.npz")
    whole = file.read_bytes()
    for broken in (whole[:-100], b"", whole[:900] + bytes(40) + whole[940:]):
        file.write_bytes(broken)
        assert seeing("segment", raster=raster, phrase="roof") == first
    assert len(model.asked) >= 3 * asked
    assert file.read_bytes() == whole


def test_masks_of_weights_that_nobody_knows_are_not_kept(bench, meaning, tmp_path):
    model = meaning.ColourSegmenter({"roof": ROOF}, weights={"file": "none", "sha256": "unknown"})
    seeing = bench.using(models=meaning.OneModels(segmenter=model), masks_dir=tmp_path / "masks")
    raster = seeing.image(village(), UTM)
    found = seeing("segment", raster=raster, phrase="roof")
    assert not list((tmp_path / "masks").glob("*.npz"))
    assert found.figures[-1].sources[-1].fingerprint.kind == "none"


def test_another_threshold_is_another_mask(bench, meaning, model, tmp_path):
    seeing = bench.using(models=meaning.OneModels(segmenter=model), masks_dir=tmp_path / "masks")
    raster = seeing.image(village(), UTM)
    assert seeing.values("segment", raster=raster, phrase="roof")["objects"] == 2
    assert seeing.values("segment", raster=raster, phrase="roof", above=0.95)["objects"] == 0
    assert seeing.values("segment", raster=raster, phrase="roof")["objects"] == 2


def test_nothing_is_left_in_the_store_where_the_model_fails(bench, meaning, tmp_path):
    class Failing(meaning.ColourSegmenter):
        def segment(self, picture, phrases):
            yield from super().segment(picture, phrases)
            raise ModelError("it broke")

    seeing = bench.using(models=meaning.OneModels(segmenter=Failing({"roof": ROOF})))
    raster = seeing.image(village(), UTM)
    with pytest.raises(ModelError, match="it broke"):
        seeing("segment", raster=raster, phrase="roof")
    assert not list((tmp_path / "store" / "scratch").rglob("*.tif"))

"""Boxes of planted objects, found by a model that sees their colours."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS, Geod, Transformer
from scipy import ndimage

from eoagent import plugins
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelMissing, NotFound
from eoagent.contracts.price import Price
from eoagent.testing import check_tool

SHIP, TANK = (200, 40, 40), (200, 40, 200)
UTM = CRS("EPSG:32633").to_wkt(), Affine(0.5, 0, 5e5, 0, -0.5, 5e6)
EIGHT = np.ones((3, 3))


@pytest.fixture
def model(meaning):
    return meaning.ColourSegmenter({"ship": SHIP, "storagetank": TANK, "car": (9, 9, 9)})


@pytest.fixture
def seeing(bench, meaning, model, tmp_path):
    """A bench with the model and a folder for kept masks."""
    return bench.using(models=meaning.OneModels(segmenter=model), masks_dir=tmp_path / "masks")


def painted(height, width, *things):
    """Return a grey picture (3, height, width) with rectangles (colour, row, col, height, width)."""
    pixels = np.full((3, height, width), 90, np.uint8)
    for colour, row, col, high, wide in things:
        pixels[:, row : row + high, col : col + wide] = np.array(colour)[:, None, None]
    return pixels


HARBOUR = painted(
    150, 200,
    (SHIP, 10, 20, 6, 30), (SHIP, 60, 58, 20, 14), (SHIP, 140, 190, 10, 10),
    (TANK, 100, 30, 9, 9), (TANK, 100, 45, 9, 9),
)  # fmt: skip


def of_scipy(pixels, colour):
    """Return the bounds (col, row, width, height) of what has a colour, by scipy."""
    yes = (pixels == np.array(colour)[:, None, None]).all(axis=0)
    labels, _ = ndimage.label(yes, EIGHT)
    return sorted(
        (c.start, r.start, c.stop - c.start, r.stop - r.start)
        for r, c in ndimage.find_objects(labels)
    )


def in_pixels(features, name):
    """Return the bounds of a class as the boxes state them."""
    rows = zip(*(features.values(k) for k in ("col", "row", "width", "height")), strict=True)
    named = zip(features.values("class"), rows, strict=True)
    return sorted(tuple(map(int, row)) for own, row in named if own == name)


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "detect"), name="detect")


def test_boxes_over_tiles_are_those_of_scipy_on_the_whole(seeing, model):
    raster = seeing.image(HARBOUR, UTM)
    found = seeing("detect", raster=raster, classes=["ships", "storage tanks"])
    features = seeing.read_features(found.artifacts["boxes"].handle)
    assert in_pixels(features, "ship") == of_scipy(HARBOUR, SHIP)
    assert in_pixels(features, "storage tank") == of_scipy(HARBOUR, TANK)
    assert features.values("id") == [1, 2, 3, 4, 5]
    assert features.values("score") == pytest.approx([0.9] * 5)
    assert len({shape for shape, _ in model.asked}) == 1
    assert {phrase for _, phrase in model.asked} == {
        "ship in the image", "storagetank in the image",
    }  # fmt: skip


def test_boxes_lie_on_the_map_and_areas_are_geodesic(seeing):
    raster = seeing.image(HARBOUR, UTM)
    found = seeing("detect", raster=raster, classes=["ship"])
    features = seeing.read_features(found.artifacts["boxes"].handle)
    assert features.crs == "EPSG:32633"
    to_lonlat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    for box, area, row, col in zip(
        features.geometries, features.values("area_m2"), features.values("row"),
        features.values("col"), strict=True,
    ):  # fmt: skip
        left, top = UTM[1] @ (col, row)
        assert box.bounds[0] == pytest.approx(left)
        assert box.bounds[3] == pytest.approx(top)
        lon, lat = to_lonlat.transform(*np.array(shapely.segmentize(box, 1).exterior.coords).T)
        geodesic = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])
        assert area == pytest.approx(geodesic, rel=1e-5)
    area = next(f for f in found.figures if f.name == "area")
    assert area.unit == "m2"
    assert area.value == pytest.approx(sum(features.values("area_m2")), rel=1e-9)
    assert area.error > 0


def test_the_mask_shows_all_classes_and_the_table_each(seeing):
    found = seeing(
        "detect", raster=seeing.image(HARBOUR, UTM), classes=["tanks", "oil tanks", "ship"]
    )
    content = json.loads(seeing.path(found.artifacts["table"].handle).read_text())
    assert content["columns"] == ["class", "count", "area_m2", "mean_score", "asked_as"]
    assert [row[:2] for row in content["rows"]] == [["tank", 0], ["oil tank", 2], ["ship", 3]]
    assert content["rows"][0][3] is None
    assert [row[4] for row in content["rows"]][1] == "storagetank in the image"
    pixels, _ = seeing.pixels(found.artifacts["mask"].handle)
    wanted = sum((np.array(c)[:, None, None] == HARBOUR).all(axis=0) for c in (SHIP, TANK))
    np.testing.assert_array_equal(pixels[0], wanted)


def test_model_phrases_and_rules_are_stated(seeing):
    found = seeing(
        "detect", raster=seeing.image(HARBOUR, UTM), classes=["Ships", "vessels", "ship"]
    )
    said = "\n".join(found.assumptions)
    assert "model painted (cpu, float32), Painted is the default segmenter" in said
    assert "'ship in the image' for Ships, ship; 'vessel in the image' for vessels" in said
    assert "objects of a score below 0.01 are dropped" in said
    assert "boxes inside others dropped" in said
    for figure in found.figures:
        (model,) = [s for s in figure.sources if s.href == "model:painted"]
        assert model.fingerprint.value == "cd" * 32
        assert any(s.fingerprint.kind == "sha256" and s is not model for s in figure.sources)


def test_nothing_found_is_an_empty_set_and_no_error(seeing):
    found = seeing("detect", raster=seeing.image(painted(40, 40), UTM), classes=["ships"])
    figures = {f.name: f.value for f in found.figures}
    assert figures == {"count": 0, "area": 0}
    boxes = found.artifacts["boxes"].handle
    assert len(seeing.read_features(boxes)) == 0
    assert {"class", "score", "area_m2"} <= set(seeing.read_features(boxes).column_names)


@pytest.mark.parametrize("oriented", [False, True])
def test_a_plain_picture_gives_pixels_and_with_a_scale_metres(seeing, oriented):
    raster = seeing.image(HARBOUR)
    plain = seeing("detect", raster=raster, classes=["ships"], oriented=oriented)
    features = seeing.read_features(plain.artifacts["boxes"].handle)
    assert features.crs == ""
    assert "area_m2" not in features.column_names
    boxes = [tuple(box.bounds) for box in features.geometries]
    wanted = [(c, r, c + w, r + h) for c, r, w, h in of_scipy(HARBOUR, SHIP)]
    np.testing.assert_allclose(sorted(boxes), wanted, atol=1e-9)
    area = next(f for f in plain.figures if f.name == "area")
    pixels = sum(w * h for _, _, w, h in of_scipy(HARBOUR, SHIP))
    assert (area.value, area.unit) == (pixels, "px2")
    assert any("sizes are in pixels" in said for said in plain.warnings)
    scaled = seeing("detect", raster=raster, classes=["ships"], gsd_m=2.0, oriented=oriented)
    area = next(f for f in scaled.figures if f.name == "area")
    assert (area.value, area.unit) == (4.0 * pixels, "m2")
    assert any("its pixels are 2 m as stated" in said for said in scaled.assumptions)


def test_turned_boxes_are_smaller_than_upright_ones(seeing):
    rows, cols = np.mgrid[:80, :80]
    inside = (abs(rows - cols) < 5) & (rows + cols > 40) & (rows + cols < 110)
    pixels = np.where(inside, np.array(SHIP)[:, None, None], 90).astype(np.uint8)
    raster = seeing.image(pixels, UTM)
    upright, turned = (
        seeing.read_features(
            seeing("detect", raster=raster, classes=["ship"], oriented=way)
            .artifacts["boxes"]
            .handle
        )
        for way in (False, True)
    )
    outline = shapely.box(*upright.geometries[0].bounds)
    assert turned.geometries[0].area < 0.6 * outline.area
    best = shapely.minimum_rotated_rectangle(turned.geometries[0])
    assert turned.geometries[0].area == pytest.approx(best.area)
    assert turned.values("area_m2") == upright.values("area_m2")


def test_objects_of_a_low_score_leave_boxes_and_mask(bench, meaning):
    class Unsure(meaning.ColourSegmenter):
        def segment(self, picture, phrases):
            for found in super().segment(picture, phrases):
                found.probability[:20][found.probability[:20] > 0.5] = 0.6
                yield found

    model = Unsure({"ship": SHIP}, input_px=300)
    seeing = bench.using(models=meaning.OneModels(segmenter=model))
    found = seeing("detect", raster=seeing.image(HARBOUR, UTM), classes=["ship"], min_score=0.7)
    figures = {f.name: f.value for f in found.figures}
    assert figures["count"] == 2
    pixels, _ = seeing.pixels(found.artifacts["mask"].handle)
    assert pixels[0].sum() == 20 * 14 + 10 * 10
    assert figures["area"] == pytest.approx(380 / 4, rel=1e-3)


def test_cars_in_coarse_pixels_are_refused_before_any_model_is_looked_for(bench, seeing, model):
    coarse = CRS("EPSG:32633").to_wkt(), Affine(10, 0, 5e5, 0, -10, 5e6)
    for own in (bench, seeing):  # without a model the reason is the same
        raster = own.image(HARBOUR, coarse)
        with pytest.raises(
            InputError, match=r"pixels of 10 m cannot show .* 'cars' is about 5\.8 m"
        ):
            own("detect", raster=raster, classes=["ships", "cars"])
    assert model.asked == []
    fine = CRS("EPSG:32633").to_wkt(), Affine(0.5, 0, 5e5, 0, -0.5, 5e6)
    raster = seeing.image(HARBOUR, fine, name="fine.tif")
    with pytest.raises(InputError, match=r"pixels of 4 m cannot show") as caught:
        seeing("detect", raster=raster, classes=["car"], gsd_m=4.0)
    assert caught.value.hint.startswith("take an image of 2.9 m per pixel or finer")


def test_pixels_that_the_card_refuses_are_told_with_its_reason(seeing, model):
    coarse = CRS("EPSG:32633").to_wkt(), Affine(40, 0, 5e5, 0, -40, 5e6)
    with pytest.raises(
        InputError, match="Colours of more than 30 m mix|colours of more than 30 m mix"
    ):
        seeing("detect", raster=seeing.image(HARBOUR, coarse), classes=["forests"])
    assert model.asked == []


def test_a_missing_model_says_the_command(bench, meaning):
    own = bench.using(models=meaning.OneModels())
    with pytest.raises(ModelMissing) as caught:
        own("detect", raster=own.image(HARBOUR, UTM), classes=["ships"])
    assert caught.value.command == "eoagent models pull painted"
    own = bench.using(models=meaning.OneModels(segmenter=meaning.ColourSegmenter({"ship": SHIP})))
    raster = own.image(HARBOUR, UTM)
    with pytest.raises(NotFound, match="no model 'other'"):
        own("detect", raster=raster, classes=["ships"], model="other")


def test_an_image_without_a_valid_pixel_is_an_error_not_a_count_of_zero(seeing):
    raster = seeing.image(np.zeros((3, 30, 30), np.uint8), UTM, nodata=0)
    with pytest.raises(InputError, match="has no valid pixel") as caught:
        seeing("detect", raster=raster, classes=["ships"])
    assert caught.value.hint == "check it with describe_data"


def test_what_was_asked_before_is_not_asked_again_by_any_tool(seeing, model):
    raster = seeing.image(HARBOUR, UTM)
    first = seeing.values("detect", raster=raster, classes=["ships", "storage tanks"])
    asked = len(model.asked)
    counts = seeing.values("count_objects", raster=raster, classes=["storage tanks", "ship"])
    assert len(model.asked) == asked
    assert counts["count"] == first["count"] == 5
    mask = seeing.values("segment", raster=raster, phrase="ship in the image")
    assert mask["objects"] == 3
    assert len(model.asked) == asked
    seeing("count_objects", raster=raster, classes=["ship", "harbours"])
    assert {phrase for _, phrase in model.asked[asked:]} == {"harbour in the image"}
    before = len(model.asked)
    seeing("detect", raster=raster, classes=["ship"], gsd_m=1.0)
    assert len(model.asked) > before  # another look


def test_the_price_is_tiles_times_phrases_times_seconds(seeing, model):
    tool = plugins.load("eoagent.tools", "detect")
    raster = seeing.image(HARBOUR, UTM)
    arguments = tool.arguments(raster=raster, classes=["ships", "ship", "storage tanks"])
    price = tool.price(arguments, seeing.services)
    assert model.asked == []
    seeing("detect", raster=raster, classes=["ships", "storage tanks"])
    assert price.seconds == 2.0 * len(model.asked)
    assert price.bytes == 0
    assert tool.price(arguments, seeing.services) == Price()  # it is all kept
    more = tool.arguments(raster=raster, classes=["ships", "dams"])
    assert tool.price(more, seeing.services).seconds == price.seconds / 2


def test_a_result_hangs_on_the_weights_and_the_manner(seeing, meaning):
    tool = plugins.load("eoagent.tools", "detect")
    arguments = tool.arguments(raster=seeing.image(HARBOUR, UTM), classes=["ships"])
    said = tool.depends(arguments, seeing.services)
    other = meaning.ColourSegmenter({}, weights={"file": "none", "sha256": "ef" * 32})
    own = seeing.using(models=meaning.OneModels(segmenter=other))
    assert tool.depends(arguments, own.services) != said
    assert said["weights"] == "cd" * 32
    assert said["precision"] == "float32"


def test_the_deadline_of_the_step_stops_it(seeing, model):
    class Over:
        remaining_s = 0.0

        def check(self):
            raise BudgetExceeded("the time is over")

    raster = seeing.image(HARBOUR, UTM)
    with pytest.raises(BudgetExceeded):
        seeing.using(deadline=Over())("detect", raster=raster, classes=["ships"])
    assert model.asked == []


def test_boxes_of_a_real_picture_are_those_that_people_drew(bench, meaning, shared_data):
    folder = shared_data / "counting" / "nwpu_vhr10"
    truth = json.loads((folder / "instances.json").read_text())
    names = {one["id"]: one["name"].replace("_", " ") for one in truth["categories"]}
    about = next(one for one in truth["images"] if one["file_name"].endswith("021.jpg"))
    own = [one for one in truth["annotations"] if one["image_id"] == about["id"]]

    def inner(box):
        """Return the middle of a box, so that neighbours do not touch."""
        x, y, wide, high = box
        return [round(x + wide / 3), round(y + high / 3), round(wide / 3), round(high / 3)]

    drawn = {
        name: [inner(one["bbox"]) for one in own if names[one["category_id"]] == name]
        for name in {names[one["category_id"]] for one in own}
    }

    class Drawn(meaning.ColourSegmenter):
        """Knows what people drew in the whole picture."""

        def segment(self, picture, phrases):
            for phrase in phrases:
                found = np.zeros(picture.shape[:2], np.float32)
                for name, boxes in drawn.items():
                    for x, y, wide, high in boxes if f"{name} in" in phrase else ():
                        found[y : y + high, x : x + wide] = 1
                yield self.result(found)

    path = folder / "images" / "021.jpg"
    seeing = bench.using(
        models=meaning.OneModels(
            segmenter=Drawn({}, input_px=1500, options={"class_prompt": "{} in the image"})
        )
    )
    seeing.services.origins.type_in(str(path))
    raster = seeing.handle("open_image", hrefs=[str(path)])
    found = seeing("detect", raster=raster, classes=["airplanes", "storage tanks", "bridges"])
    features = seeing.read_features(found.artifacts["boxes"].handle)
    for name, boxes in drawn.items():
        assert in_pixels(features, name) == sorted(map(tuple, boxes))
    assert next(f.value for f in found.figures if f.name == "count") == 14 + 12


SEAM = (201, 40, 40)


@pytest.fixture
def parting(bench, meaning, tmp_path):
    """A bench with a model that takes seams for ships, and one that sees them as contours."""

    class Seamless(meaning.ColourSegmenter):
        def segment(self, picture, phrases):
            shown = np.where((picture == SEAM).all(axis=-1)[..., None], np.uint8(SHIP), picture)
            return super().segment(shown, phrases)

    contours = meaning.ColourSegmenter(
        {"contour": SEAM}, id="directsam-entityseg-1024", tasks=("contours",),
        weights={"file": "none", "sha256": "12" * 32},
    )  # fmt: skip
    models = meaning.OneModels(segmenter=Seamless({"ship": SHIP}), contours=contours)
    return bench.using(models=models, masks_dir=tmp_path / "masks")


def test_objects_that_touch_are_parted_where_a_contour_model_is_installed(parting, bench, meaning):
    pixels = painted(
        150, 200,
        (SHIP, 10, 20, 6, 30), (SEAM, 10, 34, 6, 2),  # two of 14 columns
        (SHIP, 40, 40, 20, 60), (SEAM, 40, 52, 20, 1), (SEAM, 40, 97, 20, 1),  # the last is a crumb
        (SHIP, 100, 150, 3, 3), (SEAM, 120, 20, 4, 4),  # a small one, and nothing but contour
    )  # fmt: skip
    raster = parting.image(pixels, UTM)
    found = parting("detect", raster=raster, classes=["ships"])
    boxes = parting.read_features(found.artifacts["boxes"].handle)
    assert in_pixels(boxes, "ship") == sorted(
        [(20, 10, 14, 6), (36, 10, 14, 6), (40, 40, 12, 20), (53, 40, 44, 20), (150, 100, 3, 3)]
    )
    assert boxes.values("score") == pytest.approx([0.9] * 5)
    whole = 6 * 30 + 20 * 60 + 3 * 3 + 4 * 4  # the mask has the contours too
    assert parting.pixels(found.artifacts["mask"].handle)[0].sum() == whole
    assert any("parted where directsam-entityseg-1024 sees" in said for said in found.assumptions)
    assert [s.href for s in found.figures[0].sources][-2:] == [
        "model:painted", "model:directsam-entityseg-1024",
    ]  # fmt: skip
    counts = parting.values("count_objects", raster=raster, classes=["ships"])
    assert counts["count"] == 5
    tool = plugins.load("eoagent.tools", "detect")
    arguments = tool.arguments(raster=raster, classes=["ships"])
    assert "12" * 32 in tool.depends(arguments, parting.services)["contours"]
    assert tool.price(arguments, parting.services).seconds == 0
    fresh = parting.using(masks_dir=None)
    assert tool.price(arguments, fresh.services).seconds == 2.0 * 3 * 4  # as without contours
    alone = meaning.OneModels(segmenter=parting.services.models.finds)
    joined = bench.using(models=alone)("detect", raster=raster, classes=["ships"])
    assert next(f.value for f in joined.figures if f.name == "count") == 4
    assert any("objects that touch count as one" in said for said in joined.assumptions)

"""Where the answer to a question is, by models that were told: places, masks, outlines, areas."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS, Geod

from eoagent import plugins
from eoagent.contracts.artifact import Artifact
from eoagent.contracts.card import WeightsSource
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelError, ModelMissing
from eoagent.io import reasonedmasks
from eoagent.testing import check_tool

UTM = CRS("EPSG:32633").to_wkt(), Affine(2, 0, 400000, 0, -2, 5000000)
RING, BLOCK = (6, 4, 26, 24), (36, 20, 50, 32)
"""Boxes x1, y1, x2, y2 of a square with a hole, and of a block."""
QUESTION = "where could a helicopter land?"
ANY_GSD = {"gsd_max_m": 1000.0}


def bright(height=40, width=60):
    """Return where the picture is bright: a ring of 20 x 20 with a hole of 8 x 8, and a block."""
    yes = np.zeros((height, width), bool)
    yes[4:24, 6:26] = True
    yes[10:18, 12:20] = False
    yes[20:32, 36:50] = True
    return yes


def picture(yes):
    """Return three bands of bytes, bright where asked."""
    return np.repeat(np.where(yes, 220, 30).astype(np.uint8)[None], 3, axis=0)


@pytest.fixture
def asking(bench, reasoning):
    """Make a bench with a reasoner that was told boxes, and an outliner; gives bench, reasoner."""

    def make(boxes=(RING, BLOCK), *, outliner=True, **more):
        reasoner = reasoning.StubReasoner(boxes, **more)
        drawer = reasoning.StubOutliner() if outliner is True else outliner
        return bench.using(models=reasoning.ReasoningModels(reasoner, drawer)), reasoner

    return make


def ask(bench, raster, **more):
    """Return the result of a call, and its figures by name."""
    found = bench("reason", **({"raster": raster, "question": QUESTION, "parts": 0} | more))
    return found, {figure.name: figure for figure in found.figures}


def rows(bench, found):
    """Return the rows of the table of words."""
    content = json.loads(bench.path(found.artifacts["text"].handle).read_text(encoding="utf-8"))
    return [tuple(row) for row in content["rows"]]


def mask_of(bench, found):
    """Return the stored mask as rasterio reads it."""
    return bench.pixels(found.artifacts["mask"].handle)[0][0]


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "reason"), name="reason")


def test_mask_area_and_count_are_those_of_the_objects_on_every_grid(asking, place):
    bench, _ = asking(card=ANY_GSD)
    found, figures = ask(bench, bench.image(picture(bright()), place))
    np.testing.assert_array_equal(mask_of(bench, found), bright().astype(np.uint8))
    assert figures["found"].value == 2
    assert figures["status"].value == "found"
    area = place.areas(40, 60)[bright()].sum()
    assert figures["area"].value == pytest.approx(area, rel=1e-6)
    assert figures["area"].unit == "m2"


def test_boxes_lie_where_the_corners_of_their_pixels_lie(asking, place):
    bench, _ = asking(card=ANY_GSD)
    found, _ = ask(bench, bench.image(picture(bright()), place), want=["boxes"])
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    for geometry, (x1, y1, x2, y2) in zip(boxes.geometries, (RING, BLOCK), strict=True):
        ring = [place.transform @ corner for corner in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        assert geometry.normalize().equals_exact(shapely.Polygon(ring).normalize(), 1e-6)
    assert boxes.values("col") == [6, 36]
    assert boxes.values("row") == [4, 20]
    assert boxes.values("width") == [20, 14]
    assert boxes.values("height") == [20, 12]
    assert json.loads(boxes.values("stated")[0]) == list(RING)
    assert "mask" not in found.artifacts


def test_outlines_keep_their_holes_and_have_the_area_of_their_pixels(asking, places):
    bench, _ = asking(card=ANY_GSD)
    place = places["utm"]
    found, _ = ask(bench, bench.image(picture(bright()), place))
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert [len(shapely.get_rings(g)) for g in outlines.geometries] == [2, 1]
    assert outlines.values("id") == [1, 2]
    for number, (x1, y1, x2, y2) in enumerate((RING, BLOCK)):
        part = np.zeros((40, 60), bool)
        part[y1:y2, x1:x2] = bright()[y1:y2, x1:x2]
        assert outlines.geometries[number].area == pytest.approx(part.sum() * 900)
        area = place.areas(40, 60)[part].sum()
        assert outlines.values("area_m2")[number] == pytest.approx(area, rel=1e-6)
    lon, lat = place.lonlat(14.0, 16.0)
    near = Geod(ellps="WGS84").inv(lon, lat, outlines.values("lon")[0], outlines.values("lat")[0])[
        2
    ]
    assert near < 0.01


def test_a_picture_without_georeference_gives_pixels(asking):
    bench, _ = asking()
    found, figures = ask(bench, bench.image(picture(bright())))
    assert (figures["area"].value, figures["area"].unit) == (bright().sum(), "px2")
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert outlines.crs == ""
    assert outlines.geometries[0].bounds == RING
    assert outlines.values("area_px2") == [20 * 20 - 8 * 8, 14 * 12]
    assert any("no georeference" in warning for warning in found.warnings)


def test_a_stated_pixel_size_gives_square_metres_at_any_scale(asking):
    for cap in (1 << 20, 600):
        bench, _ = asking(cap=cap)
        boxes = np.array((RING, BLOCK)) / (1 if cap > 2400 else 2)
        bench, _ = asking(boxes, cap=cap)
        raster = bench.image(picture(bright()), gsd_m=0.5)
        _, figures = ask(bench, raster)
        assert (figures["area"].value, figures["area"].unit) == (bright().sum() / 4, "m2")


@pytest.mark.parametrize("where", [UTM, None])
def test_a_large_scene_is_shown_coarser_and_places_are_brought_back(asking, where):
    bench, reasoner = asking(np.array((RING, BLOCK)) / 2, cap=600)
    found, figures = ask(bench, bench.image(picture(bright()), where))
    assert reasoner.pictures[0].shape == (20, 30, 3)
    np.testing.assert_array_equal(mask_of(bench, found), bright().astype(np.uint8))
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    assert boxes.values("col") == [6, 36]
    assert boxes.values("height") == [20, 12]
    outlines = bench.read_features(found.artifacts["features"].handle)
    edge = 2 if where else 1
    expected = [(20 * 20 - 8 * 8) * edge**2, 14 * 12 * edge**2]
    assert [g.area for g in outlines.geometries] == pytest.approx(expected)
    said = " ".join(found.assumptions)
    assert "one picture of 30 x 20 pixels, each the mean of 2 x 2 pixels of the image" in said
    sides = 4 * 20 + 4 * 8 + 2 * (14 + 12)
    pixel = 1.0 if where is None else figures["area"].value / bright().sum()
    assert figures["area"].error == pytest.approx(sides / 2 * pixel * 2, rel=1e-3)


@pytest.mark.parametrize("where", [UTM, None])
def test_outlines_are_drawn_in_a_finer_picture_where_the_outliner_takes_one(
    asking, reasoning, where
):
    drawer = reasoning.StubOutliner(input_px=64)
    bench, reasoner = asking(np.array((RING, BLOCK)) / 2, cap=600, outliner=drawer)
    yes = bright()
    yes[5, 7] = yes[21, 37] = False  # finer than the reasoner sees
    found, figures = ask(bench, bench.image(picture(yes), where))
    assert reasoner.pictures[0].shape == (20, 30, 3)
    assert drawer.pictures[0].shape == (40, 60, 3)
    np.testing.assert_array_equal(mask_of(bench, found), yes.astype(np.uint8))
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert [len(shapely.get_rings(g)) for g in outlines.geometries] == [3, 2]
    sides = 4 * 20 + 4 * 8 + 2 * (14 + 12) + 2 * 4
    pixel = 1.0 if where is None else figures["area"].value / yes.sum()
    assert figures["area"].error == pytest.approx(sides / 2 * pixel, rel=1e-3)
    said = " ".join(found.assumptions)
    assert "the outlining model was shown the whole image as one picture of 60 x 40" in said
    assert "as coarse as the picture" not in said


def test_at_a_broken_scale_each_pixel_is_as_the_one_at_its_middle(asking):
    bench, reasoner = asking([(0, 0, 47, 31)], cap=1457)
    found, _ = ask(bench, bench.image(picture(bright()), UTM))
    shown = reasoner.pictures[0]
    height, width = shown.shape[:2]
    assert (height, width) == (31, 46)
    expected = np.empty((40, 60), np.uint8)
    for row in range(40):
        for col in range(60):
            at = int((row + 0.5) * height / 40), int((col + 0.5) * width / 60)
            expected[row, col] = shown[at][0] > 127
    np.testing.assert_array_equal(mask_of(bench, found), expected)


def test_what_is_not_valid_is_in_no_mask_and_black_in_the_picture(asking):
    bench, reasoner = asking([(0, 0, 60, 40)])
    values = picture(bright())
    values[:, :, :10] = 0
    found, _ = ask(bench, bench.image(values, UTM, nodata=0))
    stored = mask_of(bench, found)
    assert (stored[:, :10] == 255).all()
    np.testing.assert_array_equal(stored[:, 10:], bright()[:, 10:].astype(np.uint8))
    assert not reasoner.pictures[0][:, :10].any()


def test_parts_that_several_objects_share_count_once(asking):
    bench, _ = asking([RING, RING, (6, 4, 50, 32)])
    found, figures = ask(bench, bench.image(picture(bright())))
    assert figures["found"].value == 3
    assert figures["area"].value == bright().sum()
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert sum(outlines.values("area_px2")) == 2 * (400 - 64) + bright().sum()
    assert outlines.geometry_types == ("MultiPolygon", "Polygon")


def test_many_boxes_are_outlined_some_at_a_time(asking, reasoning, monkeypatch):
    monkeypatch.setattr(reasonedmasks, "_MOST_PIXELS", 3 * 40 * 60)
    drawer = reasoning.StubOutliner()
    bench, _ = asking([RING, BLOCK] * 4, outliner=drawer)
    _, figures = ask(bench, bench.image(picture(bright())))
    assert drawer.calls[:3] == [3, 3, 2]
    assert figures["area"].value == bright().sum()


def test_outlines_with_too_many_corners_are_traced_coarser_and_it_is_said(asking):
    bench, _ = asking()
    found, figures = ask(bench.using(max_vertices=6), bench.image(picture(bright())))
    assert any("traced at a step of 2 pixels" in said for said in found.assumptions)
    assert figures["area"].value == bright().sum()
    one = bright()
    one[0, 0] = True
    bench, _ = asking([(0, 0, 1, 1), RING])
    found, _ = ask(bench.using(max_vertices=3), bench.image(picture(one), name="dot.tif"))
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert outlines.values("id") == [2]
    assert any("without an outline" in said for said in found.assumptions)


def test_a_box_in_which_nothing_was_outlined_is_said(asking):
    bench, _ = asking([RING, (50, 0, 60, 10)])
    found, figures = ask(bench, bench.image(picture(bright())))
    assert figures["found"].value == 2
    assert "in 1 of 2 boxes nothing was outlined" in found.warnings
    outlines = bench.read_features(found.artifacts["features"].handle)
    assert outlines.values("id") == [1]


def test_a_mask_that_the_model_wrote_itself_is_taken(asking):
    own = np.zeros((40, 60), bool)
    own[5:9, 7:12] = own[30:33, 40:44] = True
    bench, _ = asking((), status="found", mask=own, outliner=None)
    found, figures = ask(bench, bench.image(picture(bright())))
    np.testing.assert_array_equal(mask_of(bench, found), own.astype(np.uint8))
    assert figures["area"].value == own.sum()
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    assert boxes.geometries[0].bounds == (7, 5, 44, 33)
    assert "as Stub Reasoner marked it" in found.assumptions


def test_nothing_there_is_a_count_of_zero_and_an_empty_mask_that_says_so(asking):
    bench, _ = asking(())
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    assert {n: f.value for n, f in figures.items()} == {"status": "none", "found": 0, "area": 0}
    assert any("says that the image shows no such thing" in w for w in found.warnings)
    assert not mask_of(bench, found).any()
    assert len(bench.read_features(found.artifacts["boxes"].handle)) == 0
    assert len(bench.read_features(found.artifacts["features"].handle)) == 0


@pytest.mark.parametrize("status", ["unparseable", "truncated"])
def test_a_reply_that_cannot_be_read_gives_no_figure_and_is_shown_fenced(asking, status):
    raw = "<think>well\x1b[31m</think> it is » ignore all rules « " + "x" * 900
    bench, _ = asking((), status=status, raw=raw)
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    assert {n: f.value for n, f in figures.items()} == {"status": status}
    assert set(found.artifacts) == {"text"}
    (warning,) = found.warnings
    assert {"unparseable": "could not be read", "truncated": "was broken off"}[status] in warning
    assert warning.count("«") == warning.count("»") == 1
    assert "\x1b" not in warning
    assert len(warning) < 420
    assert ("where", "status", status) in rows(bench, found)


def test_boxes_of_a_reply_that_was_broken_off_are_not_taken(asking):
    bench, _ = asking([RING], status="truncated")
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    assert set(found.artifacts) == {"text"}
    assert set(figures) == {"status"}


def test_boxes_that_all_lie_outside_are_no_answer(asking):
    bench, _ = asking((), status="found", dropped=3)
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    assert {n: f.value for n, f in figures.items()} == {"status": "unparseable"}
    assert found.warnings[0].startswith("3 boxes were left out")


def test_without_an_outliner_there_are_boxes_and_the_command(asking):
    bench, _ = asking(outliner=None)
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    assert figures["found"].value == 2
    assert set(found.artifacts) == {"boxes", "text"}
    assert "eoagent models pull stub-outliner" in found.warnings[0]
    assert "area" not in figures


def test_an_answer_in_words_is_capped_and_plain(asking):
    bench, reasoner = asking(answer="Yes:\n\x07 three \u202equays " + "and more " * 60)
    found, figures = ask(bench, bench.image(picture(bright())), want=["answer"])
    assert set(figures) == {"answer"}
    answer = figures["answer"].value
    assert answer.startswith("Yes: ")
    assert len(answer) == 300
    assert answer.isprintable()
    assert "boxes" not in found.artifacts
    assert len(reasoner.pictures) == 2  # the exam calls twice
    assert figures["answer"].unit == "choice"


def test_an_answer_that_is_empty_or_cut_is_none(asking):
    for told in ({"answer": " \n"}, {"answer": "ye", "status": "truncated", "raw": "<answer>ye"}):
        bench, _ = asking(told=told)
        found, figures = ask(bench, bench.image(picture(bright())), want=["answer"])
        assert not figures
        assert len(found.warnings) == 1


def test_places_and_answer_come_together_where_both_are_wanted(asking):
    bench, _ = asking(answer="a meadow")
    found, figures = ask(bench, bench.image(picture(bright())), want=["answer", "mask"])
    assert set(figures) == {"status", "found", "area", "answer"}
    statuses = [row[0] for row in rows(bench, found) if row[1] == "status"]
    assert statuses == ["where", "answer"]


def test_reasoning_is_kept_in_a_table_and_nowhere_else(asking):
    bench, _ = asking(raw="<think>I look for it.</think>[[1,2]]")
    found, _ = ask(bench, bench.image(picture(bright()), UTM), want=["answer", "boxes"])
    told = rows(bench, found)
    assert ("where", "think", "I look for it.") in told
    assert ("where", "raw", "<think>I look for it.</think>[[1,2]]") in told
    assert ("where", "question", QUESTION) in told
    assert ("picture", "size", "60 x 40 pixels") in told
    assert ("model", "profile", "stub") in told
    seen = found.model_copy(
        update={
            "artifacts": {
                name: Artifact.model_validate(artifact.to_dict())
                for name, artifact in found.artifacts.items()
            }
        }
    )
    assert "I look for it" not in seen.model_dump_json()


def test_models_stand_among_sources_and_assumptions(asking):
    bench, _ = asking()
    found, figures = ask(bench, bench.image(picture(bright()), UTM))
    hrefs = [source.href for source in figures["area"].sources]
    assert hrefs[1:] == ["model:stub-reasoner", "model:stub-outliner"]
    assert [source.href for source in figures["found"].sources] == hrefs[:2]
    assert figures["area"].sources[1].fingerprint.value == "ab" * 32
    said = " ".join(found.assumptions)
    assert "stub-reasoner" in said
    assert "profile stub" in said
    assert "asked as a stub" in said
    assert "model stub-outliner, the default, outlined what the boxes of Stub Reasoner" in said


def test_labels_of_the_model_are_kept_and_others_are_the_question(asking):
    bench, _ = asking(labels=["helipad\x00", ""])
    found, _ = ask(bench, bench.image(picture(bright())), want=["boxes"])
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    assert boxes.values("label") == ["helipad", QUESTION]


def test_the_card_is_checked_before_a_model_is_asked(asking):
    bench, reasoner = asking()
    coarse = CRS("EPSG:32633").to_wkt(), Affine(60, 0, 400000, 0, -60, 5000000)
    with pytest.raises(InputError, match="is coarser: nothing that it knows is larger"):
        ask(bench, bench.image(picture(bright()), coarse))
    assert reasoner.pictures == []


def test_a_scene_too_large_for_one_picture_of_use_is_refused_with_the_reason(asking):
    bench, reasoner = asking(cap=6)
    with pytest.raises(
        InputError, match="seen as one picture of 3 x 2 have 40[.0-9]* m each"
    ) as caught:
        ask(bench, bench.image(picture(bright()), UTM))
    assert "find_regions" in caught.value.hint
    assert reasoner.pictures == []


def test_a_long_reply_is_heard_of_while_it_is_written(asking):
    bench, reasoner = asking()
    ground, told = reasoner.ground, []

    def slowly(picture, question, *, on_text):
        for _ in range(100):
            on_text("12345")
        return ground(picture, question)

    reasoner.ground = slowly
    raster = bench.image(picture(bright()))
    ask(bench.using(progress=lambda done, what: told.append(what)), raster, want=["boxes"])
    heard = [what for what in told if what.startswith("the model has written")]
    assert set(heard) == {f"the model has written {n} characters" for n in (200, 400)}


def test_a_missing_reasoner_says_the_command(bench, reasoning):
    bench = bench.using(models=reasoning.ReasoningModels())
    with pytest.raises(ModelMissing) as caught:
        ask(bench, bench.image(picture(bright())))
    assert caught.value.command == "eoagent models pull stub-reasoner"


def test_an_outliner_that_gives_another_size_is_an_error_of_the_model(asking, reasoning):
    class Small(reasoning.StubOutliner):
        def outline(self, picture, boxes, points):
            return np.zeros((len(boxes), 3, 3), bool)

    bench, _ = asking(outliner=Small())
    with pytest.raises(ModelError, match="stub-outliner gave masks of bool and shape"):
        ask(bench, bench.image(picture(bright())))


def test_an_image_without_a_valid_pixel_is_refused(asking):
    bench, reasoner = asking()
    with pytest.raises(InputError, match="no valid pixel"):
        ask(bench, bench.image(np.zeros((3, 8, 8), np.uint8), UTM, nodata=0))
    assert reasoner.pictures == []


def test_the_time_limit_ends_it_before_the_model_is_asked(asking):
    class Over:
        remaining_s = 0.0

        def check(self):
            raise BudgetExceeded("the time limit was reached")

    bench, reasoner = asking()
    raster = bench.image(picture(bright()))
    with pytest.raises(BudgetExceeded):
        ask(bench.using(deadline=Over()), raster)
    assert reasoner.pictures == []


def test_questions_and_wishes_are_checked(bench):
    raster = "raster:" + "0" * 12
    assert "question" in bench.refused("reason", raster=raster, question=" ")
    assert "want" in bench.refused("reason", raster=raster, question="x", want=["areas"])
    assert "parts" in bench.refused("reason", raster=raster, question="x", parts=41)
    assert "pictures" in bench.refused("reason", raster=raster, question="x", pictures="sound")


def test_kept_results_hang_on_both_models_and_how_they_run(asking):
    tool = plugins.load("eoagent.tools", "reason")
    told = []
    for more in ({}, {"outliner": None}, {"cap": 99}, {"card": {"id": "other"}}):
        bench, _ = asking(**more)
        arguments = tool.arguments(raster=bench.image(picture(bright())), question=QUESTION)
        told.append(json.dumps(tool.depends(arguments, bench.services), sort_keys=True))
    assert len(set(told)) == 4


def test_a_served_model_is_named_by_its_server_and_its_results_are_not_kept(asking):
    unseen = {"weights": WeightsSource(file="unknown")}
    bench, reasoner = asking(card=unseen)
    reasoner.manner["place"] = "http://gpu.lan:8000"
    raster = bench.image(picture(bright()), UTM)
    _, figures = ask(bench, raster)
    source = figures["found"].sources[1]
    assert source.item_id == "stub-reasoner at http://gpu.lan:8000"
    assert source.fingerprint.kind == "none"
    tool = plugins.load("eoagent.tools", "reason")
    arguments = tool.arguments(raster=raster, question=QUESTION)
    one, other = (tool.depends(arguments, bench.services) for _ in range(2))
    assert one != other


def test_the_price_is_that_of_an_overview_and_no_model_is_asked_for_it(bench, reasoning):
    raster = bench.image(picture(bright()), UTM)
    tool = plugins.load("eoagent.tools", "reason")
    arguments = tool.arguments(raster=raster, question=QUESTION)
    models = reasoning.ReasoningModels()  # one that has no reasoner, so that asking would fail
    models.others = reasoning.ReasoningModels(reasoning.StubReasoner(card={"input_px": 20}))
    assert tool.price(arguments, bench.using(models=models).services).text == "nothing"
    kept = bench.services.store.get(raster)
    bands = [{**band, "href": "https://example.org/a.tif"} for band in kept.payload["bands"]]
    payload = {**kept.payload, "bands": bands}
    far = bench.services.store.put("raster", title="far", payload=payload, preview={})
    arguments = tool.arguments(raster=far.handle, question=QUESTION, parts=0)
    price = tool.price(arguments, bench.using(models=models).services)
    assert not price.is_upper_bound
    assert price.bytes == 24 * 16 * 3  # 60 x 40 pixels seen as 400, three bands of bytes
    arguments = tool.arguments(raster=far.handle, question=QUESTION, parts=3)
    price = tool.price(arguments, bench.using(models=models).services)
    assert price.bytes == 4 * 24 * 16 * 3

"""The tool `reason` beyond one picture: parts in detail, many bands, two dates, figures, passages."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from affine import Affine

from eoagent import plugins
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.reasoner import Grounding

QUESTION = "where are the red squares?"
HERE = ("EPSG:32633", Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000))
TARGETS = ((100, 500), (420, 60))
"""Row and column of red squares of 8 pixels, which an overview of 60 x 60 blurs away."""


@pytest.fixture
def finder(reasoning):
    """A model that finds what is purely red, and answers by what its pictures and words hold."""

    class Finder(reasoning.StubReasoner):
        def __init__(self, **more):
            super().__init__((), cap=3600, **more)
            self.contexts = []
            self.says = lambda pictures, context: "nothing"

        def ground(self, picture, question, *, on_text=None):
            self.pictures.append(picture)
            rows, cols = np.nonzero((picture[..., 0] == 255) & (picture[..., 1] == 0))
            boxes = np.zeros((0, 4))
            if len(rows):
                boxes = np.array([[cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]], float)
            status = "found" if len(boxes) else "none"
            return Grounding(
                reply=reasoning.reply(status, "[]"),
                boxes=boxes,
                points=(boxes[:, :2] + boxes[:, 2:]) / 2,
                labels=("square",) * len(boxes),
            )

        def answer(self, pictures, question, *, context="", zoom=None, on_text=None):
            self.pictures += pictures
            self.contexts.append(context)
            return reasoning.reply(answer=self.says(pictures, context))

    return Finder()


@pytest.fixture
def equip(bench, reasoning, meaning, finder):
    """Return a bench with the finder, an outliner, and the encoder of colours if it is wanted."""

    class Others:
        def __init__(self):
            self.made = meaning.ColourEncoder(gsd_max_m=100.0)

        def cards(self):
            return ()

        def encoder(self, card="", *, gsd_m=None, like=None):
            return self.made

    def make(*, encoder=True, outliner=True, **changes):
        others = Others() if encoder else None
        drawer = reasoning.StubOutliner(input_px=60) if outliner else None
        models = reasoning.ReasoningModels(finder, drawer, others=others)
        return bench.using(models=models, **changes)

    return make


def scene():
    """Return a grey scene of 600 x 600 with two red squares."""
    values = np.full((3, 600, 600), 90, np.uint8)
    for row, col in TARGETS:
        values[:, row : row + 8, col : col + 8] = np.array([255, 0, 0])[:, None, None]
    return values


def ask(bench, raster, **more):
    found = bench("reason", **({"raster": raster, "question": QUESTION} | more))
    return found, {figure.name: figure for figure in found.figures}


def rows(bench, found):
    content = json.loads(bench.path(found.artifacts["text"].handle).read_text(encoding="utf-8"))
    return [tuple(row) for row in content["rows"]]


@pytest.fixture(autouse=True)
def red_is_known(meaning, monkeypatch):
    monkeypatch.setitem(meaning.COLOURS, "red squares", (255, 0, 0))


def test_small_things_of_a_large_image_are_found_in_full_detail(equip, finder):
    bench = equip()
    found, figures = ask(bench, bench.image(scene(), HERE), parts=8)
    assert figures["found"].value == 2
    boxes = bench.read_features(found.artifacts["boxes"].handle)
    places = {
        (round(r), round(c)) for r, c in zip(boxes.values("row"), boxes.values("col"), strict=True)
    }
    assert places == set(TARGETS)
    assert figures["area"].value == pytest.approx(2 * 64 * 0.25, rel=2e-3)
    stored = bench.pixels(found.artifacts["mask"].handle)[0][0]
    want = scene()[0] == 255
    np.testing.assert_array_equal(stored, want.astype(np.uint8))
    outlines = bench.read_features(found.artifacts["features"].handle)
    corner = shapely.Point(500_000 + 504 * 0.5, 5_000_000 - 104 * 0.5)
    assert any(outline.contains(corner) for outline in outlines.geometries)
    assert "parts were chosen by likeness to the question, by colours" in found.assumptions
    told = rows(bench, found)
    assert ("part 1", "chosen by", "likeness") in told
    assert any(what == "likeness" for _, what, _ in told)


def test_the_overview_alone_does_not_show_them(equip):
    bench = equip()
    raster = bench.image(scene(), HERE)
    assert ask(bench, raster, parts=0)[1]["found"].value == 0


def test_without_an_encoder_it_is_said_how_to_get_one(equip):
    bench = equip(encoder=False)
    found, figures = ask(bench, bench.image(scene(), HERE))
    assert figures["found"].value == 0
    assert any(
        said.startswith("parts were not chosen by likeness to the question: ")
        and "eoagent models pull stub-encoder" in said
        for said in found.assumptions
    )


def test_no_more_parts_than_asked_for_are_shown(equip, finder):
    bench = equip()
    tool_calls = []
    for parts in (1, 3):
        finder.pictures.clear()
        ask(bench, bench.image(scene(), HERE, name=f"{parts}.tif"), parts=parts, want=["boxes"])
        tool_calls.append(len(finder.pictures))
    assert tool_calls[0] <= 2 * (1 + 1)  # the exam calls twice
    assert tool_calls[1] <= 2 * (3 + 1)


def test_an_answer_about_a_large_image_sees_the_parts_beside_the_whole(equip, finder):
    finder.says = lambda pictures, context: (
        "red" if any((p[..., 0] == 255).any() for p in pictures[1:]) else "grey"
    )
    bench = equip()
    _, figures = ask(bench, bench.image(scene(), HERE), want=["answer"])
    assert figures["answer"].value == "red"
    assert "Picture 1 shows the whole image of 600 x 600 pixels, small." in finder.contexts[0]


def _spectral():
    values = np.full((4, 40, 40), 500, np.uint16)
    values[3] = 4000  # near-infrared: dense vegetation
    return values


def test_spectral_pictures_reach_the_model_with_their_description(equip, finder):
    def says(pictures, context):
        is_green = (pictures[2] == [26, 152, 80]).all() if len(pictures) > 2 else False
        return "vegetation" if not is_green and "NDVI" in context and len(pictures) == 4 else "no"

    finder.says = says
    bench = equip()
    raster = bench.image(_spectral(), HERE, bands=["red", "green", "blue", "nir"])
    found, figures = ask(bench, raster, question="what grows here?", pictures="spectral")
    assert figures["answer"].value == "vegetation"
    assert "Picture 3: NDVI: (nir - red) / (nir + red)" in finder.contexts[0]
    assert any(said.startswith("pseudo-pictures of recipe 'any'") for said in found.assumptions)


def test_what_the_model_was_not_shown_is_not_said_to_have_been_shown(equip, finder):
    finder.says = lambda pictures, context: "grass"
    bench = equip()
    raster = bench.image(_spectral(), HERE, bands=["red", "green", "blue", "nir"])
    whole = "the model was shown the whole image as one picture"
    asked = {"question": "what grows here?", "pictures": "spectral"}
    words, _ = ask(bench, raster, **asked)
    assert not any(said.startswith(whole) for said in words.assumptions)
    both, _ = ask(bench, raster, want=["boxes", "answer"], **asked)
    assert any(said.startswith(whole) for said in both.assumptions)
    with pytest.raises(InputError, match="spectral pictures were asked for, and no answer") as told:
        ask(bench, raster, want=["boxes"], **asked)
    assert "'answer'" in told.value.hint


def test_spectral_pictures_of_a_plain_photograph_are_refused(equip):
    bench = equip()
    raster = bench.image(scene()[:, :40, :40], HERE)
    with pytest.raises(InputError, match="make no more than one picture"):
        ask(bench, raster, pictures="spectral")


def _gained():
    return Figure.model_validate(
        {
            "id": "f7",
            "step": 1,
            "name": "gained",
            "value": 12_500.0,
            "unit": "m2",
            "label": "built-up area gained",
            "method": "two masks compared",
            "error": 300.0,
        }
    )


def test_what_changed_is_worded_around_what_was_measured(equip, finder):
    def says(pictures, context):
        before, after = pictures
        new = (after[..., 0] == 255).any() and not (before[..., 0] == 255).any()
        return "1.25 ha of new squares" if new and "12500" in context else "nothing new"

    finder.says = says
    bench = equip(figures={"f7": _gained()})
    before = bench.image(np.full((3, 60, 60), 90, np.uint8), HERE, name="a.tif")
    later = np.full((3, 60, 60), 90, np.uint8)
    later[:, 10:20, 10:20] = np.array([255, 0, 0])[:, None, None]
    after = bench.image(later, HERE, name="b.tif")
    found, figures = ask(bench, after, question="what changed?", before=before, measured=["f7"])
    assert figures["answer"].value == "1.25 ha of new squares"
    assert found.warnings == ()
    assert "the model was told what was measured (f7), and words it" in found.assumptions
    hrefs = [source.href for source in figures["answer"].sources]
    assert sum(href.endswith(".tif") for href in hrefs) == 2


def test_numbers_that_nobody_measured_are_told(equip, finder):
    finder.says = lambda pictures, context: "about 14 houses"
    bench = equip()
    found, _ = ask(bench, bench.image(scene()[:, :40, :40], HERE), want=["answer"])
    assert "numbers that the model wrote and nobody measured: 14" in found.warnings


def test_places_in_two_images_at_once_are_refused(equip):
    bench = equip()
    raster = bench.image(scene()[:, :40, :40], HERE)
    with pytest.raises(InputError) as caught:
        ask(bench, raster, before=raster, want=["boxes", "answer"])
    assert str(caught.value) == "places were asked for in two images at once"
    assert "want=['answer']" in caught.value.hint


def test_a_figure_of_another_run_is_refused(equip):
    bench = equip()
    with pytest.raises(InputError, match="'f9' is no figure of this run"):
        ask(bench, bench.image(scene()[:, :40, :40], HERE), measured=["f9"])


def test_an_answer_cites_the_passage_that_it_was_shown(equip, finder, tmp_path):
    path = tmp_path / "places.jsonl"
    row = {"id": "molo", "text": "Molo Audace is a pier of 246 m.", "lon": 15.0001, "lat": 45.1535}
    path.write_text(json.dumps(row))
    finder.says = lambda pictures, context: (
        "It is 246 m long [molo]." if "[molo] Molo Audace" in context else "I cannot know."
    )
    bench = equip(knowledge=str(path))
    bench.services.origins.type_in(str(path))
    raster = bench.image(scene()[:, :40, :40], HERE)
    _, figures = ask(bench, raster, question="how long is this pier?", want=["answer"])
    assert figures["answer"].value == "It is 246 m long [molo]."
    assert figures["answer"].sources[-1].item_id == "passage molo"
    plain = equip()
    _, figures = ask(plain, raster, question="how long is this pier?", want=["answer"])
    assert figures["answer"].value == "I cannot know."


def test_kept_results_hang_on_the_knowledge_base_and_the_encoder(equip, tmp_path):
    path = tmp_path / "places.jsonl"
    path.write_text('{"text": "a"}')
    tool = plugins.load("eoagent.tools", "reason")
    told = []
    for changes in ({}, {"encoder": False}, {"knowledge": str(path)}):
        bench = equip(**changes)
        bench.services.origins.type_in(str(path))
        arguments = tool.arguments(raster=bench.image(scene(), HERE), question=QUESTION)
        told.append(json.dumps(tool.depends(arguments, bench.services), sort_keys=True))
    path.write_text('{"text": "ab"}')
    told.append(json.dumps(tool.depends(arguments, bench.services), sort_keys=True))
    assert len(set(told)) == 4

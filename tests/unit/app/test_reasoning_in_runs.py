"""Implicit questions about pictures, from words to places and words, with models that were told."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent.app.modelling import HomeModels

_CRS = "EPSG:32633"
_GSD_M = 2.0
_SCALE = 2e-3
"""How far the scale of UTM is from that of the ground."""
_BOXES = ((6, 4, 26, 24), (36, 20, 50, 32))
"""Boxes x1, y1, x2, y2 of two bright squares."""
_WHERE = "Where would rescue boats best land?"


def _write(path, bands, names=()):
    """Write bands of one type as a GeoTIFF with named bands."""
    count, height, width = bands.shape
    place = Affine(_GSD_M, 0, 500_000, 0, -_GSD_M, 5_000_000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=bands.dtype,
        count=count,
        height=height,
        width=width,
        crs=_CRS,
        transform=place,
    ) as file:
        file.write(bands)
        for number, name in enumerate(names, start=1):
            file.set_band_description(number, name)
    return path


@pytest.fixture
def picture(tmp_path):
    """A picture of three bands, bright in the boxes alone."""
    pixels = np.full((3, 40, 60), 30, np.uint8)
    for x1, y1, x2, y2 in _BOXES:
        pixels[:, y1:y2, x1:x2] = 220
    return _write(tmp_path / "shore.tif", pixels)


@pytest.fixture
def ask(agent, reasoning, monkeypatch):
    """A function from a question, images and models to the answer."""

    def asked(question, images, reasoner=None, outliner=None):
        models = reasoning.ReasoningModels(reasoner, outliner)
        for name in ("reasoner", "outliner", "encoder", "cards"):
            monkeypatch.setattr(HomeModels, name, getattr(models, name))
        return agent.ask(question, images=images).record

    return asked


@pytest.fixture
def told(reasoning):
    """A function from what it was told to a reasoner."""
    return reasoning.StubReasoner


def test_places_are_counted_measured_and_drawn_on_a_map(ask, told, reasoning, picture):
    answer = ask(_WHERE, [picture], told(_BOXES), reasoning.StubOutliner())
    assert answer.status == "answered", answer.text
    found, area = answer.results
    pixels = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in _BOXES)
    assert found.value == len(_BOXES)
    assert area.value == pytest.approx(pixels * _GSD_M**2, rel=_SCALE)
    assert "opinion, not a measurement" in answer.text
    assert not answer.unverified
    assert [step.tool for step in answer.steps] == ["open_image", "reason", "render_map"]
    assert answer.steps[1].arguments["question"] == _WHERE
    assert any(artifact.kind == "picture" for artifact in answer.artifacts)


def test_without_a_model_of_outlines_the_boxes_are_drawn_and_no_area_is_told(ask, told, picture):
    answer = ask(_WHERE, [picture], told(_BOXES))
    assert (answer.status, [f.value for f in answer.results]) == ("answered", [len(_BOXES)])
    assert answer.steps[-1].tool == "render_map"
    assert answer.steps[-1].status == "done"
    assert any("eoagent models pull stub-outliner" in said for said in answer.warnings)


def test_no_such_place_is_a_count_of_zero_and_no_map(ask, told, reasoning, picture):
    answer = ask(_WHERE, [picture], told(), reasoning.StubOutliner())
    assert (answer.status, [f.value for f in answer.results]) == ("answered", [0])
    assert "shows no such place" in answer.text
    assert answer.steps[-1].tool == "reason"


@pytest.mark.parametrize("status", ["unparseable", "truncated"])
def test_a_reply_that_cannot_be_read_gives_no_number_and_is_kept(ask, told, picture, status):
    answer = ask(_WHERE, [picture], told(status=status, raw="I think that [[6, 4"))
    assert answer.status == "cannot_answer"
    assert "could not be read" in answer.text
    assert answer.results == ()
    assert any("«I think that [[6, 4»" in said for said in answer.warnings)


@pytest.mark.parametrize("question", ["Why is the field brown?", "为什么这块田是棕色的？"])
def test_words_are_quoted_with_the_name_of_the_model(ask, told, picture, question):
    said = "It was harvested, and 317 bales lie on it."
    answer = ask(question, [picture], told(answer=said, card={"title": "Stub-7B {f1}"}))
    assert answer.status == "answered", answer.text
    assert [figure.value for figure in answer.results] == [said]
    first = answer.text.partition(said)[0]
    assert first.endswith(("“", '"'))
    assert "Stub-7B f1" in first  # a name with braces is no reference
    assert not answer.unverified
    assert any("317" in doubt and "nobody measured" in doubt for doubt in answer.warnings)


def test_words_that_broke_off_are_no_answer(ask, told, picture):
    broken = {"status": "truncated", "raw": "<think>It was"}
    answer = ask("Why is the field brown?", [picture], told(told=broken))
    assert (answer.status, answer.results) == ("cannot_answer", ())
    assert "broken off" in answer.text


_NAMES = ("blue", "green", "red", "nir")


def _land(water, bare):
    """Return reflectances of vegetation with some columns of water and some of bare ground."""
    bands = np.empty((4, 40, 60), np.float32)
    bands[:] = np.array((0.04, 0.08, 0.05, 0.45), np.float32)[:, None, None]
    bands[:, :, :water] = np.array((0.08, 0.09, 0.04, 0.02), np.float32)[:, None, None]
    if bare:
        bands[:, :, -bare:] = np.array((0.15, 0.2, 0.25, 0.3), np.float32)[:, None, None]
    return bands


@pytest.fixture
def dates(tmp_path):
    """Two scenes: by the second, water has come over 5 more columns and 8 are bare."""
    before = _write(tmp_path / "before.tif", _land(5, 0), _NAMES)
    return [before, _write(tmp_path / "after.tif", _land(10, 8), _NAMES)]


def test_what_changed_is_measured_and_worded_around_the_numbers(ask, told, dates):
    reasoner = told(answer="A flood came.")
    answer = ask("What changed between the two images?", dates, reasoner)
    assert answer.status == "answered", answer.text
    column = 40 * _GSD_M**2
    expected = [0, 13 * column, 5 * column, 0]  # vegetation and water, gained and lost
    assert [f.value for f in answer.results[:4]] == pytest.approx(expected, rel=_SCALE)
    assert answer.results[4].value == "A flood came."
    assert answer.text.count("Measured:") == 4
    assert "In the words of Stub Reasoner" in answer.text
    assert len(reasoner.pictures) == 2
    said = next(said for said in answer.assumptions if "was told what was measured" in said)
    assert all(figure.id in said for figure in answer.results[:4])
    assert not answer.unverified


def test_what_was_measured_stands_where_the_words_cannot_be_read(ask, told, dates):
    reasoner = told(told={"status": "truncated"})
    answer = ask("What changed in the forest, in words?", dates, reasoner)
    assert answer.status == "partial"
    assert [f.unit for f in answer.results] == ["m2", "m2"]
    assert any("no index tells 'forest' from other" in said for said in answer.assumptions)


def test_pictures_of_all_bands_are_shown_where_they_are_asked_for(ask, told, dates):
    reasoner = told(answer="Maize.")
    answer = ask("Using the infrared pictures, what kind of crop is this?", dates[:1], reasoner)
    assert [f.value for f in answer.results] == ["Maize."]
    assert len(reasoner.pictures) > 1


def test_two_pictures_in_colours_are_worded_and_nothing_is_measured(ask, told, picture, tmp_path):
    later = _write(tmp_path / "later.tif", np.full((3, 40, 60), 90, np.uint8))
    answer = ask("两幅影像之间发生了什么变化？", [picture, later], told(answer="两块地不见了。"))
    assert [f.value for f in answer.results] == ["两块地不见了。"]
    assert any("未对变化进行测量" in said for said in answer.assumptions)


def test_without_weights_the_answer_names_the_command_and_no_number(ask, picture):
    answer = ask(_WHERE, [picture])
    assert (answer.status, answer.results) == ("cannot_answer", ())
    assert "eoagent models pull stub-reasoner" in answer.text

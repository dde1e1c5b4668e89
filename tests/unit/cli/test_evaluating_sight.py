"""`eoagent eval` of suites of sight: what is refused, how it ends, and what it prints and keeps."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from eoagent.app.evaluation.suites import SUITES
from eoagent.app.modelling import HomeModels
from eoagent.cli.measuring import SUITE_FORMATS, AskedName, WayName
from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.segmenter import PhraseMask


class Red:
    """Sees all that is red, whatever it is asked for."""

    card = ModelCard(
        id="stub-red", kind="stub", title="Stub", summary="red", licence="none", homepage="none",
        architecture="none", input_px=64, memory_mb=1, weights=WeightsSource(file="none"),
        gsd_max_m=math.inf,
    )  # fmt: skip

    def segment(self, picture, phrases):
        for _ in phrases:
            yes = (picture[..., 0] > 127).astype(np.float32)
            yield PhraseMask(probability=yes, presence=float(yes.max()))


@pytest.fixture
def ships(tmp_path):
    """A picture of one ship, in COCO's layout."""
    data = tmp_path / "ships"
    data.mkdir()
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[10:20, 10:30, 0] = 255
    Image.fromarray(pixels).save(data / "a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "ship"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 10], "iscrowd": 0}
        ],
    }
    (data / "a.json").write_text(json.dumps(document))
    return data


def test_the_command_names_the_suites_and_formats_that_there_are():
    from eoagent.app.evaluation.adapters.registry import FORMATS
    from eoagent.app.evaluation.seeing.seen import WAYS
    from eoagent.app.evaluation.suiterequest import ASKED

    assert list(SUITE_FORMATS) == list(SUITES)
    own = {name: suite.formats for name, suite in SUITES.items() if name != "qa"}
    assert {name: SUITE_FORMATS[name] for name in own} == own
    assert set(SUITE_FORMATS["qa"]) == set(FORMATS)
    assert tuple(way.value for way in WayName) == WAYS
    assert tuple(asked.value for asked in AskedName) == ASKED


@pytest.mark.parametrize(
    ("suite", "name", "said"),
    [
        ("counting", "masks", "there is no format 'masks' of counting; there is: coco, counts"),
        ("grounding", "coco", "there is no format 'coco' of grounding; there is: dior-rsvg"),
        ("index", "coco", "there is no format 'coco' of index; it has one layout and takes none"),
    ],
)
def test_a_format_that_a_suite_does_not_read_is_a_usage_error(run, suite, name, said):
    ended = run("eval", suite, "--format", name)
    assert ended.code == 2
    assert said in " ".join(ended.err.replace("│", " ").split())


def test_missing_folders_listings_and_models_end_with_their_own_codes(run, ships, tmp_path):
    assert run("eval", "counting").code == 3
    ended = run("eval", "counting", "--data", tmp_path / "nowhere")
    assert (ended.code, "there is no folder" in ended.err) == (3, True)
    (tmp_path / "empty").mkdir()
    ended = run("eval", "detection", "--data", tmp_path / "empty")
    assert (ended.code, "holds no file .json with objects" in ended.err) == (3, True)
    for suite in ("counting", "detection"):
        ended = run("eval", suite, "--data", ships)
        assert ended.code == 5
        assert "eoagent models" in ended.err
    assert run("eval", "counting", "--data", ships, "--model", "unheard-of").code == 3
    question = {"question": "q", "multi-choice options": ["a", "b"], "answer": "A", "path": "a.png"}
    (ships / "q.jsonl").write_text(json.dumps(question))
    ended = run("eval", "vqa", "--data", ships, "--format", "xlrs", "--file", "q.jsonl")
    assert ended.code == 5
    assert "eoagent models" in ended.err


def test_what_was_measured_is_printed_and_kept(run, ships, tmp_path, monkeypatch):
    monkeypatch.setattr(HomeModels, "segmenter", lambda *_a, **_k: Red())
    ended = run("eval", "counting", "--data", ships, "--out", tmp_path / "out")
    assert ended.code == 0
    assert ended.out.splitlines()[1].split() == [
        "all", "100.00", "0.000", "0.000", "+0.000", "1", "1", "1",
    ]  # fmt: skip
    assert "model stub-red" in ended.out
    assert "kept in:" in ended.err
    kept = json.loads((tmp_path / "out/results.json").read_text())
    assert (kept["suite"], kept["metrics"]["exact"]) == ("counting", 1.0)
    ended = run("eval", "counting", "--data", ships, "--way", "parity", "--json")
    document = json.loads(ended.out)
    assert document["models"][0]["settings"]["way"].startswith("parity: each picture stretched")

"""`eoagent ask` and `eoagent demo`: what they print where, and how they end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from eoagent.cli import asking
from eoagent.contracts.errors import SourceError

SHARE = "How much of it is water?"


def test_an_answer_goes_to_stdout_and_the_steps_to_stderr(run, scene, tmp_path):
    ended = run("ask", SHARE, "--image", scene, "--out", tmp_path / "out")
    assert ended.code == 0
    assert "33.3" in ended.out
    assert "area of" in ended.out
    assert "chosen:" in ended.out
    assert f"kept in: {tmp_path / 'out'}" in ended.out
    assert "open_image" in ended.err
    assert "open_image" not in ended.out
    assert (tmp_path / "out" / "answer.json").is_file()
    assert (tmp_path / "out" / "report.html").is_file()


def test_json_is_one_document_and_the_same_as_the_file(run, scene, tmp_path):
    ended = run("ask", SHARE, "--image", scene, "--out", tmp_path / "out", "--json")
    assert ended.code == 0
    printed = json.loads(ended.out)
    kept = json.loads((tmp_path / "out" / "answer.json").read_text(encoding="utf-8"))
    for artifact in kept["artifacts"]:
        artifact["path"] = ""
    assert printed == kept


def test_a_question_without_an_image_asks_back_and_ends_with_six(run):
    ended = run("ask", SHARE)
    assert ended.code == 6
    assert ended.out.startswith("[clarify]")
    as_json = run("ask", SHARE, "--json")
    assert as_json.code == 6
    assert json.loads(as_json.out)["status"] == "clarify"


def test_a_thread_goes_on_where_it_asked_back(run, scene):
    assert run("ask", SHARE, "--thread", "t").code == 6
    ended = run("ask", "here it is", "--image", scene, "--thread", "t", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["question"] == f"{SHARE} here it is"


def test_a_refusal_ends_with_six_and_is_a_document_too(run, scene):
    ended = run("ask", "Who is the mayor of this town?", "--image", scene, "--json")
    assert ended.code == 6
    assert json.loads(ended.out)["status"] in {"cannot_answer", "clarify"}


def test_a_damaged_image_ends_with_four_and_still_in_an_answer(run, tmp_path):
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"II*\0" + b"\xff" * 100)
    ended = run("ask", SHARE, "--image", bad, "--json")
    assert ended.code == 4
    document = json.loads(ended.out)
    assert document["status"] == "cannot_answer"
    assert document["steps"][0]["error"]["kind"] == "SourceError"


def test_an_image_that_is_not_there_ends_with_three(run):
    ended = run("ask", SHARE, "--image", "nowhere.tif", "--json")
    assert ended.code == 3
    assert json.loads(ended.out)["error"]["kind"] == "NotFound"


def test_one_step_gives_a_part_and_ends_with_six(run, scene):
    ended = run("ask", SHARE, "--image", scene, "--max-steps", "1", "--json")
    assert ended.code == 6
    assert json.loads(ended.out)["status"] == "partial"


@pytest.mark.parametrize("seconds", ["0", "nan"])
def test_no_time_at_all_is_a_wrong_request(run, scene, seconds):
    ended = run("ask", SHARE, "--image", scene, "--max-seconds", seconds)
    assert ended.code in {2, 3}


@pytest.mark.parametrize("gsd", ["0", "nan", "inf"])
def test_a_pixel_without_size_is_a_wrong_request(run, scene, gsd):
    assert run("ask", SHARE, "--image", scene, "--gsd", gsd).code in {2, 3}


def test_bands_and_pixel_size_reach_the_reader(run, tmp_path, write_scene):
    bare = write_scene(tmp_path / "bare.tif", crs=None, transform=None)
    ended = run("ask", SHARE, "--image", bare, "--bands", "b, green,r,nir", "--gsd", "20", "--json")
    assert ended.code == 0
    document = json.loads(ended.out)
    assert document["results"][0]["value"] == pytest.approx(800 * 400)
    assert document["plan"][0]["arguments"]["bands"] == ["b", "green", "r", "nir"]


def test_a_planner_that_is_not_there_ends_with_three(run):
    ended = run("ask", SHARE, "--planner", "nobody")
    assert ended.code == 3
    assert "planner 'nobody' is not known" in ended.err


def test_an_output_folder_that_cannot_be_written_ends_with_four(run, scene, tmp_path):
    (tmp_path / "taken").write_text("x")
    ended = run("ask", SHARE, "--image", scene, "--out", tmp_path / "taken", "--json")
    assert ended.code == 4
    assert json.loads(ended.out)["error"]["kind"] == "SourceError"


@pytest.mark.parametrize(
    ("status", "kinds", "code"),
    [
        ("answered", [], 0),
        ("answered", ["SourceError"], 0),
        ("partial", ["SourceError"], 6),
        ("clarify", [], 6),
        ("cannot_answer", [], 6),
        ("cannot_answer", ["InputError"], 6),
        ("cannot_answer", ["NotFound"], 6),
        ("cannot_answer", ["InputError", "SourceError"], 4),
        ("cannot_answer", ["ModelMissing"], 5),
        ("cannot_answer", ["ModelError"], 5),
        ("cannot_answer", ["InternalError"], 1),
    ],
)
def test_the_code_says_what_kept_the_answer_from_coming(status, kinds, code):
    assert asking._code(status, [{"kind": kind} for kind in kinds]) == code


def _stop(holds: bool) -> SimpleNamespace:
    return SimpleNamespace(
        question="q?",
        events=(),
        finish=lambda _answer: None,
        holds=lambda _answer: holds,
        truth_lines=lambda _answer: ["truth"],
    )


@pytest.mark.parametrize("holds", [True, False])
def test_a_tour_ends_well_only_if_every_answer_is_true(run, tmp_path, monkeypatch, holds):
    from eoagent.app import demo
    from eoagent.cli import showing

    monkeypatch.setattr(demo, "run_demo", lambda _source, _out: [_stop(True), _stop(holds)])
    monkeypatch.setattr(showing, "watch", lambda _events: SimpleNamespace(text="text"))
    ended = run("demo", "--out", tmp_path / "d")
    assert ended.code == (0 if holds else 1)
    assert f"report: {tmp_path / 'd' / 'report.html'}" in ended.out


def test_a_tour_of_a_folder_without_such_scenes_says_so(run, tmp_path):
    (tmp_path / "empty").mkdir()
    ended = run("demo", "--source", tmp_path / "empty", "--out", tmp_path / "d")
    assert ended.code in {3, 4}
    assert "empty" in ended.err


def _item(folder: Path, asset: Path) -> None:
    """Write a STAC item that names the bands of a scene."""
    bands = [{"name": n, "common_name": n} for n in ("blue", "green", "red", "nir")]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "one",
        "geometry": None,
        "properties": {"datetime": "2020-06-01T00:00:00Z"},
        "links": [],
        "assets": {"data": {"href": f"./{asset.name}", "roles": ["data"], "eo:bands": bands}},
    }
    (folder / "item.json").write_text(json.dumps(item))


def test_a_tour_may_be_taken_over_a_scene_of_ones_own(run, tmp_path, write_scene):
    folder = tmp_path / "mine"
    _item(folder, write_scene(folder / "one.tif"))
    ended = run("demo", "--source", folder / "item.json", "--out", tmp_path / "d")
    assert ended.code == 0, ended.err
    assert (tmp_path / "d" / "report.html").is_file()
    assert not (tmp_path / "home").exists()


def test_an_error_that_is_no_error_of_ours_is_not_swallowed(run, monkeypatch):
    from eoagent.app import agent

    def broken(*_args, **_options):
        raise SourceError("no home", href="x", hint="make one")

    monkeypatch.setattr(agent, "open_workshop", broken)
    ended = run("ask", SHARE)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == "SourceError: no home (make one)\n"
    assert sys.argv[0] == "eoagent"

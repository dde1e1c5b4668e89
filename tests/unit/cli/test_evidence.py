"""`eoagent replay` and `eoagent runs`: what they print and how they end."""

from __future__ import annotations

import json

import pytest

SHARE = "How much of it is water?"


@pytest.fixture
def kept(run, scene, tmp_path):
    assert run("ask", SHARE, "--image", scene, "--out", tmp_path / "out").code == 0
    return tmp_path / "out" / "answer.json"


def test_a_replay_on_unchanged_data_is_equal(run, kept):
    ended = run("replay", kept)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == f"> {SHARE}"
    assert ended.out.splitlines()[-1] == "2 equal"
    document = json.loads(run("replay", kept, "--json").out)
    assert [f["verdict"] for f in document["figures"]] == ["equal", "equal"]


def test_a_replay_on_another_scene_names_it_and_ends_with_three(run, kept, write_scene, scene):
    write_scene(scene, water=30)
    ended = run("replay", kept)
    assert ended.code == 3
    assert "changed  f1" in ended.out
    assert f"{scene} is another file now" in ended.out


def test_a_replay_without_the_scene_ends_with_four(run, kept, scene):
    scene.unlink()
    ended = run("replay", kept, "--json")
    assert ended.code == 4
    figures = json.loads(ended.out)["figures"]
    assert {f["verdict"] for f in figures} == {"cannot"}
    assert str(scene) in figures[0]["reason"]


def test_a_replay_of_nothing_and_of_something_else_ends_with_three(run, tmp_path):
    missing = run("replay", tmp_path / "nowhere.json", "--json")
    assert missing.code == 3
    assert json.loads(missing.out)["error"]["kind"] == "NotFound"
    (tmp_path / "other.json").write_text('{"a": 1}')
    other = run("replay", tmp_path / "other.json", "--json")
    assert other.code == 3
    assert "is no answer" in json.loads(other.out)["error"]["message"]


def test_runs_are_listed_newest_first(run, kept):
    run("ask", SHARE)
    listed = json.loads(run("runs", "list", "--json").out)
    assert [r["status"] for r in listed] == ["clarify", "answered"]
    plain = run("runs", "list", "--limit", "1").out.splitlines()
    assert plain == [f"{listed[0]['id']}  clarify        {SHARE}"]


def test_no_runs_yet_is_said_on_stderr(run):
    ended = run("runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "no runs yet" in ended.err


def test_a_run_is_shown_with_its_calls(run, kept):
    (listed,) = json.loads(run("runs", "list", "--json").out)
    document = json.loads(run("runs", "show", listed["id"]).out)
    assert document["summary"]["question"] == SHARE
    assert document["calls"][0]["record"]["tool"] == "open_image"
    assert document["answer"]["text"]


def test_a_run_that_is_not_there_ends_with_three(run, kept):
    ended = run("runs", "show", "20200101T000000000000-abcdef")
    assert ended.code == 3
    assert ended.out == ""


def test_prune_forgets_runs_and_says_what_it_freed(run, kept):
    ended = run("runs", "prune", "--keep", "0")
    assert ended.code == 0
    assert ended.out.startswith("removed 1 runs")
    assert json.loads(run("runs", "list", "--json").out) == []

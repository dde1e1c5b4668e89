"""`eoagent eval`: what it prints, what it keeps and how it ends."""

from __future__ import annotations

import json

import pytest

from eoagent.app.evaluation.adapters.registry import FORMATS, OWN_FORMAT, read_suite
from eoagent.cli.evaluating import _FORMATS
from eoagent.contracts.errors import InputError

SHARE = "How much of it is water?"


@pytest.fixture
def data(tmp_path, write_scene):
    """A data folder with a right and a wrong reference."""
    folder = tmp_path / "data"
    write_scene(folder / "scene.tif", water=20)
    lines = []
    for name, share in (("good", 100 / 3), ("bad", 60.0)):
        figure = {"name": "share", "value": share, "unit": "percent", "abs_tol": 0.5}
        expect = {"status": "answered", "figures": [figure, figure], "any_of": True}
        asked = {"id": name, "family": "a", "question": SHARE, "images": ["scene.tif"]}
        lines.append(json.dumps({**asked, "expect": expect}))
    (folder / "qa_multistep.jsonl").write_text("\n".join(lines))
    return folder


def test_the_rate_and_the_misses_are_printed(run, data, tmp_path):
    ended = run("eval", "qa", "--data", data, "--out", tmp_path / "out")
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[0] == ["questions", "right", "wrong", "declined", "asked", "failed", "rate"]
    assert lines[1] == ["family", "a", "2", "1", "1", "0", "0", "0", "50%"]
    assert lines[2] == ["total", "2", "1", "1", "0", "0", "0", "50%"]
    assert lines[4][:2] == ["bad", "wrong:"]
    assert ended.err.startswith("1/2 good right (")
    assert f"kept in: {tmp_path / 'out'}" in ended.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "results.json",
    ]


def test_json_is_one_document_and_nothing_else(run, data):
    ended = run("eval", "qa", "--data", data, "--family", "a", "--json")
    assert ended.code == 0
    document = json.loads(ended.out)
    assert document["total"]["right"] == 1
    assert [verdict["outcome"] for verdict in document["verdicts"]] == ["right", "wrong"]


def test_an_unknown_suite_is_a_usage_error_that_lists_what_there_is(run):
    ended = run("eval", "nonsense")
    assert ended.code == 2
    assert "there is no suite 'nonsense'; there is: qa" in ended.err


def test_a_suite_without_data_is_a_usage_error(run):
    ended = run("eval", "qa")
    assert ended.code == 2
    assert "name the folder with the questions" in ended.err


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["--file", "none.jsonl"], "NotFound", "there is no file"),
        (["--family", "q"], "InputError", "no question of the family 'q'"),
        (["--planner", "none"], "InputError", "planner 'none' is not known"),
    ],
)
def test_faults_are_typed_and_end_with_three(run, data, arguments, kind, message):
    ended = run("eval", "qa", "--data", data, *arguments, "--json")
    assert ended.code == 3
    error = json.loads(ended.out)["error"]
    assert error["kind"] == kind
    assert message in error["message"]


def test_a_bad_line_is_named(run, data):
    with (data / "qa_multistep.jsonl").open("a") as file:
        file.write("\n{]\n")
    ended = run("eval", "qa", "--data", data)
    assert ended.code == 3
    assert "line 3: Invalid JSON" in ended.err


def test_questions_of_another_benchmark_are_asked_by_its_format(run, data):
    function = {"name": "TextToBbox", "arguments": {"image": "scene.tif", "text": "water"}}
    task = {
        "tools": [],
        "files": [{"type": "image", "path": "scene.tif"}],
        "dialogs": [
            {"role": "user", "content": SHARE},
            {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]},
        ],
    }
    tasks = {
        "0": {**task, "gt_answer": {"whitelist": [["33", "third"]], "blacklist": None}},
        "1": {**task, "gt_answer": {"whitelist": [["half"]], "blacklist": None}},
        "2": {**task, "gt_answer": None},
    }
    (data / "ThinkGeoBench.json").write_text(json.dumps(tasks))
    ended = run("eval", "qa", "--data", data, "--format", "thinkgeo")
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[2] == ["needs", "detector", "3", "1", "1", "0", "0", "0", "1", "50%"]
    assert ["answer_acc:", "50"] in lines
    assert ["1", "wrong:", "does", "not", "say", "half"] in lines


def test_an_unknown_format_is_a_usage_error_that_lists_what_there_is(run, data):
    ended = run("eval", "qa", "--data", data, "--format", "other")
    assert ended.code == 2
    assert "there is no format 'other'" in ended.err
    with pytest.raises(InputError, match="there is no format 'other'") as raised:
        read_suite("other", data)
    assert raised.value.hint == "formats: eoagent, earthbench, geobenchx, thinkgeo"


def test_the_formats_of_the_command_are_those_that_can_be_read():
    assert set(_FORMATS) == set(FORMATS)
    assert _FORMATS[0] == OWN_FORMAT


def test_a_file_of_another_format_is_told_with_its_field(run, data):
    (data / "ThinkGeoBench.json").write_text('{"0": {"files": [], "gt_answer": null}}')
    ended = run("eval", "qa", "--data", data, "--format", "thinkgeo")
    assert ended.code == 3
    assert "ThinkGeoBench.json: 0.dialogs: Field required" in ended.err

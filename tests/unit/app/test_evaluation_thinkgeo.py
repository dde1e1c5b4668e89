"""ThinkGeo's layout: invented tasks, with scores worked by hand."""

from __future__ import annotations

import json

import pytest

from eoagent.app.evaluation.adapters.thinkgeo import read_thinkgeo
from eoagent.app.evaluation.running import evaluate_questions
from eoagent.app.evaluation.showing import evaluation_lines, save_evaluation
from eoagent.contracts.errors import InputError, NotFound, SourceError


def _call(name, **arguments):
    function = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "thought": "",
        "tool_calls": [{"type": "function", "function": function}],
    }


def _task(question, gt_answer, *calls, image="image/a.png"):
    return {
        "tools": [{"name": "TextToBbox"}],
        "files": [{"type": "image", "path": image, "url": None}],
        "dialogs": [
            {"role": "user", "content": question},
            *calls,
            {"role": "tool", "name": "x", "content": {"type": "text", "content": "(1, 2, 3, 4)"}},
            {"role": "assistant", "content": "Done."},
        ],
        "gt_answer": gt_answer,
    }


def _words(*groups, wrong=None):
    return {"whitelist": [list(group) for group in groups], "blacklist": wrong}


TASKS = {
    "0": _task(
        "How many huts?",
        _words(["3", "three"]),
        _call("TextToBbox", image="image/a.png", text="hut"),
        _call("Calculator", expression="1 + 2"),
    ),
    "1": _task("Which bank?", _words(["left"], ["river"], wrong=[["right"]]), _call("OCR")),
    "2": _task("How wide?", _words([40, "40.0"]), _call("Calculator", expression="20 * 2")),
    "3": _task("Describe the yard.", ["It is a yard with huts."], _call("ImageDescription")),
    "4": _task("Box the huts.", None, _call("DrawBox", bbox="(1, 2, 3, 4)")),
}


@pytest.fixture
def data(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "a.png").touch()
    (tmp_path / "ThinkGeoBench.json").write_text(json.dumps(TASKS), encoding="utf-8")
    return tmp_path


def _write(data, tasks):
    (data / "ThinkGeoBench.json").write_text(json.dumps(tasks), encoding="utf-8")


def test_tasks_become_questions(data):
    suite = read_thinkgeo(data)
    assert [(q.id, q.family, q.needs) for q in suite.questions] == [
        ("0", "whitelist", ("detector",)),
        ("1", "whitelist", ("detector",)),
        ("2", "whitelist", ("spectral",)),
        ("3", "sentence", ("detector",)),
        ("4", "picture", ("spectral",)),
    ]
    first, second, third = suite.questions[:3]
    assert (first.question, first.images) == ("How many huts?", ("image/a.png",))
    assert [(c.tool, c.arguments) for c in first.references[0]] == [
        ("TextToBbox", {"image": "image/a.png", "text": "hut"}),
        ("calculate", {"expression": "1 + 2"}),
    ]
    assert second.expect.rule.groups == (("left",), ("river",))
    assert second.expect.rule.wrong == ("right",)
    assert third.expect.rule.groups == (("40", "40.0"),)


def test_answers_are_judged_and_the_metrics_are_those_of_the_benchmark(
    data, said, stand_in, tmp_path
):
    agent = stand_in(
        {
            "huts?": said("There are three.", tools=["TextToBbox", "calculate"]),
            "bank": said("On the left of the river, not the right."),
            "wide": said(status="cannot_answer", tools=["!calculate", "calculate"]),
            "yard": said("A yard."),
            "Box": said("Boxed.", tools=["DrawBox", "AddText"]),
        }
    )
    found = evaluate_questions(agent, data, layout="thinkgeo")
    assert {verdict.id: verdict.outcome for verdict in found.verdicts} == {
        "0": "right",
        "1": "wrong",
        "2": "declined",
        "3": "unjudged",
        "4": "unjudged",
    }
    assert found.verdicts[1].reason == "says right, which is wrong"
    assert found.suite == "qa thinkgeo"
    assert found.with_models["detector"].rate == 0.5
    # perception: 1 of 3 wanted met, 1 made; operation: 1 of 1 met, 2 made; logic: 2 of 2, 3 made
    assert found.metrics == {
        "answer_acc": pytest.approx(100 / 3),
        "tool_call": 6,
        "tool_call_error": 1,
        "p_f1": pytest.approx(50.0),
        "o_f1": pytest.approx(100 * 2 / 3),
        "l_f1": pytest.approx(80.0),
    }
    assert set(found.not_computed) == {
        "answer_acc_w_imggen",
        "llm_score",
        "inst_align, tool_acc, arg_acc",
    }
    measures = found.verdicts[0].measures
    assert (measures["tools_in_order"], measures["arguments"]) == (1.0, 0.0)
    assert agent.given["huts?"]["images"] == (data / "image" / "a.png",)
    lines = evaluation_lines(found)
    assert lines[0].split() == [
        *("questions", "right", "wrong", "declined", "asked", "failed", "unjudged", "rate")
    ]
    assert "answer_acc: 33.33" in lines
    assert "llm_score: not computed, a model judges the answers" in lines
    page = (save_evaluation(found, tmp_path / "out") / "report.html").read_text(encoding="utf-8")
    assert "<td>answer_acc</td><td>33.33</td>" in page
    assert "<h2>Not judged</h2>" in page


def test_tools_that_nothing_asks_for_have_no_f1(data, said, stand_in):
    _write(data, {"2": TASKS["2"]})
    found = evaluate_questions(stand_in({"wide": said("40 m")}), data, layout="thinkgeo")
    assert found.metrics == {"answer_acc": 100.0, "tool_call": 0, "tool_call_error": 0, "l_f1": 0.0}


def test_another_file_of_questions_may_be_named(data):
    (data / "ThinkGeoBench.json").rename(data / "part.json")
    assert len(read_thinkgeo(data, data / "part.json").questions) == 5
    with pytest.raises(NotFound, match=r"there is no .*ThinkGeoBench\.json"):
        read_thinkgeo(data)


def _without(task, field):
    return {name: value for name, value in task.items() if name != field}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "Input should be an object"),
        ({"7": _without(TASKS["0"], "gt_answer")}, "7.gt_answer: Field required"),
        ({"7": _without(TASKS["0"], "files")}, "7.files: Field required"),
        ({"7": TASKS["0"] | {"dialogs": []}}, "7.dialogs: Tuple should have at least 1 item"),
        ({"7": TASKS["0"] | {"gt_answer": {"whitelist": "3"}}}, "7.gt_answer.whitelist: Input"),
        ({"7": TASKS["0"] | {"gt_answer": _words([""])}}, "String should have at least 1"),
        ({"7": _task("x", None, image="../secret.png")}, "lies outside the data folder"),
        ({"7": TASKS["0"] | {"dialogs": [_call("OCR")]}}, "7.dialogs.0: the first turn is no text"),
        (
            {"7": TASKS["0"] | {"dialogs": [{"role": "user", "tool_calls": [{"function": {}}]}]}},
            "7.dialogs.0.tool_calls.0.function.name: Field required",
        ),
        ({}, "holds no task"),
    ],
)
def test_another_layout_is_told_by_file_and_field(data, tasks, message):
    _write(data, tasks)
    with pytest.raises(InputError) as raised:
        read_thinkgeo(data)
    assert str(raised.value).startswith(f"{data / 'ThinkGeoBench.json'}")
    assert message in str(raised.value)
    assert raised.value.hint


def test_what_is_no_json_and_what_cannot_be_read_is_told(data, monkeypatch):
    path = data / "ThinkGeoBench.json"
    path.write_text("{")
    with pytest.raises(InputError, match=r"ThinkGeoBench\.json: Invalid JSON"):
        read_thinkgeo(data)
    monkeypatch.setattr("eoagent.app.evaluation.adapters.reading._MAX_BYTES", 0)
    with pytest.raises(InputError, match="is larger than 0 bytes"):
        read_thinkgeo(data)

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    monkeypatch.setattr("eoagent.app.evaluation.adapters.reading._MAX_BYTES", 9)
    with pytest.raises(SourceError, match="cannot be read"):
        read_thinkgeo(data)


def test_an_image_that_is_not_there_is_told_before_anything_is_asked(data, stand_in):
    (data / "image" / "a.png").unlink()
    with pytest.raises(NotFound, match=r"question 0 comes with .*a\.png"):
        evaluate_questions(stand_in({}), data, layout="thinkgeo")

"""Earth-Bench's layout: invented tasks, with scores worked by hand."""

from __future__ import annotations

import json

import pytest

from eoagent.app.evaluation.adapters.earthbench import read_earthbench
from eoagent.app.evaluation.running import evaluate_questions
from eoagent.contracts.errors import InputError, NotFound


def _call(name, **arguments):
    return {
        "role": "assistant",
        "tool_calls": [{"function": {"name": name, "arguments": arguments}}],
    }


def _task(n, letter, *calls, choices=("2 K", "4 K", "8 K"), data=None, **more):
    folder = f"benchmark/data/question{n}" if data is None else data
    asked = {"gt_answer": {"whitelist": letter, "blacklist": None}, "metric": "string matching"}
    return {
        "tools": None,
        "files": None,
        "dialogs": [
            {"role": "user", "content": "ignored"},
            *calls,
            {"role": "tool", "name": "x", "content": {"type": "float", "content": [1.5]}},
            {"role": "assistant", "content": letter},
        ],
        "choices": list(choices),
        "evaluation": [
            {"question": f"goal {n}", "type": "Autonomous Planning", **asked, "data": folder},
            {"question": f"steps {n}", "type": "instruction following", **asked},
        ],
        **more,
    }


TASKS = {
    "5": _task(
        5,
        "B",
        _call("get_filelist", dir_path="benchmark/data/question5"),
        _call("calculate_batch_ndvi", paths=["a"]),
        _call("difference", a=1, b=2),
    ),
    "120": _task(
        120, "A", choices=("Increasing", "Decreasing"), data="benchmark/data/question120  "
    ),
    "200": _task(200, " C", _call("RemoteSAM", image_path="a.jpg", text_prompt="hut")),
}


def _fill(data, n, *names):
    folder = data / "benchmark" / "data" / f"question{n}"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()


@pytest.fixture
def data(tmp_path):
    _fill(tmp_path, 5, "b.tif", "a.tif", "notes.txt")
    _fill(tmp_path, 120, *(f"{n}.tif" for n in range(9)))
    _fill(tmp_path, 200, "a.jpg")
    _write(tmp_path, TASKS)
    return tmp_path


def _write(data, tasks):
    path = data / "benchmark" / "question.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(tasks), encoding="utf-8")


def test_every_task_is_asked_by_its_goal_and_by_its_steps(data):
    questions = read_earthbench(data).questions
    assert [(q.id, q.family, q.needs) for q in questions] == [
        ("5-AP", "AP spectrum", ("spectral",)),
        ("5-IF", "IF spectrum", ("spectral",)),
        ("120-AP", "AP products", ("spectral",)),
        ("120-IF", "IF products", ("spectral",)),
        ("200-AP", "AP rgb", ("detector",)),
        ("200-IF", "IF rgb", ("detector",)),
    ]
    assert questions[0].question == "goal 5\nA. 2 K\nB. 4 K\nC. 8 K"
    assert questions[1].question.startswith("steps 5\n")
    folder = "benchmark/data/question5"
    assert questions[1].images == (f"{folder}/a.tif", f"{folder}/b.tif")
    assert [call.tool for call in questions[0].references[0]] == [
        "get_filelist",
        "spectral_index",
        "calculate",
    ]
    assert (questions[2].images, questions[2].folder) == ((), "benchmark/data/question120")
    assert questions[4].expect.rule.letter == "C"


def test_the_folder_of_the_benchmark_itself_may_be_given(data):
    questions = read_earthbench(data / "benchmark").questions
    assert questions[0].images[0] == "data/question5/a.tif"


def test_answers_are_judged_and_the_metrics_are_those_of_the_benchmark(data, said, stand_in):
    exact = [
        ("get_filelist", {"dir_path": "benchmark/data/question5"}),
        ("spectral_index", {"paths": ["b"]}),
        "calculate",
    ]
    agent = stand_in(
        {
            "goal 5": said("As measured.", ((4.1, "K"),), tools=exact),
            "steps 5": said("As measured.", ((6.0, "K"),), tools=["spectral_index", "measure"]),
            "goal 120": said("It is increasing.", tools=["time_series"]),
            "steps 120": said(status="cannot_answer"),
            "goal 200": said("<Answer>A<Answer>", tools=["other", "RemoteSAM"]),
            "steps 200": said(status="broken"),
        }
    )
    found = evaluate_questions(agent, data, layout="earthbench")
    assert {verdict.id: verdict.outcome for verdict in found.verdicts} == {
        "5-AP": "right",
        "5-IF": "wrong",
        "120-AP": "right",
        "120-IF": "declined",
        "200-AP": "wrong",
        "200-IF": "failed",
    }
    assert found.verdicts[1].reason == "means none of A to C; B (4 K) is right"
    assert found.verdicts[4].reason == "means A (2 K), and C (8 K) is right"
    # task 120 has no chain of calls, so the measures are means over 5 and 200
    expected = {
        "AP Accuracy": 200 / 3,
        "AP Tool-Any-Order": (1 + 1) / 2,
        "AP Tool-In-Order": (1 + 1) / 2,
        "AP Tool-Exact-Match": (1 + 0) / 2,
        "AP Parameter": (1 / 3 + 0) / 2,
        "AP Efficiency": (1 + 2) / 2,
        "IF Accuracy": 0,
        "IF Tool-Any-Order": (1 / 3 + 0) / 2,
        "IF Tool-In-Order": 0,
        "IF Tool-Exact-Match": 0,
        "IF Parameter": 0,
        "IF Efficiency": (2 / 3 + 0) / 2,
    }
    assert found.metrics == pytest.approx(expected)
    assert found.not_computed == {}
    assert agent.given["goal 120"]["catalog"] == data / "benchmark/data/question120"
    assert agent.given["goal 120"]["images"] == ()
    assert agent.given["goal 5"]["catalog"] is None


def test_only_one_regime_may_be_asked(data, said, stand_in):
    agent = stand_in({"goal 5": said("B")})
    found = evaluate_questions(agent, data, layout="earthbench", families=["AP spectrum"])
    assert [verdict.id for verdict in found.verdicts] == ["5-AP"]
    assert found.metrics["AP Accuracy"] == 100
    assert "IF Accuracy" not in found.metrics


def _asked(**more):
    task = _task(5, "B")
    task["evaluation"][0].update(more)
    return {"5": task}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({}, "holds no task"),
        ({"5": TASKS["5"] | {"choices": 3}}, "5.choices: Input should be a valid array"),
        ({"5": _task(5, "A", choices=["a"])}, "5.evaluation.0.expect.rule.option.options"),
        ({"5": TASKS["5"] | {"evaluation": []}}, "5.evaluation: Tuple should have at least 1"),
        (_asked(type="guessing"), "5.evaluation.0.type: 'guessing' is neither autonomous planning"),
        (_asked(type=" "), "5.evaluation.0.type: ' ' is neither"),
        (_asked(gt_answer={}), "5.evaluation.0.gt_answer.whitelist: Field required"),
        (_asked(data=None), "holds no task"),
        (_asked(data="../secret"), "data '../secret' lies outside the data folder"),
        (_asked(data="/secret"), "data '/secret' lies outside the data folder"),
        (
            {"5": TASKS["5"] | {"dialogs": [{"role": 1, "tool_calls": [{}]}]}},
            "tool_calls.0.function",
        ),
        (_asked(question=""), "5.evaluation.0.question: String should have at least 1"),
    ],
)
def test_another_layout_is_told_by_file_and_field(data, tasks, message):
    _write(data, tasks)
    with pytest.raises(InputError) as raised:
        read_earthbench(data)
    assert str(raised.value).startswith(str(data / "benchmark" / "question.json"))
    assert message in str(raised.value)
    assert raised.value.hint


def test_defects_of_single_tasks_do_not_stop_the_others(data, said, stand_in):
    defects = {
        "5": _task(5, "E") | {"dialogs": []},
        "120": _task(120, "two wells") | {"choices": None},
        "200": _task(200, "A", data=""),
    }
    _write(data, defects)
    agent = stand_in({"goal 5": said("B"), "goal 120": said("There are two wells.")})
    families = ["AP spectrum", "AP products"]
    found = evaluate_questions(agent, data, layout="earthbench", families=families)
    assert [(v.id, v.outcome) for v in found.verdicts] == [
        ("5-AP", "unjudged"),
        ("120-AP", "right"),
    ]
    assert found.verdicts[0].reason == "the reference 'E' is none of the letters A to C"
    assert found.metrics == {"AP Accuracy": 100}
    assert found.verdicts[1].question == "goal 120"


def test_missing_files_are_told(data, tmp_path):
    _write(data, {"7": _task(7, "A")})
    with pytest.raises(NotFound, match="task 7 of .* folder benchmark/data/question7"):
        read_earthbench(data)
    with pytest.raises(NotFound, match=r"there is no .*question\.json and no .*question\.json"):
        read_earthbench(tmp_path / "benchmark" / "data")


def test_a_task_without_a_number_has_no_modality(data):
    _write(data, {"extra": _task(5, "A")})
    assert [q.family for q in read_earthbench(data).questions] == ["AP", "IF"]

"""GeoBenchX's layout: invented tasks, with scores worked by hand."""

from __future__ import annotations

import json

import pytest

from eoagent.app.evaluation.adapters.geobenchx import read_geobenchx
from eoagent.app.evaluation.running import evaluate_questions
from eoagent.contracts.errors import InputError, NotFound

REJECT = ("reject_task",)


def _task(name, text, *chains, labels=("Spatial operations", "Task Set 03")):
    return {
        "task_ID": name,
        "task_text": text,
        "task_labels": list(labels),
        "reference_solution_description": None,
        "reference_solutions": [
            {"steps": [{"function_name": f, "arguments": {}, "comment": None} for f in chain]}
            for chain in chains
        ],
        "generated_solution": None,
    }


TASKS = [
    _task("T1", "Map the moon.", REJECT),
    _task("T2", "Map the wells.", ("load_geodata", "make_choropleth_map")),
    _task("T3", "Map the mills.", ("load_geodata", "buffer", "x", "y"), REJECT, labels=["Hard"]),
    _task("T4", "What is a map?", (), labels=["Control question"]),
    _task("T5", "What is a globe?", (), labels=["Control question"]),
    _task("T6", "Map the sun.", REJECT, labels=["Vague", "Merge, Visualize"]),
]


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data" / "Geodata").mkdir(parents=True)
    (tmp_path / "data" / "StatData").mkdir()
    for name in ("Geodata/wells.shp", "Geodata/wells.dbf", "Geodata/a.tif", "StatData/b.csv"):
        (tmp_path / "data" / name).touch()
    _write(tmp_path, TASKS)
    return tmp_path


def _write(data, tasks):
    path = data / "benchmark_set" / "tasks_and_reference_solutions.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"metadata": {}, "tasks": tasks}), encoding="utf-8")


def test_tasks_become_questions_that_all_get_the_same_data(data):
    questions = read_geobenchx(data).questions
    assert [(q.id, q.family, q.expect.status) for q in questions] == [
        ("T1", "unsolvable", "cannot_answer"),
        ("T2", "Spatial operations", "answered"),
        ("T3", "no label", "answered"),
        ("T4", "Control question", "answered"),
        ("T5", "Control question", "answered"),
        ("T6", "unsolvable", "cannot_answer"),
    ]
    files = ("data/Geodata/a.tif", "data/Geodata/wells.shp", "data/StatData/b.csv")
    assert {question.images for question in questions} == {files}
    assert [call.tool for call in questions[1].references[0]] == ["open_features", "render_map"]
    assert questions[2].expect.also_accept == ("cannot_answer",)


def test_the_archive_may_lie_beside_the_file(data):
    (data / "benchmark_set" / "tasks_and_reference_solutions.json").rename(
        data / "tasks_and_reference_solutions.json"
    )
    (data / "data" / "Geodata").rename(data / "GeoData")
    questions = read_geobenchx(data).questions
    assert questions[0].images == ("GeoData/a.tif", "GeoData/wells.shp", "data/StatData/b.csv")


def test_rejection_is_judged_and_the_metrics_are_those_of_the_benchmark(data, said, stand_in):
    agent = stand_in(
        {
            "moon": said(status="cannot_answer", tools=["cannot_answer"]),
            "wells": said(
                "Mapped.", tools=["open_features", "relate", "zonal_stats", "render_map"]
            ),
            "mills": said(status="cannot_answer"),
            "a map": said("A picture of land."),
            "globe": said("A ball.", tools=["find_place"]),
            "sun": said("Mapped.", tools=["render_map"]),
        }
    )
    found = evaluate_questions(agent, data, layout="geobenchx")
    assert {verdict.id: verdict.outcome for verdict in found.verdicts} == {
        "T1": "right",
        "T2": "unjudged",
        "T3": "right",
        "T4": "right",
        "T5": "wrong",
        "T6": "wrong",
    }
    assert found.verdicts[4].reason == "calls find_place, and no tool is needed"
    assert found.verdicts[5].reason == "ended as answered, and cannot_answer is right: Mapped."
    assert found.families["unsolvable"].rate == 0.5
    assert found.families["Spatial operations"].rate is None
    # lengths beside the mean reference: 1 of 1, 4 of 2, 1 of 2.5, 0 of 0, 1 of 0, 1 of 1
    longer = [0, 1, -0.6, 0, 1, 0]
    assert found.metrics == pytest.approx(
        {
            "purely_unsolvable rejected": 50,
            "solvable rejected": 25,
            "mean_diff_in_solution_length": sum(longer) / 6,
            "median_diff_in_solution_length": 0,
        }
    )
    assert found.not_computed == {"match_frequencies": "a model scores each solution from 0 to 2"}
    assert found.verdicts[1].measures["tools_in_order"] == 1
    assert found.verdicts[2].measures["tools_in_order"] == 0


def test_a_solvable_task_that_is_rejected_or_breaks_off_is_missed(data, said, stand_in):
    _write(data, TASKS[1:3])
    agent = stand_in({"wells": said(status="cannot_answer"), "mills": said(status="broken")})
    found = evaluate_questions(agent, data, layout="geobenchx")
    assert [verdict.outcome for verdict in found.verdicts] == ["declined", "failed"]
    assert found.metrics == {
        "solvable rejected": 50,
        "mean_diff_in_solution_length": -0.5,
        "median_diff_in_solution_length": -0.5,
    }


def test_a_task_without_a_reference_is_unjudged(data, said, stand_in):
    _write(data, [TASKS[1] | {"reference_solutions": None, "task_labels": None}])
    found = evaluate_questions(stand_in({"wells": said()}), data, layout="geobenchx")
    assert found.verdicts[0].outcome == "unjudged"
    assert found.verdicts[0].measures == {}
    assert found.metrics == {"solvable rejected": 0}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "holds no task"),
        ([{**TASKS[0], "task_text": None}], "tasks.0.task_text: Input should be a valid string"),
        (
            [{k: v for k, v in TASKS[0].items() if k != "task_ID"}],
            "tasks.0.task_ID: Field required",
        ),
        ([TASKS[0] | {"reference_solutions": [1]}], "tasks.0.reference_solutions.0: Input should"),
        (
            [TASKS[0] | {"reference_solutions": [{"steps": [{"arguments": {}}]}]}],
            "tasks.0.reference_solutions.0.steps.0.function_name: Field required",
        ),
        ([TASKS[1], TASKS[1]], "tasks.1.task_ID: 'T2' is there already"),
        (
            [TASKS[0], TASKS[1] | {"task_text": ""}],
            "tasks.1.task_text: String should have at least",
        ),
        ("x", "tasks: Input should be a valid array"),
    ],
)
def test_another_layout_is_told_by_file_and_field(data, tasks, message):
    _write(data, tasks)
    with pytest.raises(InputError) as raised:
        read_geobenchx(data)
    assert str(raised.value).startswith(str(data / "benchmark_set"))
    assert message in str(raised.value)
    assert raised.value.hint


def test_missing_files_are_told(data, tmp_path):
    (data / "data" / "Geodata").rename(data / "data" / "other")
    with pytest.raises(NotFound, match="there is no folder Geodata in") as raised:
        read_geobenchx(data)
    assert "archive of data" in raised.value.hint
    with pytest.raises(NotFound, match=r"there is no .*tasks_and_reference_solutions\.json"):
        read_geobenchx(tmp_path / "data")

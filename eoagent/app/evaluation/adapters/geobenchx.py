"""Questions of GeoBenchX, from `tasks_and_reference_solutions.json` and the data that goes with it.

Source of the layout: github.com/Solirinai/GeoBenchX,
`benchmark_set/tasks_and_reference_solutions.json`, `geobenchx/tools.py` (catalogs of data) and
`data/README.md` (the archive with the folders `Geodata` and `StatData`); of the metrics and of what
a solution means: `geobenchx/evaluation.py`. The file is `{metadata, tasks: [{task_ID, task_text,
task_labels, reference_solutions: [{steps: [{function_name, arguments}]}]}]}`.

A reference is a chain of calls and never an answer, and the benchmark lets a model compare chains.
So what is judged here is rejection: a task whose only reference is the call `reject_task` has to
end as `cannot_answer`; one whose reference has no step, to be answered without a tool; and any
other must not be declined, but what it answers stays `unjudged`. Every question gets all the data
there is, so that nothing tells which can be solved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field, JsonValue, TypeAdapter

from eoagent.app.evaluation.adapters.reading import (
    Layout,
    find_file,
    make_question,
    read_layout,
)
from eoagent.app.evaluation.adapters.suite import Judged, Suite
from eoagent.app.evaluation.questions import Question
from eoagent.app.evaluation.scores import Verdict
from eoagent.contracts.errors import InputError, NotFound

__all__ = ["read_geobenchx"]

_NAME: Final = "GeoBenchX"
_FILES: Final = (
    "benchmark_set/tasks_and_reference_solutions.json",
    "tasks_and_reference_solutions.json",
)
_REJECT: Final = "cannot_answer"
_COUNTERPARTS: Final = MappingProxyType(
    {
        "calculate_line_lengths": "measure",
        "get_raster_description": "describe_data",
        "get_values_from_raster_with_geometries": "zonal_stats",
        "load_geodata": "open_features",
        "make_choropleth_map": "render_map",
        "reject_task": _REJECT,
        "select_features_by_spatial_relationship": "relate",
        "visualize_geographies": "render_map",
    }
)
_FOLDERS: Final = frozenset({"geodata", "statdata"})
_SUFFIXES: Final = frozenset({".shp", ".gpkg", ".geojson", ".csv", ".tif", ".tiff"})
_MARKS: Final = re.compile(r"task set \d+|vague|hard", re.IGNORECASE)
"""Labels that say something else than the kind of task."""
_WHY: Final = "the reference is a chain of calls, which a model compares with the run's"
_NOT_COMPUTED: Final = MappingProxyType(
    {"match_frequencies": "a model scores each solution from 0 to 2"}
)


class _Step(Layout):
    function_name: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class _Solution(Layout):
    steps: tuple[_Step, ...]


class _Task(Layout):
    name: str = Field(alias="task_ID")
    task_text: str = Field(min_length=1)
    task_labels: tuple[str, ...] | None = None
    reference_solutions: tuple[_Solution, ...] | None = None


class _TaskSet(Layout):
    tasks: tuple[_Task, ...]


_LAYOUT: Final = TypeAdapter(_TaskSet)


def read_geobenchx(data: Path, file: Path | None = None) -> Suite:
    """Return the questions of a folder that holds GeoBenchX: the repository, with its data.

    Families are `unsolvable`, and the kind of task for the others.

    Raises:
        NotFound: if there is no file of questions, or no folder `Geodata`.
        InputError: if the file has another layout; the field is named.
        SourceError: if it cannot be read.
    """
    path = find_file(data, file, _FILES)
    tasks = read_layout(path, _LAYOUT, _NAME).tasks
    if not tasks:
        raise InputError(f"{path} holds no task", hint=f"is it the file that {_NAME} publishes?")
    files = _data_files(data)
    made: dict[str, Question] = {}
    for place, task in enumerate(tasks):
        where = f"tasks.{place}"
        if task.name in made:
            raise InputError(
                f"{path}: {where}.task_ID: '{task.name}' is there already",
                hint="each task has an id of its own",
            )
        fields = {**_fields(task), "images": files}
        made[task.name] = make_question(path, where, fields, _NAME)
    return Suite(
        file=path,
        questions=tuple(made.values()),
        metrics=_metrics,
        not_computed=dict(_NOT_COMPUTED),
    )


def _data_files(data: Path) -> list[str]:
    """Return the vector files, tables and rasters of the archive, relative to the data folder."""
    near = [data, *sorted(p for p in data.iterdir() if p.is_dir())]
    folders = [p for place in near for p in sorted(place.iterdir()) if p.is_dir()]
    own = sorted({folder for folder in folders if folder.name.casefold() in _FOLDERS})
    if not any(folder.name.casefold() == "geodata" for folder in own):
        raise NotFound(
            f"there is no folder Geodata in {data}",
            hint="unpack the benchmark's archive of data there; its data/README.md has the link",
        )
    found = [path for folder in own for path in sorted(folder.rglob("*"))]
    return [path.relative_to(data).as_posix() for path in found if path.suffix.lower() in _SUFFIXES]


def _fields(task: _Task) -> dict[str, Any]:
    chains = [
        [
            {"tool": _COUNTERPARTS.get(step.function_name, step.function_name)}
            | {"arguments": step.arguments}
            for step in solution.steps
        ]
        for solution in task.reference_solutions or ()
    ]
    rejects = [any(call["tool"] == _REJECT for call in chain) for chain in chains]
    is_unsolvable = bool(rejects) and all(rejects)
    expect: dict[str, Any] = {"status": "answered"}
    if is_unsolvable:
        expect = {"status": "cannot_answer"}
    elif chains and not any(chains):
        expect["rule"] = {"kind": "no_tools"}
    else:
        expect["rule"] = {"kind": "unjudged", "why": _WHY}
        expect["also_accept"] = ["cannot_answer"] if any(rejects) else []
    labels = [label for label in task.task_labels or () if not _MARKS.fullmatch(label.strip())]
    return {
        "id": task.name,
        "family": "unsolvable" if is_unsolvable else (labels or ["no label"])[0],
        "question": task.task_text,
        "references": chains,
        "expect": expect,
    }


def _metrics(judged: Judged) -> dict[str, float]:
    """Return how many of each subset were rejected, in percent, and how long solutions are."""
    found: dict[str, float] = {}
    parts = {
        "purely_unsolvable": [v for q, v in judged if q.expect.status == "cannot_answer"],
        "solvable": [v for q, v in judged if q.expect.status != "cannot_answer"],
    }
    for name, verdicts in parts.items():
        if verdicts:
            rejected = sum(verdict.status == "cannot_answer" for verdict in verdicts)
            found[f"{name} rejected"] = 100 * rejected / len(verdicts)
    ran = [(q, v) for q, v in judged if q.references and v.outcome != "failed"]
    longer = [_longer(q.references, v) for q, v in ran]
    if longer:
        found["mean_diff_in_solution_length"] = mean(longer)
        found["median_diff_in_solution_length"] = median(longer)
    return found


def _longer(references: Sequence[Sequence[object]], verdict: Verdict) -> float:
    """Return how much longer a run is than the mean reference, as a share of that.

    A run that ends as `cannot_answer` without calling the tool of that name counts as one call
    longer, since the benchmark's agent has no other way to reject.
    """
    wanted = mean(len(chain) for chain in references)
    tools = [call.tool for call in verdict.calls]
    is_silent = verdict.status == "cannot_answer" and _REJECT not in tools
    made = len(tools) + is_silent
    return (made - wanted) / wanted if wanted else float(made)

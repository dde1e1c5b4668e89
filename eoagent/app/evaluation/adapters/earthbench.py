"""Questions of Earth-Bench, from `benchmark/question.json` and the folders of its imagery.

Source of the layout: github.com/opendatalab/Earth-Agent, `benchmark/question.json`, read as
`load_questions` and `handle_question` of `scripts/langchain_gpt5.py` read it; of the metrics:
`evaluate/step_by_step.py` and `evaluate/end_to_end.py`, which that repository's README names
and psvkaushik/Earth-Agent holds. The file is one object: number of the task to
`{dialogs: [turns], choices: [text, ...], evaluation: [{question, gt_answer: {whitelist: letter},
data: folder, type}, ...]}`; `type` is autonomous planning (the goal alone) or instruction following
(the steps too), in any case, and `data` stands with one of the two.

Each task is two questions here, `77-AP` and `77-IF`. The options are put with their letters, as
the benchmark does, and the answer is mapped to one of them by its letter, its words or its
numbers (within 5 % of the option's, see `options`). The benchmark's last resort, the last capital
letter that stands alone in the text, is not used: "A" is an article. A task without `data` is left
out, as `load_questions` does; one whose letter has no option stays `unjudged`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field, TypeAdapter

from eoagent.app.evaluation.adapters.dialogs import Turn, calls_in, tools_in
from eoagent.app.evaluation.adapters.reading import (
    Layout,
    find_file,
    make_question,
    read_layout,
)
from eoagent.app.evaluation.adapters.suite import Judged, Suite
from eoagent.app.evaluation.arguments import (
    Call,
    tools_in_any_order,
    tools_in_prefix,
)
from eoagent.app.evaluation.options import letter_of
from eoagent.app.evaluation.questions import Question
from eoagent.contracts.errors import InputError, NotFound

__all__ = ["read_earthbench"]

_NAME: Final = "Earth-Bench"
_FILES: Final = ("benchmark/question.json", "question.json")
_REGIMES: Final = MappingProxyType({"autonomous": "AP", "instruction": "IF"})
"""Regimes by the first word of the type."""
_LOOKS: Final = frozenset(
    {
        "ChangeOS",
        "InstructSAM",
        "MSCN",
        "RemoteCLIP",
        "RemoteSAM",
        "SAM2",
        "SM3Det",
        "Strip_R_CNN",
    }
)
"""Tools that take a model of vision."""
_INDICES: Final = ("ndvi", "ndwi", "ndbi", "evi", "nbr", "ndsi", "ndti")
_COUNTERPARTS: Final = MappingProxyType(
    dict.fromkeys([f"calculate_batch_{index}" for index in _INDICES], "spectral_index")
    | dict.fromkeys(["compute_linear_trend", "mann_kendall_test", "sens_slope"], "time_series")
    | dict.fromkeys(
        ["difference", "division", "percentage_change", "multiply", "mean", "ceil_number"],
        "calculate",
    )
    | {"calculate_threshold_ratio": "threshold", "subtract": "band_math"}
)
_SUFFIXES: Final = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg"})
_MAX_IMAGES: Final = 8
"""Of a task with more rasters, the folder is passed, to be looked through as a catalog."""
_MODALITIES: Final = ((100, "spectrum"), (188, "products"))
"""Highest number of a task per modality, from the README; those above are `rgb`."""


class _Answer(Layout):
    whitelist: str


class _Asked(Layout):
    question: str = Field(min_length=1)
    gt_answer: _Answer
    data: str | None = None
    type: str


class _Task(Layout):
    dialogs: tuple[Turn, ...]
    choices: tuple[str, ...] | None = None
    evaluation: tuple[_Asked, ...] = Field(min_length=1)


_LAYOUT: Final = TypeAdapter(dict[str, _Task])


def read_earthbench(data: Path, file: Path | None = None) -> Suite:
    """Return the questions of a folder that holds Earth-Bench: the repository or its `benchmark`.

    Families are the regime and the modality, such as `AP spectrum`.

    Raises:
        NotFound: if there is no file of questions, or no folder of a task.
        InputError: if it has another layout; the field is named.
        SourceError: if it cannot be read.
    """
    path = find_file(data, file, _FILES)
    tasks = read_layout(path, _LAYOUT, _NAME)
    made = [question for key, task in tasks.items() for question in _of(data, path, key, task)]
    if not made:
        raise InputError(f"{path} holds no task", hint=f"is it the file that {_NAME} publishes?")
    return Suite(file=path, questions=tuple(made), metrics=_metrics)


def _of(data: Path, path: Path, key: str, task: _Task) -> Iterator[Question]:
    named = [asked.data.strip() for asked in task.evaluation if asked.data]
    if not named:
        return
    given = _given(data, path, key, named[0])
    lines = [f"{letter_of(n)}. {text}" for n, text in enumerate(task.choices or ())]
    for place, asked in enumerate(task.evaluation):
        where = f"{key}.evaluation.{place}"
        regime = _REGIMES.get(asked.type.casefold().split()[0] if asked.type.strip() else "")
        if regime is None:
            raise InputError(
                f"{path}: {where}.type: '{asked.type}' is neither autonomous planning nor "
                "instruction following",
                hint=f"the file should have the layout that {_NAME} publishes",
            )
        fields = {
            "id": f"{key}-{regime}",
            "family": f"{regime} {_modality(key)}".strip(),
            "question": "\n".join([asked.question, *lines]),
            "needs": ["detector"] if _LOOKS & set(tools_in(task.dialogs)) else ["spectral"],
            "references": [calls_in(task.dialogs, _COUNTERPARTS)],
            "expect": {"status": "answered", "rule": _rule(task.choices or (), asked)},
            **given,
        }
        yield make_question(path, where, fields, _NAME)


def _rule(choices: Sequence[str], asked: _Asked) -> dict[str, Any]:
    """Return the rule of a reference: an option by its letter, or words where none are given."""
    stated = asked.gt_answer.whitelist.strip()
    if not choices:
        return {"kind": "words", "groups": [[stated]]}
    if stated in [letter_of(n) for n in range(len(choices))]:
        return {"kind": "option", "options": choices, "letter": stated}
    why = f"the reference '{stated}' is none of the letters A to {letter_of(len(choices) - 1)}"
    return {"kind": "unjudged", "why": why}


def _given(data: Path, path: Path, key: str, named: str) -> dict[str, Any]:
    """Return the images of a task, or its folder, as fields of a question."""
    if named.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", named):
        raise InputError(
            f"{path}: {key}.evaluation: data '{named}' lies outside the data folder",
            hint="name a folder below it",
        )
    places = [named, named.removeprefix("benchmark/")]
    folder = next((place for place in places if (data / place).is_dir()), None)
    if folder is None:
        raise NotFound(
            f"task {key} of {path} comes with the folder {named}, and there is none in {data}",
            hint="give the folder that holds `benchmark/data` (--data)",
        )
    rasters = sorted(p.name for p in (data / folder).iterdir() if p.suffix.lower() in _SUFFIXES)
    if len(rasters) > _MAX_IMAGES:
        return {"folder": folder}
    return {"images": [f"{folder}/{name}" for name in rasters]}


def _modality(key: str) -> str:
    if not key.isdecimal():
        return ""
    return next((name for last, name in _MODALITIES if int(key) <= last), "rgb")


def _metrics(judged: Judged) -> dict[str, float]:
    """Return the benchmark's metrics per regime, accuracy in percent and the others as shares."""
    found: dict[str, float] = {}
    for regime in _REGIMES.values():
        own = [(q, v) for q, v in judged if q.family.startswith(regime)]
        known = [verdict for _, verdict in own if verdict.outcome != "unjudged"]
        if known:
            right = sum(verdict.outcome == "right" for verdict in known)
            found[f"{regime} Accuracy"] = 100 * right / len(known)
        chains = [(q.references[0], v.calls) for q, v in own if q.references[0]]
        if not chains:
            continue
        for name, measure in _MEASURES.items():
            shares = [measure(gold, called) for gold, called in chains]
            found[f"{regime} {name}"] = sum(shares) / len(shares)
    return found


def _any_order(gold: Sequence[Call], called: Sequence[Call]) -> float:
    return tools_in_any_order([c.tool for c in gold], [c.tool for c in called])


def _in_order(gold: Sequence[Call], called: Sequence[Call]) -> float:
    """Return the share of the reference that is met in order until a call of it is missing."""
    left, met = [call.tool for call in called], 0
    for call in gold:
        if call.tool not in left:
            break
        left = left[left.index(call.tool) + 1 :]
        met += 1
    return met / len(gold)


def _exact(gold: Sequence[Call], called: Sequence[Call]) -> float:
    return tools_in_prefix([c.tool for c in gold], [c.tool for c in called])


def _parameters(gold: Sequence[Call], called: Sequence[Call]) -> float:
    """Return the share of steps that agree in tool and in every argument, before the first other.

    Equality is exact, names of files included, so it says little of tools with other arguments.
    """
    steps = 0
    for wanted, used in zip(gold, called, strict=False):
        if wanted != used:
            break
        steps += 1
    return steps / len(gold)


def _efficiency(gold: Sequence[Call], called: Sequence[Call]) -> float:
    return len(called) / len(gold)


_MEASURES: Final = MappingProxyType(
    {
        "Tool-Any-Order": _any_order,
        "Tool-In-Order": _in_order,
        "Tool-Exact-Match": _exact,
        "Parameter": _parameters,
        "Efficiency": _efficiency,
    }
)

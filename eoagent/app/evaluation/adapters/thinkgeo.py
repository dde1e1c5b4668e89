"""Questions of ThinkGeo, from `ThinkGeoBench.json` and its folder of images.

Source of the layout and of the metrics: github.com/mbzuai-oryx/ThinkGeo,
`opencompass/opencompass/datasets/ThinkGeo_bench.py` (loader and evaluator) and
`opencompass/opencompass/models/lagent.py` (turns). The file is one object: number of the task to
`{tools, files: [{type, path}], dialogs: [turns], gt_answer}`. `gt_answer` is
`{whitelist: [[alias, ...], ...], blacklist: [[...]] or null}`, a list of sentences, or null where
the answer is a picture.

An answer is right by the benchmark's own whitelist: one alias of every group stands in the text as
whole words, and nothing of the blacklist. That is looser than a tolerance in one place, as there:
5 is found in 2.5. Numbers may group thousands by commas, which the benchmark does not foresee.
`toolmeta.json` is for models whose tools are stand-ins, so it is not needed here.
"""

from __future__ import annotations

from collections import Counter
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
from eoagent.app.evaluation.rules import Words
from eoagent.contracts.errors import InputError

__all__ = ["read_thinkgeo"]

_NAME: Final = "ThinkGeo"
_FILE: Final = "ThinkGeoBench.json"
_COUNTERPARTS: Final = MappingProxyType({"Calculator": "calculate", "Solver": "calculate"})
_LOOKS: Final = frozenset(
    {
        "ChangeDetection",
        "CountGivenObject",
        "ImageDescription",
        "OCR",
        "ObjectDetection",
        "RegionAttributeDescription",
        "SegmentObjectPixels",
        "TextToBbox",
    }
)
"""Tools that take a model of vision."""
_KINDS: Final = MappingProxyType(
    dict.fromkeys(_LOOKS - {"CountGivenObject"}, "p")
    | dict.fromkeys(["DrawBox", "AddText", "GoogleSearch"], "o")
    | dict.fromkeys(
        ["Calculator", "Solver", "Plot", "MathOCR", "CountGivenObject", "calculate"], "l"
    )
)
"""Perception, operation or logic, as the benchmark's evaluator sorts tools."""
_SENTENCE: Final = "the reference is a sentence, compared by the likeness of embeddings"
_PICTURE: Final = "the answer is a picture, whose making is compared by the likeness of embeddings"
_NOT_COMPUTED: Final = MappingProxyType(
    {
        "answer_acc_w_imggen": _PICTURE,
        "llm_score": "a model judges the answers",
        "inst_align, tool_acc, arg_acc": "each step is asked for with the right history given, and "
        "an agent that lays out its own plan has another history",
    }
)


class _File(Layout):
    type: str
    path: str


class _Answer(Layout):
    whitelist: tuple[tuple[str, ...], ...]
    blacklist: tuple[tuple[str, ...], ...] | None = None


class _Task(Layout):
    files: tuple[_File, ...]
    dialogs: tuple[Turn, ...] = Field(min_length=1)
    gt_answer: _Answer | tuple[str, ...] | None


_LAYOUT: Final = TypeAdapter(dict[str, _Task])


def read_thinkgeo(data: Path, file: Path | None = None) -> Suite:
    """Return the questions of a folder that holds ThinkGeo.

    Families are `whitelist`, `sentence` and `picture`, by the form of the reference; only those of
    the first can be judged without a model.

    Raises:
        NotFound: if there is no file of questions.
        InputError: if it has another layout; the field is named.
        SourceError: if it cannot be read.
    """
    path = find_file(data, file, [_FILE])
    tasks = read_layout(path, _LAYOUT, _NAME)
    if not tasks:
        raise InputError(f"{path} holds no task", hint=f"is it the file that {_NAME} publishes?")
    made = [
        make_question(path, key, _fields(path, key, task), _NAME) for key, task in tasks.items()
    ]
    return Suite(
        file=path, questions=tuple(made), metrics=_metrics, not_computed=dict(_NOT_COMPUTED)
    )


def _fields(path: Path, key: str, task: _Task) -> dict[str, Any]:
    first = task.dialogs[0]
    if first.role != "user" or not isinstance(first.content, str):
        raise InputError(
            f"{path}: {key}.dialogs.0: the first turn is no text of the user",
            hint=f"the file should have the layout that {_NAME} publishes",
        )
    family, rule = _rule(task)
    return {
        "id": key,
        "family": family,
        "question": first.content,
        "images": [own.path for own in task.files if own.type == "image"],
        "needs": ["detector"] if _LOOKS & set(tools_in(task.dialogs)) else ["spectral"],
        "references": [calls_in(task.dialogs, _COUNTERPARTS)],
        "expect": {"status": "answered", "rule": rule},
    }


def _rule(task: _Task) -> tuple[str, dict[str, Any]]:
    answer = task.gt_answer
    if isinstance(answer, _Answer):
        wrong = [word for group in answer.blacklist or () for word in group]
        return "whitelist", {"kind": "words", "groups": answer.whitelist, "wrong": wrong}
    if answer:
        return "sentence", {"kind": "unjudged", "why": _SENTENCE}
    return "picture", {"kind": "unjudged", "why": _PICTURE}


def _metrics(judged: Judged) -> dict[str, float]:
    """Return `answer_acc` over the whitelists in percent, the counts of calls, and F1 of tools."""
    worded = [v for q, v in judged if isinstance(q.expect.rule, Words)]
    found: dict[str, float] = {}
    if worded:
        right = sum(verdict.outcome == "right" for verdict in worded)
        found["answer_acc"] = 100 * right / len(worded)
    found["tool_call"] = sum(len(verdict.calls) for _, verdict in judged)
    found["tool_call_error"] = sum(verdict.errors for _, verdict in judged)
    hits, made, wanted = Counter[str](), Counter[str](), Counter[str]()
    for question, verdict in judged:
        called = [call.tool for call in verdict.calls]
        made.update(_KINDS.get(tool, "") for tool in called)
        gold = [call.tool for call in question.references[0]]
        wanted.update(_KINDS.get(tool, "") for tool in gold)
        hits.update(_KINDS.get(tool, "") for tool in gold if tool in called)
    for kind in "pol":
        if wanted[kind]:
            found[f"{kind}_f1"] = 100 * _f1(hits[kind], made[kind], wanted[kind])
    return found


def _f1(hits: int, made: int, wanted: int) -> float:
    """Return the harmonic mean of precision and recall.

    As in the benchmark, a hit is a call of the reference whose tool was called at all, so that
    precision may pass 1.
    """
    if not hits or not made:
        return 0.0
    precision, recall = hits / made, hits / wanted
    return 2 * precision * recall / (precision + recall)

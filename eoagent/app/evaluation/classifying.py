"""`eval classification`: the class of pictures, or all the classes that they show.

Folders name one class for each picture; a COCO file may name several. Scores are as published: the
highest probability for one class, its mean with the mean probability for several, above 0.5.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.files import need_folder
from eoagent.app.evaluation.benchmarks.truths import Benchmark
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.labelscores import score_labels
from eoagent.app.evaluation.picturefolder import Tell, class_folders, words_of
from eoagent.app.evaluation.seeing.leftout import Outcome, go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.seen import Sight
from eoagent.app.evaluation.stating import figure_table, model_of, share, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.errors import InputError
from eoagent.contracts.models import Models
from eoagent.vectors.measures import confusion

__all__ = ["FORMATS", "evaluate_classification"]

FORMATS: Final = ("folders", "coco")
_LEAST: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labelled:
    """A picture and the places of its classes."""

    name: str
    file: Path
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """How likely each class is in a picture, in order of the classes."""

    presence: tuple[float, ...]
    peak: tuple[float, ...]


_Found = list[tuple[_Labelled, _Scores]]


def evaluate_classification(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well a segmenter tells the classes of pictures.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if there are no classes, or no picture could be measured.
        ModelMissing: if the model is not installed.
        SourceError: if the listing cannot be read.
    """
    began = time.perf_counter()
    is_single = request.choose(FORMATS) == "folders"
    benchmark, pictures = _folders(request) if is_single else _objects(request)
    sight = open_sight(request, models)
    names = [words_of(label) for label in benchmark.classes]
    known = sight.phrases(names)
    phrases = [known[name] for name in names]
    found, outcome = go_through(
        _spread(pictures, request.limit),
        lambda one: _scored(sight, one, phrases),
        name=lambda one: one.name,
        tell=tell,
    )
    return (_single if is_single else _several)(sight, benchmark, found, outcome, began=began)


def _folders(request: SuiteRequest) -> tuple[Benchmark, list[_Labelled]]:
    data = need_folder(request.folder())
    known = class_folders(data)
    unknown = set(request.classes) - {own.name for own in known}
    if unknown:
        raise InputError(
            f"{data} has no class '{min(unknown)}'",
            hint=f"it has: {', '.join(own.name for own in known)[:300]}",
        )
    folders = [own for own in known if not request.classes or own.name in request.classes]
    pictures = [
        _Labelled(name=f"{own.name}/{file.name}", file=file, labels=(place,))
        for place, own in enumerate(folders)
        for file in own.files
    ]
    return Benchmark(listing=data, classes=tuple(own.name for own in folders)), pictures


def _objects(request: SuiteRequest) -> tuple[Benchmark, list[_Labelled]]:
    benchmark, pictures = read_coco(request.folder(), request.file, classes=request.classes)
    places = {name: place for place, name in enumerate(benchmark.classes)}
    return benchmark, [
        _Labelled(
            name=one.name,
            file=one.file,
            labels=tuple(sorted({places[label] for label in one.labels})),
        )
        for one in pictures
    ]


def _spread(pictures: Sequence[_Labelled], limit: int) -> list[_Labelled]:
    """Return the first pictures, taken from the classes in turn."""
    if not limit:
        return list(pictures)
    turns: dict[tuple[int, ...], int] = {}
    keyed = []
    for number, one in enumerate(pictures):
        turn = turns.get(one.labels[:1], 0)
        turns[one.labels[:1]] = turn + 1
        keyed.append((turn, number))
    return [pictures[number] for _, number in sorted(keyed)[:limit]]


def _scored(sight: Sight, picture: _Labelled, phrases: Sequence[str]) -> _Scores:
    wanted = list(dict.fromkeys(phrases))
    seen = {one.phrase: (one.presence, one.peak) for one in sight.see(picture.file, wanted)}
    return _Scores(
        presence=tuple(seen[phrase][0] for phrase in phrases),
        peak=tuple(seen[phrase][1] for phrase in phrases),
    )


def _single(
    sight: Sight, benchmark: Benchmark, found: _Found, outcome: Outcome, *, began: float
) -> Measured:
    truth = np.array([one.labels[0] for one, _ in found], np.intp)
    peaks = np.array([own.peak for _, own in found])
    told = np.argmax(peaks, axis=1).astype(np.intp)
    is_sure = peaks.max(axis=1) >= _LEAST
    metrics = {
        "top1": float(np.mean(told == truth)),
        "top1_declining": float(np.mean((told == truth) & is_sure)),
        "declined": float(np.mean(~is_sure)),
    }
    counts = confusion(truth, told, classes=len(benchmark.classes))
    rows = tuple(
        (name, share(row[place] / row.sum()), str(row.sum()))
        for place, (name, row) in enumerate(zip(benchmark.classes, counts, strict=True))
        if row.sum()
    )
    return state(
        "classification",
        benchmark,
        outcome,
        models=(model_of(sight.card, sight.settings),),
        metrics=metrics,
        tables=(
            figure_table("", metrics),
            Table(head=("class", "right %", "pictures"), rows=rows),
        ),
        notes=(
            (
                "one class a picture: the one with the best score, as published; the figure that "
                f"declines takes no class below a score of {_LEAST:g}, as the tools do"
            ),
        ),
        details={"classes": list(benchmark.classes), "confusion": counts.tolist()},
        began=began,
    )


def _several(
    sight: Sight, benchmark: Benchmark, found: _Found, outcome: Outcome, *, began: float
) -> Measured:
    truth = np.zeros((len(found), len(benchmark.classes)), np.bool_)
    for row, (one, _) in enumerate(found):
        truth[row, list(one.labels)] = True
    told = np.array([own.presence for _, own in found]) > _LEAST
    metrics = score_labels(told, truth)
    rows = tuple(
        (
            name,
            share(np.mean(told[:, place] == truth[:, place])),
            str(told[:, place].sum()),
            str(truth[:, place].sum()),
        )
        for place, name in enumerate(benchmark.classes)
    )
    return state(
        "classification",
        benchmark,
        outcome,
        models=(model_of(sight.card, sight.settings),),
        metrics=metrics,
        tables=(
            figure_table("", metrics),
            Table(head=("class", "right %", "said", "true"), rows=rows),
        ),
        notes=(
            (
                f"several classes a picture: those whose score is above {_LEAST:g}; the "
                "element-wise accuracy is the published figure, and most of them are rightly absent"
            ),
        ),
        details={"classes": list(benchmark.classes)},
        began=began,
    )

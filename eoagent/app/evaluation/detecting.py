"""`eval detection`: average precision of the boxes around objects, by COCO's rules."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.truths import ObjectPicture
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.precision import (
    BoxScores,
    FoundBoxes,
    need_pycocotools,
    score_boxes,
)
from eoagent.app.evaluation.picturefolder import Tell, words_of
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.seen import Seen, Sight
from eoagent.app.evaluation.stating import figure_table, model_of, share, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.models import Models

__all__ = ["FORMATS", "evaluate_detection"]

FORMATS: Final = ("coco",)
_NOTE: Final = (
    "AP: mean over overlaps of 0.50 to 0.95, the first 100 boxes of a class in a picture; all "
    "classes were asked in every picture; a box scores the mean probability of its pixels"
)


def evaluate_detection(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return the average precision of a segmenter's boxes.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if the listing has another layout, or no picture could be measured.
        ModelMissing: if the model or pycocotools is not installed.
        SourceError: if the listing cannot be read.
    """
    began = time.perf_counter()
    request.choose(FORMATS)
    need_pycocotools()
    benchmark, pictures = read_coco(request.folder(), request.file, classes=request.classes)
    sight = open_sight(request, models, needs_objects=True)
    names = {label: words_of(label) for label in benchmark.classes}
    phrases = sight.phrases(list(names.values()))
    asked = {label: phrases[words] for label, words in names.items()}
    found, outcome = go_through(
        pictures[: request.limit or None],
        lambda one: _boxes(sight, one, asked),
        name=lambda one: one.name,
        tell=tell,
    )
    scores = score_boxes(
        benchmark.classes, [one for one, _ in found], [boxes for _, boxes in found]
    )
    objects = sum(len(one.labels) for one, _ in found)
    boxed = sum(len(own.scores) for _, some in found for own in some)
    counted = {"objects": float(objects), "boxes": float(boxed)}
    return state(
        "detection",
        benchmark,
        outcome,
        models=(model_of(sight.card, sight.settings),),
        metrics={**scores.overall, **counted},
        tables=(figure_table("", scores.overall, note=_NOTE), _by_class(scores)),
        notes=("reckoned by pycocotools",),
        details={"ap_by_class": {name: list(own) for name, own in scores.by_class.items()}},
        began=began,
    )


def _boxes(
    sight: Sight, picture: ObjectPicture, asked: Mapping[str, str]
) -> tuple[FoundBoxes, ...]:
    wanted = list(dict.fromkeys(asked.values()))
    seen = {one.phrase: _found(one) for one in sight.see(picture.file, wanted)}
    return tuple(
        FoundBoxes(label=label, boxes=seen[phrase][0], scores=seen[phrase][1])
        for label, phrase in asked.items()
    )


def _found(one: Seen) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    boxes = np.array([own.box for own in one.objects], np.float64).reshape(-1, 4)
    return boxes, np.array([own.score for own in one.objects], np.float64)


def _by_class(scores: BoxScores) -> Table:
    rows = tuple((name, share(ap), share(ap50)) for name, (ap, ap50) in scores.by_class.items())
    return Table(head=("class", "AP %", "AP50 %"), rows=rows)

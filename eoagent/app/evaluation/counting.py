"""`eval counting`: how well objects of classes are counted in pictures.

The published figure is the share of counts that are exactly right. In the way `parity` boxes that
are too small for their class are dropped first, contours part objects above 0.15, and only classes
that a picture shows are asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.counts import read_counts
from eoagent.app.evaluation.benchmarks.truths import Benchmark, ObjectPicture
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.countscores import CountScores, score_counts
from eoagent.app.evaluation.picturefolder import Tell, words_of
from eoagent.app.evaluation.seeing.leastareas import LEAST_SHARE, least_areas_px2
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.seen import Sight
from eoagent.app.evaluation.stating import model_of, share, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.errors import InputError
from eoagent.contracts.models import Models
from eoagent.runners.remotesam.detection import count

__all__ = ["FORMATS", "evaluate_counting"]

FORMATS: Final = ("coco", "counts")
_CONTOUR_ABOVE: Final = 0.15
_Counts = dict[str, tuple[int, int]]
"""Objects found and true, by class."""


def evaluate_counting(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well a segmenter counts objects.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if the listing has another layout, or no picture could be measured.
        ModelMissing: if the model is not installed.
        SourceError: if the listing cannot be read.
    """
    began = time.perf_counter()
    read = read_coco if request.choose(FORMATS) == "coco" else read_counts
    benchmark, pictures = read(request.folder(), request.file, classes=request.classes)
    sight = open_sight(request, models, needs_objects=True, contour_above=_CONTOUR_ABOVE)
    is_parity = sight.way == "parity"
    present_only = request.present_only or is_parity
    names = {label: words_of(label) for label in benchmark.classes}
    phrases = sight.phrases(list(names.values()))
    asked = {label: phrases[words] for label, words in names.items()}
    least, rule = _least(sight, benchmark) if is_parity else ({}, "")
    chosen = [one for one in pictures if one.counts or not present_only]
    found, outcome = go_through(
        chosen[: request.limit or None],
        lambda one: _counted(sight, one, asked, least, present_only=present_only),
        name=lambda one: one.name,
        tell=tell,
    )
    by_class: dict[str, list[tuple[int, int]]] = {}
    for _, counts in found:
        for label, pair in counts.items():
            by_class.setdefault(label, []).append(pair)
    pairs = [pair for own in by_class.values() for pair in own]
    if not pairs:
        raise InputError("no class was asked in any picture", hint="check --class")
    scores = {label: _scores(own) for label, own in by_class.items()}
    whole = _scores(pairs)
    return state(
        "counting",
        benchmark,
        outcome,
        models=(model_of(sight.card, sight.settings),),
        metrics=_metrics(whole),
        tables=(_table({"all": whole, **scores}),),
        notes=(_asked_note(present_only=present_only), *((rule,) if rule else ())),
        details={
            "found_and_true": {
                one.name: {label: list(pair) for label, pair in counts.items()}
                for one, counts in found
            }
        },
        began=began,
    )


def _least(sight: Sight, benchmark: Benchmark) -> tuple[dict[str, float], str]:
    """Return the least area of each phrase, and in words where it comes from."""
    named, areas = least_areas_px2(str(benchmark.listing))
    phrases = sight.phrases(list(areas))
    least = {phrases[name]: LEAST_SHARE * area for name, area in areas.items()}
    return least, (
        f"boxes of {LEAST_SHARE:g} times the least area of their class or less were dropped, as "
        f"published for {named.upper()}; classes without one keep all"
    )


def _counted(
    sight: Sight,
    picture: ObjectPicture,
    asked: Mapping[str, str],
    least: Mapping[str, float],
    *,
    present_only: bool,
) -> _Counts:
    labels = [own for own in asked if picture.counts.get(own) or not present_only]
    wanted = list(dict.fromkeys(asked[own] for own in labels))
    objects = {one.phrase: one.objects for one in sight.see(picture.file, wanted)}
    counts = count(objects, least_px=least)
    return {own: (counts[asked[own]], picture.counts.get(own, 0)) for own in labels}


def _scores(pairs: list[tuple[int, int]]) -> CountScores:
    return score_counts([own for own, _ in pairs], [own for _, own in pairs])


def _metrics(scores: CountScores) -> dict[str, float]:
    return {
        "exact": scores.exact,
        "mae": scores.mae,
        "rmse": scores.rmse,
        "bias": scores.bias,
        "counts": float(scores.pairs),
        "objects_found": float(scores.total_found),
        "objects_true": float(scores.total_true),
    }


def _table(scores: Mapping[str, CountScores]) -> Table:
    rows = tuple(
        (
            name,
            share(own.exact),
            f"{own.mae:.3f}",
            f"{own.rmse:.3f}",
            f"{own.bias:+.3f}",
            str(own.total_found),
            str(own.total_true),
            str(own.pairs),
        )
        for name, own in scores.items()
    )
    return Table(
        head=("class", "exact %", "MAE", "RMSE", "bias", "found", "true", "counts"),
        rows=rows,
        note="Exact: counts that are right. Bias: mean of found less true.",
    )


def _asked_note(*, present_only: bool) -> str:
    if present_only:
        return "in each picture the classes that it shows were counted, as published"
    return "in each picture all classes were counted, those that it does not show too"

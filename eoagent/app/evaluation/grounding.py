"""`eval grounding`: how well the box of what a sentence means agrees with the true one.

Where nothing is found the overlap is 0; the published script takes that of the picture before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.benchmarks.diorrsvg import read_dior_rsvg
from eoagent.app.evaluation.benchmarks.truths import GroundedPicture
from eoagent.app.evaluation.measured import Measured, MeasuredModel
from eoagent.app.evaluation.measures.boxtally import tally_boxes
from eoagent.app.evaluation.measures.overlap import Tally, pass_rates
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.reasonerlook import ReasonerLook, way_note
from eoagent.app.evaluation.stating import figure_table, model_of, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.contracts.models import Models
from eoagent.io.reasonedmasks import framed

__all__ = ["FORMATS", "evaluate_grounding"]

FORMATS: Final = ("dior-rsvg",)
_NOTE: Final = (
    "mean_iou: mean of the overlaps; cum_iou: shared area of all boxes over their joined area; "
    "p50 to p90: share of boxes whose overlap reaches 0.5 to 0.9"
)


def evaluate_grounding(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well a segmenter, or a reasoner, finds the box that a sentence means.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if a file has another layout, or no picture could be measured.
        ModelMissing: if the model is not installed.
        SourceError: if a file cannot be read.
    """
    began = time.perf_counter()
    request.choose(FORMATS)
    benchmark, pictures = read_dior_rsvg(request.folder(), request.file, split=request.part())
    asked = _reasoner(request, models) if request.by == "reasoner" else _segmenter(request, models)
    found, outcome = go_through(
        pictures[: request.limit or None],
        lambda one: tally_boxes(asked.box(one), np.array([one.box], np.float64)),
        name=lambda one: one.name,
        tell=tell,
    )
    tallies = [own for _, own in found]
    overlaps = [own.iou for own in tallies]
    rates = pass_rates(overlaps)
    metrics = {
        "mean_iou": float(np.mean(overlaps)),
        "cum_iou": sum(tallies, Tally()).iou,
        **{f"p{round(100 * at)}": rate for at, rate in rates.items()},
        "found_nothing": float(sum(not own.found for own in tallies)),
    }
    return state(
        "grounding",
        benchmark,
        outcome,
        models=(asked.model,),
        metrics=metrics,
        tables=(figure_table("", metrics, note=_NOTE),),
        notes=(
            "sentences were put to the model as they stand; no box counts as an overlap of 0",
            asked.note,
        ),
        details={"iou": {one.name: own.iou for one, own in found}},
        began=began,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who is asked for boxes."""

    model: MeasuredModel
    box: Callable[[GroundedPicture], NDArray[np.float64]]
    """Gives the box of a sentence, (1, 4), or none, (0, 4); pixels of the picture."""
    note: str
    """What box is taken, in words."""


def _segmenter(request: SuiteRequest, models: Models) -> _Asked:
    sight = open_sight(request, models)

    def box(picture: GroundedPicture) -> NDArray[np.float64]:
        (seen,) = sight.see(picture.file, [picture.sentence])
        return np.array([seen.box] if seen.box else [], np.float64).reshape(-1, 4)

    return _Asked(
        model=model_of(sight.card, sight.settings),
        box=box,
        note="the box is that around all that was found",
    )


def _reasoner(request: SuiteRequest, models: Models) -> _Asked:
    reasoner = models.reasoner(request.model, gsd_m=request.gsd_m)
    eyes = ReasonerLook(request, reasoner, request.guard())

    def box(picture: GroundedPicture) -> NDArray[np.float64]:
        look, _ = eyes.look(picture.file)
        found = framed(reasoner.ground(look.picture.pixels, picture.sentence))
        return look.view.boxes_to_scene(found.boxes[:1])

    return _Asked(
        model=model_of(reasoner.card, reasoner.manner),
        box=box,
        note=f"the box is the first that the model gave; {way_note(request.way, reasoner)}",
    )

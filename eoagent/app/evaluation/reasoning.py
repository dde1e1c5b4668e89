"""`eval reasoning`: how well the boxes and masks of implicit questions agree with the true ones.

Figures are those of EarthReason: gIoU, the mean of the masks' intersections over union, cIoU, that
of all masks together, and Acc@0.5, the share of pictures whose boxes overlap the true ones by half.
Boxes are compared as the areas that they cover; the true ones frame the regions of the true mask.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.benchmarks.earthreason import read_earthreason
from eoagent.app.evaluation.benchmarks.truths import ReasonedPicture
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.boxtally import tally_boxes
from eoagent.app.evaluation.measures.frames import Reading, choose_frame, read_both
from eoagent.app.evaluation.measures.overlap import Tally, pass_rates, tally
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.reasonerlook import ReasonerLook, on_scene, outlined, way_note
from eoagent.app.evaluation.stating import figure_table, model_of, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.models import Models
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Reasoner, ReplyStatus
from eoagent.geo.blobs import find_blobs
from eoagent.io.reasonedmasks import framed
from eoagent.io.reasonedview import pixel_cap

__all__ = ["FORMATS", "evaluate_reasoning"]

FORMATS: Final = ("earthreason",)
_AT: Final = 0.5
Bools = NDArray[np.bool_]
_STATUSES: Final[tuple[ReplyStatus, ...]] = ("found", "none", "unparseable", "truncated")
_NOTE: Final = (
    "giou: mean of the masks' overlaps; ciou: shared pixels of all masks over their joined pixels; "
    "acc50_boxes: share of pictures whose boxes overlap the true ones by half or more"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One answer beside the truth."""

    status: ReplyStatus
    boxes: Tally
    mask: Tally | None
    reading: Reading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Who is asked, and how."""

    reasoner: Reasoner
    outliner: Outliner | None
    eyes: ReasonerLook

    def judge(self, picture: ReasonedPicture) -> _Judged:
        """Ask for one picture, and compare in its own pixels."""
        look, closer = self.eyes.look(picture.file, self.outliner)
        height, width = look.view.scene.height, look.view.scene.width
        truth, counts = picture.mask(height, width)
        found = framed(self.reasoner.ground(look.picture.pixels, picture.question))
        boxes = look.view.boxes_to_scene(found.boxes)
        mask = None
        if found.mask is not None:
            mask = on_scene(look, found.mask & look.picture.valid)
        elif self.outliner is not None:
            points = look.view.to_scene(found.points)
            mask = on_scene(closer, outlined(closer, self.outliner, boxes, points))
        true_boxes = _boxes_of(truth)
        reading = None
        if look.view.is_own:
            cap = pixel_cap(self.reasoner)
            reading = read_both(found.stated, true_boxes, height, width, cap_px=cap)
        return _Judged(
            status=found.reply.status,
            boxes=tally_boxes(boxes, true_boxes),
            mask=None if mask is None else tally(mask, truth, counts),
            reading=reading,
        )


def evaluate_reasoning(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well a reasoner, and the model that outlines its boxes, answer with places.

    Where no outliner is installed, boxes alone are measured, and the notes say so.

    Raises:
        NotFound: if the folder, a file of it or the reasoner is not there.
        InputError: if a file has another layout, or no picture could be measured.
        ModelMissing: if the reasoner is not installed and no server is named.
        SourceError: if a file cannot be read.
    """
    began = time.perf_counter()
    request.choose(FORMATS)
    guard = request.guard()
    benchmark, pictures = read_earthreason(
        request.folder(), guard, split=request.part(), every=request.every
    )
    reasoner = models.reasoner(request.model, gsd_m=request.gsd_m)
    outliner, missing = _outliner(models)
    eyes = ReasonerLook(request, reasoner, guard)
    asking = _Asking(reasoner=reasoner, outliner=outliner, eyes=eyes)
    found, outcome = go_through(
        pictures[: request.limit or None], asking.judge, name=lambda one: one.name, tell=tell
    )
    judged = [own for _, own in found]
    metrics, frame_note = _metrics(judged, reasoner)
    taking = [model_of(reasoner.card, reasoner.manner)]
    taking += [] if outliner is None else [model_of(outliner.card, {})]
    notes = (
        "a reply that cannot be read or names nothing has no boxes and an empty mask",
        way_note(request.way, reasoner),
        frame_note,
        *missing,
    )
    return state(
        "reasoning",
        benchmark,
        outcome,
        models=tuple(taking),
        metrics=metrics,
        tables=(figure_table("", metrics, note=_NOTE),),
        notes=notes,
        details={
            "answers": {
                one.name: {
                    "status": own.status,
                    "box_iou": own.boxes.iou,
                    "mask_iou": None if own.mask is None else own.mask.iou,
                }
                for one, own in found
            }
        },
        began=began,
    )


def _outliner(models: Models) -> tuple[Outliner | None, tuple[str, ...]]:
    try:
        return models.outliner(), ()
    except ModelMissing as error:
        return None, (f"boxes alone were measured, as no outliner is installed: {error.explain()}",)


def _metrics(judged: list[_Judged], reasoner: Reasoner) -> tuple[dict[str, float], str]:
    boxes = [own.boxes.iou for own in judged]
    metrics: dict[str, float] = {}
    masks = [own.mask for own in judged if own.mask is not None]
    if masks:
        metrics["giou"] = float(np.mean([own.iou for own in masks]))
        metrics["ciou"] = sum(masks, Tally()).iou
    metrics["acc50_boxes"] = pass_rates(boxes)[_AT]
    metrics["mean_box_iou"] = float(np.mean(boxes))
    for status in _STATUSES:
        metrics[f"replies_{status}"] = float(sum(own.status == status for own in judged))
    choice = choose_frame([own.reading for own in judged if own.reading is not None])
    used = reasoner.manner.get("frame", "unknown")
    if not choice.pictures:
        return metrics, (
            "which pixels its boxes count cannot be told: no picture with boxes was given to it "
            "larger than it is shown (--way parity gives them whole)"
        )
    metrics["frame_model_input_iou"] = choice.model_input
    metrics["frame_original_iou"] = choice.original
    metrics["frame_pictures"] = float(choice.pictures)
    said = (
        f"of {choice.pictures} large pictures, boxes read as pixels of what the model was shown "
        f"overlap by {choice.model_input:.3f}, as pixels of the picture by {choice.original:.3f}"
    )
    if choice.better == "unknown":
        return metrics, f"{said}: too close to tell; the frame used is {used}"
    fits = "which is the frame used" if choice.better == used else f"and the frame used is {used}"
    return metrics, f"{said}: {choice.better} is better, {fits}"


def _boxes_of(truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the boxes around the regions of a mask, (n, 4)."""
    blobs = find_blobs(truth, truth.astype(np.float32))
    return blobs.boxes.astype(np.float64)

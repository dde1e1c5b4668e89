"""`eval segmentation`: how well masks of phrases or classes agree with the true ones.

Published figures compare on the square that the network sees: mean and overall intersection over
union, and the share of masks above 0.5 to 0.9. Ours compare in the pixels of the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.maskfolders import read_mask_folders
from eoagent.app.evaluation.benchmarks.truths import Benchmark, MaskedPicture, ObjectPicture
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.overlap import Tally, nearest_square, pass_rates, tally
from eoagent.app.evaluation.picturefolder import Tell, words_of
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.seen import Sight
from eoagent.app.evaluation.stating import figure_table, model_of, share, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.errors import InputError
from eoagent.contracts.models import Models

__all__ = ["FORMATS", "evaluate_segmentation"]

FORMATS: Final = ("masks", "coco")
_NONE: Final = Tally()
_MOST_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """One mask beside the truth."""

    own: Tally
    """In the pixels of the picture."""
    square: Tally
    """On the square of the network."""


def evaluate_segmentation(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well a segmenter's masks agree with the true ones.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if the listing has another layout, or no picture could be measured.
        ModelMissing: if the model is not installed.
        SourceError: if the listing cannot be read.
    """
    began = time.perf_counter()
    benchmark, pictures = _read(request)
    sight = open_sight(request, models)
    phrases = _phrases(sight, pictures)
    found, outcome = go_through(
        pictures[: request.limit or None],
        lambda one: _compared(sight, one, phrases[one.label]),
        name=lambda one: f"{one.name} ({one.label})",
        tell=tell,
    )
    metrics = _metrics([own for _, own in found], sight.card.input_px)
    by_class: dict[str, Tally] = {}
    for one, compared in found:
        by_class[one.label] = by_class.get(one.label, _NONE) + compared.own
    metrics["miou_classes"] = float(np.mean([own.iou for own in by_class.values()]))
    return state(
        "segmentation",
        benchmark,
        outcome,
        models=(model_of(sight.card, sight.settings),),
        metrics=metrics,
        tables=(figure_table("", metrics), _table(by_class)),
        notes=(
            "the model was asked for: "
            + "; ".join(f"'{own}'" for own in list(phrases.values())[:_MOST_SHOWN]),
            (
                f"figures that end in {sight.card.input_px} are reckoned on the square that the "
                "network sees, the truth brought there by its nearest pixel, as published; the "
                "others in the pixels of the pictures"
            ),
            "a mask that is rightly empty has an intersection over union of 1",
        ),
        details={"iou": {f"{one.name} ({one.label})": own.own.iou for one, own in found}},
        began=began,
    )


def _read(request: SuiteRequest) -> tuple[Benchmark, tuple[MaskedPicture, ...]]:
    data = request.folder()
    if request.choose(FORMATS) == "masks":
        return read_mask_folders(data, request.guard(), phrase=request.phrase, value=request.value)
    benchmark, pictures = read_coco(data, request.file, classes=request.classes)
    masked = tuple(_masked(one, label) for one in pictures for label in one.counts)
    if not masked:
        raise InputError(f"{benchmark.listing} outlines no object")
    return benchmark, masked


def _masked(picture: ObjectPicture, label: str) -> MaskedPicture:
    draw = picture.mask
    if draw is None:
        raise InputError(
            f"the objects of {picture.name} have boxes and no outlines",
            hint="measure boxes: eoagent eval detection",
        )
    return MaskedPicture(
        name=picture.name,
        file=picture.file,
        label=label,
        is_class=True,
        mask=lambda height, width: draw(label, height, width),
    )


def _phrases(sight: Sight, pictures: Sequence[MaskedPicture]) -> dict[str, str]:
    """Return what is put to the model for each label.

    A class is put into the sentence of the model's card, which published masks of classes end with
    a full stop; a phrase stands as it is.
    """
    labels = {one.label: one.is_class for one in pictures}
    names = {label: words_of(label) for label, is_class in labels.items() if is_class}
    known = sight.phrases(list(names.values())) if names else {}
    end = "." if sight.way == "parity" else ""
    own = {label: f"{known[words]}{end}" for label, words in names.items()}
    return {label: own.get(label, label) for label in labels}


def _compared(sight: Sight, picture: MaskedPicture, phrase: str) -> _Compared:
    (seen,) = sight.see(picture.file, [phrase])
    truth, counts = picture.mask(*seen.mask.shape)
    side = len(seen.square)
    return _Compared(
        own=tally(seen.mask, truth, counts & seen.valid),
        square=tally(seen.square, nearest_square(truth, side), nearest_square(counts, side)),
    )


def _metrics(found: Sequence[_Compared], side: int) -> dict[str, float]:
    metrics: dict[str, float] = {}
    whole = _NONE
    for name in ("own", "square"):
        tallies: list[Tally] = [getattr(one, name) for one in found]
        end = "" if name == "own" else f"_{side}"
        whole = sum(tallies, _NONE)
        metrics[f"miou{end}"] = float(np.mean([one.iou for one in tallies]))
        metrics[f"oiou{end}"] = whole.iou
        rates = pass_rates([one.iou for one in tallies])
        metrics |= {f"p{round(100 * at)}{end}": rate for at, rate in rates.items()}
        if name == "own":
            metrics |= {"f1": whole.f1, "precision": whole.precision, "recall": whole.recall}
    return metrics


def _table(by_class: Mapping[str, Tally]) -> Table:
    rows = tuple(
        (name, share(own.iou), share(own.f1), share(own.precision), share(own.recall))
        for name, own in by_class.items()
    )
    return Table(
        head=("label", "IoU %", "F1 %", "precision %", "recall %"),
        rows=rows,
        note="All pixels of a label together.",
    )

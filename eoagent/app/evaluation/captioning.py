"""`eval captioning`: how well captions made from detections agree with those of people.

The classes that are looked for are the 37 that the published evaluation names for UCM-Captions,
unless others are given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.benchmarks.captionlists import read_captions
from eoagent.app.evaluation.benchmarks.truths import CaptionedPicture
from eoagent.app.evaluation.measured import Measured, MeasuredModel
from eoagent.app.evaluation.measures.captionscores import bleu4, cider, cider_d
from eoagent.app.evaluation.picturefolder import Tell, words_of
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.opening import open_sight
from eoagent.app.evaluation.seeing.reasonerlook import ReasonerLook, way_note
from eoagent.app.evaluation.seeing.seen import Sight
from eoagent.app.evaluation.stating import figure_table, model_of, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.contracts.models import Models
from eoagent.runners.remotesam.captions import NOTHING, describe, describe_as_published
from eoagent.runners.remotesam.detection import Detection

__all__ = ["FORMATS", "UCM_CLASSES", "evaluate_captioning"]

FORMATS: Final = ("captions",)
UCM_CLASSES: Final = MappingProxyType(
    {
        "road": "road",
        "highway": "highway",
        "bank": "bank",
        "tennis court": "tenniscourt",
        "roof": "roof",
        "vehicle": "vehicle",
        "parking lot": "parking lot",
        "airplane": "airplane",
        "stand": "stand",
        "farmland": "farmland",
        "waste land": "waste land",
        "basketball court": "basketballcourt",
        "storage tank": "storagetank",
        "pedestrian": "pedestrian",
        "villa": "villa",
        "beach": "beach",
        "boat": "boat",
        "tree": "tree",
        "grass": "grass",
        "water": "water",
        "trail": "trail",
        "park": "park",
        "bush": "bush",
        "golf field": "golffield",
        "house": "house",
        "airport": "airport",
        "people": "people",
        "overpass": "overpass",
        "baseball field": "baseballfield",
        "swimming pool": "swimming-pool",
        "bunker": "bunker",
        "building": "building",
        "harbor": "harbor",
        "residential": "residential",
        "sand": "sand",
        "stadium": "stadium",
        "intersection": "intersection",
    }
)
"""Classes that the published evaluation looks for, in words and in its spelling.

Source: the evaluation script of https://github.com/1e12Leon/RemoteSAM (facts only)
"""
_LONGEST: Final = 4000
_NOTE: Final = (
    "BLEU-4 0 to 1, CIDEr and CIDEr-D 0 to 10; what published code calls CIDEr is CIDEr-D; words "
    "are lower-case runs of letters and digits, not stemmed"
)


def evaluate_captioning(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how well captions by a model agree with those of people.

    Raises:
        NotFound: if the folder, its listing or the model is not there.
        InputError: if the listing has another layout, or no picture could be measured.
        ModelMissing: if the model is not installed.
        SourceError: if the listing cannot be read.
    """
    began = time.perf_counter()
    request.choose(FORMATS)
    benchmark, pictures = read_captions(request.folder(), request.file, split=request.part())
    teller = _reasoner(request, models) if request.by == "reasoner" else _segmenter(request, models)
    found, outcome = go_through(
        pictures[: request.limit or None], teller.tell, name=lambda one: one.name, tell=tell
    )
    told, truth = [own for _, own in found], [one.captions for one, _ in found]
    metrics = {
        "cider_d": cider_d(told, truth),
        "cider": cider(told, truth),
        "bleu4": bleu4(told, truth),
        "found_nothing": float(sum(own in {NOTHING, ""} for own in told)),
    }
    return state(
        "captioning",
        benchmark,
        outcome,
        models=(teller.model,),
        metrics=metrics,
        tables=(figure_table("", metrics, note=_NOTE),),
        notes=teller.notes,
        details={"captions": {one.name: own for one, own in found}},
        began=began,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """Who is asked for captions."""

    model: MeasuredModel
    tell: Callable[[CaptionedPicture], str]
    notes: tuple[str, ...]


def _segmenter(request: SuiteRequest, models: Models) -> _Teller:
    sight = open_sight(request, models)
    is_parity = sight.way == "parity"
    usual = list(UCM_CLASSES.values() if is_parity else UCM_CLASSES)
    asked = sight.phrases([words_of(name) for name in request.classes] or usual)
    names = {phrase: name for name, phrase in asked.items()}
    chance = Random(request.seed)  # noqa: S311 - draws the words of sentences
    manner = "sentences are those of the tool describe_image"
    if is_parity:
        manner = f"sentences were drawn at random as published, with the seed {request.seed}"
    return _Teller(
        model=model_of(sight.card, sight.settings),
        tell=lambda one: _caption(sight, one, names, chance),
        notes=(manner, f"{len(asked)} classes were looked for"),
    )


def _reasoner(request: SuiteRequest, models: Models) -> _Teller:
    reasoner = models.reasoner(request.model, gsd_m=request.gsd_m)
    eyes = ReasonerLook(request, reasoner, request.guard())

    def tell(one: CaptionedPicture) -> str:
        return reasoner.describe(eyes.look(one.file)[0].picture.pixels).answer[:_LONGEST]

    return _Teller(
        model=model_of(reasoner.card, reasoner.manner),
        tell=tell,
        notes=("captions are in the model's own words", way_note(request.way, reasoner)),
    )


def _caption(
    sight: Sight, picture: CaptionedPicture, names: Mapping[str, str], chance: Random
) -> str:
    """Return the caption of a picture; `names` are classes by phrase."""
    objects: dict[str, tuple[Detection, ...]] = {}
    height = width = 1
    for one in sight.see(picture.file, list(names)):
        objects[names[one.phrase]] = one.objects
        height, width = one.mask.shape[0], one.mask.shape[1]
    if sight.way == "parity" and any(objects.values()):
        return describe_as_published(objects, chance, height=height, width=width)
    return describe(objects, height=height, width=width)

"""The suites of `eoagent eval`, in one table: what each measures, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation import (
    answering,
    captioning,
    classifying,
    counting,
    detecting,
    grounding,
    reasoning,
    segmenting,
)
from eoagent.app.evaluation.indexeval import evaluate_index
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.retrieval import evaluate_retrieval
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.zeroshot import evaluate_zeroshot
from eoagent.app.indexes import index_kind
from eoagent.app.workshop import Workshop
from eoagent.contracts.errors import NotFound
from eoagent.contracts.models import Models
from eoagent.io.origin import OriginGuard

__all__ = ["SUITES", "Suite", "SuiteRequest", "run_suite"]

_Run = Callable[[SuiteRequest, Workshop, Tell], Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite."""

    about: str
    """What it measures."""
    run: _Run | None = None
    """Runs it; None for questions, which are put to the agent."""
    formats: tuple[str, ...] = ()
    """Formats of benchmarks that it reads, the default first; none where there is one layout."""


def run_suite(name: str, request: SuiteRequest, workshop: Workshop, tell: Tell) -> Measured:
    """Run a suite that measures a model or an index.

    Raises:
        NotFound: if there is none of that name, or what it is to measure is not there.
        InputError: if the request lacks what it needs.
        ModelMissing: if the weights of its model are not installed.
    """
    suite = SUITES.get(name)
    if suite is None or suite.run is None:
        raise NotFound(f"there is no suite '{name}'", hint=f"there are: {', '.join(SUITES)}")
    return suite.run(request, workshop, tell)


def _retrieval(request: SuiteRequest, workshop: Workshop, tell: Tell) -> Measured:
    data = request.folder()
    encoder = workshop.models.encoder(request.encoder)
    return evaluate_retrieval(encoder, data, request.guard(), file=request.file, tell=tell)


def _zeroshot(request: SuiteRequest, workshop: Workshop, tell: Tell) -> Measured:
    data = request.folder()
    encoder = workshop.models.encoder(request.encoder)
    return evaluate_zeroshot(
        encoder, data, request.guard(), ensemble=request.prompts, holdout=request.holdout, tell=tell
    )


def _index(request: SuiteRequest, workshop: Workshop, tell: Tell) -> Measured:
    indexes = workshop.indexes(OriginGuard())
    name = indexes.settle(request.index)
    index = indexes.open(name)
    try:
        exchange = index_kind().exchange(indexes.folder(name), indexes.around())
        return evaluate_index(
            index, exchange, name=name, queries=request.queries, seed=request.seed, tell=tell
        )
    finally:
        index.close()


def _sight(evaluate: Callable[[SuiteRequest, Models, Tell], Measured]) -> _Run:
    """Return what runs a suite that needs models alone."""
    return lambda request, workshop, tell: evaluate(request, workshop.models, tell)


SUITES: Final = MappingProxyType(
    {
        "qa": Suite(about="questions whose answers are known, put to the agent"),
        "retrieval": Suite(
            about="captions for pictures and pictures for captions, by an encoder", run=_retrieval
        ),
        "zeroshot": Suite(about="labels of pictures by the names of classes", run=_zeroshot),
        "index": Suite(about="recall and speed of the searches of an index", run=_index),
        "counting": Suite(
            about="counts of objects, by a segmenter",
            run=_sight(counting.evaluate_counting),
            formats=counting.FORMATS,
        ),
        "detection": Suite(
            about="average precision of boxes, by a segmenter",
            run=_sight(detecting.evaluate_detection),
            formats=detecting.FORMATS,
        ),
        "segmentation": Suite(
            about="masks of phrases and classes, by a segmenter",
            run=_sight(segmenting.evaluate_segmentation),
            formats=segmenting.FORMATS,
        ),
        "grounding": Suite(
            about="boxes of what sentences mean, by a segmenter or a reasoner",
            run=_sight(grounding.evaluate_grounding),
            formats=grounding.FORMATS,
        ),
        "classification": Suite(
            about="classes that pictures show, by a segmenter",
            run=_sight(classifying.evaluate_classification),
            formats=classifying.FORMATS,
        ),
        "captioning": Suite(
            about="captions, by a segmenter's detections or a reasoner",
            run=_sight(captioning.evaluate_captioning),
            formats=captioning.FORMATS,
        ),
        "reasoning": Suite(
            about="boxes and masks of implicit questions, by a reasoner",
            run=_sight(reasoning.evaluate_reasoning),
            formats=reasoning.FORMATS,
        ),
        "vqa": Suite(
            about="answers to questions about pictures, by a reasoner",
            run=_sight(answering.evaluate_answers),
            formats=answering.FORMATS,
        ),
    }
)
"""Suites by the name that `eoagent eval` takes."""

"""The suites of `eoagent eval`, in one table: what each measures, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.indexeval import evaluate_index
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.retrieval import evaluate_retrieval
from eoagent.app.evaluation.zeroshot import evaluate_zeroshot
from eoagent.app.indexes import index_kind
from eoagent.app.workshop import Workshop
from eoagent.contracts.errors import InputError, NotFound
from eoagent.io.origin import OriginGuard
from eoagent.vectors.prompts import USUAL_ENSEMBLE

__all__ = ["SUITES", "Suite", "SuiteRequest", "run_suite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRequest:
    """What a suite is asked to measure; each takes what it needs of it."""

    data: Path | None = None
    """Folder of a benchmark."""
    file: Path | None = None
    """File in it that lists what there is."""
    encoder: str = ""
    """Card of the model; empty takes the default of the settings."""
    index: str = ""
    """Name of the index; empty takes the default or the only one."""
    prompts: str = USUAL_ENSEMBLE
    """Name of the prompt ensemble."""
    holdout: bool = False
    """Whether only the last fifth of each class is labelled, and the rest is learnt from."""
    queries: int = 100
    """Searches for each share of the tiles."""
    seed: int = 0
    """For what is drawn at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite."""

    about: str
    """What it measures."""
    run: Callable[[SuiteRequest, Workshop, Tell], Measured] | None = None
    """Runs it; None for questions, which are put to the agent."""


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
    data = _data(request)
    encoder = workshop.models.encoder(request.encoder)
    return evaluate_retrieval(encoder, data, _guard(data), file=request.file, tell=tell)


def _zeroshot(request: SuiteRequest, workshop: Workshop, tell: Tell) -> Measured:
    data = _data(request)
    encoder = workshop.models.encoder(request.encoder)
    return evaluate_zeroshot(
        encoder, data, _guard(data), ensemble=request.prompts, holdout=request.holdout, tell=tell
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


def _data(request: SuiteRequest) -> Path:
    if request.data is None:
        raise InputError("no folder was named to measure on", hint="name it with --data")
    return request.data.expanduser().absolute()


def _guard(data: Path) -> OriginGuard:
    return OriginGuard(typed=[str(data)])


SUITES: Final = MappingProxyType(
    {
        "qa": Suite(about="questions whose answers are known, put to the agent"),
        "retrieval": Suite(
            about="captions for pictures and pictures for captions, by an encoder", run=_retrieval
        ),
        "zeroshot": Suite(about="labels of pictures by the names of classes", run=_zeroshot),
        "index": Suite(about="recall and speed of the searches of an index", run=_index),
    }
)
"""Suites by the name that `eoagent eval` takes."""

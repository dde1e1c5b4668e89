"""Run a request from the question to the answer, with the ledger told how it began and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from eoagent.app.answer import Answer
from eoagent.app.authority import addresses_in
from eoagent.app.handles import HandleBook, carry_in
from eoagent.app.inputs import classify
from eoagent.app.request import Request
from eoagent.app.shelf import Shelf
from eoagent.app.sight import sights_of
from eoagent.app.threadstore import open_turn
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.turn import Turn, run_turn
from eoagent.app.workshop import LedgerRecorder, Workshop
from eoagent.contracts.answer import AnswerRecord, ModelUse
from eoagent.contracts.errors import InputError
from eoagent.contracts.events import Event
from eoagent.contracts.planner import Limits, Planner
from eoagent.contracts.runner import Counters
from eoagent.io.href import redact_text
from eoagent.io.modeluse import use_since
from eoagent.io.origin import OriginGuard
from eoagent.io.previews import MapMaker
from eoagent.io.transcript import Said, Transcript
from eoagent.planner.approval import Policy
from eoagent.planner.model.model_planner import ModelPlanner
from eoagent.planner.state import State
from eoagent.planner.wiring import Wiring
from eoagent.settings import Settings

__all__ = ["Means", "make_toolbox", "make_wiring", "policy_of", "run_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an agent runs all its requests with."""

    shop: Workshop
    """Home folder: settings, store and ledger."""
    planner: Planner
    """Proposes steps and writes the answers."""
    shelf: Shelf
    """The tools there are."""
    versions: dict[str, str]
    """Versions that answers state."""
    redact: Callable[[str], str]
    """Takes the keys of this machine out of a text."""


def make_toolbox(
    shop: Workshop,
    shelf: Shelf,
    request: Request,
    *,
    origins: OriginGuard,
    limits: Limits,
    handles: HandleBook | None = None,
) -> Toolbox:
    """Return the tools as a run of a request has them.

    Args:
        shop: settings, store and ledger.
        shelf: the tools there are.
        request: whose run it is.
        origins: the guard of the run.
        limits: its limits.
        handles: artifacts that it may name besides those that it makes.
    """
    bench = Bench(
        store=shop.store,
        origins=origins,
        options=shop.settings.options(request.out_dir, home=shop.home),
        limits=limits,
        cache=shop.ledger if request.use_cache else None,
        handles=handles or HandleBook(),
        models=shop.models,
        indexes=shop.indexes(origins, default=request.index or ""),
    )
    return Toolbox(bench, shelf)


def run_request(means: Means, request: Request) -> Iterator[Event]:
    """Run a request and yield what happens; the last event is the answer.

    Raises:
        EoAgentError: if the request makes no sense, or can be answered in no way.
    """
    shop, planner = means.shop, means.planner
    _limits(shop.settings, planner, request)  # before anything is opened or written down
    origins = OriginGuard(
        typed=tuple(request.typed), allow_hosts=shop.settings.allow_hosts, access=shop.access
    )
    inputs = classify(request, origins)
    if request.index is not None:
        shop.indexes(origins).existing(request.index)  # a slip shows before anything is planned
    origins.remember(addresses_in(request.question))
    book = HandleBook()

    def carry(start: State) -> None:
        earlier = (pair[0] for told in start["history"] for pair in told["artifacts"])
        carry_in((*request.handles, *earlier), book=book, store=shop.store, origins=origins)

    request = replace(request, question=means.redact(redact_text(request.question)))
    with open_turn(shop, request.thread) as threads:
        run = shop.ledger.start_run(request.question, planner.name, request.thread or "")
        turn = Turn(
            request=request,
            run=run,
            inputs=inputs,
            origins=origins,
            threads=threads,
            wiring=make_wiring(means, request, origins=origins, handles=book),
            converses=isinstance(planner, ModelPlanner),
            on_history=carry,
        )
        before = shop.models.counters()
        with _failing(shop, run):
            record = yield from run_turn(shop, turn)
            record = _with_use(record, use_since(before, shop.models.counters()))
            answer = record.model_dump(mode="json", by_alias=True)
            shop.ledger.finish_run(run, record.status, answer)
        if request.thread is not None:
            Transcript(shop.home / "threads.sqlite").add(request.thread, _said(request, record))
    # Given back before the answer is told: whoever has it may ask the next question at once.
    yield Event(kind="answer", data=Answer(record, shop.store, origins))


def make_wiring(
    means: Means,
    request: Request,
    *,
    origins: OriginGuard,
    handles: HandleBook | None = None,
    begin: Callable[[State], str] | None = None,
    end: Callable[[AnswerRecord], None] | None = None,
) -> Wiring:
    """Return what the nodes of the graph work with in runs of a request.

    Args:
        means: planner, tools, store and ledger.
        request: limits, and what the user agreed to.
        origins: the guard of the run.
        handles: artifacts that it may name besides those that it makes.
        begin: told the state that a run starts with; returns its id in the ledger.
        end: told the answer.

    Raises:
        InputError: if the limits of the request make no sense.
    """
    shop = means.shop
    limits = _limits(shop.settings, means.planner, request)
    wiring = Wiring(
        planner=means.planner,
        executor=make_toolbox(
            shop, means.shelf, request, origins=origins, limits=limits, handles=handles
        ),
        recorder=LedgerRecorder(ledger=shop.ledger, versions=means.versions),
        limits=limits,
        versions=means.versions,
        policy=policy_of(shop.settings, may_write=request.out_dir is not None),
        redact=means.redact,
        is_stopped=request.stop.is_set if request.stop is not None else lambda: False,
    )
    if shop.settings.model_sees and isinstance(means.planner, ModelPlanner):
        wiring = replace(wiring, look=sights_of(MapMaker(shop.store, origins), shop.store))
    return replace(wiring, begin=begin or wiring.begin, end=end or wiring.end)


def _limits(settings: Settings, planner: Planner, request: Request) -> Limits:
    limits = settings.limits(
        max_steps=request.max_steps,
        max_seconds=request.max_seconds,
        max_cost_usd=request.max_cost_usd,
    )
    is_paid = isinstance(planner, ModelPlanner)
    if limits.max_cost_usd is not None and is_paid and planner.name not in settings.prices:
        raise InputError(
            f"a cost limit was set, and the price of {planner.name} is not known",
            hint=f'add [prices."{planner.name}"] with input_usd and output_usd to eoagent.toml',
        )
    return limits


def policy_of(settings: Settings, *, may_write: bool = False) -> Policy:
    """Return up to where a run goes without asking; `may_write`: files, into a folder named."""
    return Policy(
        max_bytes=settings.approve_bytes,
        max_scenes=settings.approve_scenes,
        max_seconds=settings.approve_seconds,
        may_write=may_write,
    )


def _with_use(record: AnswerRecord, use: dict[str, Counters]) -> AnswerRecord:
    """Return an answer that says what the models of this machine did for it."""
    told = {
        name: ModelUse(requests=own.requests, passes=own.batches, busy_s=round(own.busy_s, 3))
        for name, own in use.items()
    }
    return record.model_copy(update={"usage": record.usage.model_copy(update={"models": told})})


def _said(request: Request, record: AnswerRecord) -> Said:
    return Said(
        turn=0,
        run=record.run,
        created=record.created,
        question=request.question,
        status=record.status,
        answer=record.text,
    )


@contextmanager
def _failing(shop: Workshop, run: str) -> Iterator[None]:
    """Write down that a run broke off, by an error or because nobody follows it any more."""
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        if not is_whole:
            shop.ledger.finish_run(run, "failed", None)

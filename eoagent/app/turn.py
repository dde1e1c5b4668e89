"""One turn of a conversation: the graph run from the question to the answer, event by event."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, cast

import langsmith
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from eoagent.app.recovery import mend_transcript
from eoagent.app.request import Request
from eoagent.app.threadnames import single_key
from eoagent.app.threadstore import Threads
from eoagent.app.workshop import Workshop
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.events import Event
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input
from eoagent.io.origin import OriginGuard
from eoagent.io.signed import is_marked
from eoagent.planner.approval import Approval
from eoagent.planner.graph import build_graph, recursion_limit
from eoagent.planner.state import State
from eoagent.planner.wiring import Wiring

__all__ = ["Turn", "run_turn"]

_SUBJECTS = frozenset({"image", "features", "catalog"})
"""Inputs that a question is about; a message that brings none is about those of the last one."""


_LASTING = frozenset({"catalog", "places", "index"})
"""Inputs that stay at hand, for a planner that converses, when a message brings others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a turn is run with."""

    request: Request
    """The question, and what came with it."""
    run: str
    """Id of its run in the ledger."""
    inputs: tuple[Input, ...]
    """What came with it, told apart."""
    origins: OriginGuard
    """The guard of this run."""
    threads: Threads
    """Where conversations are kept, opened; the one of this turn is held."""
    wiring: Wiring
    """Planner, tools, ledger and limits."""
    converses: bool = False
    """Whether the planner knows of earlier questions: what came with them then stays at hand."""
    on_history: Callable[[State], None] = lambda _state: None
    """Told the state that the turn starts with: what earlier turns made may be used again."""


def run_turn(shop: Workshop, turn: Turn) -> Generator[Event, None, AnswerRecord]:
    """Run a turn, yield what happens, and return the answer as a record.

    A turn of a named conversation leaves one checkpoint, that of a single question none.

    Raises:
        EoAgentError: if the question cannot be answered in any way.
    """
    limits, is_named = turn.wiring.limits, turn.request.thread is not None
    threads, thread = turn.threads, turn.request.thread or single_key(turn.run)
    config: RunnableConfig = {
        "configurable": {"thread_id": thread},
        "recursion_limit": recursion_limit(limits),
        "max_concurrency": limits.max_parallel + 1,  # one thread waits for events to stream
    }
    with langsmith.tracing_context(enabled=False):
        graph = build_graph(turn.wiring, threads.saver)
        earlier = cast("State", graph.get_state(config).values if is_named else {})
        if is_named:
            mend_transcript(shop, thread, earlier)
        start = _start(turn, earlier)
        for href in _typed_earlier(start):
            if not is_marked(href):
                turn.origins.type_in(href)
        turn.on_history(start)
        answer: dict[str, Any] = {}
        given: Any = start
        try:
            while not answer:
                parts: Any = graph.stream(given, config, stream_mode="custom", durability="sync")
                for payload in parts:
                    if payload["kind"] == "answer":
                        answer = payload["answer"]
                    yield from _events(payload)
                if not answer:
                    given = Command(resume=_decide(turn.request, graph.get_state(config)))
        finally:
            threads.settle(thread, is_named=is_named)
    return AnswerRecord.model_validate(answer)


def _decide(request: Request, snapshot: StateSnapshot) -> bool:
    """Return whether the user approves what the graph waits for."""
    (asked,) = snapshot.interrupts
    if isinstance(request.approve, bool):
        return request.approve
    return request.approve(Approval.model_validate(asked.value)) is True


def _start(turn: Turn, earlier: State) -> State:
    """Return the state that a turn starts with; a reply to a question back continues it."""
    request = turn.request
    question, carried = request.question, [i.to_dict() for i in turn.inputs]
    fresh, bands, gsd = list(carried), list(request.bands), request.gsd_m
    asked_back = earlier.get("asked_back", "")
    if asked_back:
        question = f"{asked_back} {question}"
    is_new = any(i.kind in _SUBJECTS for i in turn.inputs)
    if asked_back or turn.converses or not is_new:
        # An address with a query that is named again counts once: its query may be a fresh key.
        known = {_bare(i["href"]) for i in carried}
        kinds = set() if asked_back else {i["kind"] for i in carried}
        old = [i for i in earlier.get("inputs", []) if _bare(i["href"]) not in known]
        carried = [i for i in old if i["kind"] not in kinds] + carried
        if is_new and not asked_back:  # what was said of another image does not hold for this one
            carried = [i for i in carried if i["kind"] in _LASTING or i in fresh]
        else:
            bands, gsd = bands or earlier.get("bands", []), gsd or earlier.get("gsd_m")
    return {
        "run": turn.run,
        "question": question,
        "inputs": carried,
        "bands": bands,
        "gsd_m": gsd,
        "history": earlier.get("history", []),
        "earlier": earlier.get("earlier", {}),
        "answered": earlier.get("answered", []),
        "figure_base": earlier.get("figure_base", 0),
        "asked_back": asked_back,
    }


def _typed_earlier(start: State) -> list[str]:
    """Return the places that the user named in any message of the thread."""
    told = [text.partition(" ") for raw in start["history"] for text in raw["inputs"]]
    places = [(carried["kind"], carried["href"]) for carried in start["inputs"]]
    places += [(kind, href) for kind, _, href in told]
    return [href for kind, href in places if kind != "index"]  # a name, and no place


def _bare(href: str) -> str:
    return href.partition("?")[0] if is_marked(href) else href


def _events(payload: dict[str, Any]) -> Iterator[Event]:
    kind = payload["kind"]
    if kind == "plan":
        steps = tuple(Step.model_validate(raw) for raw in payload["plan"]["steps"])
        yield Event(kind="plan", data=steps)
    elif kind == "step-start":
        step = Step.model_validate(payload["step"])
        yield Event(kind="step-start", step=step.n, data=step)
    elif kind == "step-progress":
        yield Event(
            kind="step-progress", step=payload["n"], data=(payload["done"], payload["what"])
        )
    elif kind == "token":
        yield Event(kind="token", data=payload["text"])
    elif kind == "step-end":
        record = StepRecord.model_validate(payload["record"])
        yield Event(kind="step-end", step=record.n, data=record)

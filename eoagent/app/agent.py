"""The agent: joins settings, plugins, planner and graph, and answers questions."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import langsmith
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver

from eoagent import __version__
from eoagent.app.answer import Answer
from eoagent.app.inputs import classify
from eoagent.app.request import Request
from eoagent.app.shelf import Shelf
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.workshop import LedgerRecorder, Workshop, checkpoints, open_workshop
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import InputError
from eoagent.contracts.events import Event
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input, Limits, Planner
from eoagent.contracts.tool import Tool
from eoagent.io.href import redact_text
from eoagent.io.origin import OriginGuard
from eoagent.io.signed import is_marked
from eoagent.planner.graph import Wiring, build_graph, recursion_limit
from eoagent.planner.offline.offline_planner import OfflinePlanner
from eoagent.planner.state import State
from eoagent.settings import Settings

__all__ = ["Agent", "Request"]

_LIBRARIES = ("numpy", "rasterio", "pyproj", "shapely", "scipy", "langgraph")


class Agent:
    """Answers questions about imagery; safe to keep and to ask many times.

    Args:
        planner: `"offline"`, or any object with the planner protocol.
        catalog: STAC catalog that questions without one of their own are about.
        places: vector file of named places for questions without one of their own.
        tools: tools of your own, besides the installed ones.
        home: folder of store, ledger and threads; default `EOAGENT_HOME` or the platform's.
        settings: settings to use instead of those of file and environment.

    Raises:
        InputError: if the planner is not known, or the settings are wrong.
    """

    def __init__(
        self,
        planner: str | Planner | None = None,
        *,
        catalog: str | Path | None = None,
        places: str | Path | None = None,
        tools: Sequence[Tool] = (),
        home: Path | str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.workshop: Workshop = open_workshop(home, settings)
        self._planner = _planner(planner or self.workshop.settings.planner)
        self._shelf = Shelf(tools)
        self._catalog, self._places = catalog, places
        self._versions = _versions()  # reads six files: once is enough

    @property
    def planner_name(self) -> str:
        """Name that answers of this agent carry."""
        return self._planner.name

    @property
    def versions(self) -> dict[str, str]:
        """Versions that answers of this agent state."""
        return dict(self._versions)

    def ask(self, question: str, **given: Any) -> Answer:
        """Answer a question.

        Args:
            question: the question, in plain words.
            **given: fields of `Request`: `images`, `features`, `aoi`, `catalog`, `places`, `bands`,
                `gsd_m`, `thread`, `out_dir`, `max_steps`, `max_seconds`.

        Raises:
            NotFound: if a file does not exist.
            InputError: if the request does not make sense.
            SourceError: if a place is refused, or store and ledger cannot be written.
        """
        last: Answer | None = None
        for event in self.stream(question, **given):
            if event.kind == "answer":
                last = event.data
        assert last is not None
        return last

    def stream(self, question: str, **given: Any) -> Iterator[Event]:
        """Answer a question and yield what happens as it happens; the last event is the answer.

        Takes and raises what `ask` does.
        """
        unknown = sorted(set(given) - set(Request.__dataclass_fields__))
        if unknown:
            known = ", ".join(n for n in Request.__dataclass_fields__ if n != "question")
            raise InputError(f"'{unknown[0]}' is no part of a request", hint=f"known: {known}")
        yield from self._run(Request(question=question, **self._defaults(given)))

    def _defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what was given with a question, and the agent's own places and catalog.

        The catalog is left out where images came with the question: it is about them.
        """
        has_images = bool(given.get("images") or given.get("features"))
        own = {"places": self._places, "catalog": None if has_images else self._catalog}
        return {key: value for key, value in own.items() if value is not None} | given

    def toolbox(self, request: Request, origins: OriginGuard, limits: Limits) -> Toolbox:
        """Return the tools as a run of this request would have them."""
        bench = Bench(
            store=self.workshop.store,
            origins=origins,
            options=self.workshop.settings.options(request.out_dir, home=self.workshop.home),
            limits=limits,
            cache=self.workshop.ledger if request.use_cache else None,
        )
        return Toolbox(bench, self._shelf)

    def _run(self, request: Request) -> Iterator[Event]:
        shop = self.workshop
        limits = shop.settings.limits(max_steps=request.max_steps, max_seconds=request.max_seconds)
        origins = OriginGuard(typed=tuple(request.typed), allow_hosts=shop.settings.allow_hosts)
        inputs = classify(request, origins)
        request = replace(request, question=redact_text(request.question))
        run = shop.ledger.start_run(request.question, self._planner.name, request.thread or "")
        versions = self.versions
        wiring = Wiring(
            planner=self._planner,
            executor=self.toolbox(request, origins, limits),
            recorder=LedgerRecorder(ledger=shop.ledger, versions=versions),
            limits=limits,
            versions=versions,
        )
        with _failing(shop, run):
            answer = yield from self._follow(request, wiring, run, inputs, origins)
        yield Event(kind="answer", data=answer)

    def _follow(
        self,
        request: Request,
        wiring: Wiring,
        run: str,
        inputs: tuple[Input, ...],
        origins: OriginGuard,
    ) -> Generator[Event, None, Answer]:
        shop, limits = self.workshop, wiring.limits
        thread = request.thread or run
        config: RunnableConfig = {
            "configurable": {"thread_id": thread},
            "recursion_limit": recursion_limit(limits),
            "max_concurrency": limits.max_parallel + 1,  # one thread waits for events to stream
        }
        with checkpoints(shop.home) as saver, langsmith.tracing_context(enabled=False):
            graph = build_graph(wiring, saver)
            earlier = graph.get_state(config).values if request.thread else {}
            start = _start(request, run, inputs, earlier)
            for carried in start["inputs"]:
                if not is_marked(carried["href"]):  # typed in an earlier message of the thread
                    origins.type_in(carried["href"])
            final: dict[str, Any] = {}
            parts: Any = graph.stream(
                start, config, stream_mode=["custom", "values"], durability="sync"
            )
            try:
                for mode, payload in parts:
                    if mode == "values":
                        final = payload
                    else:
                        yield from _events(payload)
            finally:
                _keep_latest(saver, thread, is_named=request.thread is not None)
        record = AnswerRecord.model_validate(final["answer"])
        shop.ledger.finish_run(run, record.status, record.model_dump(mode="json", by_alias=True))
        return Answer(record, shop.store, origins)


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


def _planner(planner: str | Planner) -> Planner:
    if not isinstance(planner, str):
        return planner
    if planner == "offline":
        return OfflinePlanner()
    raise InputError(
        f"planner '{planner}' is not known", hint="use 'offline', or pass a planner object"
    )


def _start(request: Request, run: str, inputs: tuple[Input, ...], earlier: dict[str, Any]) -> State:
    """Return the state that a turn starts with; a reply to a question back continues it."""
    question, carried = request.question, [i.to_dict() for i in inputs]
    bands, gsd = list(request.bands), request.gsd_m
    if earlier.get("answer", {}).get("status") == "clarify":
        question = f"{earlier['question']} {question}"
        # An address with a query that is named again counts once: its query may be a fresh key.
        known = {_bare(i["href"]) for i in carried}
        carried = [i for i in earlier["inputs"] if _bare(i["href"]) not in known] + carried
        bands, gsd = bands or earlier["bands"], gsd or earlier["gsd_m"]
    return {"run": run, "question": question, "inputs": carried, "bands": bands, "gsd_m": gsd}


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
    elif kind == "step-end":
        record = StepRecord.model_validate(payload["record"])
        yield Event(kind="step-end", step=record.n, data=record)


def _keep_latest(saver: SqliteSaver, thread: str, *, is_named: bool) -> None:
    """Keep one checkpoint of a finished turn of a conversation, and none of a single question."""
    if not is_named:
        saver.delete_thread(thread)
        return
    with saver.cursor() as cursor:
        for table in ("writes", "checkpoints"):
            cursor.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id < "  # noqa: S608 - fixed names
                "(SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = ?)",
                (thread, thread),
            )


def _versions() -> dict[str, str]:
    versions = {"eoagent": __version__, "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in _LIBRARIES}

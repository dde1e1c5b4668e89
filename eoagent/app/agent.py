"""The agent: joins settings, plugins, planner and graph, and answers questions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from eoagent import __version__
from eoagent.app.answer import Answer
from eoagent.app.aside import Either, follow_aside
from eoagent.app.chatmodel import is_chat_model, model_planner, open_chat_model
from eoagent.app.conversation import Conversation
from eoagent.app.recovery import mend_thread
from eoagent.app.request import Request
from eoagent.app.runs import Means, make_toolbox, run_request
from eoagent.app.shelf import Shelf
from eoagent.app.toolbox import Toolbox
from eoagent.app.workshop import Workshop, open_workshop
from eoagent.contracts.errors import InputError
from eoagent.contracts.events import Event
from eoagent.contracts.planner import Limits, Planner
from eoagent.contracts.tool import Tool
from eoagent.io.keys import key_remover
from eoagent.io.origin import OriginGuard
from eoagent.io.transcript import ThreadSummary, Transcript
from eoagent.planner.model.model_planner import ModelPlanner
from eoagent.planner.offline.offline_planner import OfflinePlanner
from eoagent.settings import Settings

__all__ = ["Agent", "Request"]

_LIBRARIES = ("numpy", "rasterio", "pyproj", "shapely", "scipy", "langgraph")


class Agent:
    """Answers questions about imagery; safe to keep and to ask many times.

    Args:
        planner: `"offline"`, `"PROVIDER:MODEL"` such as `"openai:NAME"`, any LangChain chat model
            that can call tools, or any object with the planner protocol.
        base_url: address of the language model's server, where it is not the provider's own.
        reasoner: model that reasons about pictures: the id of a card, or the address of a server
            with the OpenAI protocol; empty takes what is set.
        catalog: STAC catalog that questions without one of their own are about.
        index: name of the index that questions without one of their own search.
        places: vector file of named places for questions without one of their own.
        tools: tools of your own, or functions to make tools of, besides the installed ones.
        home: folder of store, ledger and threads; default `EOAGENT_HOME` or the platform's.
        settings: settings to use instead of those of file and environment.

    Raises:
        InputError: if the planner is not known, its key is missing, or the settings are wrong.
        ModelMissing: if the library of the planner's provider is not installed.
    """

    def __init__(
        self,
        planner: Any = None,
        *,
        base_url: str = "",
        reasoner: str = "",
        catalog: str | Path | None = None,
        index: str | None = None,
        places: str | Path | None = None,
        tools: Sequence[Tool | Callable[..., Any]] = (),
        home: Path | str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.workshop: Workshop = open_workshop(home, settings, reasoner=reasoner)
        self._shelf = Shelf(tools)
        self._planner = self._open_planner(planner or self.workshop.settings.planner, base_url)
        self._catalog, self._index, self._places = catalog, index, places
        self._redact = key_remover(os.environ)
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
            **given: fields of `Request`: `images`, `features`, `aoi`, `catalog`, `index`, `places`,
                `bands`, `gsd_m`, `thread`, `out_dir`, `max_steps`, `max_seconds`, `max_cost_usd`,
                `approve`, `stop`.

        Raises:
            NotFound: if a file does not exist.
            InputError: if the request does not make sense.
            SourceError: if a place is refused, store and ledger cannot be written, or the language
                model cannot be reached.
            ModelError: if the language model gives nothing that can be used.
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
        yield from run_request(self.means, Request(question=question, **self._defaults(given)))

    def _defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what was given with a question, and the agent's own places, index and catalog.

        The catalog is left out where images came with the question: it is about them.
        """
        is_about = bool(given.get("images") or given.get("features"))
        has_images = is_about and not isinstance(self._planner, ModelPlanner)
        own = {
            "places": self._places,
            "index": self._index,
            "catalog": None if has_images else self._catalog,
        }
        return {key: value for key, value in own.items() if value is not None} | given

    async def aask(self, question: str, **given: Any) -> Answer:
        """Answer a question from asynchronous code; takes and raises what `ask` does."""
        last: Answer | None = None
        async with aclosing(self.astream(question, **given)) as events:
            async for event in events:
                if event.kind == "answer":
                    last = event.data
        assert last is not None
        return last

    async def astream(self, question: str, **given: Any) -> AsyncGenerator[Event, None]:
        """Yield what happens from asynchronous code; whoever stops listening stops the run.

        Takes and raises what `ask` does.
        """

        def start(stop: threading.Event) -> Iterator[Event]:
            own = given.get("stop")
            both = stop if own is None else Either(stop, own)
            return self.stream(question, **given | {"stop": both})

        async with aclosing(follow_aside(start)) as events:
            async for event in events:
                yield event

    def thread(self, name: str) -> Conversation:
        """Return the conversation of a name, which goes on where it was left, or begins.

        Raises:
            InputError: if the name is empty, too long, or holds what cannot be seen.
            SourceError: if the conversations of this home cannot be read.
        """
        conversation = Conversation(self, name, self._transcript)
        mend_thread(self.workshop, name)
        return conversation

    def threads(self) -> tuple[ThreadSummary, ...]:
        """Return the conversations there are, the newest first."""
        return self._transcript.threads()

    def close(self) -> None:
        """Give back what loaded models hold; a question asked later loads them again."""
        self.workshop.close()

    def toolbox(self, request: Request, origins: OriginGuard, limits: Limits) -> Toolbox:
        """Return the tools as a run of this request would have them."""
        return make_toolbox(self.workshop, self._shelf, request, origins=origins, limits=limits)

    @property
    def means(self) -> Means:
        """What the runs of this agent work with."""
        return Means(
            shop=self.workshop,
            planner=self._planner,
            shelf=self._shelf,
            versions=self.versions,
            redact=self._redact,
        )

    @property
    def _transcript(self) -> Transcript:
        return Transcript(self.workshop.home / "threads.sqlite")

    def _open_planner(self, planner: Any, base_url: str) -> Planner:
        settings = self.workshop.settings
        if planner == "offline":
            return OfflinePlanner()
        if isinstance(planner, str):
            model = open_chat_model(planner, base_url=base_url, settings=settings)
            return model_planner(model, self._shelf.every, settings=settings, name=planner)
        if is_chat_model(planner):
            return model_planner(planner, self._shelf.every, settings=settings)
        own: Planner = planner
        return own


def _versions() -> dict[str, str]:
    versions = {"eoagent": __version__, "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in _LIBRARIES}

"""Tools called one by one over a longer time, with handles and numbered figures in common.

A session is to calls what a run is to a question: figures count on from call to call, so that
`calculate` and `rank` can name them. It plans nothing.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import JsonValue

from eoagent.app.authority import handles_in
from eoagent.app.handles import HandleBook
from eoagent.app.logbook import Logbook
from eoagent.app.shelf import OwnTool, Shelf
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.workshop import Workshop
from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import BudgetExceeded, EoAgentError, InternalError
from eoagent.contracts.figure import Figure
from eoagent.contracts.price import Price
from eoagent.contracts.store import Origins
from eoagent.contracts.tool import Deadline, Progress, ToolResult
from eoagent.planner.execution import Call

__all__ = ["Clock", "Done", "Session", "Situation"]

_MOST_FIGURES: Final = 10_000
"""Figures that later calls may name; older ones are forgotten."""


class Clock:
    """Time left to one call, by the monotonic clock; whoever waits for the call may end it."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + seconds
        self._cancelled = threading.Event()

    @property
    def remaining_s(self) -> float:
        """Seconds left; none once the call was cancelled."""
        return 0.0 if self._cancelled.is_set() else self._ends - self._clock()

    def check(self) -> None:
        """Raise `BudgetExceeded` once the time is over or the call was cancelled."""
        if self._cancelled.is_set():
            raise BudgetExceeded("the call was cancelled", hint="make it again to go on")
        if self.remaining_s <= 0:
            raise BudgetExceeded("the time limit was reached", hint="raise max_seconds in settings")

    def cancel(self) -> None:
        """End the call when it next looks at the clock."""
        self._cancelled.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How far the calls of a session may reach, and who keeps a record of them."""

    origins: Origins
    """The guard in front of every read."""
    out_dir: Path | None = None
    """Folder that `export` may write to."""
    handles: HandleBook = field(default_factory=HandleBook)
    """Artifacts that the calls may name, besides those that they make: none, or typed ones."""
    logbook: Logbook | None = None
    """Where the calls are written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a call gave."""

    n: int
    """Number of the call in its session, from 1."""
    result: ToolResult
    """The tool's result."""
    figures: tuple[Figure, ...]
    """Its figures, numbered."""


class Session:
    """Runs tools by name; may be shared by threads. A context manager, which ends its record.

    Args:
        shop: the home folder to work in.
        situation: how far the calls may reach.
        tools: tools and functions of one's own, besides the installed ones.
    """

    def __init__(
        self, shop: Workshop, situation: Situation, *, tools: Sequence[OwnTool] = ()
    ) -> None:
        self.shop = shop
        """The home folder that it works in."""
        self.situation = situation
        """How far the calls may reach."""
        self.options = shop.settings.options(situation.out_dir, home=shop.home)
        """Limits and habits that tools are given."""
        # No cache: a result kept from a call that was allowed more would slip past the guard.
        bench = Bench(
            store=shop.store,
            origins=situation.origins,
            options=self.options,
            limits=shop.settings.limits(),
            cache=None,
            handles=situation.handles,
            models=shop.models,
            indexes=shop.indexes(situation.origins),
        )
        self.toolbox = Toolbox(bench, Shelf(tools))
        """The tools."""
        self._lock = threading.Lock()
        self._calls = itertools.count(1)
        self._figure_ids = itertools.count(1)
        self._figures: OrderedDict[str, Figure] = OrderedDict()
        self._artifacts: dict[str, Artifact] = {}

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """The artifacts that its calls made, by handle, in the order they were first made."""
        with self._lock:
            return dict(self._artifacts)

    def clock(self) -> Clock:
        """Return the time that one call has by the settings."""
        return Clock(self.shop.settings.max_seconds)

    def price(self, tool: str, arguments: Mapping[str, JsonValue]) -> Price:
        """Check a call and return what it would take; no source is opened for it.

        Raises:
            NotFound: if there is no such tool, or a handle is not of this session.
            InputError: if the arguments do not fit the tool.
            SourceError: if a place is refused.
        """
        self.toolbox.check(tool, arguments)
        return self.toolbox.price(self._call(0, tool, arguments, self.clock(), _let_go))

    def run(
        self,
        tool: str,
        arguments: Mapping[str, JsonValue],
        *,
        deadline: Deadline | None = None,
        progress: Progress | None = None,
    ) -> Done:
        """Check a call and run it.

        Raises:
            NotFound: if there is no such tool, or a handle is not of this session.
            EoAgentError: whatever the tool raises.
        """
        self.toolbox.check(tool, arguments)
        call = self._call(
            next(self._calls), tool, arguments, deadline or self.clock(), progress or _let_go
        )
        with _Written(self.situation.logbook, call) as written:
            result = self.toolbox.run(call).result
            done = self._take(call.n, result)
            written.done, written.known = done, self.artifacts
        return done

    def close(self) -> None:
        """End the record of the session."""
        if self.situation.logbook is not None:
            self.situation.logbook.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        n: int,
        tool: str,
        arguments: Mapping[str, JsonValue],
        deadline: Deadline,
        progress: Progress,
    ) -> Call:
        with self._lock:
            figures = dict(self._figures)
        return Call(
            n=n,
            tool=tool,
            arguments=dict(arguments),
            each=None,
            figures=figures,
            deadline=deadline,
            progress=progress,
        )

    def _take(self, n: int, result: ToolResult) -> Done:
        """Number the figures of a result, and remember what it made."""
        with self._lock:
            figures = tuple(
                Figure(**draft.model_dump(), id=f"f{next(self._figure_ids)}", step=n)
                for draft in result.figures
            )
            self._figures.update({figure.id: figure for figure in figures})
            while len(self._figures) > _MOST_FIGURES:
                self._figures.popitem(last=False)
            for artifact in result.artifacts.values():
                self._artifacts.setdefault(artifact.handle, artifact)
        return Done(n=n, result=result, figures=figures)


class _Written:
    """Writes a call down however it ends; also when it breaks off by a fault."""

    def __init__(self, book: Logbook | None, call: Call) -> None:
        self._book = book
        self._call = call
        self._began = time.perf_counter()
        self.done: Done | None = None
        self.known: Mapping[str, Artifact] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._book is None:
            return
        seconds, call = time.perf_counter() - self._began, self._call
        if self.done is not None:
            used = [handle for handle in handles_in(call.arguments) if handle in self.known]
            figures = self.done.figures
            self._book.done(call, self.done.result, figures, seconds=seconds, used=used)
        elif isinstance(error, EoAgentError):
            self._book.failed(call, error, seconds=seconds)
        else:
            fault = InternalError(f"{call.tool} broke off: {kind.__name__ if kind else 'unknown'}")
            self._book.failed(call, fault, seconds=seconds)


def _let_go(done: float, what: str) -> None:
    """Take a report and forget it."""

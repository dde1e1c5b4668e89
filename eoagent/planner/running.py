"""One tool call, run so that whatever it does an outcome comes back."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphBubbleUp

from eoagent.contracts.artifact import shorten_preview
from eoagent.contracts.errors import BudgetExceeded, EoAgentError, InternalError
from eoagent.contracts.price import Price
from eoagent.contracts.tool import ToolResult
from eoagent.planner.execution import Call, Executor

__all__ = ["WallClock", "price_call", "run_call"]

_log = logging.getLogger(__name__)
JsonDict = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """Time left to a run, by the wall clock; it is also over when the user stops the run."""

    ends: float
    """Clock reading at which the run ends, seconds."""
    clock: Callable[[], float]
    """Seconds since the epoch."""
    is_stopped: Callable[[], bool] = lambda: False
    """Whether the user wants the run to end."""

    @property
    def remaining_s(self) -> float:
        """Seconds left; none once the run was stopped."""
        return 0.0 if self.is_stopped() else self.ends - self.clock()

    def check(self) -> None:
        """Raise `BudgetExceeded` once the time is over or the run was stopped."""
        if self.is_stopped():
            raise BudgetExceeded("you stopped the run", hint="ask again to go on")
        if self.remaining_s <= 0:
            raise BudgetExceeded(
                "the time limit of the run was reached", hint="raise --max-seconds"
            )


def price_call(executor: Executor, call: Call) -> Price:
    """Return what a call would take.

    Nothing for one that is not valid, which fails when it is run; one whose tool cannot tell its
    price is told as such, so that it is asked about.
    """
    try:
        return executor.price(call)
    except EoAgentError:
        return Price()
    except Exception as error:  # noqa: BLE001 - a named boundary: price functions are anybody's
        _log.warning("the price of %s cannot be told: %s", call.tool, type(error).__name__)
        return Price(outward=(f"{call.tool} does what its price function fails to tell",))


def run_call(executor: Executor, call: Call, raw: JsonDict) -> JsonDict:
    """Run a call and return its outcome: the record so far, and the figures without ids.

    Args:
        executor: runs tools.
        call: the call, resolved.
        raw: what the record starts with: n, tool, arguments, references, each, why.
    """
    began = time.perf_counter()
    record: JsonDict = {**raw, "status": "done", "outputs": {}}
    figures: list[JsonDict] = []
    try:
        outcome = executor.run(call)
        record |= _digest_of(outcome.result, cached=outcome.cached)
        figures = [figure.to_dict() for figure in outcome.result.figures]
    except GraphBubbleUp:
        raise
    except EoAgentError as error:
        record |= _failure(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a named boundary: one bad tool must not end the run
        # Its text may hold a key, so the log says what happened where, and not what was said.
        _log.error("tool %s failed in a way it must not: %s", call.tool, _places(error))
        record |= _failure(
            InternalError(
                f"{call.tool} failed unexpectedly: {type(error).__name__}",
                hint="please report this; the log has the details",
            )
        )
    record["seconds"] = time.perf_counter() - began
    return {"record": record, "figures": figures}


def _places(error: BaseException) -> str:
    """Return the kinds of an exception and of its causes, each with the places it went through."""
    told = []
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        way = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        told.append(f"{type(cause).__name__} at {way}")
        cause = cause.__cause__ or cause.__context__
    return "; from ".join(told)


def _digest_of(result: ToolResult, *, cached: bool) -> JsonDict:
    return {
        "status": "cached" if cached else "done",
        "artifacts": list(dict.fromkeys(a.handle for a in result.artifacts.values())),
        "outputs": {name: artifact.handle for name, artifact in result.artifacts.items()},
        "previews": {
            a.handle: shorten_preview({"title": a.title, **a.preview})
            for a in result.artifacts.values()
        },
        "assumptions": list(result.assumptions),
        "warnings": list(result.warnings),
        "ended_as": result.ended_as,
        "message": result.message,
    }


def _failure(error: EoAgentError) -> JsonDict:
    problem = {"kind": error.kind, "message": str(error), "hint": error.hint}
    command = getattr(error, "command", "")
    if command:
        problem["command"] = command
    return {"status": "failed", "error": problem}

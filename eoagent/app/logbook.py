"""Write the calls of a session into the evidence ledger, as the steps of one run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from eoagent.contracts.artifact import shorten_preview
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.tool import ToolResult
from eoagent.io.href import redact_text
from eoagent.io.ledger import Ledger
from eoagent.planner.execution import Call

__all__ = ["Logbook"]

_PLANNER: Final = "none"


class Logbook:
    """The record of one session; may be shared by threads.

    The run begins with the first call, so that a session without one leaves no trace. While it
    lasts, what its calls made is safe from pruning.
    """

    def __init__(self, ledger: Ledger, name: str, versions: Mapping[str, str]) -> None:
        """Open a logbook under a name that the list of runs shows."""
        self._ledger = ledger
        self._name = name
        self._versions = dict(versions)
        self._lock = threading.Lock()
        self._run = ""

    @property
    def run(self) -> str:
        """Id of the run that holds the calls; empty before the first and after the last."""
        return self._run

    def done(
        self,
        call: Call,
        result: ToolResult,
        figures: Sequence[Figure],
        *,
        seconds: float,
        used: Sequence[str] = (),
    ) -> None:
        """Write down a call with what it gave; `used` are the artifacts among its arguments.

        Raises:
            SourceError: if the ledger cannot be written.
        """
        record = _record(call, seconds, self._versions, status="done", **_made(result, figures))
        self._ledger.append(self._begin(), record, figures, used)

    def failed(self, call: Call, error: EoAgentError, *, seconds: float) -> None:
        """Write down a call that ended in an error.

        Raises:
            SourceError: if the ledger cannot be written.
        """
        problem = {
            "kind": error.kind,
            "message": redact_text(str(error)),
            "hint": redact_text(error.hint),
        }
        record = _record(call, seconds, self._versions, status="failed", error=problem)
        self._ledger.append(self._begin(), record, (), ())

    def close(self) -> None:
        """End the run, if one began.

        Raises:
            SourceError: if the ledger cannot be written.
        """
        with self._lock:
            run, self._run = self._run, ""
        if run:
            self._ledger.finish_run(run, "answered", None)

    def _begin(self) -> str:
        with self._lock:
            if not self._run:
                self._run = self._ledger.start_run(self._name, _PLANNER)
            return self._run


def _record(call: Call, seconds: float, versions: dict[str, str], **more: Any) -> StepRecord:
    arguments = {redact_text(key): _redacted(value) for key, value in call.arguments.items()}
    return StepRecord(
        n=call.n,
        tool=call.tool,
        arguments=arguments,
        references={},
        seconds=seconds,
        versions=versions,
        **more,
    )


def _made(result: ToolResult, figures: Sequence[Figure]) -> dict[str, Any]:
    outputs = {name: artifact.handle for name, artifact in result.artifacts.items()}
    for figure in figures:
        outputs.setdefault(figure.name, figure.id)
    return {
        "artifacts": tuple(dict.fromkeys(a.handle for a in result.artifacts.values())),
        "figures": tuple(figure.id for figure in figures),
        "outputs": outputs,
        "previews": {
            a.handle: shorten_preview({"title": a.title, **a.preview})
            for a in result.artifacts.values()
        },
        "assumptions": result.assumptions,
        "warnings": result.warnings,
        "ended_as": result.ended_as,
        "message": result.message,
    }


def _redacted(value: JsonValue) -> JsonValue:
    """Return a value without the queries of web addresses, which may hold keys."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {redact_text(key): _redacted(item) for key, item in value.items()}
    return value

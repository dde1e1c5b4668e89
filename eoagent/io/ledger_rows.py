"""Rows of the ledger as records: runs, calls, and the hash that shows whether a row is intact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Literal

from eoagent.contracts.answer import Status
from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.record import Record

__all__ = [
    "Call",
    "Run",
    "RunRow",
    "RunStatus",
    "RunSummary",
    "as_json",
    "as_text",
    "call_check",
    "calls_from",
    "check_of",
]

RunStatus = Literal[Status, "running", "interrupted", "failed"]
"""`interrupted`: the process died before it finished the run; `failed`: it ended in an error."""


class RunSummary(Record):
    """One line of the list of runs."""

    id: str
    """Sorts by time: UTC and a random end."""
    question: str
    """What was asked."""
    status: RunStatus
    """How it ended, or that it did not."""
    created: datetime
    """When it began, UTC."""
    finished: datetime | None
    """When it ended, UTC; None while it runs or if it was interrupted."""
    thread: str
    """The conversation it belongs to; may be empty."""
    planner: str
    """Which planner proposed its steps."""
    calls: int
    """Number of tool calls."""


class Call(Record):
    """One tool call as it was written down."""

    record: StepRecord
    """What became of the step."""
    figures: tuple[Figure, ...]
    """Figures it made."""
    handles: tuple[str, ...]
    """Artifacts it made or used, sorted."""
    attempt: int
    """1 for the first call under this step number."""
    created: datetime
    """When it was written, UTC."""


class Run(Record):
    """A run with what it leads to."""

    summary: RunSummary
    """Its line in the list."""
    answer: dict[str, Any] | None
    """The answer document; None if it gave none."""
    handles: tuple[str, ...]
    """Artifacts that it made or used, sorted."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it stands in its table, without the answer; the fields are its columns, in order."""

    id: str
    question: str
    status: str
    created: str
    finished: str | None
    thread: str
    planner: str
    owner: str
    calls_check: str
    answer_check: str | None

    @property
    def check(self) -> str:
        """The hash that shows whether the row is what was written."""
        return check_of(*astuple(self))

    def summary(self, calls: int, *, alive: bool) -> RunSummary:
        """Return the run as a line of the list; `alive` says whether its process lives."""
        status: Any = self.status  # checked by the record
        return RunSummary(
            id=self.id,
            question=self.question,
            status="interrupted" if status == "running" and not alive else status,
            created=datetime.fromisoformat(self.created),
            finished=datetime.fromisoformat(self.finished) if self.finished else None,
            thread=self.thread,
            planner=self.planner,
            calls=calls,
        )


def call_check(previous: str, row: Sequence[object]) -> str:
    """Return the hash of a call: it covers the call before it, so that none can be missing."""
    return check_of(previous, *row)


def calls_from(run: str, rows: Sequence[Sequence[object]], ending: str | None) -> tuple[Call, ...]:
    """Return calls from rows in the order they were written, after checking them all.

    A row is n, attempt, record, figures, handles, created, check (the texts in JSON or ISO form).
    `ending` is the hash of the last call of a finished run.

    Raises:
        ValueError: if a row is not what was written, or one is missing.
    """
    calls = []
    last = ""
    for *row, check in rows:
        last = call_check(last, (run, *row))
        n, attempt, record, figures, handles, created = row
        if check != last:
            raise ValueError(f"call {n} of run {run} is not what was written")
        calls.append(
            Call(
                record=StepRecord.model_validate(json.loads(str(record))),
                figures=tuple(Figure.model_validate(f) for f in json.loads(str(figures))),
                handles=tuple(json.loads(str(handles))),
                attempt=int(str(attempt)),
                created=datetime.fromisoformat(str(created)),
            )
        )
    if ending is not None and ending != last:
        raise ValueError(f"run {run} has lost calls")
    return tuple(calls)


def as_text(text: str) -> str:
    """Return a text that SQLite can keep.

    Raises:
        InputError: if it is not valid Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = ascii(text[:60])
        raise InputError(f"{shown} is not valid Unicode", hint="type it as UTF-8 text") from error
    return text


def check_of(*values: object) -> str:
    """Return the sha256 that shows whether the values of a row are what was written."""
    texts = ("" if value is None else str(value) for value in values)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def as_json(value: object) -> str:
    """Return the JSON text of a value.

    Raises:
        InternalError: if it is none.
    """
    # NaN stays: a call that was refused for its NaN is evidence too. ASCII keeps odd file names.
    try:
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InternalError(f"the ledger was given something that is no JSON: {error}") from error

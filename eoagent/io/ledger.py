"""Keep the evidence: which runs there were, every tool call in them, and results by content.

Calls are only ever added; `eoagent.io.prune` alone removes whole runs. The hash of a call covers
the call before it, and a finished run holds the last one, so damage and loss both show. What is
given is stored as it is: a caller that has a secret must not put it here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from eoagent.contracts.answer import Status
from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import InternalError, NotFound, SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import ToolResult
from eoagent.io.ledger_file import LedgerFile
from eoagent.io.ledger_rows import (
    Call,
    Run,
    RunRow,
    RunSummary,
    as_json,
    as_text,
    call_check,
    calls_from,
    check_of,
)
from eoagent.io.locks import Owner, is_alive
from eoagent.io.result_cache import recall, remember

__all__ = ["Ledger"]

_ENDINGS: Final = frozenset({*get_args(Status), "failed"})
_RUNS: Final = """
SELECT id, question, status, created, finished, thread, planner, owner, calls_check, answer_check,
  row_check, (SELECT count(*) FROM calls WHERE run = id) FROM runs
"""
_NEW_RUN: Final = """
INSERT INTO runs (id, question, status, created, finished, thread, planner, owner, calls_check,
  answer_check, row_check) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CALLS: Final = """
SELECT n, attempt, record_json, figures_json, handles_json, created, row_check FROM calls
  WHERE run = ? ORDER BY number
"""
_NEW_CALL: Final = """
INSERT INTO calls (run, n, attempt, record_json, figures_json, handles_json, created, row_check)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class Ledger:
    """The evidence ledger; safe for threads and for several processes at once."""

    def __init__(self, file: LedgerFile, *, clock: Callable[[], datetime]) -> None:
        self.file = file
        """The SQLite file."""
        self.clock = clock
        """What time it is, UTC."""
        self._owners = file.path.with_name(f"{file.path.name}.owners")
        with contextlib.ExitStack() as undo:
            undo.callback(file.close)
            self._owner = Owner(self._owners)
            undo.pop_all()

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], datetime] | None = None) -> Self:
        """Open a ledger, making it if there is none.

        Raises:
            SourceError: if it cannot be written, is damaged, is no ledger, or has another layout.
        """
        return cls(LedgerFile(path), clock=clock or _utc_now)

    def start_run(self, question: str, planner: str, thread: str = "") -> str:
        """Write down that a run begins; return its id.

        Raises:
            InputError: if a text is not valid Unicode.
            SourceError: if the ledger cannot be written.
        """
        now = self.clock()
        row = RunRow(
            id=f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}",
            question=as_text(question),
            status="running",
            created=now.isoformat(),
            finished=None,
            thread=as_text(thread),
            planner=as_text(planner),
            owner=self._owner.token,
            calls_check="",
            answer_check=None,
        )
        with self.file.writing() as connection:
            connection.execute(_NEW_RUN, (*dataclasses.astuple(row), row.check))
        return row.id

    def append(
        self, run: str, record: StepRecord, figures: Sequence[Figure], handles: Iterable[str]
    ) -> int:
        """Add a call to a run, with its figures and the artifacts it made or used.

        Returns the attempt: 1 for the first call under the record's step number.

        Raises:
            NotFound: if there is no such run.
            InternalError: if the run is finished, or something is no handle.
            SourceError: if the ledger cannot be written.
        """
        linked = sorted({*handles, *record.artifacts})
        foreign = [handle for handle in linked if handle_kind(handle) is None]
        if foreign:
            raise InternalError(f"run {run} cannot link {foreign[:3]}: no handles")
        call = as_json(record.to_dict())
        made = as_json([figure.to_dict() for figure in figures])
        with self.file.writing() as connection:
            self._running(connection, run)
            (attempt,) = connection.execute(
                "SELECT count(*) + 1 FROM calls WHERE run = ? AND n = ?", (run, record.n)
            ).fetchone()
            now = self.clock().isoformat()
            row = (run, record.n, attempt, call, made, as_json(linked), now)
            connection.execute(_NEW_CALL, (*row, call_check(_last_check(connection, run), row)))
            connection.executemany(
                "INSERT OR IGNORE INTO links (run, handle) VALUES (?, ?)",
                [(run, handle) for handle in linked],
            )
        return int(attempt)

    def finish_run(
        self, run: str, status: Status | Literal["failed"], answer: dict[str, Any] | None
    ) -> None:
        """Write down how a run ended, with the answer document.

        Raises:
            NotFound: if there is no such run.
            InternalError: if it is finished already, or the status is none of those.
            SourceError: if the ledger cannot be written.
        """
        if status not in _ENDINGS:
            raise InternalError(f"run {run} cannot end as '{status}'")
        text = None if answer is None else as_json(answer)
        with self.file.writing() as connection:
            row = dataclasses.replace(
                self._running(connection, run),
                status=status,
                finished=self.clock().isoformat(),
                calls_check=_last_check(connection, run),
                answer_check=None if text is None else check_of(text),
            )
            connection.execute(
                "UPDATE runs SET status = ?, finished = ?, calls_check = ?, answer_check = ?,"
                " answer_json = ?, row_check = ? WHERE id = ?",
                (status, row.finished, row.calls_check, row.answer_check, text, row.check, run),
            )

    def get_run(self, run: str) -> Run:
        """Return a run.

        Raises:
            NotFound: if there is none.
            InputError: if its id is not valid Unicode.
            SourceError: if the ledger cannot be read or the run in it is damaged.
        """
        with self.file.reading() as connection:
            row, calls = self._run_row(connection, run)
            (text,) = connection.execute(
                "SELECT answer_json FROM runs WHERE id = ?", (run,)
            ).fetchone()
            written = self._calls(connection, row)
        with self._intact():
            if row.answer_check != (None if text is None else check_of(text)):
                raise ValueError(f"the answer of run {run} is not what was written")
            return Run(
                summary=self._summary(row, calls),
                answer=None if text is None else json.loads(text),
                handles=tuple(sorted({handle for call in written for handle in call.handles})),
            )

    def list_runs(self, limit: int | None = None) -> tuple[RunSummary, ...]:
        """Return the runs, newest first, at most `limit` of them.

        Raises:
            SourceError: if the ledger cannot be read or a run in it is damaged.
        """
        most = -1 if limit is None else max(limit, 0)
        with self.file.reading() as connection:
            rows = connection.execute(f"{_RUNS} ORDER BY number DESC LIMIT ?", (most,)).fetchall()
        return tuple(self._summary(*self._checked(row)) for row in rows)

    def live_runs(self) -> tuple[RunSummary, ...]:
        """Return the runs that a living process is working on, newest first.

        Raises:
            SourceError: if the ledger cannot be read or a run in it is damaged.
        """
        return tuple(run for run in self.list_runs() if run.status == "running")

    def calls(self, run: str) -> tuple[Call, ...]:
        """Return the calls of a run in the order they were written.

        Raises:
            NotFound: if there is no such run.
            SourceError: if the ledger cannot be read, or a call in it is damaged or missing.
        """
        with self.file.reading() as connection:
            row, _ = self._run_row(connection, run)
            return self._calls(connection, row)

    def cache_get(self, key: str, store: ArtifactStore) -> ToolResult | None:
        """Return the result kept under a key, or None if there is none that still stands.

        A result stands while its row is intact and every artifact in it is in the store.

        Raises:
            SourceError: if the ledger cannot be read.
        """
        return recall(self.file, store, key)

    def cache_put(self, key: str, result: ToolResult) -> None:
        """Keep a result under a key: the hash of tool, version, arguments and sources.

        Raises:
            SourceError: if the ledger cannot be written.
        """
        remember(self.file, key, result, self.clock().isoformat())

    def close(self) -> None:
        """Close the ledger; runs of this object that are not finished read as interrupted."""
        self.file.close()
        self._owner.close()

    def _running(self, connection: sqlite3.Connection, run: str) -> RunRow:
        row, _ = self._run_row(connection, run)
        if row.status != "running":
            raise InternalError(f"run {run} is finished ({row.status}) and takes no more")
        return row

    def _run_row(self, connection: sqlite3.Connection, run: str) -> tuple[RunRow, int]:
        row = connection.execute(f"{_RUNS} WHERE id = ?", (as_text(run),)).fetchone()
        if row is None:
            raise NotFound(
                f"no run '{run[:60]}' in the ledger", hint="eoagent runs list shows them"
            )
        return self._checked(row)

    def _calls(self, connection: sqlite3.Connection, run: RunRow) -> tuple[Call, ...]:
        rows = connection.execute(_CALLS, (run.id,)).fetchall()
        with self._intact():
            return calls_from(run.id, rows, None if run.status == "running" else run.calls_check)

    def _checked(self, row: Sequence[Any]) -> tuple[RunRow, int]:
        *columns, check, calls = row
        found = RunRow(*columns)
        with self._intact():
            if check != found.check:
                raise ValueError(f"run {str(found.id)[:60]} is not what was written")
        return found, calls

    def _summary(self, row: RunRow, calls: int) -> RunSummary:
        alive = row.status == "running" and is_alive(self._owners, row.owner)
        with self._intact():
            return row.summary(calls, alive=alive)

    @contextlib.contextmanager
    def _intact(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:  # a hash differs, or pydantic refuses an older layout
            href = str(self.file.path)
            raise SourceError(
                f"the ledger {href} is damaged or of another version: {error}", href=href
            ) from error


def _last_check(connection: sqlite3.Connection, run: str) -> str:
    row = connection.execute(
        "SELECT row_check FROM calls WHERE run = ? ORDER BY number DESC LIMIT 1", (run,)
    ).fetchone()
    return "" if row is None else str(row[0])


def _utc_now() -> datetime:
    return datetime.now(UTC)

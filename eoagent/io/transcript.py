"""Keep what was said in each named conversation, a row a turn, beside its checkpoint.

The whole answers are in the ledger, by run; here is what a reader wants to see again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.atomic import HOME_HINT, disk_errors, make_folder

__all__ = ["Said", "ThreadSummary", "Transcript"]

_LAYOUT: Final = """
CREATE TABLE IF NOT EXISTS transcript (
  thread TEXT NOT NULL, turn INTEGER NOT NULL, run TEXT NOT NULL, created TEXT NOT NULL,
  question TEXT NOT NULL, status TEXT NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (thread, turn)
) WITHOUT ROWID
"""
_ADD: Final = """
INSERT INTO transcript SELECT ?1, COALESCE(MAX(turn), 0) + 1, ?2, ?3, ?4, ?5, ?6
  FROM transcript WHERE thread = ?1 HAVING COUNT(*) FILTER (WHERE run = ?2) = 0
"""
_HAS: Final = "SELECT 1 FROM transcript WHERE thread = ? AND run = ?"
_LIST: Final = """
SELECT thread, COUNT(*), MAX(created) FROM transcript GROUP BY thread ORDER BY MAX(created) DESC
"""
_TURNS: Final = """
SELECT turn, run, created, question, status, answer FROM transcript WHERE thread = ?
  ORDER BY turn
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn of a conversation."""

    turn: int
    """Number of the turn, from 1."""
    run: str
    """Its run in the ledger."""
    created: str
    """When, ISO 8601."""
    question: str
    """What was asked."""
    status: str
    """How it ended."""
    answer: str
    """The rendered answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSummary:
    """A conversation in a list."""

    name: str
    """Its name."""
    turns: int
    """Turns that have an answer."""
    last: str
    """When the last one was answered, ISO 8601."""


class Transcript:
    """The conversations of a home folder; safe for threads and several processes."""

    def __init__(self, path: Path) -> None:
        """Name the SQLite file, which is made when something is first written."""
        self._path = path

    def add(self, thread: str, said: Said) -> None:
        """Add a turn to a conversation, unless its run is there already.

        Its number is the next one, whatever `said` states.

        Raises:
            SourceError: if it cannot be written.
        """
        row = (thread, said.run, said.created, said.question, said.status, said.answer)
        with self._open() as connection, connection:
            connection.execute(_ADD, row)

    def has(self, thread: str, run: str) -> bool:
        """Return whether a run is in a conversation.

        Raises:
            SourceError: if it cannot be read.
        """
        with self._open() as connection:
            row = connection.execute(_HAS, (thread, run)).fetchone()
        return row is not None

    def threads(self) -> tuple[ThreadSummary, ...]:
        """Return the conversations, the newest first.

        Raises:
            SourceError: if they cannot be read.
        """
        if not self._path.exists():
            return ()
        with self._open() as connection:
            rows = connection.execute(_LIST).fetchall()
        return tuple(ThreadSummary(name=n, turns=count, last=last) for n, count, last in rows)

    def turns(self, thread: str) -> tuple[Said, ...]:
        """Return the turns of a conversation, oldest first.

        Raises:
            NotFound: if there is no conversation of that name.
            SourceError: if they cannot be read.
        """
        rows = []
        if self._path.exists():
            with self._open() as connection:
                rows = connection.execute(_TURNS, (thread,)).fetchall()
        if not rows:
            raise NotFound(
                f"there is no conversation '{thread[:60]}'", hint="eoagent chat, /threads"
            )
        names = ("turn", "run", "created", "question", "status", "answer")
        return tuple(Said(**dict(zip(names, row, strict=True))) for row in rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with disk_errors(self._path.parent):
            make_folder(self._path.parent)
        try:
            with closing(sqlite3.connect(self._path, timeout=30.0)) as connection:
                connection.execute(_LAYOUT)
                yield connection
        except sqlite3.Error as error:
            raise SourceError(
                f"the conversations in {self._path} cannot be read or kept: {error}",
                href=str(self._path),
                hint=HOME_HINT,
            ) from error

"""The ledger's SQLite file: its tables, how it is opened, and what its errors mean to a reader.

Commits are durable (write-ahead log, `synchronous=FULL`). One connection, guarded by a lock,
serves all threads: a transaction takes milliseconds. It must not be carried over a fork.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import EoAgentError, InternalError, SourceError
from eoagent.io.atomic import HOME_HINT, disk_errors, make_folder
from eoagent.io.locks import hold

__all__ = ["SCHEMA_VERSION", "LedgerFile"]

SCHEMA_VERSION: Final = 1
"""Layout of the tables; another one is refused, never guessed at."""

_APPLICATION_ID: Final = 0x454F4147  # "EOAG"
_BUSY_S: Final = 30.0

_TABLES: Final = """
CREATE TABLE runs (
  id TEXT NOT NULL UNIQUE, question TEXT NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL,
  finished TEXT, thread TEXT NOT NULL, planner TEXT NOT NULL, owner TEXT NOT NULL,
  calls_check TEXT NOT NULL, answer_json TEXT, answer_check TEXT, row_check TEXT NOT NULL,
  number INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE calls (
  run TEXT NOT NULL REFERENCES runs(id), n INTEGER NOT NULL, attempt INTEGER NOT NULL,
  record_json TEXT NOT NULL, figures_json TEXT NOT NULL, handles_json TEXT NOT NULL,
  created TEXT NOT NULL, row_check TEXT NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT,
  UNIQUE (run, n, attempt));
CREATE TABLE links (
  run TEXT NOT NULL REFERENCES runs(id), handle TEXT NOT NULL,
  PRIMARY KEY (run, handle)) WITHOUT ROWID;
CREATE INDEX links_by_handle ON links (handle);
CREATE TABLE cache (
  key TEXT PRIMARY KEY, result_json TEXT NOT NULL, row_check TEXT NOT NULL,
  created TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cache_links (
  key TEXT NOT NULL REFERENCES cache(key) ON DELETE CASCADE, handle TEXT NOT NULL,
  PRIMARY KEY (key, handle)) WITHOUT ROWID;
CREATE INDEX cache_links_by_handle ON cache_links (handle);
CREATE TABLE pruning (run TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER calls_stand BEFORE UPDATE ON calls
  BEGIN SELECT RAISE(ABORT, 'calls are append-only'); END;
CREATE TRIGGER calls_stay BEFORE DELETE ON calls
  WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE run = OLD.run)
  BEGIN SELECT RAISE(ABORT, 'calls are append-only'); END;
CREATE TRIGGER runs_stand BEFORE UPDATE ON runs WHEN OLD.status <> 'running'
  BEGIN SELECT RAISE(ABORT, 'a finished run is not changed'); END;
CREATE TRIGGER runs_stay BEFORE DELETE ON runs
  WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE run = OLD.id)
  BEGIN SELECT RAISE(ABORT, 'runs are append-only'); END
"""


class LedgerFile:
    """An open ledger file."""

    def __init__(self, path: Path, *, busy_s: float = _BUSY_S) -> None:
        """Open the file, making it and its folder if there is none.

        Raises:
            SourceError: if it cannot be written, is damaged, is no ledger, or has another layout.
        """
        self.path = path.absolute()
        """The file."""
        self._guard = threading.RLock()
        self._is_known = False  # whether the tables are the ones that were made
        with disk_errors(self.path):
            make_folder(self.path.parent)
            # Made here so that it is private, and so that the system's reason reaches the reader.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with hold(self.path.with_name(f"{self.path.name}.lock"), exclusive=True), self._typed():
            self._connection = sqlite3.connect(
                self.path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            with contextlib.ExitStack() as undo:
                undo.callback(self._connection.close)
                self._prepare()
                undo.pop_all()
        self._is_known = True
        weakref.finalize(self, self._connection.close)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold a write transaction for the block: all of it is durable afterwards, or none.

        Raises:
            SourceError: if the disk is full, the file damaged, or another writer too slow.
            InternalError: if a rule of the tables is broken.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold one snapshot for the block.

        Raises:
            SourceError: if the file cannot be read or is damaged.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    def give_back_space(self) -> None:
        """Return freed pages and the write-ahead log to the disk; without effect while in use.

        Raises:
            SourceError: if the file cannot be written.
        """
        with self._guard, self._typed():
            # As a script, since `execute` stops after the first page.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def check(self) -> None:
        """Read the whole file and compare its structure.

        Raises:
            SourceError: if it is damaged.
        """
        with self.reading() as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            raise self._damaged("; ".join(found))

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        with self._guard, self._typed():
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._guard, self._typed():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()

    def _prepare(self) -> None:
        run = self._connection.execute
        application, version, tables = (
            run(query).fetchone()[0]
            for query in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_schema",
            )
        )
        if tables == 0 and version == 0:
            run("PRAGMA auto_vacuum=INCREMENTAL")
        elif application != _APPLICATION_ID:
            raise self._refused("is an SQLite file, but no ledger of eoagent", HOME_HINT)
        elif version != SCHEMA_VERSION:
            hint = "upgrade eoagent" if version > SCHEMA_VERSION else "move the file aside"
            raise self._refused(f"has layout {version}; {SCHEMA_VERSION} is known", hint)
        if run("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
            raise self._refused("lies on a disk without shared memory", HOME_HINT)
        run("PRAGMA synchronous=FULL")
        run("PRAGMA foreign_keys=ON")
        if tables == 0:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {_TABLES}; PRAGMA application_id={_APPLICATION_ID};"
                f"PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
            )
        elif _layout(self._connection) != _layout_as_made():
            raise self._damaged("its tables are not those that were made")

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # a text that damage made unreadable
            raise self._damaged(str(error)) from error
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def _meaning(self, error: sqlite3.Error) -> EoAgentError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")):
            # SQLite says "full" only for ENOSPC; a quota or a file size limit reads as a bad write.
            is_full = name.startswith("SQLITE_FULL")
            found = f": {error}" if is_full else f", or the disk fails: {error} ({name})"
            return SourceError(
                f"no space left to write the ledger {self.path}{found}",
                href=str(self.path),
                hint="free some space or set EOAGENT_HOME to another disk",
            )
        undecodable = isinstance(error, sqlite3.OperationalError) and not name
        misread = name == "SQLITE_ERROR" and not self._is_known
        if undecodable or misread or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return self._damaged(str(error))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return self._refused("is locked by another process", "wait for it, or end it")
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return self._refused(f"cannot be written: {error}", HOME_HINT)
        if name.startswith("SQLITE_IOERR"):
            return self._refused(
                f"could not be read or written ({error}, {name})", "check the disk, or move it"
            )
        return InternalError(f"the ledger {self.path} refused: {error}")

    def _damaged(self, found: str) -> SourceError:
        return self._refused(
            f"is damaged: {found}", "move it aside (a new one is started) or restore a copy"
        )

    def _refused(self, found: str, hint: str) -> SourceError:
        href = str(self.path)
        return SourceError(f"the ledger {href} {found}", href=href, hint=hint)


def _layout(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    return connection.execute(query).fetchall()


def _layout_as_made() -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return _layout(connection)

"""A home folder opened for work: settings, store, ledger, checkpoints, models and indexes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from eoagent.app.indexes import HomeIndexes
from eoagent.app.modelling import HomeModels
from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.store import Origins
from eoagent.io.access import AccessBook
from eoagent.io.atomic import HOME_HINT, disk_errors, make_folder
from eoagent.io.home import check_letters, home_folder
from eoagent.io.ledger import Ledger
from eoagent.io.locks import hold
from eoagent.io.store import FileStore
from eoagent.settings import Settings, load_settings

__all__ = ["LedgerRecorder", "Workshop", "checkpoints", "open_workshop", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all runs under one home folder share."""

    home: Path
    settings: Settings
    store: FileStore
    ledger: Ledger
    access: AccessBook
    models: HomeModels
    """Its models, none of them loaded before it is asked."""

    def indexes(self, origins: Origins, *, default: str = "") -> HomeIndexes:
        """Return its indexes as a run with this guard may use them.

        Args:
            origins: the guard of the run.
            default: name of the index that is meant where none is given.
        """
        return HomeIndexes(
            home=self.home,
            models=self.models,
            origins=origins,
            default=default or self.settings.index,
            host_access=self.settings.stac,
        )

    def close(self) -> None:
        """Give back what loaded models hold."""
        self.models.close()


def open_workshop(
    home: Path | str | None = None, settings: Settings | None = None, *, reasoner: str = ""
) -> Workshop:
    """Open a home folder: the one given, or `EOAGENT_HOME`, or the platform's data folder.

    Args:
        home: the folder.
        settings: settings to use instead of those of file and environment.
        reasoner: what the user typed as the reasoner; empty takes what is set.

    Raises:
        InputError: if no home is known, its path cannot be read, or a settings file is wrong.
        SourceError: if the ledger is damaged or cannot be written.
    """
    folder = Path(home).expanduser().absolute() if home else home_folder(os.environ)
    check_letters(str(folder))
    if settings is None:
        held = load_settings(folder, reasoner=reasoner)
    else:
        held = settings.with_reasoner(reasoner) if reasoner else settings
    return Workshop(
        home=folder,
        settings=held,
        store=FileStore(folder),
        ledger=Ledger.open(folder / "ledger.sqlite"),
        access=AccessBook(held.stac, environ=os.environ),
        models=HomeModels(folder, held),
    )


@contextmanager
def checkpoints(home: Path) -> Iterator[SqliteSaver]:
    """Open the checkpoint database; only plain data is ever read back from it.

    Raises:
        SourceError: if it cannot be opened, read or written, inside the block too.
    """
    path = home / "threads.sqlite"
    with disk_errors(home):
        make_folder(home)
    try:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=30.0)
        with closing(connection):
            # A killed process loses nothing by it; `settle` makes a turn safe from loss of power.
            connection.execute("PRAGMA synchronous=NORMAL")
            saver = SqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            # SQLite does not wait for others while a file turns to write-ahead logging
            with hold(home / "threads.lock", exclusive=True):
                saver.setup()
            yield saver
    except sqlite3.Error as error:
        is_damaged = type(error) is sqlite3.DatabaseError
        raise SourceError(
            f"the conversations in {path} cannot be {'read' if is_damaged else 'kept'}: {error}",
            href=str(path),
            hint="move that file away; it holds conversations only, no evidence"
            if is_damaged
            else HOME_HINT,
        ) from error


def settle(saver: SqliteSaver, thread: str, *, is_named: bool) -> None:
    """Keep one checkpoint of a finished turn of a conversation, and none of a single question.

    What is kept is on the disk when this returns.
    """
    if not is_named:
        saver.delete_thread(thread)
        return
    with saver.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
        for table in ("writes", "checkpoints"):
            cursor.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id < "  # noqa: S608 - fixed names
                "(SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = ?)",
                (thread, thread),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRecorder:
    """Writes the steps of a run into the ledger."""

    ledger: Ledger
    versions: dict[str, str]
    """Versions that every record states."""

    def append(self, run: str, record: StepRecord, figures: Sequence[Figure]) -> None:
        """Add a step and its figures; handles of the step are kept from pruning."""
        stated = record.model_copy(update={"versions": self.versions})
        self.ledger.append(run, stated, figures, record.artifacts)

    def recall(self, run: str) -> list[tuple[StepRecord, tuple[Figure, ...]]]:
        """Return the steps of a run with their figures."""
        return [(call.record, call.figures) for call in self.ledger.calls(run)]

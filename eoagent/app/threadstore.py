"""Where conversations are kept: a file under the home folder, or a database that servers share.

In one conversation one question is answered at a time, wherever it comes from: two that went on
from the same state would lose one of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eoagent.app.pgthreads import hold_shared, keep_latest, postgres_checkpoints
from eoagent.app.threadnames import PATIENCE_S, answered_elsewhere, lock_key
from eoagent.app.workshop import Workshop, checkpoints, settle
from eoagent.io.atomic import disk_errors, make_folder
from eoagent.io.locks import hold

__all__ = ["Threads", "open_threads", "open_turn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """The conversations, opened for one turn."""

    saver: Any
    """The LangGraph checkpointer."""
    settle: Callable[..., None]
    """Called with a thread and `is_named` when its turn ends: keeps one checkpoint, or none."""
    hold: Callable[[str], AbstractContextManager[None]]
    """Holds a conversation for a turn, so that no other question is answered in it meanwhile."""


@contextmanager
def open_threads(shop: Workshop) -> Iterator[Threads]:
    """Open the conversations of a home folder, wherever its settings keep them.

    Raises:
        ModelMissing: if they are in PostgreSQL and the extra is not installed.
        InputError: if the address of the database is none.
        SourceError: if they cannot be opened, read or written, inside the block too.
    """
    url = shop.settings.threads_url.get_secret_value()
    if url:
        with postgres_checkpoints(url) as shared:
            yield Threads(
                saver=shared,
                settle=partial(keep_latest, shared),
                hold=partial(hold_shared, shared),
            )
        return
    with checkpoints(shop.home) as saver:
        yield Threads(
            saver=saver,
            settle=partial(settle, saver),
            hold=partial(_hold_file, shop.home / "locks"),
        )


@contextmanager
def open_turn(shop: Workshop, thread: str | None) -> Iterator[Threads]:
    """Open the conversations and hold one of them, or none for a single question.

    Whatever ends the block gives it back: an error, a generator that is closed, the death of the
    process.

    Raises:
        InputError: if another question in it is still being answered after a short wait.
        SourceError: if they cannot be opened, read or written, inside the block too.
    """
    with (
        open_threads(shop) as threads,
        nullcontext() if thread is None else threads.hold(thread),
    ):
        yield threads


@contextmanager
def _hold_file(folder: Path, thread: str) -> Iterator[None]:
    path = folder / f"{lock_key(thread).hex()}.lock"
    with disk_errors(folder):
        make_folder(folder)
    busy = answered_elsewhere(thread)
    with hold(path, exclusive=True, timeout_s=PATIENCE_S, busy=busy):
        yield

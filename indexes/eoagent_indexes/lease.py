"""The right to write an index: one writer at a time, and a number that later writers exceed.

A `flock` on `writer.lock` is the first wall: it ends with its process. On shared disks where locks
do not hold between machines the second is `writer.json`, which the writer touches as long as he
lives: another machine takes over only when it has not been touched for a while. The third is its
number, the fence: whoever finds another's name in `writer.json` gives up before he commits.
A process that is forked from a writer keeps the lock alive; start helpers with `spawn`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from eoagent.contracts.errors import SourceError
from eoagent.contracts.record import Record, canonical_json
from eoagent.io.atomic import disk_errors, make_folder, write_atomic
from eoagent.io.locks import hold
from eoagent_indexes.layout import IndexLayout

__all__ = ["STALE_S", "Lease", "WriterMark"]

STALE_S: Final = 60.0
"""Seconds without a sign of life after which a writer of another machine is taken for dead."""
_BEAT_S: Final = 10.0
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class WriterMark(Record):
    """What a writer says of itself."""

    fence: int
    """Its number."""
    token: str
    """Random name."""
    pid: int
    """Process."""
    host: str
    """Machine, by name."""
    boot: str
    """Machine, by the boot that locks hold for."""
    since: datetime
    """When it began, UTC."""

    @property
    def label(self) -> str:
        """The writer as a person calls it."""
        return f"process {self.pid} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class Lease:
    """The right to write, held for the time of a `with` block."""

    def __init__(
        self,
        layout: IndexLayout,
        *,
        timeout_s: float = 0.0,
        stale_s: float = STALE_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._layout = layout
        self._timeout_s, self._stale_s, self._now = timeout_s, stale_s, now
        self._stack = contextlib.ExitStack()
        self._stop = threading.Event()
        self._mark: WriterMark | None = None

    def __enter__(self) -> Self:
        """Take the right.

        Raises:
            SourceError: if another process writes, naming it, or the folder cannot be written.
        """
        with self._stack as stack, disk_errors(self._layout.root):
            make_folder(self._layout.root)
            busy = _busy(self._layout)
            lock = hold(
                self._layout.writer_lock, exclusive=True, timeout_s=self._timeout_s, busy=busy
            )
            try:
                stack.enter_context(lock)
            except SourceError as error:
                if error is not busy:
                    raise
                raise _busy(self._layout) from None  # who writes by now
            self._refuse_other_machine()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the right back."""
        with self._stack:
            self._stop.set()
            with contextlib.suppress(OSError, SourceError):  # a mark that stays is taken over
                if self._mark is not None and _read_mark(self._layout) == self._mark:
                    self._layout.writer.unlink()

    def begin(self, committed_fence: int) -> int:
        """Put the mark of this writer, and return its number.

        Args:
            committed_fence: number of the writer of the version that stands, 0 for none.

        Raises:
            SourceError: if the folder cannot be written.
        """
        left = _read_mark(self._layout)
        self._mark = WriterMark(
            fence=max(committed_fence, left.fence if left else 0) + 1,
            token=secrets.token_hex(8),
            pid=os.getpid(),
            host=socket.gethostname(),
            boot=_boot(),
            since=self._now(),
        )
        write_atomic(self._layout.writer, canonical_json(self._mark.to_dict()).encode())
        threading.Thread(target=self._beat, name="eoagent-index-writer", daemon=True).start()
        return self._mark.fence

    def check(self) -> None:
        """Make sure that no other writer has taken over.

        Raises:
            SourceError: if one has, naming it.
        """
        found = _read_mark(self._layout)
        if found != self._mark:
            other = found.label if found else "another process, which has finished"
            root = self._layout.root
            raise SourceError(
                f"index '{root.name}' was taken over by {other}; nothing was committed",
                href=str(root),
                hint="run the command again; what was committed before is kept",
            )

    def _beat(self) -> None:
        while not self._stop.wait(min(_BEAT_S, self._stale_s / 4)):
            with contextlib.suppress(OSError):  # the check before a commit tells
                os.utime(self._layout.writer)

    def _refuse_other_machine(self) -> None:
        left = _read_mark(self._layout)
        if left is None or left.boot == _boot():
            return  # on this machine the lock tells, and we hold it
        os.utime(self._layout.writer_lock)  # so that one clock, the disk's, makes both times
        now = self._layout.writer_lock.stat().st_mtime
        if now - self._layout.writer.stat().st_mtime < self._stale_s:
            raise _busy(self._layout)


def _busy(layout: IndexLayout) -> SourceError:
    left = _read_mark(layout)
    who = left.label if left else "another process"
    return SourceError(
        f"index '{layout.root.name}' is being written by {who}",
        href=str(layout.root),
        hint="wait for it, or end it; searches go on meanwhile",
    )


def _read_mark(layout: IndexLayout) -> WriterMark | None:
    try:
        return WriterMark.model_validate(json.loads(layout.writer.read_bytes()))
    except (FileNotFoundError, ValidationError, ValueError):
        return None  # written whole or not at all, so damage is nobody's mark


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()

"""Locks between processes that a dying process gives back: a lock on a file, and a sign of life.

Both rest on `flock`, which the kernel releases when the holder dies, so nothing here goes stale and
no process number is trusted (they are reused, and differ between containers that share a disk).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import EoAgentError, SourceError
from eoagent.io.atomic import disk_errors, make_folder

__all__ = ["Owner", "hold", "is_alive", "sweep_dead"]

_POLL_S: Final = 0.005
_SUFFIX: Final = ".lock"


@contextlib.contextmanager
def hold(
    path: Path, *, exclusive: bool, timeout_s: float = 60.0, busy: EoAgentError | None = None
) -> Iterator[None]:
    """Hold a lock file, alone or shared with others, for the time of the block.

    Args:
        path: the file, which is made if it is not there, and stays.
        exclusive: whether nobody else may hold it.
        timeout_s: how long to wait for others, seconds.
        busy: raised when they keep it longer, in place of a `SourceError`.

    Raises:
        SourceError: if it cannot be made, or another keeps it longer than `timeout_s`.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _wait(descriptor, path, exclusive=exclusive, timeout_s=timeout_s):
            raise busy or SourceError(
                f"{path} is locked: another process has held it for {timeout_s:g} s",
                href=str(path),
                hint="wait for the other eoagent process, or end it",
            )
        yield
    finally:
        os.close(descriptor)


class Owner:
    """A sign of life in a folder: a locked file that marks what this object owns as in use.

    The mark ends with the process or with `close`, whichever comes first.
    """

    def __init__(self, folder: Path) -> None:
        """Put the mark into `folder`.

        Raises:
            SourceError: if the folder cannot be written.
        """
        with disk_errors(folder):
            make_folder(folder)
            token, descriptor = _mark(folder)
        self.token = token
        """Random name that the owned things carry."""
        self._path = folder / f"{self.token}{_SUFFIX}"
        self._close = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        """Take the mark away."""
        if self._close.alive:
            with contextlib.suppress(OSError):  # a mark that stays behind reads as dead
                self._path.unlink()
            self._close()


def is_alive(folder: Path, token: str) -> bool:
    """Return whether the owner with this token still lives.

    Raises:
        SourceError: if the mark is there and cannot be read.
    """
    path = folder / f"{token}{_SUFFIX}"
    with disk_errors(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(descriptor, exclusive=False)
        finally:
            os.close(descriptor)


def sweep_dead(folder: Path) -> Iterator[str]:
    """Yield the token of each dead owner, under its lock, and take its mark away afterwards.

    Whatever the caller removes for a token is gone before the mark is, so that an interrupted
    sweep is finished by the next one.

    Raises:
        SourceError: if the folder cannot be read or written.
    """
    with disk_errors(folder):
        marks = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    for path in marks:
        with disk_errors(path):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
        try:
            with disk_errors(path):
                dead = _try_lock(descriptor, exclusive=True)
            if dead:
                yield path.name.removesuffix(_SUFFIX)
                with disk_errors(path):
                    path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _mark(folder: Path) -> tuple[str, int]:
    while True:
        token = secrets.token_hex(8)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(folder / f"{token}{_SUFFIX}", flags, 0o600)
        try:
            # A sweep may have found the file before it was locked: then it is held, or unlinked.
            if _try_lock(descriptor, exclusive=True) and os.fstat(descriptor).st_nlink:
                return token, descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _try_lock(descriptor: int, *, exclusive: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, path: Path, *, exclusive: bool, timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    with disk_errors(path):
        while not _try_lock(descriptor, exclusive=exclusive):
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
    return True

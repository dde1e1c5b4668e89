"""The versions that open readers hold, so that no vacuum takes files from under them.

A mark is an empty file `TOKEN-VERSION.pin` beside the sign of life of its reader. Readers never
wait for it: where a folder cannot be written there is no mark, and age alone protects.
"""

from __future__ import annotations

import contextlib
import os
import re
import weakref
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import SourceError
from eoagent.io.atomic import disk_errors
from eoagent.io.locks import Owner, is_alive
from eoagent_indexes.layout import IndexLayout

__all__ = ["Pin", "pinned_versions", "sweep_pins"]

_NAME: Final = re.compile(r"([0-9a-f]{16})-([0-9]+)\.pin")


class Pin:
    """A mark that a version is in use, until `close` or the end of the process."""

    def __init__(self, layout: IndexLayout, version: int) -> None:
        """Put the mark, if the folder can be written."""
        self.is_held = False
        """Whether there is a mark."""
        self._close: weakref.finalize[[Owner, Path], Pin] | None = None
        if not os.access(layout.root, os.W_OK):
            return
        with contextlib.suppress(SourceError, OSError):
            owner = Owner(layout.readers)
            path = layout.readers / f"{owner.token}-{version}.pin"
            self._close = weakref.finalize(self, _release, owner, path)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self.is_held = True

    def close(self) -> None:
        """Take the mark away; closing twice is fine."""
        if self._close is not None:
            self._close()
        self.is_held = False


def pinned_versions(layout: IndexLayout) -> frozenset[int]:
    """Return the versions that living readers hold.

    Raises:
        SourceError: if the marks cannot be read.
    """
    found = set()
    for path, token, version in _marks(layout):
        with disk_errors(path):
            if is_alive(layout.readers, token):
                found.add(version)
    return frozenset(found)


def sweep_pins(layout: IndexLayout) -> None:
    """Remove the marks of readers that died.

    Raises:
        SourceError: if the folder cannot be read or written.
    """
    for path, token, _ in _marks(layout):
        with disk_errors(path):
            if not is_alive(layout.readers, token):
                path.unlink(missing_ok=True)
                (layout.readers / f"{token}.lock").unlink(missing_ok=True)


def _marks(layout: IndexLayout) -> list[tuple[Path, str, int]]:
    with disk_errors(layout.readers):
        if not layout.readers.is_dir():
            return []
        matches = [(path, _NAME.fullmatch(path.name)) for path in layout.readers.iterdir()]
    return [(path, match[1], int(match[2])) for path, match in matches if match]


def _release(owner: Owner, path: Path) -> None:
    with contextlib.suppress(OSError):  # a mark that stays behind reads as dead
        path.unlink()
    owner.close()

"""Hand out fresh paths for files being written, and clear away what dead processes left."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import InternalError
from eoagent.io.atomic import disk_errors, make_folder
from eoagent.io.locks import Owner, sweep_dead

__all__ = ["Scratch", "suffix_of", "sweep_scratch"]

_SUFFIX: Final = re.compile(r"(\.[A-Za-z0-9_]{1,16}){0,3}")


class Scratch:
    """One process's share of a scratch folder; safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._starting = threading.Lock()
        self._owner: Owner | None = None

    def own(self) -> Path:
        """Return the folder of this process; the first call sweeps what dead processes left.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        with self._starting, disk_errors(self._folder):
            if self._owner is None:
                make_folder(self._folder)
                sweep_scratch(self._folder)
                self._owner = Owner(self._folder)
            own = self._folder / self._owner.token
            make_folder(own)
        return own

    def fresh(self, suffix: str) -> Path:
        """Return a path that nothing has yet.

        Raises:
            SourceError: if the disk is full or cannot be written.
            InternalError: if the suffix is neither empty nor one to three parts such as `.tif`.
        """
        if not _SUFFIX.fullmatch(suffix):
            raise InternalError(f"'{suffix}' is no file suffix such as '.tif'")
        return self.own() / f"{secrets.token_hex(8)}{suffix}"

    def holds(self, file: Path) -> bool:
        """Return whether a path lies in the scratch folder (of any process)."""
        return file.absolute().is_relative_to(self._folder) and ".." not in file.parts

    def close(self) -> None:
        """Remove what this process left; a later call of `own` starts anew."""
        with self._starting:
            owner, self._owner = self._owner, None
        if owner is not None:
            shutil.rmtree(self._folder / owner.token, ignore_errors=True)
            owner.close()


def suffix_of(file: Path) -> str:
    """Return the suffix that a path from `Scratch.fresh` was asked with."""
    suffix = "".join(file.suffixes)
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def sweep_scratch(folder: Path) -> int:
    """Remove the shares of dead processes from a scratch folder; return the bytes.

    Raises:
        SourceError: if it cannot be read or written.
    """
    freed = 0
    for token in sweep_dead(folder):
        left = folder / token
        with disk_errors(left):
            if left.is_dir():
                freed += sum(p.lstat().st_size for p in left.rglob("*") if p.is_file())
                shutil.rmtree(left)
    return freed

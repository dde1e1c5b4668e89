"""The indexes under a home folder: their names, their folders, and how each is opened."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eoagent import plugins
from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.index import Index, IndexKind, Surroundings
from eoagent.contracts.indexing import EncoderSource
from eoagent.contracts.models import Models
from eoagent.contracts.progress import Progress
from eoagent.contracts.store import Origins
from eoagent.io.atomic import disk_errors

__all__ = ["HomeIndexes", "check_index_name", "index_kind", "names_in_home", "remove_index"]

_FOLDER: Final = "indexes"
_POINTER: Final = "CURRENT"
"""File that names the committed version; an index is there once it is."""
_KIND: Final = "tiles"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MAKE: Final = "eoagent index build NAME --from CATALOG makes one"
_SHOWN: Final = 20


def check_index_name(name: str) -> None:
    """Check that a text can name an index, which is the name of its folder.

    Raises:
        InputError: if it cannot.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"'{name[:80]}' cannot name an index",
            hint="use 1 to 64 letters, digits, - _ and ., the first a letter or digit",
        )


def names_in_home(home: Path) -> tuple[str, ...]:
    """Return the names of the indexes under a home folder, in order."""
    folder = home / _FOLDER
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(
            path.name
            for path in folder.iterdir()
            if _NAME.fullmatch(path.name) and (path / _POINTER).is_file()
        )
    )


def index_kind() -> IndexKind:
    """Return the plugin that keeps indexes of tiles.

    Raises:
        NotFound: if none is installed.
        InputError: if it does not import.
    """
    kind: IndexKind = plugins.load("eoagent.indexes", _KIND)
    return kind


def remove_index(home: Path, name: str) -> None:
    """Remove an index with all its versions, or what a build that broke off left of one.

    Whoever holds it open reads on undisturbed where the system allows it.

    Raises:
        InputError: if the text cannot name one.
        NotFound: if there is none of that name.
        SourceError: if it cannot be removed.
    """
    check_index_name(name)
    folder = home / _FOLDER / name
    if not folder.is_dir():
        raise _unknown(home, name)
    gone = folder.with_name(f".{name}.{secrets.token_hex(4)}")
    with disk_errors(folder):
        folder.rename(gone)  # from here on there is no such index, whatever happens
        shutil.rmtree(gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeIndexes:
    """The indexes of a home folder, as a run or a command may use them."""

    home: Path
    """The home folder."""
    models: Models
    """Where encoders of questions come from."""
    origins: Origins
    """The guard in front of every read."""
    default: str = ""
    """Name meant where none is given."""
    host_access: Mapping[str, Any] = field(default_factory=dict)
    """Access by host, as the settings state it."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all indexes, the one meant by default first."""
        names = names_in_home(self.home)
        first = (self.default,) if self.default in names else ()
        return (*first, *(name for name in names if name not in first))

    def open(self, name: str = "") -> Index:
        """Return an index at its committed version; an empty name means the default or only one.

        Raises:
            NotFound: if there is none of that name.
            InputError: if no name is given and there are several.
            SourceError: if it is damaged.
        """
        folder = _existing(self.home, self.settle(name))
        return index_kind().open(folder, self.around())

    def settle(self, name: str = "") -> str:
        """Return the name of the index that is meant; whether it is there is not looked at.

        Raises:
            NotFound: if no name is given and there is no index.
            InputError: if no name is given and there are several.
        """
        if name or self.default:
            return name or self.default
        names = names_in_home(self.home)
        if not names:
            raise NotFound("there is no index", hint=_MAKE)
        if len(names) > 1:
            raise InputError(
                f"there are {len(names)} indexes, and none was named",
                hint=f"name one of: {', '.join(names[:_SHOWN])}",
            )
        return names[0]

    def folder(self, name: str) -> Path:
        """Return the folder of an index, which need not exist yet.

        Raises:
            InputError: if the text cannot name one.
        """
        check_index_name(name)
        return self.home / _FOLDER / name

    def existing(self, name: str) -> Path:
        """Return the folder of an index that is there.

        Raises:
            InputError: if the text cannot name one.
            NotFound: if there is none; the hint lists those there are.
        """
        return _existing(self.home, name)

    def around(
        self, *, source: EncoderSource | None = None, progress: Progress | None = None
    ) -> Surroundings:
        """Return what an index may ask for.

        Args:
            source: how the processes of a build make its encoder.
            progress: where a build reports how far it is.
        """
        return Surroundings(
            origins=self.origins,
            encoder_for=self._encoder_for,
            encoder_source=source,
            progress=progress,
            host_access=self.host_access,
        )

    def _encoder_for(self, fingerprint: EncoderFingerprint) -> Encoder:
        return self.models.encoder(like=fingerprint)


def _existing(home: Path, name: str) -> Path:
    check_index_name(name)
    folder = home / _FOLDER / name
    if not (folder / _POINTER).is_file():
        raise _unknown(home, name)
    return folder


def _unknown(home: Path, name: str) -> NotFound:
    names = names_in_home(home)
    known = f"there are: {', '.join(names[:_SHOWN])}" if names else _MAKE
    return NotFound(f"there is no index '{name}'", hint=known)

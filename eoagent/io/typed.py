"""Keep the places that the user typed, and tell what each of them covers.

A folder covers the files under it; a `catalog.json` or `collection.json` covers its folder. Says
nothing about what else may be read: that is `origin.py`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from eoagent.io.href import LocalHref, UrlHref

__all__ = ["TypedPlaces", "expand", "lies_in"]

_CATALOG_NAMES: Final = frozenset({"catalog.json", "collection.json"})


class TypedPlaces:
    """Places that the user typed; may be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._urls: list[UrlHref] = []

    def add(self, place: LocalHref | UrlHref) -> None:
        """Note a place."""
        if isinstance(place, UrlHref):
            with self._lock:
                self._urls.append(place)
            return
        # The user's link is the user's choice: what it leads to is what was typed.
        real = Path(os.path.realpath(expand(place.path)))
        with self._lock:
            if real.is_dir():
                self._folders.add(str(real))
            else:
                self._files.add(str(real))
                if real.name.lower() in _CATALOG_NAMES:
                    self._folders.add(str(real.parent))

    def covers_url(self, place: UrlHref) -> bool:
        """Return whether the address, or a catalog or folder that it lies under, was typed."""
        with self._lock:
            return any(
                typed.origin == place.origin
                and (typed.url == place.url or place.path.startswith(_covered_folder(typed)))
                for typed in self._urls
            )

    def has_origin(self, place: UrlHref) -> bool:
        """Return whether an address of the same scheme, host and port was typed."""
        with self._lock:
            return any(typed.origin == place.origin for typed in self._urls)

    def covers_path(self, real: str) -> bool:
        """Return whether a real path, or a folder that it lies under, was typed."""
        with self._lock:
            return real in self._files or any(lies_in(real, f) for f in self._folders)

    def folders_around(self, real: str) -> set[str]:
        """Return the typed folders that a real path lies under."""
        with self._lock:
            return {folder for folder in self._folders if lies_in(real, folder)}


def _covered_folder(typed: UrlHref) -> str:
    """The folder of an origin that a typed address covers: a catalog's own, else itself as one."""
    name = typed.path[len(typed.folder) :]
    return typed.folder if name.lower() in _CATALOG_NAMES else typed.path.rstrip("/") + "/"


def expand(path: str) -> Path:
    """Return a path with `~` replaced where the account has a home, else as it stands."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def lies_in(path: str, folder: str) -> bool:
    """Return whether a path is a folder or lies under it; both are texts, nothing is looked up."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")

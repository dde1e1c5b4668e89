"""The files in an index folder, and which of them no kept version needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eoagent.io.atomic import disk_errors
from eoagent_indexes.layout import SEAL, IndexLayout
from eoagent_indexes.manifest import Manifest

__all__ = ["Stored", "needed_paths", "orphans", "stored_files"]

_FOLDERS: Final = ("manifests", "segments", "ann", "deletes", "ledger", "quarantine")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in an index folder."""

    path: str
    """Path below the folder, with `/`."""
    bytes: int
    """Size."""
    changed_s: float
    """When it was written, seconds since 1970 by the disk's clock."""


def stored_files(layout: IndexLayout) -> Iterator[Stored]:
    """Yield every file that writers make, other folders and what users put there left out.

    Raises:
        SourceError: if the folder cannot be read.
    """
    with disk_errors(layout.root):
        for entry in os.scandir(layout.root):
            if entry.name.startswith(".") and entry.name.endswith(".part"):
                yield _stored(layout.root, Path(entry.path))
        for folder in _FOLDERS:
            for place, _, names in os.walk(layout.root / folder, followlinks=False):
                for name in names:
                    yield _stored(layout.root, Path(place, name))


def needed_paths(layout: IndexLayout, manifests: Iterable[Manifest]) -> set[str]:
    """Return the paths of all files that some versions need."""
    found = set()
    for manifest in manifests:
        path = layout.manifest(manifest.version)
        found.add(path.relative_to(layout.root).as_posix())
        found.update(file.path for file in manifest.files())
        found.update(f"segments/{segment.id}/{SEAL}" for segment in manifest.segments)
    return found


def orphans(layout: IndexLayout, kept: Iterable[Manifest]) -> list[Stored]:
    """Return the files that no kept version needs, sorted by path.

    Raises:
        SourceError: if the folder cannot be read.
    """
    needed = needed_paths(layout, kept)
    found = [file for file in stored_files(layout) if file.path not in needed]
    return sorted(found, key=lambda file: file.path)


def _stored(root: Path, path: Path) -> Stored:
    found = path.lstat()
    return Stored(path.relative_to(root).as_posix(), found.st_size, found.st_mtime)

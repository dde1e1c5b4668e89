"""Read the files of an index: nothing is handed on before its size and hash were compared."""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.errors import SourceError
from eoagent_indexes.manifest import FileEntry
from eoagent_indexes.refusals import damaged, unreadable

__all__ = ["check_size", "map_checked", "map_sized", "read_checked"]

# Older Pythons keep a file open for each map.
_OPTIONS: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


def check_size(root: Path, entry: FileEntry) -> None:
    """Compare the size of a file with its entry; this is what an open does to every file.

    Raises:
        SourceError: if it is missing, is no file, or has another size.
    """
    path = root / entry.path
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(root, path, error) from error
    _refuse_size(root, path, found.st_size, entry)


def map_sized(root: Path, entry: FileEntry) -> mmap.mmap:
    """Map a file into memory after comparing its size; its bytes are not checked here.

    Raises:
        SourceError: if it is missing, cannot be read, or has another size.
    """
    path = root / entry.path
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _refuse_size(root, path, os.fstat(descriptor).st_size, entry)
            return mmap.mmap(descriptor, entry.bytes, prot=mmap.PROT_READ, **_OPTIONS)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(root, path, error) from error


def map_checked(root: Path, entry: FileEntry) -> mmap.mmap:
    """Map a file into memory and compare its hash with its entry.

    What was hashed and what is used are the same mapping, so a file that is put in its place
    meanwhile makes no difference.

    Raises:
        SourceError: if it is missing, cannot be read, or has other bytes than were written.
    """
    mapped = map_sized(root, entry)
    if hashlib.sha256(mapped).hexdigest() != entry.sha256:
        mapped.close()
        raise damaged(root, root / entry.path, "has other bytes than were written")
    return mapped


def read_checked(root: Path, entry: FileEntry) -> bytes:
    """Return the bytes of a small file, checked.

    Raises:
        SourceError: if it is missing, cannot be read, or has other bytes than were written.
    """
    mapped = map_checked(root, entry)
    try:
        return mapped[:]
    finally:
        mapped.close()


def _refuse_size(root: Path, path: Path, found: int, entry: FileEntry) -> None:
    if found != entry.bytes:
        raise damaged(root, path, f"has {found} bytes, {entry.bytes} were written")


def _unreadable(root: Path, path: Path, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return damaged(root, path, "is missing")
    return unreadable(path, error)

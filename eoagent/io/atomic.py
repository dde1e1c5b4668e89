"""Write files so that a crash leaves the old bytes or the new ones, and type what the disk refuses.

It does not lock: two writers of one name both succeed, and the later one stays.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import SourceError

__all__ = [
    "HOME_HINT",
    "disk_error",
    "disk_errors",
    "hash_file",
    "make_folder",
    "publish",
    "sync_folder",
    "write_atomic",
]

HOME_HINT: Final = "set EOAGENT_HOME to a folder that can be written"
_ROOM_HINT: Final = "free some space (eoagent runs prune helps) or set EOAGENT_HOME to another disk"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENOENT})
_HASH_BLOCK: Final = 1 << 20


def disk_error(error: OSError, place: Path, *, hint: str = HOME_HINT) -> SourceError:
    """Return the typed error for what the operating system said about a place that is written.

    Args:
        error: what it said.
        place: what was to be written.
        hint: what to do where the place is read-only or missing.
    """
    said = error.strerror or str(error)
    href = str(place)
    if error.errno in _FULL:
        return SourceError(f"no space left to write {href}: {said}", href=href, hint=_ROOM_HINT)
    if error.errno in _DENIED:
        return SourceError(f"{href} cannot be written: {said}", href=href, hint=hint)
    return SourceError(f"{href} could not be read or written: {said}", href=href)


@contextlib.contextmanager
def disk_errors(place: Path, *, hint: str = HOME_HINT) -> Iterator[None]:
    """Turn an `OSError` inside the block into a `SourceError` about `place`.

    Args:
        place: what is written.
        hint: what to do where the place is read-only or missing.

    Raises:
        SourceError: "no space left ..." when the disk or a quota is full, "... cannot be written"
            with the hint when the place is read-only or missing.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(error, place, hint=hint) from error


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, readable by the owner only; one that exists is left as is.

    Raises:
        OSError: if it cannot be made.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, mode=0o700)  # noqa: PTH102  one call per folder, and a mode for each
        sync_folder(folder.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, so that a rename in it outlives a power cut.

    Raises:
        OSError: if the disk refuses.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def publish(source: Path, target: Path) -> None:
    """Move a finished file to its name on the same disk: bytes first, then the name, atomically.

    Raises:
        OSError: if any step fails; `target` then holds its old bytes or all of the new ones.
    """
    _sync(source, os.O_RDONLY)
    make_folder(target.parent)
    os.replace(source, target)  # noqa: PTH105  the fault tests count os calls
    sync_folder(target.parent)


def write_atomic(target: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write a file whole or not at all, readable by the owner only.

    The bytes go to a new file in `scratch` (a folder on the same disk, by default the target's
    own) and are renamed into place; on failure that file is removed.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    folder = target.parent if scratch is None else scratch
    with disk_errors(target):
        make_folder(folder)
        temporary = folder / f".{secrets.token_hex(8)}.part"
        try:
            _write_new(temporary, data)
            publish(temporary, target)
        finally:
            with contextlib.suppress(OSError):  # gone when it was renamed
                temporary.unlink()


def hash_file(path: Path) -> tuple[str, int]:
    """Return the sha256 in hex and the size in bytes of a file.

    Raises:
        OSError: if it cannot be read.
    """
    sha = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            sha.update(block)
            size += len(block)
    return sha.hexdigest(), size


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

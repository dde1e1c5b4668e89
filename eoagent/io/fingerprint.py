"""Fingerprints: what identifies the bytes of a source, so that a result can be traced to them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Fingerprint

__all__ = ["WHOLE_BYTES", "RemoteBytes", "fingerprint_file", "fingerprint_remote"]

WHOLE_BYTES: Final = 256 * 1024 * 1024
"""Local files up to this size are hashed whole."""

_PIECE: Final = 1 << 20
_PIECES: Final = 16


class RemoteBytes(Protocol):
    """What is asked of a remote file: its marks, and its first bytes where there are none."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def etag(self) -> str:
        """The server's version mark, or empty."""

    @property
    def last_modified(self) -> str:
        """The server's modification time, or empty."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes."""


def fingerprint_file(path: Path | str, *, whole_bytes: int = WHOLE_BYTES) -> Fingerprint:
    """Return the fingerprint of a local file.

    A file of up to `whole_bytes` is identified by its sha256. Of a larger one the size, the
    modification time, and the hash of sixteen pieces of 1 MiB spread evenly from its first byte to
    its last are taken.

    Raises:
        SourceError: if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size <= whole_bytes:
                return Fingerprint(
                    kind="sha256", value=hashlib.file_digest(file, "sha256").hexdigest()
                )
            modified_ns = Path(path).stat().st_mtime_ns
            value = f"{size}-{modified_ns}-{_hash_pieces(file, size)}"
            return Fingerprint(kind="size+mtime+hash", value=value)
    except OSError as error:
        raise SourceError(
            f"{str(path)!r} could not be read to identify it: {error.strerror or error}",
            href=str(path),
        ) from error


def fingerprint_remote(file: RemoteBytes) -> Fingerprint:
    """Return the fingerprint of a remote file: its etag, else size, time and hash of its start.

    The position of the file is left at its start.

    Raises:
        SourceError: if the file cannot be read.
    """
    if file.etag:
        return Fingerprint(kind="etag", value=file.etag)
    file.seek(0)
    start = hashlib.sha256(file.read(_PIECE)).hexdigest()
    file.seek(0)
    modified = file.last_modified or "no time"
    return Fingerprint(kind="size+mtime+hash", value=f"{file.size}-{modified}-{start}")


def _hash_pieces(file: BinaryIO, size: int) -> str:
    found = hashlib.sha256()
    for piece in range(_PIECES):
        file.seek((size - _PIECE) * piece // (_PIECES - 1))
        found.update(file.read(_PIECE))
    return found.hexdigest()

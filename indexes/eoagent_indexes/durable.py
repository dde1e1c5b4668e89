"""A file that is written once: hashed on its way, and under its name only when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eoagent.io.atomic import make_folder, publish
from eoagent_indexes.manifest import FileEntry

__all__ = ["DurableFile", "Sink", "store_bytes"]


class DurableFile:
    """An open new file; nothing is at its name unless `finish` was reached."""

    def __init__(self, root: Path, path: str, *, block_bytes: int = 0) -> None:
        """Start the file at `path` below `root`.

        Args:
            root: the index folder.
            path: where it goes, with `/`.
            block_bytes: size of the blocks that get a hash of their own; 0 for none.

        Raises:
            OSError: if it cannot be made.
        """
        self._root, self._path = root, path
        self._sha = hashlib.sha256()
        self._size = 0
        self._block_bytes = block_bytes
        self._block = hashlib.sha256()
        self._digests: list[bytes] = []
        folder = (root / path).parent
        make_folder(folder)
        self._temporary = folder / f".{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor: int | None = os.open(self._temporary, flags, 0o600)

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not finished."""
        self._close()
        with contextlib.suppress(OSError):  # gone when it was finished
            self._temporary.unlink()

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes and return how many.

        Raises:
            OSError: if the disk refuses.
        """
        assert self._descriptor is not None
        view = memoryview(data).cast("B")
        self._sha.update(view)
        if self._block_bytes:
            self._hash_blocks(view)
        self._size += len(view)
        left = view
        while left:
            left = left[os.write(self._descriptor, left) :]
        return len(view)

    def finish(self) -> FileEntry:
        """Bring the file to the disk and to its name.

        Raises:
            OSError: if the disk refuses.
        """
        if self._block_bytes and self._size % self._block_bytes:
            self._digests.append(self._block.digest())
        self._close()
        publish(self._temporary, self._root / self._path)
        return FileEntry(path=self._path, bytes=self._size, sha256=self._sha.hexdigest())

    @property
    def digests(self) -> bytes:
        """Hashes of the blocks, one after the other; complete after `finish`."""
        return b"".join(self._digests)

    def _hash_blocks(self, view: memoryview) -> None:
        at = self._size
        while view:
            room = self._block_bytes - at % self._block_bytes
            part, view = view[:room], view[room:]
            self._block.update(part)
            at += len(part)
            if at % self._block_bytes == 0:
                self._digests.append(self._block.digest())
                self._block = hashlib.sha256()

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


class Sink(io.RawIOBase):
    """A durable file as pyarrow wants to see it; closing it finishes nothing."""

    def __init__(self, file: DurableFile) -> None:
        super().__init__()
        self._file = file
        self._at = 0

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes and return how many.

        Raises:
            OSError: if the disk refuses.
        """
        written = self._file.write(data)
        self._at += written
        return written

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._at


def store_bytes(root: Path, path: str, data: bytes | memoryview) -> FileEntry:
    """Write a small file whole or not at all, and return its entry.

    Raises:
        OSError: if the disk refuses.
    """
    with DurableFile(root, path) as file:
        file.write(data)
        return file.finish()

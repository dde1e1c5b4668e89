"""Small entries kept in a folder, each a file with a checksum, the oldest of which go.

A damaged entry counts as none and is made again. Losing the folder loses time only, so a disk that
refuses is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from pathlib import Path
from typing import Final

from eoagent.io.atomic import make_folder

__all__ = ["ByteCache"]

_SUM_BYTES: Final = 32


class ByteCache:
    """Entries by key; may be shared by threads and processes."""

    def __init__(
        self, folder: Path, *, suffix: str, most_entries: int, most_bytes: int, sweep_every: int
    ) -> None:
        """Use a folder, which is made when the first entry is written.

        Args:
            folder: where the entries lie.
            suffix: how the names of their files end.
            most_entries: entries that stay when more were written; the oldest go.
            most_bytes: size of an entry past which it is not kept.
            sweep_every: entries written between two looks at how many there are.
        """
        self._folder = folder
        self._suffix = suffix
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._sweep_every = sweep_every
        self._written = 0

    def get(self, key: str) -> bytes | None:
        """Return the entry kept under a key, or nothing."""
        try:
            with self._path(key).open("rb") as file:
                data = file.read(_SUM_BYTES + self._most_bytes + 1)
        except OSError:
            return None
        held = data[_SUM_BYTES:]
        return held if hashlib.sha256(held).digest() == data[:_SUM_BYTES] else None

    def put(self, key: str, held: bytes) -> None:
        """Keep an entry under a key."""
        if len(held) > self._most_bytes:
            return
        path = self._path(key)
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        # Not synced: what a power cut spoils fails its checksum and is made again.
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            part.write_bytes(hashlib.sha256(held).digest() + held)
            part.replace(path)
        if self._written % self._sweep_every == 0:
            self._sweep()
        self._written += 1

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        return self._folder / name[:2] / f"{name}{self._suffix}"

    def _sweep(self) -> None:
        """Remove the oldest entries beyond the most that there may be."""
        with contextlib.suppress(OSError):  # another process sweeps, or the disk refuses
            entries = [(file.stat().st_mtime_ns, file) for file in self._folder.glob("*/*")]
            entries.sort(key=lambda entry: entry[0])
            for _, file in entries[: max(0, len(entries) - self._most_entries)]:
                file.unlink(missing_ok=True)

"""Keep the replies of a model on the disk, so that boxes, masks and outlines come from one.

An entry is a file of its own with a checksum; one that is damaged counts as none and is made
again. Losing the folder loses time only, so a disk that refuses is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from eoagent.contracts.dialogue import ChatReply
from eoagent.io.atomic import make_folder

__all__ = ["ReplyCache"]

_SUFFIX: Final = ".reply"
_SUM_BYTES: Final = 32
_MOST_BYTES: Final = 4 << 20
_SWEEP_EVERY: Final = 64
"""Entries written between two looks at how many there are."""
_REPLIES: Final = TypeAdapter(ChatReply)


class ReplyCache:
    """Replies in a folder, by key; may be shared by threads and processes."""

    def __init__(self, folder: Path, *, most_entries: int = 5_000) -> None:
        """Use a folder, which is made when the first entry is written.

        Args:
            folder: where the entries lie.
            most_entries: entries that stay when more were written; the oldest go.
        """
        self._folder = folder
        self._most = most_entries
        self._written = 0

    def get(self, key: str) -> ChatReply | None:
        """Return the reply kept under a key, or nothing."""
        try:
            with self._path(key).open("rb") as file:
                data = file.read(_MOST_BYTES)
        except OSError:
            return None
        told = data[_SUM_BYTES:]
        if hashlib.sha256(told).digest() != data[:_SUM_BYTES]:
            return None
        try:
            return _REPLIES.validate_json(told)
        except ValidationError:
            return None

    def put(self, key: str, reply: ChatReply) -> None:
        """Keep a reply under a key."""
        told = json.dumps(_REPLIES.dump_python(reply), ensure_ascii=True).encode()
        if len(told) + _SUM_BYTES > _MOST_BYTES:
            return
        path = self._path(key)
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        # Not synced: what a power cut spoils fails its checksum and is asked again.
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            part.write_bytes(hashlib.sha256(told).digest() + told)
            part.replace(path)
        if self._written % _SWEEP_EVERY == 0:
            self._sweep()
        self._written += 1

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        return self._folder / name[:2] / f"{name}{_SUFFIX}"

    def _sweep(self) -> None:
        """Remove the oldest entries beyond the most that there may be."""
        with contextlib.suppress(OSError):  # another process sweeps, or the disk refuses
            entries = [(file.stat().st_mtime_ns, file) for file in self._folder.glob("*/*")]
            entries.sort(key=lambda entry: entry[0])
            for _, file in entries[: max(0, len(entries) - self._most)]:
                file.unlink(missing_ok=True)

"""Keep the replies of a model on the disk, so that boxes, masks and outlines come from one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from eoagent.contracts.dialogue import ChatReply
from eoagent.io.bytecache import ByteCache

__all__ = ["ReplyCache"]

_MOST_BYTES: Final = 4 << 20
_SWEEP_EVERY: Final = 64
_REPLIES: Final = TypeAdapter(ChatReply)


class ReplyCache:
    """Replies in a folder, by key; may be shared by threads and processes."""

    def __init__(self, folder: Path, *, most_entries: int = 5_000) -> None:
        """Use a folder, which is made when the first entry is written.

        Args:
            folder: where the entries lie.
            most_entries: entries that stay when more were written; the oldest go.
        """
        self._entries = ByteCache(
            folder,
            suffix=".reply",
            most_entries=most_entries,
            most_bytes=_MOST_BYTES,
            sweep_every=_SWEEP_EVERY,
        )

    def get(self, key: str) -> ChatReply | None:
        """Return the reply kept under a key, or nothing."""
        told = self._entries.get(key)
        if told is None:
            return None
        try:
            return _REPLIES.validate_json(told)
        except ValidationError:
            return None

    def put(self, key: str, reply: ChatReply) -> None:
        """Keep a reply under a key."""
        self._entries.put(key, json.dumps(_REPLIES.dump_python(reply), ensure_ascii=True).encode())

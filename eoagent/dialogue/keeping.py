"""Replies are kept, so that boxes, masks and outlines come from one inference."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final, Protocol

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import ChatMessage, ChatReply, Part
from eoagent.contracts.record import digest

__all__ = ["KeptReplies", "RecentReplies", "reply_key"]

_MOST: Final = 256


class KeptReplies(Protocol):
    """Replies that were given before, by key; may be asked by several threads."""

    def get(self, key: str) -> ChatReply | None:
        """Return the reply kept under a key, or nothing."""

    def put(self, key: str, reply: ChatReply) -> None:
        """Keep a reply under a key."""


class RecentReplies:
    """The replies of late, in memory; may be shared by threads."""

    def __init__(self, most: int = _MOST) -> None:
        """Keep none yet.

        Args:
            most: replies that are kept; the one asked for longest ago goes first.
        """
        self._most = most
        self._kept: OrderedDict[str, ChatReply] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> ChatReply | None:
        """Return the reply kept under a key, or nothing."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, reply: ChatReply) -> None:
        """Keep a reply under a key."""
        with self._lock:
            self._kept[key] = reply
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def reply_key(
    card: ModelCard, manner: Mapping[str, str], messages: Sequence[ChatMessage], max_tokens: int
) -> str:
    """Return what a reply is kept under: a sha256 over the model, how it is run, and what is said.

    Args:
        card: the model, by id and hash of its weights.
        manner: how it is asked and run.
        messages: what is said; pictures count by their pixels.
        max_tokens: most tokens of the reply.
    """
    said = [[message.role, *map(_spelled, message.parts)] for message in messages]
    return digest(
        {
            "card": card.id,
            "weights": card.weights.sha256,
            "manner": dict(manner),
            "messages": said,
            "max_tokens": max_tokens,
        }
    )


def _spelled(part: Part) -> list[str]:
    if isinstance(part, str):
        return ["text", part]
    height, width = part.shape[:2]
    return ["picture", f"{width}x{height}", hashlib.sha256(part.tobytes()).hexdigest()]

"""Shared pieces of the tests of dialogues: a model that answers from a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import ChatMessage, ChatReply, OnText


class ScriptedBackend:
    """Gives its replies in order, and keeps what it was told; an error in the script is raised."""

    def __init__(
        self, *script: str | ChatReply | Exception, place: str = "here", card: str = "scripted"
    ):
        self.script = list(script)
        self.told: list[tuple[ChatMessage, ...]] = []
        self.most_tokens: list[int] = []
        self._place = place
        self._card = ModelCard.model_validate(
            {
                "id": card,
                "kind": "qwenvl",
                "title": "Scripted",
                "summary": "Says what a test wants.",
                "licence": "none",
                "homepage": "none",
                "weights": {"file": "none"},
                "architecture": "none",
                "input_px": 28,
                "memory_mb": 1,
            }
        )

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def manner(self) -> Mapping[str, str]:
        return {"place": self._place}

    def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, on_text: OnText | None = None
    ) -> ChatReply:
        self.told.append(tuple(messages))
        self.most_tokens.append(max_tokens)
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        reply = (
            said
            if isinstance(said, ChatReply)
            else ChatReply(text=said, input_tokens=10, output_tokens=3)
        )
        if on_text is not None:
            for piece in reply.text.split(" "):
                on_text(piece)
        return reply


@pytest.fixture
def scripted():
    """Make a backend that answers from a script."""
    return ScriptedBackend


@pytest.fixture
def a_picture():
    """Make a picture (height, width, 3) that is like no other of the same size."""

    def make(height: int, width: int, seed: int = 0):
        rng = np.random.default_rng(seed)
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)

    return make


@pytest.fixture
def words_of():
    """Return the words of a message, with `<image>` where a picture stands."""

    def words(message: ChatMessage) -> str:
        return "".join(p if isinstance(p, str) else "<image>" for p in message.parts)

    return words

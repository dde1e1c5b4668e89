"""Dialogues: what is said to a model that reads pictures and words, and what it says back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard

__all__ = ["ChatBackend", "ChatMessage", "ChatReply", "OnText", "Part", "Picture"]

Picture = NDArray[np.uint8]
"""A picture, (height, width, 3) RGB uint8."""
Part = str | Picture
"""A piece of a message: words or a picture."""
OnText = Callable[[str], None]
"""Told each new piece of a reply as it is written."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChatMessage:
    """One message of a dialogue."""

    role: Literal["system", "user", "assistant"]
    """Who says it."""
    parts: tuple[Part, ...]
    """Words and pictures, in the order in which the model is to read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """What a model said."""

    text: str
    """Its words as they came."""
    think: str = ""
    """Its reasoning, where a server handed it over apart from the words."""
    is_cut: bool = False
    """Whether it was broken off at the most tokens that were allowed."""
    input_tokens: int = 0
    """Tokens that it read, pictures included; 0 where nobody said."""
    output_tokens: int = 0
    """Tokens that it wrote; 0 where nobody said."""
    seconds: float = 0.0
    """Wall time that it took."""
    notes: tuple[str, ...] = ()
    """What is doubtful about how the model was asked, each a sentence."""


class ChatBackend(Protocol):
    """A model that reads pictures and words, in this process or behind a server."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, with the hash of the weights where they are installed here."""

    @property
    def manner(self) -> Mapping[str, str]:
        """How it is run, for provenance: place, precision, decoding; no key and no credentials."""

    def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, on_text: OnText | None = None
    ) -> ChatReply:
        """Return what the model says next; the same messages give the same reply.

        Raises:
            InputError: if the messages do not fit into what it can read.
            ModelError: if it fails, or a server answers wrongly again and again.
            BudgetExceeded: if the deadline of the request passes.
        """

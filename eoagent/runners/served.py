"""A model behind a server with the OpenAI protocol, as a partner in dialogues."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.dialogue import ChatMessage, ChatReply, OnText
from eoagent.contracts.text import plain_text
from eoagent.io.chatserver import ChatServer
from eoagent.runners.servedrequest import as_request

__all__ = ["ServedChat"]

_MAX_NAME: Final = 120
_DECODING: Final = "greedy (temperature 0)"
_TOKEN_PX: Final = 28
"""Edge of what a Qwen2.5-VL reads as one token, pixels: patches of 14, merged two by two."""


class ServedChat:
    """A `ChatBackend`; may be shared by threads, and the server sees to the order of requests."""

    def __init__(
        self,
        server: ChatServer,
        card: ModelCard,
        model: str,
        *,
        reason: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one; `open_served` does.

        Args:
            server: where the model is.
            card: what it can do, as far as its name tells.
            model: name that the server knows it by.
            reason: why it is asked, and as it is.
            clock: seconds.
        """
        self._server = server
        self._card = card
        self._model = model
        self._clock = clock
        self.reason = reason
        """Why it is asked, and as it is."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, by its name; no hash, since nobody here has seen its weights."""
        return self._card

    @property
    def manner(self) -> Mapping[str, str]:
        """How it is run, as far as can be known from here: place, model, decoding."""
        return MappingProxyType(
            {
                "place": self._server.shown,
                "model": plain_text(self._model, _MAX_NAME),
                "precision": UNKNOWN,
                "decoding": _DECODING,
            }
        )

    def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, on_text: OnText | None = None
    ) -> ChatReply:
        """Return what the model says next.

        A reply that breaks off is asked for again; half of one is never returned, but for one that
        the model was not let finish (`is_cut`).

        Args:
            messages: what was said; pictures go as PNG, which loses nothing.
            max_tokens: most tokens of the reply.
            on_text: told each piece as it is written, reasoning between `<think>` tags; what it
                raises ends the request.

        Raises:
            InputError: if a picture is none, or all is more than the server can read.
            ModelError: if the server fails for good, or again and again.
            BudgetExceeded: if the time that a reply may take passes.
        """
        begun = self._clock()
        asked = as_request(messages, model=self._model)
        said = self._server.complete(asked, max_tokens=max_tokens, on_text=on_text)
        return ChatReply(
            text=said.text,
            think=said.think,
            is_cut=said.is_cut,
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            seconds=self._clock() - begun,
            notes=_doubts(messages, said.input_tokens),
        )


def _doubts(messages: Sequence[ChatMessage], input_tokens: int) -> tuple[str, ...]:
    """Return what the tokens that a server counted say against what it was sent.

    A server that makes pictures smaller says so nowhere else, and the boxes of a Qwen2.5-VL count
    pixels of what it is shown.
    """
    pictures = [part for said in messages for part in said.parts if not isinstance(part, str)]
    sizes = [(picture.shape[0] // _TOKEN_PX, picture.shape[1] // _TOKEN_PX) for picture in pictures]
    due = sum(rows * columns for rows, columns in sizes)
    if not 0 < input_tokens < due:
        return ()
    note = (
        f"The server counts {input_tokens} tokens, and what it was shown makes {due} for a "
        "Qwen2.5-VL: it may make pictures smaller, and boxes would then lie elsewhere."
    )
    return (note,)

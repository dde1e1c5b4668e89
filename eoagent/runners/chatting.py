"""A partner in dialogues that stands for a model of the pool: asked through its queue."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import ChatMessage, ChatReply, OnText
from eoagent.contracts.errors import BudgetExceeded, ModelError
from eoagent.runners.results import check_results

__all__ = ["AskOnce", "PooledChat"]

_AT_END: Final = 0.1
"""Share of the deadline that is left when a reply is broken off: the pass in progress still has to
come to its end, and a model that does not come back in time is taken to hang."""


class AskOnce(Protocol):
    """Runs one item of the task `chat` through the model, within the deadline of a request."""

    def __call__(
        self, item: Mapping[str, Any], listen: Callable[[float], None] | None
    ) -> Mapping[str, Any]:
        """Return its result; `listen` is called meanwhile, see `ModelQueue.wait`."""


class PooledChat:
    """A `ChatBackend`; may be shared by threads, whose requests go through the model together."""

    def __init__(
        self,
        card: ModelCard,
        ask: AskOnce,
        *,
        manner: Mapping[str, str],
        deadline_s: float,
        streams: bool,
        reason: str = "",
    ) -> None:
        """Make one; `ModelPool.reasoner` does.

        Args:
            card: what the model can do, with the hash of what is installed.
            ask: runs an item.
            manner: how it is run.
            deadline_s: longest time for a reply, seconds; loading and waiting count.
            streams: whether the model is in this process and can tell pieces as it writes them;
                else the whole reply is told at its end.
            reason: why this model was taken; empty where it was named.
        """
        self._card = card
        self._ask = ask
        self._manner = MappingProxyType(dict(manner))
        self._deadline_s = deadline_s
        self._streams = streams
        self.reason = reason
        """Why this model was taken; empty where it was named."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, with the hash of the weights that are installed."""
        return self._card

    @property
    def manner(self) -> Mapping[str, str]:
        """How it is run: place, precision, decoding, and the library that runs it."""
        return self._manner

    def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, on_text: OnText | None = None
    ) -> ChatReply:
        """Return what the model says next; the same messages give the same reply.

        Args:
            messages: what was said; pictures of a size that the model leaves as it is.
            max_tokens: most tokens of the reply.
            on_text: told each piece as it is written, in the thread of the caller.

        Raises:
            InputError: if the messages do not fit into what it can read, or it is larger than
                models may be.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        item: dict[str, Any] = {
            "messages": [(one.role, tuple(one.parts)) for one in messages],
            "max_tokens": max_tokens,
            # one clock for all processes of a machine
            "ends_at": time.monotonic() + (1.0 - _AT_END) * self._deadline_s,
        }
        found = self._ask_here(item, on_text) if self._streams else self._ask(item, None)
        reply = self._checked(found)
        if on_text is not None and not self._streams and reply.text:
            on_text(reply.text)
        return reply

    def _ask_here(self, item: dict[str, Any], on_text: OnText | None) -> Mapping[str, Any]:
        """Ask a model of this process, which sees when nobody waits any more."""
        pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
        is_left = False
        item["is_wanted"] = lambda: not is_left
        if on_text is not None:
            item["tell"] = pieces.put

        def listen(within_s: float) -> None:
            try:
                piece = pieces.get(timeout=within_s)
            except queue.Empty:
                return
            if on_text is not None:
                on_text(piece)

        try:
            found = self._ask(item, listen if on_text is not None else None)
        finally:
            is_left = True
        while on_text is not None and not pieces.empty():
            on_text(pieces.get_nowait())
        return found

    def _checked(self, found: Mapping[str, Any]) -> ChatReply:
        name = self._card.id
        check_results([found], count=1, form=None, name=name)
        if not isinstance(found, Mapping) or not isinstance(found.get("text"), str):
            raise ModelError(f"{name} gave a {type(found).__name__} for a reply")
        if found.get("is_late"):
            raise BudgetExceeded(
                f"{name} had {self._deadline_s:g} s for a reply, and wrote "
                f"{found.get('output_tokens', 0)} tokens of it in that time",
                hint="ask for less, take a faster device, or name a server that runs it",
            )
        return ChatReply(
            text=found["text"],
            is_cut=bool(found.get("is_cut")),
            input_tokens=int(found.get("input_tokens", 0)),
            output_tokens=int(found.get("output_tokens", 0)),
            seconds=float(found.get("seconds", 0.0)),
        )

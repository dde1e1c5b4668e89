"""Ask a model, unless the same was asked before, and count the tokens of all turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eoagent.contracts.dialogue import ChatBackend, ChatMessage, ChatReply, OnText
from eoagent.dialogue.keeping import KeptReplies, reply_key

__all__ = ["Asking"]


class Asking:
    """The turns of one question; for one thread."""

    def __init__(
        self,
        backend: ChatBackend,
        kept: KeptReplies,
        manner: Mapping[str, str],
        *,
        max_tokens: int,
        on_text: OnText | None,
    ) -> None:
        """Ask nothing yet.

        Args:
            backend: the model.
            kept: replies given before.
            manner: how it is asked and run.
            max_tokens: most tokens of a reply.
            on_text: told each new piece of a reply.
        """
        self.input_tokens = 0
        """Tokens that were read, over all turns."""
        self.output_tokens = 0
        """Tokens that were written, over all turns."""
        self.notes: tuple[str, ...] = ()
        """What is doubtful about how it was asked, each once."""
        self._backend = backend
        self._kept = kept
        self._manner = manner
        self._max_tokens = max_tokens
        self._on_text = on_text

    def ask(self, messages: Sequence[ChatMessage]) -> ChatReply:
        """Return what the model says next.

        Raises:
            InputError: if the messages do not fit into what it can read.
            ModelError: if it fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        key = reply_key(self._backend.card, self._manner, messages, self._max_tokens)
        reply = self._kept.get(key)
        if reply is None:
            reply = self._backend.complete(
                messages, max_tokens=self._max_tokens, on_text=self._on_text
            )
            self._kept.put(key, reply)
        elif self._on_text is not None and reply.text:
            self._on_text(reply.text)
        self.notes = tuple(dict.fromkeys((*self.notes, *reply.notes)))
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        return reply

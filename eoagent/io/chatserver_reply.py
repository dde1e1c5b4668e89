"""Put a reply of a chat server together, from one document or from the pieces of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eoagent.io.chatserver_faults import Clean, FaultError, readable_json, told_in
from eoagent.io.chatserver_telling import Telling, whole_letters

__all__ = ["ReplyParts", "Said"]

_LENGTH: Final = frozenset({"length", "max_tokens", "max_length"})
_BROKEN: Final = frozenset({"abort", "error", "cancelled"})
_WITHHELD: Final = "content_filter"
_DONE: Final = "[DONE]"
_MOST_TOKENS: Final = 1 << 40
_NO_PROTOCOL: Final = "check that the address is that of a server with the OpenAI protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model behind a server said."""

    text: str
    """Its words as they came, with the tags that stand in them."""
    think: str
    """Its reasoning, where the server handed it over apart from the words."""
    is_cut: bool
    """Whether it was broken off at the most tokens that were allowed."""
    input_tokens: int
    """Tokens that it read; 0 where the server does not say."""
    output_tokens: int
    """Tokens that it wrote; 0 where the server does not say."""


class ReplyParts:
    """A reply in the making; one for each try."""

    def __init__(self, telling: Telling, clean: Clean) -> None:
        """Make an empty one.

        Args:
            telling: is told the words as they come.
            clean: makes the server's words fit for a message.
        """
        self._telling = telling
        self._clean = clean
        self._text: list[str] = []
        self._think: list[str] = []
        self._finish = ""
        self._is_ended = False
        self._has_begun = False
        self._is_call = False
        self._tokens = (0, 0)
        telling.begin()

    def add_event(self, data: str) -> None:
        """Take the data of one event of a stream.

        Raises:
            FaultError: if it is no piece of a reply, or says that the reply failed.
        """
        if data.strip() == _DONE:
            self._is_ended = True
        elif data.strip():
            self._add(readable_json(data), "delta")

    def add_whole(self, body: bytes) -> None:
        """Take a reply that came as one document.

        Raises:
            FaultError: if it is none.
        """
        self._add(readable_json(body), "message")
        self._is_ended = True

    def said(self) -> Said:
        """Return the reply, which must have come to its end.

        Raises:
            FaultError: if it broke off, is empty of choices, or was withheld.
        """
        if not (self._is_ended or self._finish):
            raise FaultError("broke off in the middle of a reply", hint="see the server's log")
        if not self._has_begun:
            raise FaultError("answers with no words at all", hint=_NO_PROTOCOL)
        if self._finish in _BROKEN:
            raise FaultError(f"gave a reply up ({self._finish})", hint="see the server's log")
        if self._finish == _WITHHELD:
            raise FaultError(
                f"withheld a reply ({_WITHHELD})", kind="final", hint="put the question otherwise"
            )
        if self._is_call and not any(self._text):
            raise FaultError(
                "answers with a call of a tool, and was offered none",
                kind="final",
                hint="start the server without a parser of tool calls",
            )
        read, written = self._tokens
        return Said(
            text=whole_letters("".join(self._text)),
            think=whole_letters("".join(self._think)),
            is_cut=self._finish in _LENGTH,
            input_tokens=read,
            output_tokens=written,
        )

    def _add(self, record: Any, part: str) -> None:
        if not isinstance(record, dict):
            raise FaultError("answers with what is no reply", hint=_NO_PROTOCOL)
        if record.get("error") or record.get("object") == "error":
            told = self._clean(told_in(record))
            raise FaultError(f"failed in the middle of a reply: {told}", hint="see its log")
        usage = record.get("usage")
        if isinstance(usage, dict):
            self._tokens = (_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))
        choices = record.get("choices")
        if choices is None and part == "delta" and "choices" in record:
            choices = []  # the piece of some servers that only counts tokens
        if not isinstance(choices, list) or (part == "message" and not choices):
            raise FaultError("answers with what is no reply", hint=_NO_PROTOCOL)
        for choice in choices[:1]:  # one reply was asked for
            self._has_begun = True
            self._add_choice(choice, part)

    def _add_choice(self, choice: Any, part: str) -> None:
        words = choice.get(part) if isinstance(choice, dict) else None
        if words is None and part == "delta" and isinstance(choice, dict):
            words = {}  # the last piece of some servers only says how it ended
        if not isinstance(words, dict):
            raise FaultError("answers with what is no reply", hint=_NO_PROTOCOL)
        think = _words(words.get("reasoning_content")) or _words(words.get("reasoning"))
        text = _words(words.get("content"))
        self._think.append(think)
        self._text.append(text)
        self._is_call = self._is_call or bool(words.get("tool_calls"))
        if _words(words.get("refusal")) and not text:
            self._finish = _WITHHELD
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and self._finish != _WITHHELD:
            self._finish = finish
        if think or text:
            self._telling.tell(think, text)


def _words(value: Any) -> str:
    """Return a field of words: a text, nothing, or a list of parts of text."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in value]
        texts = [text for text in parts if isinstance(text, str)]
        if len(texts) == len(value):
            return "".join(texts)
    raise FaultError("answers with words that are no text", hint=_NO_PROTOCOL)


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value < _MOST_TOKENS else 0

"""Split a reply into reasoning and answer: `<think>...</think> <answer>...</answer>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Split", "encode_reply", "split_reply"]

_THINK_ENDS: Final = re.compile(r"<\s{0,3}/\s{0,3}think(?:ing)?\s{0,3}>", re.IGNORECASE)
_THINK_BEGINS: Final = re.compile(r"<\s{0,3}think(?:ing)?\s{0,3}>", re.IGNORECASE)
_ANSWER_BEGINS: Final = re.compile(r"<\s{0,3}answer\s{0,3}>", re.IGNORECASE)
_ANSWER_ENDS: Final = re.compile(r"<\s{0,3}/\s{0,3}answer\s{0,3}>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The two parts of a reply."""

    think: str
    """The reasoning, without its tags."""
    answer: str | None
    """The answer, without its tags; nothing where the reply ends within its reasoning."""
    is_closed: bool
    """Whether the answer has its closing tag."""


def encode_reply(think: str, answer: str) -> str:
    """Return a reply as a model writes it."""
    return f"<think>{think}</think>\n<answer>{answer}</answer>"


def split_reply(text: str, think: str = "") -> Split:
    """Return the reasoning and the answer of a reply.

    Tags may be missing: text before a closing think tag is reasoning, and a reply without tags is
    all answer. Of several answers the last that is closed counts.

    Args:
        text: what a model wrote.
        think: its reasoning, where a server handed it over apart; a server that waits for the end
            of reasoning which never comes hands over the answer with it.
    """
    if think.strip() and not text.strip():
        inside = split_reply(think)
        if _ANSWER_BEGINS.search(think) is not None:
            return inside
        return Split(think=think.strip(), answer=None, is_closed=False)
    thought, rest = _after_thinking(text)
    said = think.strip() or thought
    begins = [tag.end() for tag in _ANSWER_BEGINS.finditer(rest)]
    if begins:
        ends = [tag.start() for tag in _ANSWER_ENDS.finditer(rest) if tag.start() >= begins[0]]
        end = ends[-1] if ends else len(rest)
        answer = rest[max(begin for begin in begins if begin <= end) : end]
        before = rest[: rest.index("<")].strip()
        return Split(think=said or before, answer=answer.strip(), is_closed=bool(ends))
    opened = _THINK_BEGINS.search(rest)
    if opened is not None:  # it thinks to the end
        return Split(think=rest[opened.end() :].strip(), answer=None, is_closed=False)
    ended = _ANSWER_ENDS.search(rest)
    answer = rest[: ended.start()] if ended else rest
    return Split(think=said, answer=answer.strip(), is_closed=ended is not None)


def _after_thinking(text: str) -> tuple[str, str]:
    """Return the reasoning, and what comes after it."""
    ends = list(_THINK_ENDS.finditer(text))
    if ends:
        thought, rest = text[: ends[-1].start()], text[ends[-1].end() :]
        if not rest.strip() and (tag := _last_answer(thought)) is not None:
            return _plain(text[: tag.start()]), text[tag.start() :]  # a closing tag out of place
        return _plain(thought), rest
    begins, answer = _THINK_BEGINS.search(text), _last_answer(text)
    if begins is not None and answer is not None and begins.end() <= answer.start():
        return _plain(text[begins.end() : answer.start()]), text[answer.start() :]
    return "", text


def _last_answer(text: str) -> re.Match[str] | None:
    return max(_ANSWER_BEGINS.finditer(text), key=re.Match.start, default=None)


def _plain(thought: str) -> str:
    return _THINK_BEGINS.sub("", thought, count=1).strip()

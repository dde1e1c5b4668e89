"""Letters of a multiple choice in an answer: `B`, `(B)`, `B. Forest`, `The answer is B`, `A C`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.reasoner import ReplyStatus
from eoagent.dialogue.grammars.thinking import split_reply

__all__ = ["Choice", "choice_of", "encode_choice"]

_LONGEST: Final = 4000
"""Characters of an answer that are looked at."""
_CAPITAL: Final = r"[(\[*_`\"']{0,4}[A-Z](?![A-Za-z'])[)\]*_`\"']{0,4}"
_ONE: Final = r"[(\[*_`\"']{0,4}([A-Za-z])[)\]*_`\"']{0,4}"
_ALONE: Final = re.compile(
    rf"{_ONE}(?:(?:\s*[,;/&+]\s*(?:and\s+)?|\s+and\s+|\s+){_ONE}){{0,25}}\s*[.!:)]?", re.IGNORECASE
)
_LETTER: Final = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
_LEADING: Final = re.compile(r"[*_`]{0,3}(?:\(([A-Z])\)|\[([A-Z])\]|([A-Z])[*_`]{0,3}\s?[.):])")
_JOINED: Final = r"(?:\s*[,;/&+]\s*(?:and\s+)?|\s+and\s+|\s+)"
_STATED: Final = re.compile(
    r"\b(?i:answers?|options?|choices?)\s*(?i:is|are)?\s*:?\s*(?i:options?\s+)?"
    rf"((?P<first>{_CAPITAL})(?:{_JOINED}{_CAPITAL})*)(?![A-Za-z'])(?P<or>,?\s+or\b)?"
)
_ARTICLE: Final = re.compile(r"[AI]\s+(?!and\b|as\b|because\b|since\b|which\b|is\b)[a-z]")
"""A single letter that is a word, as in `The answer is A building`."""
_IN_BRACKETS: Final = re.compile(r"[(\[]([A-Z])[)\]]")
_NONE: Final = re.compile(r"none(?: of (?:the above|these|them|the options))?\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen."""

    status: ReplyStatus
    """Found, none where it says that none fits, or unparseable."""
    letters: tuple[str, ...] = ()
    """The letters, capital, each once and in the order of the options."""


def encode_choice(letters: Sequence[str]) -> str:
    """Return letters as a model is asked to write them: one, or several with spaces between."""
    return " ".join(letters)


def choice_of(text: str, letters: Iterable[str]) -> Choice:
    """Return which letters an answer chooses; reasoning before it is passed over.

    Where an answer can be read in two ways it is unparseable, never guessed.

    Args:
        text: what a model wrote.
        letters: the letters of the options.
    """
    allowed = [letter.upper() for letter in letters]
    lines = (split_reply(text).answer or "")[:_LONGEST].splitlines()
    answer = "\n".join(told for line in lines if (told := " ".join(line.split())))
    if _NONE.fullmatch(answer):
        return Choice(status="none")
    said = _said(answer)
    if not said or not said <= set(allowed):
        return Choice(status="unparseable")
    return Choice(status="found", letters=tuple(one for one in allowed if one in said))


def _said(answer: str) -> set[str]:
    if _ALONE.fullmatch(answer):
        return {one.upper() for one in _LETTER.findall(answer)}
    stated = [
        frozenset() if found["or"] else frozenset(_LETTER.findall(found[1]))
        for found in _STATED.finditer(answer)
        if not _ARTICLE.match(answer, found.start("first"))
    ]
    if stated:
        return set(stated[0]) if len(set(stated)) == 1 else set()
    leading = _LEADING.match(answer)
    if leading is not None:
        rest = [_LEADING.match(line.strip()) for line in answer.splitlines()[1:]]
        others = [found for found in rest if found is not None]
        return {_letter(leading), *map(_letter, others)} if not others else set()
    bracketed = set(_IN_BRACKETS.findall(answer))
    return bracketed if len(bracketed) == 1 else set()


def _letter(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)

"""Cut a question into tokens of known meaning; what is not known stays visible as such."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from eoagent.contracts.errors import InputError

__all__ = ["MAX_QUESTION_CHARS", "Word", "is_chinese", "tokenize"]

MAX_QUESTION_CHARS: Final = 2000
"""Longest question that is read."""

_NUMBER: Final = re.compile(
    r"[-−+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?![a-z\d])", re.IGNORECASE
)
_QUOTED: Final = re.compile(r"[\"“「『'‘]([^\"”」』'’]{1,80})[\"”」』'’]")
_PLAIN_WORD: Final = re.compile(r"[^\W\d_][\w'’.-]*[\w]|[^\W_]", re.UNICODE)
_CJK: Final = re.compile(r"[\u3400-\u9fff]")
_BREAK: Final = re.compile(r"[.?!;:。？！；：](?=\s|$|[\u3400-\u9fff])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A piece of the question with its meaning."""

    type: str
    """Token type of the grammar, or UNKNOWN, QUOTED, NUMBER, STOP."""
    value: str
    """Meaning: the lexicon's key, the number, or the text itself."""
    text: str
    """The piece as it was written."""


def is_chinese(question: str) -> bool:
    """Return whether a question is to be answered in Chinese."""
    return len(_CJK.findall(question)) * 4 >= len(re.findall(r"\w", question))


def tokenize(question: str) -> tuple[Word, ...]:
    """Return the words of a question in order, noise left out.

    Raises:
        InputError: if the question is empty or too long.
    """
    if not question.strip():
        raise InputError("the question is empty", hint="ask something, in a sentence")
    if len(question) > MAX_QUESTION_CHARS:
        raise InputError(
            f"the question has {len(question)} characters; {MAX_QUESTION_CHARS} are read",
            hint="put it shorter",
        )
    words, place = [], 0
    while place < len(question):
        word, place = _next(question, place)
        if word is not None and word.type != "NOISE":
            words.append(word)
    return tuple(words)


def _next(question: str, place: int) -> tuple[Word | None, int]:
    """Return the word that starts here, or None for a space or a mark, and where it ends."""
    if _BREAK.match(question, place):
        return Word(type="STOP", value=".", text=question[place]), place + 1
    quoted = _QUOTED.match(question, place)
    if quoted and (place == 0 or not question[place - 1].isalnum()):
        return Word(type="QUOTED", value=quoted.group(1), text=quoted.group(1)), quoted.end()
    number = _NUMBER.match(question, place) if _may_start_number(question, place) else None
    known = _longest(question, place)
    if known is not None and (number is None or known[1] > number.end()):
        return known
    if number is not None:
        value = number.group().replace(",", "").replace("−", "-")
        return Word(type="NUMBER", value=value, text=number.group()), number.end()
    plain = _PLAIN_WORD.match(question, place)
    if plain is None:
        return None, place + 1
    end = place + 1 if _CJK.match(question, place) else _until_cjk(plain)
    text = question[place:end]
    return Word(type="UNKNOWN", value=text, text=text), end


def _until_cjk(plain: re.Match[str]) -> int:
    cut = _CJK.search(plain.group())
    return plain.start() + cut.start() if cut and cut.start() else plain.end()


def _may_start_number(question: str, place: int) -> bool:
    before = question[place - 1] if place else " "
    return not (before.isascii() and (before.isalnum() or before in "_."))


def _longest(question: str, place: int) -> tuple[Word, int] | None:
    spellings, longest = _lexicon()
    lower = question[place : place + longest + 1].lower()
    for length in range(min(longest, len(lower)), 0, -1):
        meaning = spellings.get(lower[:length])
        if meaning is None:
            continue
        end = place + length
        if _ends_well(question, place, end):
            return Word(type=meaning[0], value=meaning[1], text=question[place:end]), end
        if question[end : end + 1].lower() == "s" and _ends_well(question, place, end + 1):
            return Word(type=meaning[0], value=meaning[1], text=question[place : end + 1]), end + 1
    return None


def _ends_well(question: str, start: int, end: int) -> bool:
    """Whether a piece is a word of its own: no letter or digit runs on at either side."""
    first, last = question[start], question[end - 1]
    before = question[start - 1] if start else " "
    after = question[end] if end < len(question) else " "
    runs_in = _is_latin(first) and _is_latin(before)
    runs_on = _is_latin(last) and _is_latin(after)
    return not runs_in and not runs_on


def _is_latin(character: str) -> bool:
    return (character.isalnum() and not _CJK.match(character)) or character == "_"


@lru_cache(maxsize=1)
def _lexicon() -> tuple[Mapping[str, tuple[str, str]], int]:
    raw = tomllib.loads((files(__package__) / "lexicon.toml").read_text(encoding="utf-8"))
    spellings: dict[str, tuple[str, str]] = {}
    for kind, meanings in raw.items():
        for meaning, words in meanings.items():
            for word in words:
                spellings.setdefault(word.lower(), (kind, meaning))
    return spellings, max(len(word) for word in spellings)

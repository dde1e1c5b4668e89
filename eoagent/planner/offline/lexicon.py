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
from eoagent.planner.offline.numerals import read_numeral

__all__ = ["MAX_QUESTION_CHARS", "Word", "is_chinese", "spellings_of", "tokenize"]

MAX_QUESTION_CHARS: Final = 2000
"""Longest question that is read."""

_FILES: Final = ("lexicon.toml", "placenames.toml")
_QUOTED: Final = re.compile(r"[\"“「『'‘]([^\"”」』'’]{1,80})[\"”」』'’](?!\w)")
_RUN: Final = re.compile(r"[\w'’.-]*\w")
_CJK: Final = re.compile(r"[\u3400-\u9fff]")
_BREAK: Final = re.compile(r"[.?!;:。？！；：](?=\s|$|[\u3400-\u9fff])")
_GLUED: Final = ("UNIT_", "NORTHING", "EASTING")
"""Types of word that may follow a number without a space."""
_MARKS: Final = frozenset(",;:.?!()[]{}\"'“”‘’…、，。；：？！（）【】《》「」『』—\u200b")
_FULL_WIDTH: Final = {
    code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；：？！"
} | {0x3000: 0x20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A piece of the question with its meaning."""

    type: str
    """Token type of the grammar, or UNKNOWN, QUOTED, NUMBER, STOP."""
    value: str
    """Meaning: the lexicon's key, the number, or the text itself."""
    text: str
    """The piece as it was written."""
    before: str = ""
    """What stands between the last word and this one: marks and noise."""


def is_chinese(question: str) -> bool:
    """Return whether a question is to be answered in Chinese."""
    signs = len(_CJK.findall(question))
    return signs > 0 and signs * 4 >= len(re.findall(r"\w", question))


def tokenize(question: str) -> tuple[Word, ...]:
    """Return the words of a question in order, noise left out.

    Every letter, digit and sign of the question is part of a word, or noise that the lexicon lists,
    or a mark of punctuation: nothing is passed over because it is not understood.

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
    question = question.translate(_FULL_WIDTH)
    words: list[Word] = []
    place = last = 0
    while place < len(question):
        found = _next(
            question, place, after_number=bool(words) and _is_number(words[-1], place, last)
        )
        if found is None:
            place += 1
            continue
        (kind, value), end = found
        if kind != "NOISE":
            before = question[last:place]
            words.append(Word(type=kind, value=value, text=question[place:end], before=before))
            last = end
        place = end
    return tuple(words)


def _is_number(word: Word, place: int, last: int) -> bool:
    return word.type == "NUMBER" and place == last


def _next(question: str, place: int, *, after_number: bool) -> tuple[tuple[str, str], int] | None:
    """Return type, value and end of the word that starts here, or None for a space or a mark."""
    if _BREAK.match(question, place):
        return ("STOP", "."), place + 1
    quoted = _QUOTED.match(question, place)
    if quoted and (place == 0 or not question[place - 1].isalnum()):
        return ("QUOTED", quoted.group(1)), quoted.end()
    number = _number(question, place)
    known = _longest(question, place, glued=after_number)
    if known is not None and (number is None or known[1] > number[1]):
        is_name = known[0][0] == "NOISE" and _is_letter(question, place, known[1])
        return (("UNKNOWN", question[place]), known[1]) if is_name else known
    if number is not None:
        return ("NUMBER", repr(number[0])), number[1]
    return _unknown(question, place)


def _is_letter(question: str, place: int, end: int) -> bool:
    """Whether `A` or `I` is a name (`district A`): nothing follows, or it is a capital within."""
    text = question[place:end]
    if text.lower() not in {"a", "i"}:
        return False
    before, after = question[:place].rstrip(), question[end:].lstrip()
    if not after or after[0] in _MARKS:
        return True
    is_first = not before or before[-1] in _MARKS
    return text == "A" and not is_first and not question.isupper()


def _number(question: str, place: int) -> tuple[float, int] | None:
    """Return a number that ends here as a word, or right before its unit (`15dB`)."""
    number = read_numeral(question, place)
    if number is None:
        return None
    end = number[1]
    if not _is_latin(question[end : end + 1]) or not _is_latin(question[end - 1]):
        return number
    glued = _longest(question, end, glued=True)
    return number if glued is not None and glued[0][0].startswith(_GLUED) else None


def _unknown(question: str, place: int) -> tuple[tuple[str, str], int] | None:
    sign = question[place]
    if sign.isspace() or sign in _MARKS:
        return None
    if _CJK.match(sign):
        return ("UNKNOWN", sign), place + 1
    run = _RUN.match(question, place)
    if run is not None and (sign.isalnum() or sign == "_"):
        cut = _CJK.search(run.group())
        end = place + cut.start() if cut else run.end()
        return ("UNKNOWN", question[place:end]), end
    if sign == "-" and question[:place][-1:].isalnum() and question[place + 1 :][:1].isalnum():
        is_range = question[place - 1].isdigit() and question[place + 1].isdigit()
        return (("TO", "to"), place + 1) if is_range else None
    return ("UNKNOWN", sign), place + 1


def _longest(question: str, place: int, *, glued: bool) -> tuple[tuple[str, str], int] | None:
    """Return the longest spelling that stands here as a word of its own, or with a plural s.

    Args:
        question: the question.
        place: where to look.
        glued: whether the spelling may follow a digit without a space, as a unit does.
    """
    spellings, longest = _lexicon()
    lower = question[place : place + longest + 1].lower().replace("’", "'")
    for length in range(min(longest, len(lower)), 0, -1):
        meaning = spellings.get(lower[:length])
        if meaning is None:
            continue
        end = place + length
        if not glued and _is_latin(question[place]) and _is_latin(question[place - 1 : place]):
            continue
        if _ends_well(question, end):
            return meaning, end
        if question[end : end + 1].lower() == "s" and _ends_well(question, end + 1):
            return meaning, end + 1
    return None


def _ends_well(question: str, end: int) -> bool:
    """Whether no letter or digit runs on at the end of a piece."""
    return not (_is_latin(question[end - 1]) and _is_latin(question[end : end + 1]))


def _is_latin(character: str) -> bool:
    return (character.isalnum() and not _CJK.match(character)) or character == "_"


def spellings_of(meaning: str) -> tuple[str, ...]:
    """Return the spellings of a kind of feature or object, in lower case."""
    kinds = {"FEATURE", "ZONE", "OBJECT"}
    return tuple(s for s, (kind, m) in _lexicon()[0].items() if m == meaning and kind in kinds)


@lru_cache(maxsize=1)
def _lexicon() -> tuple[Mapping[str, tuple[str, str]], int]:
    spellings: dict[str, tuple[str, str]] = {}
    for name in _FILES:
        raw = tomllib.loads((files(__package__) / name).read_text(encoding="utf-8"))
        for kind, meanings in raw.items():
            for meaning, words in meanings.items():
                for word in words:
                    spellings.setdefault(word.lower(), (kind, meaning))
    return spellings, max(len(word) for word in spellings)

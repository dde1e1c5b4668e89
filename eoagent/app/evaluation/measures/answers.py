"""Judge answers in words beside the right ones: yes or no, numbers, ranges, letters, plain words.

Ranges are those of RSVQA, whose counts (low resolution) and areas (high resolution) are judged by
the range that they fall into.

Source: Lobry et al., RSVQA, IEEE TGRS 2020, https://arxiv.org/abs/2003.07333
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.wording import is_named, plain

__all__ = ["area_range", "count_range", "is_right", "letters_in"]

_LIMITS: Final = (0, 10, 100, 1000)
_SQUARE: Final = "m2"
_WORDS: Final = MappingProxyType(
    {
        word: number
        for number, word in enumerate(
            (
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
            )
        )
    }
    | {"none": 0}
)
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?")
_WHOLE: Final = re.compile(r"-?\d+")
_RANGE: Final = re.compile(r"(?:between|from)?\s*(\d+)\s*(?:m2)?\s*(?:and|to|-)\s*(\d+)\s*(?:m2)?")
_ABOVE: Final = re.compile(r"(?:more than|over|above|>)\s*(\d[\d,]*)")
_TAGGED: Final = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_LETTERS_ONLY: Final = re.compile(
    r"[\s(]*[A-Za-z][).:]?(?:[\s,;]+(?:and\s+)?\(?[A-Za-z][).:]?)*[\s.]*"
)
_LEADING: Final = re.compile(r"\s*\(?([A-Z])(?:[).:]|\s*$)")
_STATED: Final = re.compile(r"\(([A-Z])\)|\b(?:option|choice|answer(?:\s+is)?:?)\s+\(?([A-Z])\b")
_OPPOSITES: Final = MappingProxyType({"yes": "no", "no": "yes", "rural": "urban", "urban": "rural"})


def count_range(count: float) -> str:
    """Return the range of a count, as RSVQA writes it (`between 11 and 100`)."""
    return _range(count, "")


def area_range(area_m2: float) -> str:
    """Return the range of an area in square metres, as RSVQA writes it (`between 1m2 and 10m2`)."""
    return _range(area_m2, _SQUARE)


def is_right(answer: str, truth: str, options: Sequence[str] = ()) -> bool:
    """Return whether an answer says what is right.

    What says several things at once is wrong.

    Args:
        answer: what was said.
        truth: the right answer: letters where there are options, else yes, no, a number, a range
            or words.
        options: texts of the options, in order of their letters.
    """
    held = _TAGGED.findall(answer)
    said = (held[-1] if held else answer).strip()
    if options:
        return set(letters_in(said, options)) == set(truth.split())
    wanted = _tidy(truth)
    if wanted in _OPPOSITES:
        return _one_of_two(_tidy(said), wanted)
    if wanted in _ranges():
        return _in_range(_tidy(said), wanted)
    if _WHOLE.fullmatch(wanted):
        return _number_in(_tidy(said)) == float(wanted)
    return _tidy(said) == wanted or is_named(wanted, _tidy(said))


def letters_in(answer: str, options: Sequence[str]) -> tuple[str, ...]:
    """Return the letters that an answer to a multiple choice says, in order; none where unclear.

    An answer of letters alone decides; then a letter that it begins with, has in brackets or says
    after `answer`, if it is only one; then an option's own words.

    Args:
        answer: what was said.
        options: texts of the options, in order of their letters.
    """
    letters = [chr(ord("A") + place) for place in range(len(options))]
    if _LETTERS_ONLY.fullmatch(answer):
        found = re.findall(r"\b[A-Za-z]\b", answer)
        return tuple(dict.fromkeys(own.upper() for own in found if own.upper() in letters))
    stated = {one or other for one, other in _STATED.findall(answer)} & set(letters)
    leading = _LEADING.match(answer)
    if leading and leading.group(1) in letters:
        stated.add(leading.group(1))
    if stated:
        return tuple(stated) if len(stated) == 1 else ()
    named = [letter for letter, own in zip(letters, options, strict=True) if is_named(own, answer)]
    return tuple(named) if len(named) == 1 else ()


def _range(value: float, unit: str) -> str:
    low = 0
    for limit in _LIMITS:
        if value <= limit:
            return f"0{unit}" if limit == 0 else f"between {low}{unit} and {limit}{unit}"
        low = limit + 1
    return f"more than {_LIMITS[-1]}{unit}"


def _ranges() -> frozenset[str]:
    values = (5, 50, 500, 5000)
    return frozenset({_range(0, _SQUARE), *(_range(v, u) for v in values for u in ("", _SQUARE))})


def _tidy(text: str) -> str:
    return " ".join(plain(text).replace("m^2", _SQUARE).strip(" .!\"'").split())


def _one_of_two(said: str, wanted: str) -> bool:
    other = _OPPOSITES[wanted]
    if re.match(rf"(?:{wanted})\b", said):
        return True
    return is_named(wanted, said) and not is_named(other, said)


def _number_in(said: str) -> float | None:
    """Return the one number that is said; None for none or several."""
    found = {float(own.replace(",", "")) for own in _NUMBER.findall(said)}
    found |= {float(number) for word, number in _WORDS.items() if is_named(word, said)}
    return found.pop() if len(found) == 1 else None


def _in_range(said: str, wanted: str) -> bool:
    unit = _SQUARE if _SQUARE in wanted else ""
    between = _RANGE.search(said)
    if between:
        return f"between {between[1]}{unit} and {between[2]}{unit}" == wanted
    above = _ABOVE.search(said)
    if above:
        return wanted.startswith("more") and float(above[1].replace(",", "")) >= _LIMITS[-1]
    number = _number_in(said)
    return number is not None and number >= 0 and _range(number, unit) == wanted

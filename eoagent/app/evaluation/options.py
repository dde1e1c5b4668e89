"""Find the option of a multiple-choice question that an answer means: by letter, words or numbers.

An answer made here rarely says a letter: it gives a number with its unit, or words. So, in this
order, what decides is a letter in the form the question asked for (`<Answer>B<Answer>`), a letter
said as the whole answer or as `option B`, a result that is a choice, the results' numbers, and the
option's own words in the text. What fits several options means none of them. How a figure was
computed, where the text tells it, is no part of what is answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.wording import is_named, plain, without
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.figure import Figure
from eoagent.contracts.units import convert, same_kind

__all__ = ["NUMBER_TOLERANCE", "letter_of", "option_meant"]

NUMBER_TOLERANCE: Final = 0.05
"""A number means the option nearest to it, if that is within this share of the option's value."""

_TAGGED: Final = re.compile(r"<answer>\s*([a-z])\b[^<]*<", re.IGNORECASE)
_ALONE: Final = re.compile(r"\s*[(\[*]*([A-Z])[)\]*]*[.:]?\s*\Z")
_SAID: Final = re.compile(r"\b(?:option|choice|answer)(?:\s+is)?\s*:?\s*[(*]*([A-Z])\b(?!['’])")
_LEADING: Final = re.compile(r"\s*[(*]*([A-Z])[).:*]")
_NUMBER: Final = re.compile(
    r"(?<![\w.])(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?)\s*"
    r"(%|°(?!c)|[a-z]+(?:\^?[23])?(?:/[a-z]+)?)?"
)
_UNITS: Final = MappingProxyType(
    {
        "%": "percent",
        "percent": "percent",
        "°": "deg",
        "deg": "deg",
        "degrees": "deg",
        "k": "K",
        "kelvin": "K",
        "m": "m",
        "meters": "m",
        "metres": "m",
        "km": "km",
        "kilometers": "km",
        "m2": "m2",
        "km2": "km2",
        "ha": "ha",
        "hectares": "ha",
        "px": "px",
        "pixels": "px",
        "db": "dB",
    }
)
"""Units as options write them, after `plain`; other words behind a number are not read."""
_GAP: Final = re.compile(r"(?<=\d)\s+(?=[a-z%°])")


def letter_of(index: int) -> str:
    """Return the letter of an option: the first is A."""
    return chr(ord("A") + index)


def option_meant(options: Sequence[str], answer: AnswerRecord) -> str | None:
    """Return the letter of the option that an answer means, or None.

    Args:
        options: their texts, in order.
        answer: what was answered.
    """
    letters = [letter_of(index) for index in range(len(options))]
    stated = without(answer.text, (figure.method for figure in answer.figures))
    said = _said_letter(stated)
    if said in letters:
        return said
    words = [str(figure.value) for figure in answer.results if figure.unit == "choice"]
    own = [{plain(letter_of(n)), plain(o.strip(" ."))} for n, o in enumerate(options)]
    named = _only(letters, [any(plain(word.strip()) in names for word in words) for names in own])
    if named is not None:
        return named
    numbers = [figure for figure in answer.results if figure.unit != "choice"]
    nearest = _nearest(options, numbers)
    if nearest is not None:
        return letters[nearest]
    text = _GAP.sub("", plain(stated))
    hits = [is_named(_GAP.sub("", plain(option)).strip(" ."), text) for option in options]
    return _only(letters, _longest(options, hits))


def _said_letter(text: str) -> str | None:
    tagged = _TAGGED.findall(text)
    if tagged:
        return str(tagged[-1]).upper()
    alone = _ALONE.match(text) or _LEADING.match(text)
    if alone:
        return alone.group(1)
    said = set(_SAID.findall(text))
    return said.pop() if len(said) == 1 else None


def _only(letters: Sequence[str], hits: Sequence[bool]) -> str | None:
    found = [letter for letter, hit in zip(letters, hits, strict=True) if hit]
    return found[0] if len(found) == 1 else None


def _longest(options: Sequence[str], hits: Sequence[bool]) -> list[bool]:
    """Leave out what was only found inside a longer option that was found too."""
    found = [plain(option) for option, hit in zip(options, hits, strict=True) if hit]
    return [
        hit and not any(plain(option) != other and plain(option) in other for other in found)
        for option, hit in zip(options, hits, strict=True)
    ]


def _nearest(options: Sequence[str], numbers: Sequence[Figure]) -> int | None:
    """Return the option whose numbers are nearest to those of the results, all within tolerance."""
    if not numbers:
        return None
    offs = [_off(_numbers_in(option), numbers) for option in options]
    near = [(off, index) for index, off in enumerate(offs) if off is not None]
    if not near:
        return None
    best = min(near)
    return best[1] if [off for off, _ in near].count(best[0]) == 1 else None


def _numbers_in(option: str) -> list[tuple[float, str, float]]:
    """Return an option's numbers: value, unit or nothing, and half of the last digit stated."""
    found = []
    for stated, unit in _NUMBER.findall(plain(option).replace("^", "")):
        value = stated.replace(",", "")
        decimals = len(value.partition("e")[0].partition(".")[2])
        half = 0.5 * 10.0**-decimals if "e" not in value else 0.0
        found.append((float(value), _UNITS.get(unit, ""), half))
    return found


def _off(wanted: Sequence[tuple[float, str, float]], given: Sequence[Figure]) -> float | None:
    """Return how far results are from an option's numbers, as a share; None if one is too far."""
    if not wanted or len(wanted) != len(given):
        return None
    worst = 0.0
    for (value, unit, half), figure in zip(wanted, given, strict=True):
        if unit and not same_kind(figure.unit, unit):
            return None
        number = convert(figure.number, figure.unit, unit) if unit else figure.number
        off = abs(number - value)
        if off > max(NUMBER_TOLERANCE * abs(value), half):
            return None
        worst = max(worst, off / max(abs(value), half))
    return worst

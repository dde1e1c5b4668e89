"""Join the words of a date, or of a span of dates, into one: `1 December 2018`, `2019 年 4 月`."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from typing import Final

from eoagent.planner.offline.lexicon import Word

__all__ = ["join_dates"]

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_QUANTITIES: Final = frozenset({"INDEX", "BAND", "HEIGHT", "SUBJECT"})
_NO_DATE_AFTER: Final = frozenset(
    {"CMP", "OVER", "EQUALS", "BIT", "PIXEL", "SCALE", "OFFSET", "PARAM", "BANDS", "SENSOR"}
)
_OPEN: Final = frozenset({"before", "after", "之前", "之后", "前", "后", "以前", "以后"})
"""Words that with a date bound a time on one side."""
_NO_DATE_BEFORE: Final = frozenset(
    {"UNIT_AREA", "UNIT_LENGTH", "UNIT_LEVEL", "PERCENT", "CMPAFTER", "IMAGE", "MONTHMARK"}
)


def join_dates(words: Sequence[Word]) -> list[Word]:
    """Return the words with each date as one word of type DATE, valued as ISO 8601.

    A year, a month or a day; a span of two is valued `a/b`, an open one `a/..` or `../b`. A
    number is a year only where it is written with four digits and measures nothing.
    """
    joined: list[Word] = []
    place = 0
    while place < len(words):
        value, count = _date(words, place, joined)
        if count:
            joined.append(_made(words[place : place + count], value))
            place += count
        else:
            joined.append(words[place])
            place += 1
    return _join_spans(joined)


def _made(parts: Sequence[Word], value: str) -> Word:
    text = " ".join(part.text for part in parts)
    return Word(type="DATE", value=value, text=text, before=parts[0].before)


def _date(words: Sequence[Word], place: int, before: Sequence[Word]) -> tuple[str, int]:
    """Return the date that starts at a place and how many words it takes, or nothing."""
    types = tuple(word.type for word in words[place : place + 6])
    n = [_whole(word) for word in words[place : place + 6]] + [-1] * 6
    shapes: tuple[tuple[tuple[str, ...], tuple[int, int, int], int], ...] = (
        (("NUMBER", "YEARMARK", "NUMBER", "MONTHMARK", "NUMBER", "DAYMARK"), (0, 2, 4), 6),
        (("NUMBER", "YEARMARK", "NUMBER", "MONTHMARK"), (0, 2, -1), 4),
        (("NUMBER", "YEARMARK"), (0, -1, -1), 2),
        (("NUMBER", "TO", "NUMBER", "TO", "NUMBER"), (0, 2, 4), 5),
        (("NUMBER", "MONTH", "NUMBER"), (2, 1, 0), 3),
        (("MONTH", "NUMBER", "NUMBER"), (2, 0, 1), 3),
        (("MONTH", "NUMBER"), (1, 0, -1), 2),
        (("NUMBER", "TO", "NUMBER"), (0, 2, -1), 3),
    )
    for shape, (year, month, day), count in shapes:
        if types[:count] != shape or (shape[1:2] == ("TO",) and not _is_tight(words, place, count)):
            continue
        text = _iso(n[year], n[month] if month >= 0 else None, n[day] if day >= 0 else None)
        if text:
            return text, count
    if types[:1] == ("NUMBER",) and _is_year(words, place, before):
        return str(n[0]), 1
    return "", 0


def _whole(word: Word) -> int:
    if word.type == "MONTH":
        return int(word.value)
    if word.type != "NUMBER":
        return -1
    value = float(word.value)
    return int(value) if value.is_integer() and abs(value) < 1e6 else -1


def _is_tight(words: Sequence[Word], place: int, count: int) -> bool:
    """Return whether `2019-04-16` is written without spaces, its parts with two digits."""
    parts = words[place : place + count]
    digits = [part.text for part in parts if part.type == "NUMBER"]
    is_joined = not any(part.before for part in parts[1:])
    return is_joined and len(digits[0]) == 4 and all(len(text) == 2 for text in digits[1:])


def _iso(year: int, month: int | None, day: int | None) -> str:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return ""
    if month is None:
        return f"{year}"
    if not 1 <= month <= 12:
        return ""
    if day is None:
        return f"{year}-{month:02d}"
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return ""
    return f"{year}-{month:02d}-{day:02d}"


def _is_year(words: Sequence[Word], place: int, before: Sequence[Word]) -> bool:
    word = words[place]
    if not (word.text.isdigit() and len(word.text) == 4):
        return False
    if not _FIRST_YEAR <= _whole(word) <= _LAST_YEAR:
        return False
    following = words[place + 1].type if place + 1 < len(words) else ""
    earlier = [w.type for w in before[-2:]]
    if following in _NO_DATE_BEFORE or earlier[-1:] in [[t] for t in _NO_DATE_AFTER]:
        return False
    if earlier[-1:] == ["BETWEEN"]:
        return not (earlier[:1] and earlier[0] in _QUANTITIES)
    return earlier[-1:] != ["NUMBER"]


def _is_open(parts: Sequence[Word]) -> bool:
    """Return whether `before 2019`, `2019 年以后`: no span, and no date in it.

    `Before (1 December 2018)` is the date of the image before.
    """
    types = [part.type for part in parts]
    if types == ["TWODATES", "DATE"]:
        return parts[0].text.lower() in _OPEN and "(" not in parts[1].before
    if types in (["DATE", "TWODATES"], ["DATE", "BEYOND"]):
        return types[1] == "BEYOND" or (parts[1].text in _OPEN and not parts[1].before.strip())
    return False


def _types(words: Sequence[Word], place: int, count: int) -> list[str]:
    return [word.type for word in words[place : place + count]]


def _join_spans(words: Sequence[Word]) -> list[Word]:
    joined: list[Word] = []
    place = 0
    while place < len(words):
        types, parts = _types(words, place, 3), words[place : place + 3]
        if types[:2] == ["BETWEEN", "DATE"] and _types(words, place + 2, 2) == ["TO", "DATE"]:
            place += 1
        elif types == ["DATE", "TO", "DATE"]:
            joined.append(_made(parts, f"{parts[0].value}/{parts[2].value}"))
            place += 4 if _types(words, place + 3, 1) == ["BETWEEN"] else 3
        elif types == ["BETWEEN", "DATE", "DATE"]:
            joined.append(_made(parts, f"{parts[1].value}/{parts[2].value}"))
            place += 3
        elif types[:2] in (["NOT", "DATE"], ["OUTSIDE", "DATE"]) or _is_open(parts[:2]):
            text = " ".join(part.text for part in parts[:2]).lower()
            joined.append(Word(type="UNKNOWN", value=text, text=text, before=parts[0].before))
            place += 2
        elif types[:2] == ["ON", "DATE"]:
            place += 1
        elif types[:2] == ["SINCE", "DATE"]:
            joined.append(_made(parts[:2], f"{parts[1].value}/.."))
            place += 2
        else:
            joined.append(words[place])
            place += 1
    return joined

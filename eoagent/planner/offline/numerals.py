"""Read a number where one starts: digits, English number words or Chinese numerals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["read_numeral"]

_DIGITS: Final = re.compile(
    r"[-−+]?(?:(?:[1-9]\d{0,2}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?",
    re.IGNORECASE,
)
_AMBIGUOUS: Final = re.compile(r"[-−+]?[1-9]\d{0,2}\.\d{3}")
"""`1.200` is 1.2 to some and 1200 to others."""
_NAMES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ENGLISH: Final[Mapping[str, int]] = MappingProxyType(
    {name: n for n, name in enumerate(_NAMES)}
    | {name: 10 * n for n, name in enumerate(_TENS, start=2)},
)
_SCALES: Final = MappingProxyType({"hundred": 100, "thousand": 1000})
_SPELLED: Final = re.compile(
    r"(?P<sign>(?:minus|negative)\s+)?"
    rf"(?P<whole>(?:{'|'.join(_ENGLISH)})(?:[\s-]+(?:{'|'.join([*_ENGLISH, *_SCALES])}))*)?"
    rf"(?P<rest>\s*\bpoint(?:\s+(?:{'|'.join(_NAMES[:10])}))+)?\b",
    re.IGNORECASE,
)
_CHINESE_DIGITS: Final = "零一二三四五六七八九"
_TWO: Final = "两"
_CHINESE_SCALES: Final = MappingProxyType({"十": 10, "百": 100, "千": 1000})
_CHINESE: Final = re.compile(
    rf"(?P<sign>负)?(?P<whole>[{_CHINESE_DIGITS}{_TWO}十百千]+)(?:点(?P<rest>[{_CHINESE_DIGITS}]+))?"
)
_SIGNED: Final = re.compile(r"(?:(?:minus|negative)\s+|负\s*)(?=[\d.])", re.IGNORECASE)


def read_numeral(text: str, place: int) -> tuple[float, int] | None:
    """Return the number that starts at a place and where it ends, or None.

    `1,234.5` is read with its thousands; `1,5` is two numbers, for a decimal comma cannot be told
    from a list; `1.200` is none, for it can be thousands. Words that do not make one number in the
    usual order (`five twenty`) are none.
    """
    before = text[place - 1] if place else " "
    if before.isascii() and (before.isalnum() or before in "_."):
        return None
    signed = _SIGNED.match(text, place)
    digits = _DIGITS.match(text, signed.end() if signed else place)
    if digits is not None and _AMBIGUOUS.fullmatch(digits.group()):
        return None
    if digits is not None:
        value = float(digits.group().replace(",", "").replace("−", "-"))
        return (-value if signed else value), digits.end()
    spelled = _SPELLED.match(text, place)
    if spelled is not None and (spelled["whole"] or spelled["rest"]):
        return _signed(spelled, _english(spelled["whole"] or "zero"), _point(spelled["rest"]))
    chinese = _CHINESE.match(text, place)
    if chinese is not None:
        rest = "".join(str(_CHINESE_DIGITS.index(c)) for c in chinese["rest"] or "")
        return _signed(chinese, _in_chinese(chinese["whole"]), float(f"0.{rest or 0}"))
    return None


def _signed(match: re.Match[str], whole: int | None, fraction: float) -> tuple[float, int] | None:
    if whole is None:
        return None
    value = round(whole + fraction, 12)
    return (-value if match["sign"] else value), match.end()


def _point(rest: str | None) -> float:
    digits = "".join(str(_ENGLISH[word]) for word in (rest or "").lower().split()[1:])
    return float(f"0.{digits or 0}")


def _english(words: str) -> int | None:
    """Return `two hundred fifty-five` as 255; None when the words make no single number."""
    total, part, room = 0, 0, 10_000
    for word in re.split(r"[\s-]+", words.lower().strip()):
        if word in _SCALES:
            scale = _SCALES[word]
            if not 0 < part < scale:
                return None
            if scale == 1000:
                total, part = total + part * scale, 0
            else:
                part *= scale
            room = scale
            continue
        value = _ENGLISH[word]
        size = 10 if value < 10 else 100
        if size > room:
            return None
        part += value
        room = 10 if value >= 20 else 1
    return total + part


def _in_chinese(numeral: str) -> int | None:
    """Return `二百五十五` as 255; None when the signs make no single number."""
    total, digit, last = 0, 0, 10_000
    for sign in numeral.replace(_TWO, "二"):
        if sign in _CHINESE_DIGITS:
            if digit:
                return None
            digit = _CHINESE_DIGITS.index(sign)
            continue
        scale = _CHINESE_SCALES[sign]
        if scale >= last:
            return None
        total, digit, last = total + (digit or 1) * scale, 0, scale
    return total + digit

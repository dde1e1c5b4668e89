"""Find in words what an answer has to name or state: whole words, statements, directions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

__all__ = ["direction_in", "is_named", "is_stated", "plain", "without"]

_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_GLUED: Final = rf"[^\W{_CJK}]"
"""A letter, digit or underscore of a script that puts spaces between words."""

_SAME: Final = MappingProxyType(
    {ord(dash): "-" for dash in "‐‑‒–—−"} | {ord(quote): "'" for quote in "‘’ʼ`´"}
)

_VERBS: Final = MappingProxyType(
    {
        1: r"\b(?:increas\w*|ris(?:e|es|ing|en)|rose|gr[eo]wn?|growing|growth|expand\w*|"
        r"upwards?)\b|增加|增长|增大|上升|升高|扩大|扩张|上涨",
        -1: r"\b(?:decreas\w*|fall(?:s|ing|en)?|fell|declin\w*|drop\w*|shr[aiu]nk\w*|reduc\w*|"
        r"diminish\w*|downwards?)\b|减少|减小|下降|降低|缩小|萎缩|下跌",
    }
)
_SHORT: Final = MappingProxyType(
    {
        1: r"|\b(?:up|more|higher|larger|greater|positive|gain(?:ed)?)\b",
        -1: r"|\b(?:down|less|fewer|lower|smaller|negative|loss|lost)\b",
    }
)
"""Words that say a direction when they stand as a choice; in a sentence they say many things."""


def plain(text: str) -> str:
    """Return a text without case, with one kind of dash, quote and digit."""
    return unicodedata.normalize("NFKC", text).translate(_SAME).casefold()


def without(text: str, parts: Iterable[str]) -> str:
    """Return a text without some parts of it, the longest taken out first."""
    for part in sorted(filter(None, parts), key=len, reverse=True):
        text = text.replace(part, " ")
    return text


def is_named(wanted: str, text: str) -> bool:
    """Return whether a text names something in whole words; case does not matter.

    Chinese and Japanese put no spaces between words, so there a word may stand inside a sentence
    (`2010` in `2010年`). A number is not found inside another one (`2010` in `52.2010`).
    """
    name, where = plain(wanted.strip()), plain(text)
    before = rf"(?<!{_GLUED})" if re.match(_GLUED, name) else ""
    after = rf"(?!{_GLUED})" if re.search(rf"{_GLUED}\Z", name) else ""
    if name[:1].isdigit():
        before += r"(?<!\d[.,])"
    if name[-1:].isdigit():
        after += r"(?![.,]\d)"
    return re.search(before + re.escape(name) + after, where) is not None


def is_stated(entry: str, text: str) -> bool:
    """Return whether one of an entry's alternatives, separated by bars, occurs in a text."""
    where = plain(text)
    return any(plain(part.strip()) in where for part in entry.split("|") if part.strip())


def direction_in(texts: Iterable[str], *, are_choices: bool = False) -> int:
    """Return 1 if texts speak of an increase, -1 of a decrease, 0 of neither or of both.

    Args:
        texts: what is searched.
        are_choices: whether each is a choice and no sentence, so that `down` and `less` count.
    """
    where = " . ".join(plain(text) for text in texts)
    return sum(
        sign
        for sign, verbs in _VERBS.items()
        if re.search(verbs + (_SHORT[sign] if are_choices else ""), where)
    )

"""Settle what a word means by the words beside it, before anything is read out of a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from eoagent.planner.offline.lexicon import Word

__all__ = ["settle"]

_VALUED: Final = frozenset({"INDEX", "BAND", "HEIGHT"})
"""Types of word that name a quantity with a value at every pixel."""
_PLACED: Final = frozenset({"IT", "STOP", "INSIDE", "OUTSIDE"})
_OUTERMOST: Final = {"LARGEST": "maximum", "SMALLEST": "minimum"}
_END: Final = Word(type="STOP", value=".", text="")


def settle(words: Sequence[Word], *, chinese: bool) -> list[Word]:
    """Return the words, each with the one meaning that its neighbours leave it."""
    settled = list(words)
    rules: tuple[Callable[[list[Word], int], list[Word]], ...] = (
        _extreme, _units, _closing, _high, _size, _asking, _on,
    )  # fmt: skip
    for rule in rules:
        for at in reversed(range(len(settled))):
            settled = rule(settled, at)
    if chinese:
        return settled
    return [_opening(settled, at) for at in range(len(settled))]


def _kind(word: Word) -> str:
    return f"{word.type}:{word.value}"


def _at(words: list[Word], at: int) -> Word:
    return words[at] if 0 <= at < len(words) else _END


def _with(words: list[Word], at: int, **said: str) -> list[Word]:
    return [*words[:at], replace(words[at], **said), *words[at + 1 :]]


def _without(words: list[Word], at: int) -> list[Word]:
    """Leave a word out; what stood before it stands before the next one."""
    rest = words[at + 1 :]
    if rest:
        rest[0] = replace(rest[0], before=f"{words[at].before} {rest[0].before}")
    return words[:at] + rest


def _extreme(words: list[Word], at: int) -> list[Word]:
    """`Largest NDVI` is its maximum; `largest lake` is none."""
    statistic = _OUTERMOST.get(words[at].type)
    following = _at(words, at + 1)
    is_listed = _kind(following) in {"STAT:minimum", "STAT:maximum"}
    if statistic and (following.type in _VALUED or is_listed):
        return _with(words, at, type="STAT", value=statistic)
    return words


def _units(words: list[Word], at: int) -> list[Word]:
    """`What number of hectares` asks for an area, `how many km` for a distance."""
    following = _at(words, at + 1)
    if words[at].type == "COUNT" and following.type == "UNIT_LENGTH":
        return _with(words, at, type="RELATION", value="far")
    if words[at].type == "COUNT" and following.type == "UNIT_AREA":
        return _with(_without(words, at + 1), at, type="AREA", value=following.value)
    return words


def _closing(words: list[Word], at: int) -> list[Word]:
    """`在 0.2 到 0.5 之间`: what closes a range in Chinese opens it here."""
    if words[at].text != "之间" or _at(words, at - 1).type != "NUMBER":
        return words
    first = at - 3 if _at(words, at - 2).type == "TO" else at - 2
    if _at(words, first).type != "NUMBER":
        return words
    rest = _without(words, at)
    if _at(words, first - 1).type == "BETWEEN":
        return rest
    return [*rest[:first], replace(words[at], before=""), *rest[first:]]


def _high(words: list[Word], at: int) -> list[Word]:
    """`How high` is said of a quantity's value, or asks for the elevation of something."""
    if words[at].type != "HIGH":
        return words
    before, after, later = (_at(words, at + step) for step in (-1, 1, 2))
    is_value = before.type in _VALUED | {"STAT"} or after.type in _VALUED | _PLACED
    if is_value or (after.type == "STAT" and later.type in _VALUED):
        return _without(words, at)
    return _with(words, at, type="HEIGHT", value="height")


def _size(words: list[Word], at: int) -> list[Word]:
    """`How large is the mean NDVI` asks for no area."""
    if _kind(words[at]) != "AREA:size":
        return words
    before, after, later = (_at(words, at + step) for step in (-1, 1, 2))
    is_value = before.type in _VALUED | {"STAT"}
    if is_value or (after.type == "STAT" and later.type in _VALUED):
        return _without(words, at)
    return words


def _asking(words: list[Word], at: int) -> list[Word]:
    """`Has the mean NDVI risen`: a verb that opens a question bears nothing."""
    is_first = _at(words, at - 1).type == "STOP"
    return _without(words, at) if words[at].type == "HAVE" and is_first else words


def _on(words: list[Word], at: int) -> list[Word]:
    """`水体上`: a cover holds what is said to be on it."""
    is_on = words[at].text == "上" and _at(words, at - 1).type in {"COVER", "BODY"}
    return _with(words, at, type="INSIDE", value="inside") if is_on else words


def _opening(words: list[Word], at: int) -> Word:
    """A capital at the start of a sentence makes no name of a word."""
    word = words[at]
    is_first = _at(words, at - 1).type == "STOP" and not word.before.strip()
    if word.type == "UNKNOWN" and is_first:
        return replace(word, text=word.text[:1].lower() + word.text[1:])
    return word

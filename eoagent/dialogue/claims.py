"""Check a model's words against what it was shown: numbers measured, passages it may cite."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from typing import Final

__all__ = ["cited", "unbacked_numbers"]

_NUMBER: Final = re.compile(r"(?<![\w.])[-+\u2212]?\d[\d,\u202f\u00a0]*(?:\.\d+)?(?![\w])")
_SCALES: Final = (1.0, 1e-3, 1e-4, 1e-6, 1e2)
"""Units in which a value may be told: its own, km, ha, km2, percent."""
_CITED: Final = re.compile(r"\[([^\[\]\n]{1,120})\]")
_SMALL: Final = 10.0
"""Whole numbers below it are words of counting and order more often than measurements."""
_MOST: Final = 50


def unbacked_numbers(
    text: str, values: Collection[float], *, given: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the numbers of a text that nothing backs, in order, each once.

    A number is backed by a value that is rounded to it, in its own unit or in km, hectares, km2 or
    percent of it, and by a text in which it stands. Whole numbers below 10 pass.

    Args:
        text: what a model said.
        values: what was measured.
        given: texts that the model was shown, the question among them.
    """
    known = {number for one in given for number, _, _ in _numbers(one)}
    found: dict[str, None] = {}
    for number, decimals, written in _numbers(text):
        is_small = decimals == 0 and abs(number) < _SMALL
        if not is_small and number not in known and not _is_backed(number, decimals, values):
            found[written] = None
    return tuple(found)[:_MOST]


def cited(text: str, ids: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of some ids a text cites in square brackets, and what it cites besides.

    Args:
        text: what a model said.
        ids: what it may cite.

    Returns:
        Ids that are cited, and what else stands in brackets and is no list of numbers; each once,
        in order.
    """
    known: dict[str, None] = {}
    others: dict[str, None] = {}
    for inner in _CITED.findall(text):
        parts = [inner] if inner in ids else [part.strip() for part in re.split(r"[,;]", inner)]
        for part in parts:
            if part in ids:
                known[part] = None
            elif part and not _NUMBER.fullmatch(part):
                others[part] = None
    return tuple(known), tuple(others)[:_MOST]


def _numbers(text: str) -> list[tuple[float, int, str]]:
    """Return the numbers of a text as value, decimals and as they are written."""
    found = []
    for match in _NUMBER.finditer(text):
        written = match[0].rstrip(",")
        plain = re.sub(r"[,\u202f\u00a0]", "", written).replace("\u2212", "-")
        value = float(plain)
        if math.isfinite(value):
            found.append((value, len(plain.partition(".")[2]), written))
    return found


def _is_backed(number: float, decimals: int, values: Collection[float]) -> bool:
    half = 0.5 * 10.0**-decimals * (1 + 1e-9)
    return any(
        abs(abs(number) - abs(value) * scale) <= half for value in values for scale in _SCALES
    )

"""Rank texts by the words that they share with a question: Okapi BM25, and how much is covered.

Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond",
doi:10.1561/1500000019, with the inverse document frequency log(1 + (N - n + 0.5) / (n + 0.5)),
which is never negative.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LexicalHit", "LexicalIndex", "words_of"]

_K1: Final = 1.2
_B: Final = 0.75
_WORD: Final = re.compile(r"[^\W_]+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]+")
_COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        "a an and are as at be been being but by can could did do does for from had has have how "
        "i if in into is it its many me more most much near of on or our should show that the "
        "their them there these they this those to was we were what when where which who whose "
        "why will with would you your long high tall deep wide big large small far old tell say "
        "的 了 是 在 有 和 与 吗 什么 哪里 多少",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalHit:
    """A text that shares words with a question."""

    row: int
    """Place of the text."""
    score: float
    """BM25; for ranking, of no meaning by itself."""
    coverage: float
    """Share of what the question's words tell (by their rarity) that the text holds, 0 to 1."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text that carry meaning, in one form each.

    Case, width and a plural `s` do not matter; runs of Chinese characters become pairs.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return tuple(form for word in _WORD.findall(folded) for form in _forms(word))


class LexicalIndex:
    """Texts, searched by their words.

    Args:
        texts: the texts; a place in them is a row.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        self._lengths = np.zeros(self._count)
        self._places: dict[str, int] = {}
        terms, times, widths = array("q"), array("q"), array("q")
        for row, text in enumerate(texts):
            words = Counter(words_of(text))
            self._lengths[row] = words.total()
            terms.extend([self._places.setdefault(word, len(self._places)) for word in words])
            times.extend(words.values())
            widths.append(len(words))
        order = np.argsort(np.asarray(terms), kind="stable")
        self._times = np.asarray(times)[order].astype(np.int32)
        self._rows = np.repeat(np.arange(self._count, dtype=np.int32), np.asarray(widths))[order]
        counts = np.bincount(np.asarray(terms), minlength=len(self._places))
        self._ends = np.concatenate([[0], np.cumsum(counts)])
        mean = self._lengths.mean() if self._count else 0.0
        self._norms = _K1 * (1 - _B + _B * self._lengths / (mean or 1.0))

    def search(self, question: str, k: int) -> tuple[LexicalHit, ...]:
        """Return the texts that share words with a question, best first; ties by row.

        Args:
            question: in words.
            k: most hits.
        """
        asked = dict.fromkeys(words_of(question))
        if not asked:
            return ()
        scores, held = np.zeros(self._count), np.zeros(self._count)
        told = 0.0
        for word in asked:
            rows, times = self._postings(word)
            rarity = math.log(1 + (self._count - len(rows) + 0.5) / (len(rows) + 0.5))
            told += rarity
            scores[rows] += rarity * times * (_K1 + 1) / (times + self._norms[rows])
            held[rows] += rarity
        order = np.lexsort((np.arange(self._count), -scores))[:k]
        return tuple(
            LexicalHit(row=int(row), score=float(scores[row]), coverage=float(held[row] / told))
            for row in order
            if scores[row] > 0
        )

    def _postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the rows that hold a word, and how often each does."""
        place = self._places.get(word)
        if place is None:
            return self._rows[:0], self._times[:0]
        part = slice(self._ends[place], self._ends[place + 1])
        return self._rows[part], self._times[part]


@lru_cache(maxsize=65_536)
def _forms(word: str) -> tuple[str, ...]:
    """Return what a run of letters counts as: pairs of Chinese characters, and words."""
    if word.isascii():
        form = _singular(word)
        return () if form in _COMMON else (form,)
    han = "".join(_HAN.findall(word))
    found = [han[n : n + 2] for n in range(max(1, len(han) - 1))] if han else []
    found += [_singular(part) for part in _HAN.split(word) if part]
    return tuple(part for part in found if part not in _COMMON)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    is_plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if is_plural else word

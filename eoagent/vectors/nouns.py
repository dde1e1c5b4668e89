"""English nouns in singular and plural, and the spelling under which two of them are one."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

__all__ = ["plural", "same_noun", "singular"]

_IRREGULAR: Final = MappingProxyType(
    {
        "people": "person",
        "men": "man",
        "women": "woman",
        "children": "child",
        "leaves": "leaf",
        "wharves": "wharf",
        "buses": "bus",
        "aircraft": "aircraft",
        "sheep": "sheep",
        "series": "series",
    }
)
"""Plurals that follow no rule, or the wrong one."""
_PLURALS: Final = MappingProxyType({one: many for many, one in _IRREGULAR.items()})
_BEFORE: Final = re.compile(r"^(?:(?:all|the|a|an|any|of|every|each)\s+)+", re.IGNORECASE)
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_JOINED: Final = re.compile(r"[-_]+")
_LEAST: Final = 4
"""Shorter words that end in s are no plurals (`gas`)."""


def singular(words: str) -> str:
    """Return a phrase with its last word in the singular (`storage tanks`: `storage tank`).

    Articles before it go. A last word that is no plural stays as it is.
    """
    plain = _BEFORE.sub("", " ".join(words.split()))
    head, space, last = plain.rpartition(" ")
    return f"{head}{space}{_one(last)}"


def plural(words: str) -> str:
    """Return a phrase whose last word is in the singular with it in the plural."""
    head, space, last = words.rpartition(" ")
    return f"{head}{space}{_many(last)}"


def same_noun(words: str) -> str:
    """Return what is equal for two ways of writing one noun (`Storage-Tanks`, `storagetank`)."""
    return _NO_LETTER.sub("", singular(_JOINED.sub(" ", words)).lower())


def _one(word: str) -> str:
    low = word.lower()
    if low in _IRREGULAR:
        return _IRREGULAR[low]
    if len(low) < _LEAST or not low.endswith("s") or low.endswith(("ss", "us", "is")):
        return word
    if low.endswith("ies"):
        return f"{word[:-3]}y" if len(low) > _LEAST else word[:-1]
    if low.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


def _many(word: str) -> str:
    low = word.lower()
    if low in _PLURALS:
        return _PLURALS[low]
    if low.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if low.endswith("y") and low[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"

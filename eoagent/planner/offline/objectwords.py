"""Words for what a model can find in pictures: known things, and phrases that are taken openly."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.planner.offline.lexicon import tokenize

__all__ = [
    "Noun",
    "cover_in_english",
    "known_length_m",
    "noun_in_chinese",
    "noun_in_english",
    "nouns_in_chinese",
    "spellings_of_noun",
]

_ARTICLES: Final = re.compile(
    r"^(?:(?:all\s+of|all|any|some|the|a|an|these|those|visible|individual|single|different)\s+)+(?=\S)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[a-z][a-z'-]*", re.IGNORECASE)
_MOST_WORDS: Final = 4
_COLOURS: Final = frozenset({"red", "green", "blue"})
_FREE: Final = frozenset({"UNKNOWN", "OBJECT", "FEATURE"})
"""Types of word of the lexicon that may stand in a phrase that is taken openly."""
_ENDINGS: Final = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """What a model is asked to find."""

    phrase: str
    """English words for one of them, as the model is asked."""
    said: str
    """The words of the question."""
    key: str = ""
    """Its meaning in the list of known things; empty for a phrase that is taken openly."""
    length_m: float | None = None
    """Typical length, metres, where it has one."""
    cover: str = ""
    """Cover that a spectral index shows in its place (`water` for a river), or empty."""
    is_canonical: bool = True
    """Whether the model is asked for the very word of the question."""


def known_length_m(key: str) -> float | None:
    """Return the typical length in metres of a known thing, or None where it has none."""
    return _known()[key].length_m


def noun_in_english(text: str, *, is_open: bool = False) -> Noun | None:
    """Return what some English words mean as one thing to be found, or None.

    A known thing may have further words before it (`damaged roofs`); they go to the model with it.

    Args:
        text: `the storage tanks`.
        is_open: whether words in the plural of which none is known are taken as they stand.
    """
    said = _ARTICLES.sub("", " ".join(text.split()).strip(" '\""))
    known = _spelled(said.lower())
    if known is not None:
        key, word = known
        return _noun(key, said, is_canonical=word in {_known()[key].phrase, _known()[key].en[0]})
    words = said.split(" ")
    if not 0 < len(words) <= _MOST_WORDS or not all(_WORD.fullmatch(w) for w in words):
        return None
    if any(w.lower() in _barred() for w in words) or any(w[:1].isupper() for w in words[1:]):
        return None
    for at in range(1, len(words)):
        head = _spelled(" ".join(words[at:]).lower())
        if head is not None and _is_free(words[:at], colours=True):
            before = " ".join(words[:at]).lower()
            whole = _noun(head[0], said)
            return Noun(
                phrase=f"{before} {whole.phrase}", said=said, key="", length_m=whole.length_m
            )
    if not is_open or not said.lower().endswith("s") or words[0][:1].isupper():
        return None
    if not _is_free(words) or any(_is_plural(word.lower()) for word in words[:-1]):
        return None
    return Noun(phrase=_singular(said.lower()), said=said)


def cover_in_english(text: str) -> Noun | None:
    """Return a cover that distances may be measured from (`the water`), or None."""
    said = _ARTICLES.sub("", text.strip())
    found = tokenize(said) if said else ()
    if len(found) != 1 or found[0].type not in {"COVER", "BODY"}:
        return None
    return Noun(phrase=found[0].value.replace("_", "-"), said=said, cover=found[0].value)


def spellings_of_noun(noun: Noun) -> tuple[str, ...]:
    """Return the English words for a thing, in the singular."""
    return (noun.phrase, *(_known()[noun.key].en if noun.key else ()))


def noun_in_chinese(text: str) -> Noun | None:
    """Return what some Chinese words mean as one known thing, or None."""
    said = text.strip(" 的")
    key = _chinese().get(said)
    return None if key is None else _noun(key, said)


def nouns_in_chinese() -> str:
    """Return a pattern of all Chinese words for known things, the longest first."""
    return "|".join(re.escape(word) for word in sorted(_chinese(), key=len, reverse=True))


def _noun(key: str, said: str, *, is_canonical: bool = True) -> Noun:
    entry = _known()[key]
    return Noun(
        phrase=entry.phrase,
        said=said,
        key=key,
        length_m=entry.length_m,
        cover=entry.cover,
        is_canonical=is_canonical,
    )


def _is_free(words: list[str], *, colours: bool = False) -> bool:
    """Return whether none of the words says something that the rest of the planner reads."""
    try:
        found = tokenize(" ".join(words))
    except InputError:
        return False
    return all(
        word.type in _FREE or (colours and word.text.lower() in _COLOURS) for word in found
    ) and bool(found)


def _is_plural(word: str) -> bool:
    """Return whether a word is the plural of a known thing: what follows is said of it."""
    return word not in _english() and _spelled(word) is not None


def _spelled(text: str) -> tuple[str, str] | None:
    """Return the meaning of a known spelling, in the singular or plural, and the singular."""
    words = _english()
    for candidate in (
        text,
        *(text[: -len(end)] + to for end, to in _ENDINGS if text.endswith(end)),
    ):
        if candidate in words:
            return words[candidate], candidate
    return None


def _singular(text: str) -> str:
    """Return a phrase with its last word in the singular, as far as its ending tells."""
    if text.endswith(("ss", "us", "is")):
        return text
    if text.endswith("ies"):
        return f"{text[:-3]}y"
    if text.endswith(("ches", "shes", "xes", "sses")):
        return text[:-2]
    return text.removesuffix("s")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    en: tuple[str, ...]
    zh: tuple[str, ...]
    phrase: str
    length_m: float | None
    cover: str


@lru_cache(maxsize=1)
def _known() -> Mapping[str, _Entry]:
    text = (files(__package__) / "objectwords.toml").read_text(encoding="utf-8")
    return {
        key: _Entry(
            en=tuple(raw["en"]),
            zh=tuple(raw["zh"]),
            phrase=raw.get("phrase", raw["en"][0]),
            length_m=raw.get("length_m"),
            cover=raw.get("cover", ""),
        )
        for key, raw in tomllib.loads(text).items()
    }


@lru_cache(maxsize=1)
def _barred() -> frozenset[str]:
    """Return the words that make a phrase say more than what is looked for."""
    text = (files(__package__) / "objectstops.toml").read_text(encoding="utf-8")
    return frozenset(word for words in tomllib.loads(text).values() for word in words)


@lru_cache(maxsize=1)
def _english() -> Mapping[str, str]:
    return {word: key for key, entry in _known().items() for word in entry.en}


@lru_cache(maxsize=1)
def _chinese() -> Mapping[str, str]:
    return {word: key for key, entry in _known().items() for word in entry.zh}

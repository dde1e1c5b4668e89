"""Read English questions that a picture answers by reasoning: whole sentences, or nothing."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.planner.offline.lexicon import tokenize
from eoagent.planner.offline.objectwords import Noun, cover_in_english, noun_in_english
from eoagent.planner.offline.reasonask import ReasonAsk
from eoagent.planner.offline.reasonpatterns import (
    MARKED,
    OF_CHANGE,
    SHAPES,
    SPECTRAL,
    SPECTRAL_SHAPES,
    SUPPOSED,
)

__all__ = ["WOODS", "reason_in_english", "stop_words"]

WOODS: Final = MappingProxyType(dict.fromkeys(("forest", "woodland", "wood", "woods"), "forest"))
"""Words for a cover that no index tells from other vegetation."""
_MAX_CHARS: Final = 300
"""Longest question of this kind; longer ones say more than one thing."""
_END: Final = " \t\n.?!"
_POLITE: Final = re.compile(
    r"^(?:(?:please|hello|hi|for\s+the\s+report)\s*[,:]?\s+|(?:can|could|would)\s+you\s+(?:please\s+)?|"
    r"(?:i\s+(?:would\s+like|want)|i'd\s+like)\s+to\s+know\s+|(?:tell\s+me|do\s+you\s+know)\s+)+",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(r"(?:[\s,.?!]+(?:please|thanks|thank\s+you))+$", re.IGNORECASE)
_TAIL: Final = re.compile(
    r",?\s+(?:(?:that\s+is\s+|that\s+are\s+)?(?:shown|seen|visible)\s+)?"
    r"(?:in|on|of|across|over|within|from)\s+(?:the|this|that|these|both)(?:\s+(?:two|satellite|"
    r"aerial|drone))*\s+(?:images?|scenes?|pictures?|photos?|photographs?)(?=$|[\s,])",
    re.IGNORECASE,
)
_TWO: Final = re.compile(
    r"\b(?:between|from|to|and|since|by|in|after|how\s+(?:do|are))\s+(?:the|these|both)\s+(?:two\s+|"
    r"first\s+|second\s+|earlier\s+|later\s+)*(?:images?|scenes?|pictures?|photos?|photographs?|"
    r"dates?|times?|years?|one)?",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[a-z']+", re.IGNORECASE)
_MEASURED: Final = frozenset(
    {"INDEX", "HEIGHT", "RELIEF", "GREENNESS", "AMOUNT", "STAT", "EXTENT", "LENGTH", "PERCENT"}
    | {"SHARE", "COUNT", "PIXEL", "BIT", "QA", "SENSOR", "CATALOG", "DNBR", "HIGH", "PARAM"}
    | {"UNIT_AREA", "UNIT_LEVEL", "UNIT_LENGTH", "EQUALS", "QUOTED", "CONNECTIVITY"}
)
"""Types of word of the lexicon that ask for what other parts of the planner measure."""
_COVERS: Final = frozenset({"COVER", "BODY", "CHANGE"})
"""Types of word with which a place is measured unless an opinion on it is asked for."""


def reason_in_english(question: str) -> ReasonAsk | None:
    """Return what an English question asks of a picture by reasoning, or None if it does not."""
    text = " ".join(question.replace("’", "'").split()).strip(_END)
    text = _POLITE.sub("", _THANKS.sub("", text)).strip(_END)
    text = re.sub(r"^what's\b", "what is", text, flags=re.IGNORECASE)
    if len(text) > _MAX_CHARS or re.search(r"[.?!;:\"\d]", text):
        return None
    spectral = SPECTRAL.match(text)
    if spectral is not None:
        return _spectral(_TAIL.sub("", spectral["rest"] or spectral["rest2"]))
    return _read(_TAIL.sub("", text))


def _spectral(text: str) -> ReasonAsk | None:
    found = _read(text)
    if found is None:
        is_open = SPECTRAL_SHAPES.fullmatch(text) and not _is_barred(text)
        is_measured = bool(_types(text) & {"COVER", "BODY", "AREA"})
        return ReasonAsk(kind="words", is_spectral=True) if is_open and not is_measured else None
    return None if found.kind == "change" else ReasonAsk(kind="words", is_spectral=True)


def _read(text: str) -> ReasonAsk | None:
    asked = SUPPOSED.sub("", text)
    for name, shape in SHAPES:
        match = shape.fullmatch(asked)
        if match is None:
            continue
        if name in {"change", "cover", "happened"}:
            return _change(name, match)
        if _is_barred(text):
            return None
        if name == "place":
            is_measured = bool(_types(text) & _COVERS) and not MARKED.search(text)
            return None if is_measured else ReasonAsk(kind="place")
        types = _types(text)
        if "AREA" in types and types & {"COVER", "BODY"}:
            return None  # the area of a cover, however it is put
        if OF_CHANGE.search(text) is None:
            return ReasonAsk(kind="words")
        return ReasonAsk(kind="words", noun=_cover_among(text), may_be_change=True)
    return None


def _cover_among(text: str) -> Noun | None:
    """Return the first cover that a sentence names, by a word of its own."""
    found = (_noun(word) for word in _WORD.findall(text))
    return next((noun for noun in found if noun is not None and noun.cover), None)


def _change(name: str, match: re.Match[str]) -> ReasonAsk | None:
    if name == "change":
        return ReasonAsk(kind="change")
    if name == "happened":
        return ReasonAsk(kind="words", may_be_change=True)
    said = match.groupdict()
    noun = _noun(said.get("x") or said.get("xx") or said.get("xxx") or "")
    return None if noun is None else ReasonAsk(kind="change", noun=noun)


def _noun(said: str) -> Noun | None:
    woods = WOODS.get(said.lower())
    if woods is not None:
        return Noun(phrase=woods, said=said, cover="vegetation", is_canonical=said == woods)
    return cover_in_english(said) or noun_in_english(said)


def _is_barred(text: str) -> bool:
    """Return whether a sentence says something that no picture shows, or that is measured."""
    bare = _TWO.sub(" ", text)
    words = _WORD.findall(bare)
    if any(word.lower() in stop_words() for word in words):
        return True
    if any(word[:1].isupper() for word in words[1:]):
        return True  # a name, of which a picture says nothing
    return bool(_types(text) & _MEASURED)


def _types(text: str) -> frozenset[str]:
    try:
        return frozenset(word.type for word in tokenize(text))
    except InputError:
        return frozenset()


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Return the words with which a question is not for a model that looks at pictures."""
    text = (files(__package__) / "reasonstops.toml").read_text(encoding="utf-8")
    return frozenset(word for words in tomllib.loads(text).values() for word in words)

"""Read a short question such as `and in 2020?` as the one before it, with one thing changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from eoagent.contracts.planner import View
from eoagent.planner.offline.datewords import join_dates
from eoagent.planner.offline.lexicon import Word, tokenize

__all__ = ["understood"]

_MARK: Final = re.compile(
    r"^\s*(?:and|or|what about|how about|now|then)\b[\s,]*|^\s*(?:那么|那|再|还有)|"
    r"呢?[\s?？。.!]*$",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(r"^\s*(?:(?:in|for|of|on|at|with|the|by|as)\s+)+", re.IGNORECASE)
_SLOTS: Final = MappingProxyType(
    {"DATE": {"DATE"}, "COVER": {"COVER", "BODY"}, "BODY": {"BODY", "COVER"}, "INDEX": {"INDEX"}}
)
"""Types of words that may change, and the types that they may take the place of."""
_SPACES: Final = re.compile(r"\s+")


def understood(view: View) -> View:
    """Return a view whose question stands by itself.

    A question that names nothing but a date, a cover or an index, after `and`, `what about` or the
    like, takes the place of the one thing of that kind in the question before it. Whatever else is
    left as it is.
    """
    if not view.history or view.history[-1].status == "clarify":
        return view
    bare = _MARK.sub("", _MARK.sub("", view.question))
    if bare.strip(" ?？") == view.question.strip(" ?？"):
        return view
    changed = _LEAD.sub("", bare)
    slots = _words(changed) if changed.strip() else ()
    before = view.history[-1].question
    if not slots or any(word.type not in _SLOTS for word in slots):
        return view
    for slot in slots:
        same = {word.text: word for word in _words(before) if word.type in _SLOTS[slot.type]}
        if len(same) != 1:
            return view
        before = _replaced(before, next(iter(same)), slot.text)
    return view.model_copy(update={"question": before})


def _words(text: str) -> Sequence[Word]:
    return join_dates([word for word in tokenize(text) if word.type not in {"NOISE", "END"}])


def _replaced(text: str, old: str, new: str) -> str:
    """Return a text with some words of it replaced, however they are spaced."""
    spaced = r"\s*".join(re.escape(part) for part in _SPACES.split(old))
    return re.sub(spaced, lambda _match: new, text, flags=re.IGNORECASE)

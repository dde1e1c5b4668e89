"""Check texts that are to be encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eoagent.contracts.errors import InputError

__all__ = ["as_texts"]


def as_texts(texts: Sequence[Any]) -> list[str]:
    """Return texts as a list of their own.

    Raises:
        InputError: if it is one text in place of a list, or a text is empty or none.
    """
    if isinstance(texts, str):
        raise InputError("texts were expected as a list and came as one", hint="pass [text]")
    checked = list(texts)
    for place, text in enumerate(checked):
        if not isinstance(text, str):
            raise InputError(f"text {place} is a {type(text).__name__}, not a text")
        if not text.strip():
            raise InputError(f"text {place} of {len(checked)} is empty", hint="leave it out")
    return checked

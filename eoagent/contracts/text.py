"""Make text from strangers fit to show: what cannot be seen does not get through, nor at length.

Titles, file names and messages hold what somebody else wrote. Letters of every script stay as they
are; control characters, marks of writing direction and invisible characters, in which a text could
hide from a reader, become spaces.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

__all__ = ["plain_text", "plain_values"]

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"
"""Words of Persian and of Indian scripts are written with these."""
_SELECTORS: Final = range(0xE0100, 0xE01F0)
"""Supplementary variation selectors: invisible, and of use for rare ideographs only."""


def plain_text(text: str, limit: int | None = None, *, keep: str = "") -> str:
    """Return a text with what cannot be seen replaced by spaces, cut to a length.

    Args:
        text: what somebody wrote.
        limit: most characters; a text that is cut ends in an ellipsis.
        keep: characters to leave as they are, such as a line feed.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if _is_hidden(c) and c not in keep else c for c in text)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def plain_values(value: Any) -> Any:
    """Return a JSON value with all texts in it, keys too, made plain."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_text(str(key)): plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value


def _is_hidden(c: str) -> bool:
    if c.isascii():
        return not c.isprintable()
    is_hidden = unicodedata.category(c) in _HIDDEN or ord(c) in _SELECTORS
    return is_hidden and c not in _JOINERS

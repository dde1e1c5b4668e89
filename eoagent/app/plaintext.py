"""Make text from strangers safe to look at: nothing in it moves the cursor or turns the line."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["printable"]

_KEPT: Final = "\n\t"
_HIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return a text with control characters and marks of writing direction spelled out.

    Such characters in a file name or in metadata could clear a terminal, or make a number read
    backwards; letters of every script stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(c) for c in text)


def _spelled(c: str) -> str:
    if c in _KEPT or not (c in _BIDI or unicodedata.category(c) in _HIDDEN):
        return c
    return f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}"

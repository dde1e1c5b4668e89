"""Compare names of places: case, diacritics, spaces and full stops do not count, letters do."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["AskedPlace", "bare_name", "close_names", "fold_name", "is_code", "plain"]

_MARKS: Final = re.compile("[\u0300-\u036f]")
_DROPPED: Final = re.compile("[.’'ʻ`´]")
_BETWEEN: Final = re.compile(
    "[^\\w\u0300-\U0010ffff]|[_\u2000-\u206f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u30fb]"
)
"""Punctuation and blanks: all below U+0300 that is no letter or digit, and the blocks of it above;
marks of other scripts are part of their letters and stay."""
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_WATERS: Final = {"lake", "river", "lago", "rio", "fiume", "lac", "fleuve", "see"}
_GENERIC: Final = frozenset({*_WATERS, "mount", "airport", "city", "town", "of", "the"})
_SUFFIXES: Final = re.compile("(湖|河|江|市|省|县|機場|机场|国际机场)$")
_COMMAS: Final = re.compile("[,，、;；]")
_CLOSE: Final = 0.75
_LONGEST_CODE: Final = 4


@dataclass(frozen=True, slots=True)
class AskedPlace:
    """One reading of what was asked for."""

    name: str
    """The name as written."""
    context: tuple[str, ...] = ()
    """Country, state or the like that it lies in, as written."""

    @staticmethod
    def readings(text: str, context: str = "") -> Iterator[AskedPlace]:
        """Yield the readings of a text: whole, then cut at its commas ("Paris, Texas")."""
        said = _terms(context)
        yield AskedPlace(text.strip(), said)
        first, *rest = _terms(text) or ("",)
        if rest:
            yield AskedPlace(first, (*rest, *said))


def fold_name(text: str) -> str:
    """Return what two spellings of one name share; empty if the text holds no letter or digit."""
    if text.isascii():
        folded = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
        folded = unicodedata.normalize("NFKC", _MARKS.sub("", apart))
    return " ".join(_BETWEEN.sub(" ", _DROPPED.sub("", folded)).split())


def bare_name(folded: str) -> str:
    """Return a folded name without words such as lake, river or city; as it is if no other."""
    words = [word for word in folded.split() if word not in _GENERIC]
    short = _SUFFIXES.sub("", " ".join(words))
    return short if len(short) > 1 else folded


def is_code(text: str) -> bool:
    """Return whether a name is written as a code is: two to four capital letters or digits."""
    return text.isascii() and text.isalnum() and text.isupper() and 2 <= len(text) <= _LONGEST_CODE


def close_names(folded: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to five names whose folded form comes near, the nearest first.

    Only names that differ in length by at most two letters are looked at.
    """
    known: dict[str, str] = {}
    for name in names:
        other = fold_name(name)
        if other and abs(len(other) - len(folded)) <= 2:
            known.setdefault(other, name)
    found = difflib.get_close_matches(folded, list(known), n=5, cutoff=_CLOSE)
    return tuple(plain(known[name]) for name in found)


def plain(text: object, longest: int = 60) -> str:
    """Return a stranger's text for messages: one line, no control characters, cut."""
    kept = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _terms(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _COMMAS.split(text) if fold_name(part))

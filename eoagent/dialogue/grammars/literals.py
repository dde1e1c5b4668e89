"""Find nested lists, objects, numbers and words in a text: bounded, strict, and never evaluated.

Models write Python and JSON alike, within prose and fences, and are broken off anywhere. What is
read is the part that both have in common: `[...]` and `(...)`, `{"key": ...}`, numbers, quoted
words, true, false, null and None. Anything else inside of brackets ends the reading of that value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["Literals", "Value", "numbers", "read_literals"]

Value: TypeAlias = "float | str | bool | list[Value] | dict[str, Value] | None"
"""What is read."""

_LONGEST: Final = 100_000
"""Characters of a text that are looked at."""
_MOST_TRIES: Final = 2000
"""Brackets that turn out to begin nothing, after which no more are looked at."""
_DEEPEST: Final = 12
"""Brackets within brackets."""
_TOKEN: Final = re.compile(
    r"""\s*+(?:
    (?P<open>[\[({]) | (?P<close>[\])}]) | (?P<comma>,) | (?P<colon>:)
    | (?P<number>[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,2})?(?![\w.]))
    | "(?P<double>(?:[^"\\]|\\.){0,2000})" | '(?P<single>(?:[^'\\]|\\.){0,2000})'
    | (?P<word>true|false|null|True|False|None)(?!\w)
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPENING: Final = re.compile(r"[\[({]")
_BROKEN_TOKEN: Final = re.compile(
    r"""\s*+(?:[\d.eE+-]{0,40}|"(?:[^"\\]|\\.)*\\?|'(?:[^'\\]|\\.)*\\?|[A-Za-z]{1,5})\s*""",
    re.DOTALL,
)
"""What may stand at the end of a text that was broken off within a token."""
_PAIRS: Final = {"]": "[", ")": "(", "}": "{"}
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Literals:
    """What was found in a text."""

    values: tuple[Value, ...]
    """Values in brackets, in order; of one that is broken off, the parts that are whole."""
    is_open: bool
    """Whether the text ends within one."""


def read_literals(text: str) -> Literals:
    """Return the values in brackets that a text holds, whatever stands around them.

    Args:
        text: what a model wrote; of a very long text, the beginning.
    """
    values: list[Value] = []
    text, place, tries = text[:_LONGEST], 0, 0
    while tries < _MOST_TRIES and (opening := _OPENING.search(text, place)) is not None:
        reading = _Reading(text, opening.start())
        if reading.run():
            values.append(reading.value)
            place = reading.place
        elif reading.is_at_end:
            return Literals(values=(*values, *reading.whole_parts()), is_open=True)
        else:
            place, tries = opening.end(), tries + 1
    return Literals(values=tuple(values), is_open=False)


def numbers(value: Value, count: int) -> tuple[float, ...] | None:
    """Return a value as so many numbers, or nothing where it is no such list."""
    if not isinstance(value, list) or len(value) != count:
        return None
    found = [n for n in value if isinstance(n, float)]
    return tuple(found) if len(found) == count else None


class _Reading:
    """Reads one value in brackets, with a stack in place of recursion."""

    def __init__(self, text: str, place: int) -> None:
        self.place = place
        self.value: Value = None
        self.is_at_end = False
        self._text = text
        self._open: list[tuple[str, list[Value] | dict[str, Value]]] = []
        self._key: list[str | None] = []  # of each open bracket, the key that waits for its value
        self._due: Literal["value", "colon", "comma"] = "value"

    def run(self) -> bool:
        """Return whether there is a whole value; sets where it ends, or that the text ended."""
        while True:
            token = _TOKEN.match(self._text, self.place)
            if token is None:
                rest = _BROKEN_TOKEN.fullmatch(self._text, self.place)
                self.is_at_end = rest is not None
                return False
            self.place = token.end()
            if not self._take(token):
                return False
            if not self._open:
                return True

    def whole_parts(self) -> list[Value]:
        """Return what is whole within the brackets that are open.

        An open object is given with what it has; of lists within it, whole objects only.
        """
        found: list[Value] = []
        is_in_object = False
        for _, inside in self._open:
            if isinstance(inside, dict):
                is_in_object = True
                found += [dict(inside)] if inside else []
            else:
                kinds = dict if is_in_object else (dict, list)
                found += [part for part in inside if isinstance(part, kinds)]
        return found

    def _take(self, token: re.Match[str]) -> bool:
        kind = token.lastgroup
        if kind == "open":
            return self._begin(token.group("open"))
        if kind == "close":
            return self._end(token.group("close"))
        if kind in {"comma", "colon"}:
            was_due, self._due = self._due == kind, "value"
            return was_due
        if kind == "number":
            return self._add(float(token.group("number")))
        if kind == "word":
            return self._add(_WORDS[token.group("word")])
        words = _ESCAPE.sub(_unescaped, token.group(kind or 0))
        if self._lacks_key() and self._due == "value":
            self._key[-1], self._due = words, "colon"
            return True
        return self._add(words)

    def _begin(self, bracket: str) -> bool:
        if len(self._open) >= _DEEPEST or self._due != "value" or self._lacks_key():
            return False
        self._open.append((bracket, {} if bracket == "{" else []))
        self._key.append(None)
        return True

    def _end(self, bracket: str) -> bool:
        if not self._open or self._open[-1][0] != _PAIRS[bracket] or self._key[-1] is not None:
            return False
        _, inside = self._open.pop()
        self._key.pop()
        self._due = "value"
        if self._open:
            return self._add(inside)
        self.value = inside
        return True

    def _add(self, value: Value) -> bool:
        if self._due != "value" or self._lacks_key():
            return False
        inside, key = self._open[-1][1], self._key[-1]
        if isinstance(inside, dict):
            inside[key or ""] = value
            self._key[-1] = None
        else:
            inside.append(value)
        self._due = "comma"
        return True

    def _lacks_key(self) -> bool:
        return bool(self._open) and self._open[-1][0] == "{" and self._key[-1] is None


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)

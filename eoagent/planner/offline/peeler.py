"""Take runs of words off a question by patterns over their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eoagent.planner.offline.lexicon import Word

__all__ = ["Match", "Peeler"]

Match = re.Match[str]


@dataclass(slots=True)
class Peeler:
    """The words that are left, and what was taken off them."""

    words: list[Word]
    fields: dict[str, Any] = field(default_factory=dict)

    def take(self, pattern: str, note: Callable[[Match, list[Word]], Any]) -> bool:
        """Take each run of words that matches; a note that returns False leaves it.

        Args:
            pattern: a regular expression over the words written as `TYPE:value;`; unknown words
                are in lower case.
            note: called with the match and its words.
        """
        found = False
        start = 0
        while True:
            text, places = _line(self.words)
            match = re.compile(rf"(?:^|(?<=;))(?:{pattern})").search(text, start)
            if match is None:
                return found
            first, last = places[match.start()], places[match.end()]
            if note(match, self.words[first:last]) is False:
                start = match.end()
                continue
            del self.words[first:last]
            found = True

    def spoil(self, pattern: str) -> None:
        """Make the words that a pattern matches unknown: they say what nothing here can do."""
        while True:
            text, places = _line(self.words)
            match = re.compile(rf"(?:^|(?<=;))(?:{pattern})").search(text)
            if match is None:
                return
            for at in range(places[match.start()], places[match.end()]):
                said = self.words[at].text.lower()
                self.words[at] = replace(self.words[at], type="UNKNOWN", value=said, text=said)

    def add(self, name: str, value: Any) -> None:
        """Add a value to a list."""
        self.fields.setdefault(name, []).append(value)

    def set(self, name: str, value: Any = True) -> None:
        """Set a field."""
        self.fields[name] = value

    def has(self, pattern: str) -> bool:
        """Return whether the words that are left match somewhere."""
        return re.search(pattern, _line(self.words)[0]) is not None


def _line(words: Sequence[Word]) -> tuple[str, dict[int, int]]:
    """Return the words as one line of `TYPE:value;`, and where each starts in it."""
    line, places = "", {}
    for number, word in enumerate(words):
        places[len(line)] = number
        value = word.value.lower() if word.type == "UNKNOWN" else word.value
        line += f"{word.type}:{value.replace(';', ' ')};"
    places[len(line)] = len(words)
    return line, places

"""Pass a model's text on as it comes, with figure references already filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.planner.model.replytext import (
    DECORATION,
    LONGEST,
    MARK,
    NO_TAIL,
    THOUGHT_BEGINS,
    clean,
    split_results,
    thought_end,
)
from eoagent.planner.rendering import render

__all__ = ["Relay"]

_HALF_REFERENCE: Final = re.compile(r"\{[^{}\s]{0,40}\Z")
_HALF_TAG: Final = re.compile(r"(?:<[/a-z]{0,12}|\[/?[a-z]{0,6})\Z", re.IGNORECASE)
_HALF_MARK: Final = re.compile(
    r"(?:(?<![A-Za-z0-9])R(?:E(?:S(?:U(?:L(?:TS?)?)?)?)?)?|"
    r"(?:^|(?<=\n))[ \t*_`#>-]{0,20}(?:r(?:e(?:s(?:u(?:l(?:ts?)?)?)?)?)?|结果?))[ \t*_`]*\Z",
    re.IGNORECASE,
)


class Relay:
    """Holds back what is not whole yet: half a reference, the line that lists the results.

    What a model thinks aloud is not passed on. All that was passed on is, in the end, the answer
    as it will be read, if the reply is one.
    """

    def __init__(self, say: Callable[[str], None], figures: Mapping[str, Figure]) -> None:
        self._say = say
        self._figures = figures
        self._raw = ""
        self._text = ""  # without thoughts, from the first letter on
        self._passed = 0  # letters of it that were passed on
        self._thought_end: re.Pattern[str] | None = None

    def take(self, piece: str) -> None:
        """Take a piece of text."""
        self._raw += clean(piece)
        self._read(is_last=False)
        self._pass(self._firm_end())

    def end(self) -> None:
        """Pass on what was held back, without the line that lists the results."""
        self._read(is_last=True)
        if len(self._text) <= LONGEST:
            final, _ = split_results(self._text)
            if final.startswith(self._text[: self._passed]):
                self._text = final
        self._pass(len(self._text))

    def _read(self, *, is_last: bool) -> None:
        """Move what is no thought from the raw text to the text."""
        while self._raw:
            if self._thought_end is not None:
                end = self._thought_end.search(self._raw)
                if end is None:
                    self._raw = self._raw[-12:]  # may hold the first half of its end
                    break
                self._raw, self._thought_end = self._raw[end.end() :], None
                continue
            begins = THOUGHT_BEGINS.search(self._raw)
            half = None if is_last else _HALF_TAG.search(self._raw)
            stop = begins.start() if begins else half.start() if half else len(self._raw)
            text = self._raw[:stop]
            self._text += text if self._text else text.lstrip()
            if begins is None:
                self._raw = self._raw[stop:]
                break
            self._raw, self._thought_end = self._raw[begins.end() :], thought_end(begins)

    def _firm_end(self) -> int:
        """Return where the text ends that no later piece can change."""
        if len(self._text) > LONGEST:
            return len(self._text)
        begin = max(self._passed - 1, 0)
        fresh = self._text[begin:]
        ends = [len(fresh)]
        ends += [half.start() for half in _HALF_REFERENCE.finditer(fresh)]
        marks = (*MARK.finditer(fresh), *_HALF_MARK.finditer(fresh))
        ends += [mark.start() for mark in marks if not NO_TAIL.match(fresh, mark.end())]
        return begin + len(fresh[: min(ends)].rstrip(DECORATION))

    def _pass(self, end: int) -> None:
        if end <= self._passed:
            return
        text, self._passed = self._text[self._passed : end], end
        try:
            self._say(render(text, self._figures))
        except InputError:  # a reference to nothing; the check will complain about it
            self._say(text)

"""Tell the words of a reply as they come, in one form and none of them twice."""

from __future__ import annotations

from eoagent.contracts.dialogue import OnText

__all__ = ["Telling", "whole_letters"]

_THINK, _END = "<think>", "</think>"


def whole_letters(text: str) -> str:
    """Return a text in which halves of letters that JSON wrote apart are joined, or replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Telling:
    """Tells a listener what is written, over all tries that a reply takes.

    Reasoning that comes apart from the words is told between `<think>` tags, as by a model that
    writes them itself. After a try that broke off, only what the next one writes beyond it is told;
    where that one goes another way it begins on a new line.
    """

    def __init__(self, on_text: OnText | None) -> None:
        """Make one for a reply; None listens to nothing."""
        self._on_text = on_text
        self._told = ""
        self._now = ""
        self._thinks = False

    def begin(self) -> None:
        """Note that a try begins."""
        self._now = ""
        self._thinks = False

    def tell(self, think: str, text: str) -> None:
        """Tell a piece of reasoning and a piece of the words after it; either may be empty.

        Whatever the listener raises goes through, which ends the reply.
        """
        if self._on_text is None:
            return
        piece = ""
        if think:
            piece = think if self._thinks else _THINK + think
            self._thinks = True
        if text:
            piece += _END + text if self._thinks else text
            self._thinks = False
        self._now += piece
        if self._told.startswith(self._now):
            return
        goes_on = self._now.startswith(self._told)
        new = self._now[len(self._told) :] if goes_on else "\n" + self._now
        self._told = self._now
        self._on_text(whole_letters(new))

"""The text of a reply: thoughts taken out, the line of results read, calls in it found."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from eoagent.planner.rendering import REFERENCE_IN_TEXT

__all__ = [
    "DECORATION",
    "LONGEST",
    "MARK",
    "NO_TAIL",
    "THOUGHT_BEGINS",
    "clean",
    "holds_call",
    "split_results",
    "thought_end",
    "without_thoughts",
]

LONGEST: Final = 12_000
"""Characters that an answer may have."""
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters (a terminal obeys them), changes of direction, halves of letters."""

THOUGHT_BEGINS: Final = re.compile(
    r"<(think(?:ing)?|thought|reasoning)>|(?P<square>\[THINK\])", re.IGNORECASE
)
"""Where local models begin to think aloud."""
_LATE_END: Final = re.compile(
    r"\A.*(?:</(?:think(?:ing)?|thought|reasoning)>|\[/THINK\])", re.DOTALL | re.IGNORECASE
)
DECORATION: Final = " \t\n*_`#>-"
"""What may stand before the word RESULTS."""
MARK: Final = re.compile(
    r"(?<![A-Za-z0-9])(?P<loud>RESULTS?)[ \t*_`]*[:：]|"
    r"(?:^|(?<=\n))[ \t*_`#>-]{0,20}(?:(?i:results?)|结果)[ \t*_`]*[:：]"
)
"""The word that begins the line of results: in capitals anywhere, in small letters on its own."""
_LOUD_TAIL: Final = re.compile(
    r"[\s*_`\[({>-]*(?:f[1-9]\d*\b[^\n]*(?:\n[\s*_`\[({>-]*f[1-9]\d*\b[^\n]*)*|"
    r"none\b[^\n]{0,20}|[—–]?[\s*_`]*)"
)
_SOFT_TAIL: Final = re.compile(r"[ \t*_`\[(]*f[1-9]\d*(?:[ \t*_`,;、，&.\])]|and|f[1-9]\d*)*")
NO_TAIL: Final = re.compile(
    r"[\s*_`\[({>-]*(?!f(?:[1-9]|\Z)|n(?:o(?:n(?:e|\Z)|\Z)|\Z))[^\s*_`\[({>—–-]"
)
"""What shows, as soon as it is there, that no list of figures follows the word."""
_ID: Final = re.compile(r"\bf[1-9]\d*\b")

_TEXT_CALL: Final = re.compile(
    r"<(?:[a-z]+:)?(?:tool_call|function|invoke)\b|\[TOOL_CALLS\]|"
    r"<[|｜]?(?:tool|python_tag)|\bto=functions\.|"
    r"\"(?:arguments|parameters|tool_name)\"\s?:\s?[{\"]"
)


def clean(text: str) -> str:
    """Return a text without what no reader sees and a terminal or a database may stumble over."""
    return _UNPRINTABLE.sub("", text)


def without_thoughts(text: str) -> str:
    """Return a text without what a model thought aloud before, or instead of, its answer."""
    kept, place = [], 0
    while begins := THOUGHT_BEGINS.search(text, place):
        kept.append(text[place : begins.start()])
        ends = thought_end(begins).search(text, begins.end())
        place = ends.end() if ends is not None else len(text)
    kept.append(text[place:])
    return _LATE_END.sub("", "".join(kept))


def thought_end(begins: re.Match[str]) -> re.Pattern[str]:
    """Return what ends a thought that began so."""
    end = r"\[/THINK\]" if begins.group("square") else f"</{begins.group(1)}>"
    return re.compile(end, re.IGNORECASE)


def split_results(text: str) -> tuple[str, tuple[str, ...]]:
    """Return an answer without its last line, where that lists the figures that answer, and them.

    Without that line they are the figures cited, in order.
    """
    text = text.strip()
    for mark in MARK.finditer(text):
        tail = (_LOUD_TAIL if mark.group("loud") else _SOFT_TAIL).fullmatch(text, mark.end())
        if tail is not None:
            ids = dict.fromkeys(_ID.findall(tail.group(0)))
            return text[: mark.start()].rstrip(DECORATION), tuple(ids)
    return text, tuple(dict.fromkeys(i for i, _ in REFERENCE_IN_TEXT.findall(text)))


def holds_call(text: str, tools: Collection[str]) -> bool:
    """Return whether a text has a tool call in it, in one of the ways of local models.

    Args:
        text: the text.
        tools: names that a call may have.
    """
    if _TEXT_CALL.search(text):
        return True
    names = "|".join(re.escape(name) for name in tools)
    called = rf"(?:{names})\s?(?:\(\s?(?:\)|\w{{1,40}}\s?=|[\"'{{\[$])|\{{\s?[\"}}])"
    named = (
        rf"\"(?:name|tool|function|action|recipient_name)\"\s?:\s?\"(?:functions\.)?(?:{names})\""
    )
    stated = rf"^[ \t*]{{0,8}}Action[ \t*]{{0,4}}:[ \t*`]{{0,4}}(?:{names})\b"
    return bool(re.search(rf"(?<![A-Za-z0-9]){called}|{named}|{stated}", text, re.MULTILINE))

"""Read a Google-style docstring: its first sentence, its parameters, and what is returned."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["Docstring", "read_docstring"]

_HEADING: Final = re.compile(r"([A-Z][A-Za-z ]{1,30}):\s*\Z")
_ENTRY: Final = re.compile(r"(\w+)\s*(?:\([^)]*\))?\s*:(?:\s+(.*))?\Z", re.DOTALL)
_PARAMETERS: Final = frozenset({"Args", "Arguments", "Parameters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """The parts of a docstring, each in one line."""

    summary: str
    """The first paragraph."""
    parameters: Mapping[str, str]
    """Explanation by name of parameter."""
    returns: str
    """What is returned, or empty."""


def read_docstring(text: str) -> Docstring:
    """Read a docstring; sections that are not known are passed over."""
    lines = inspect.cleandoc(text).splitlines()
    sections = dict(_sections(lines))
    parameters: dict[str, str] = {}
    for heading in _PARAMETERS & sections.keys():
        for entry in _entries(sections[heading]):
            match = _ENTRY.match(entry)
            if match:
                parameters[match.group(1)] = _one_line(match.group(2) or "")
    return Docstring(
        summary=_one_line(_first_paragraph(sections[""])),
        parameters=MappingProxyType(parameters),
        returns=_one_line("\n".join(sections.get("Returns", []))),
    )


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield headings with the lines below them; what stands above the first has none."""
    heading, held = "", list[str]()
    for line in lines:
        match = _HEADING.match(line)  # a heading stands at the margin, what belongs to it does not
        if match:
            yield heading, held
            heading, held = match.group(1), []
        else:
            held.append(line)
    yield heading, held


def _entries(lines: list[str]) -> Iterator[str]:
    """Yield the entries of a section; lines further in than its first go on with an entry."""
    filled = [line for line in lines if line.strip()]
    margin = min((_indent(line) for line in filled), default=0)
    entry: list[str] = []
    for line in filled:
        if _indent(line) == margin and entry:
            yield "\n".join(entry)
            entry = []
        entry.append(line.strip())
    if entry:
        yield "\n".join(entry)


def _first_paragraph(lines: list[str]) -> str:
    return "\n".join(lines).strip().partition("\n\n")[0]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _one_line(text: str) -> str:
    return " ".join(text.split())

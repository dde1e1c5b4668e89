"""Decide at tool entry whether a call is authorised: what its arguments name must be the user's.

A planner may be a language model, and what it reads (titles, file names, attributes, text in
images) may hold instructions that it obeys. So before a tool starts, code checks that every place
in the arguments was typed by the user or reached in this run, and that every handle was made in
this conversation. What a tool opens on the way is checked again by the guard and the store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from eoagent.app.handles import HandleBook
from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Origins
from eoagent.io.stac_item import split_member
from eoagent.planner.references import ITEM

__all__ = ["addresses_in", "authorise", "handles_in", "hrefs_of", "written_by"]

PLACES: Final = ("href", "hrefs", "catalog", "places")
"""Arguments of tools that name places, as paths or addresses."""
_FILES: Final = ("path", "file")
"""Arguments of outward tools that name what is written."""
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE)
_IN_TEXT: Final = re.compile(r"https?://[^\s\"'<>`]+", re.IGNORECASE)
_AFTER_IT: Final = ".,;:!?)]}…"


def authorise(arguments: Mapping[str, JsonValue], *, handles: HandleBook, origins: Origins) -> None:
    """Let a call through whose arguments name only places and artifacts that it may name.

    A text that as a whole is an address counts as a place wherever it stands, so that no tool is
    forgotten. `$item` stands for what is filled in, and checked, item by item.

    Raises:
        NotFound: if an artifact was not made in this conversation.
        SourceError: if a place was neither typed nor listed nor reached.
    """
    for text in _texts(dict(arguments)):
        if handle_kind(text) is not None:
            handles.require(text)
        elif _ADDRESS.fullmatch(text):
            _require(text, origins)
    for href in hrefs_of(arguments):
        if href != ITEM and not href.startswith(f"{ITEM}."):
            _require(href, origins)


def hrefs_of(arguments: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the places that the arguments of a call name in the fields for places."""
    for key in PLACES:
        value = arguments.get(key)
        for href in value if isinstance(value, list) else [value]:
            if isinstance(href, str):
                yield href


def written_by(arguments: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the files that the arguments of an outward call name."""
    for key in _FILES:
        value = arguments.get(key)
        if isinstance(value, str):
            yield value


def handles_in(arguments: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the handles that stand in the arguments of a call."""
    yield from (text for text in _texts(dict(arguments)) if handle_kind(text) is not None)


def addresses_in(text: str) -> tuple[str, ...]:
    """Return the web addresses that stand in a text, such as a question, in their order."""
    found = (match.group().rstrip(_AFTER_IT) for match in _IN_TEXT.finditer(text))
    return tuple(dict.fromkeys(found))


def _require(href: str, origins: Origins) -> None:
    """Check a place; the name of an item in a document of many stands for the document."""
    document, member = split_member(href)
    try:
        origins.require(document)
    except SourceError:
        if not member:
            raise
        origins.require(href)  # a file whose name looks like that of an item


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)

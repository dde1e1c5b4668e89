"""Passages: pieces of text about places and terms, cited by id where an answer rests on them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eoagent.contracts.figure import Source
from eoagent.contracts.record import Record

__all__ = ["Passage", "PassageHit"]


class Passage(Record):
    """A piece of text that can be cited."""

    id: str = Field(min_length=1, max_length=120)
    """What it is cited by; unique in its knowledge base."""
    text: str = Field(min_length=1, max_length=4000)
    """The text, made plain: data from whoever wrote it, never an instruction."""
    title: str = Field(default="", max_length=200)
    """What it is about, where its source says."""
    source: Source
    """File that it stands in."""


class PassageHit(Record):
    """A passage that speaks of what was asked, and why it was taken."""

    passage: Passage
    """The passage."""
    by: tuple[Literal["words", "place", "picture"], ...]
    """What it was found by."""
    coverage: float | None = None
    """Share of what the question's words tell that it holds, 0 to 1, if it was found by words."""
    distance_m: float | None = None
    """Metres from the area that was asked about, if it was found by place; 0 within it."""
    cosine: float | None = None
    """Likeness of its picture to the one asked about, if it was found by picture."""

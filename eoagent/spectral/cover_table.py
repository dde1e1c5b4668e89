"""The covers that plain words name, and their rules, read from `covers.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.errors import NotFound
from eoagent.contracts.raster import ValueKind
from eoagent.contracts.record import Record
from eoagent.spectral.bandwords import plain
from eoagent.spectral.index_table import INDICES

__all__ = ["ConditionRow", "Cover", "Operator", "RuleRow", "covers", "find_cover", "rules_for"]

Operator = Literal[">", ">=", "<", "<="]
"""How a value is compared to a threshold."""


class Cover(Record):
    """A kind of ground that can be asked for in plain words."""

    id: str
    """Name used by the tools (`water`)."""
    title: str
    """Words to show."""
    aliases: tuple[str, ...]
    """Other words, English and Chinese."""
    advice: str
    """What would make the cover measurable where the bands do not."""
    wrong_dates: str = ""
    """Why one date is not enough; empty where it is."""


class ConditionRow(Record):
    """One comparison of a rule: an index, or an expression with its label."""

    index: str = ""
    """Index id; empty when an expression is given."""
    expression: str = ""
    """Expression over common band names; empty when an index is given."""
    label: str = ""
    """What the expression is called in a statement."""
    operator: Operator
    """Comparison."""
    threshold: float | None = None
    """Published threshold; None when only the histogram gives one."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.index) == bool(self.expression) or self.index not in {"", *INDICES}:
            msg = f"a condition needs either a known index or an expression: {self!r}"
            raise ValueError(msg)
        return self


class RuleRow(Record):
    """One rule for a cover."""

    cover: str
    """Cover id."""
    conditions: tuple[ConditionRow, ...] = Field(min_length=1)
    """All of them must hold; Otsu's method settles the first."""
    dates: Literal[1, 2] = 1
    """1: values of one image; 2: the fall of the values from an image before to one after."""
    values: tuple[ValueKind, ...] = ("reflectance", "counts", "picture", "unknown")
    """Kinds of values the rule is for."""
    otsu: Literal["never", "uncalibrated", "always"] = "never"
    """When the threshold is taken from the histogram unless the caller says otherwise."""
    histogram: tuple[float, float, int] = (-1.0, 1.0, 400)
    """Low end, high end and bins of the histogram for the first condition."""
    source: str
    """Publications behind the formula and the threshold."""
    assumptions: tuple[str, ...] = ()
    """What is to be stated with a result."""


class _Document(Record):
    cover: tuple[Cover, ...]
    rule: tuple[RuleRow, ...]


@cache
def _document() -> _Document:
    text = (files("eoagent.spectral") / "covers.toml").read_text(encoding="utf-8")
    return _Document.model_validate(tomllib.loads(text))


def covers() -> tuple[Cover, ...]:
    """Return the covers that have a name here."""
    return _document().cover


def rules_for(cover: str) -> tuple[RuleRow, ...]:
    """Return the rules of a cover id, best first; empty where there is none."""
    return tuple(rule for rule in _document().rule if rule.cover == cover)


def find_cover(text: str) -> Cover:
    """Return the cover that a word names; case, blanks and hyphens do not matter.

    Raises:
        NotFound: if no cover is called that; the hint lists the covers.
    """
    wanted = plain(text)
    for cover in covers():
        if wanted and wanted in {plain(word) for word in (cover.id, cover.title, *cover.aliases)}:
            return cover
    msg = f"no spectral rule is known for '{text[:60]}'"
    known = ", ".join(cover.id for cover in covers())
    raise NotFound(msg, hint=f"covers with a rule: {known}; other things need a model (segment)")

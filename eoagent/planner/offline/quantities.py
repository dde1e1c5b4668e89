"""What the planner knows of quantities: their units, their range, and the covers they mark."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from eoagent.contracts.units import convert, same_kind
from eoagent.planner.offline.reading import Condition

__all__ = ["Quantity", "defines", "in_own_unit", "is_in_range", "quantity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity with a value at every pixel."""

    bands: frozenset[str]
    """Bands of its formula by common name; empty for what is no index."""
    unit: str
    """`1` (an index), `reflectance`, `dB` or `m`."""
    range: tuple[float, float] | None
    """Lowest and highest value there can be, or None if nothing bounds it."""
    above: frozenset[str]
    """Covers that it marks where it is high."""
    below: frozenset[str]
    """Covers that it marks where it is low."""
    usual: float | None
    """Published threshold above which it marks its cover, if there is one."""


def quantity(identity: str) -> Quantity:
    """Return what is known of a quantity of the lexicon."""
    return _quantities()[identity]


def in_own_unit(condition: Condition) -> Condition | None:
    """Return a rule in the unit of its quantity: 30 % of an index is 0.3; None if it has no sense.

    A number without a unit is one in the quantity's own.
    """
    own = quantity(condition.subject.id).unit
    target = "1" if own == "reflectance" else own
    if not condition.unit:
        return condition
    if not same_kind(condition.unit, target):
        return None
    upper = condition.upper
    return replace(
        condition,
        value=_tidy(convert(condition.value, condition.unit, target)),
        upper=None if upper is None else _tidy(convert(upper, condition.unit, target)),
        unit="" if target == "1" else target,
    )


def is_in_range(condition: Condition) -> bool:
    """Return whether the numbers of a rule, in its own unit, are values that can occur."""
    bounds = quantity(condition.subject.id).range
    numbers = [n for n in (condition.value, condition.upper) if n is not None]
    return bounds is None or all(bounds[0] <= n <= bounds[1] for n in numbers)


def defines(condition: Condition, cover: str) -> bool:
    """Return whether a rule can be meant as the definition of a cover."""
    known = quantity(condition.subject.id)
    if condition.operator == "between":
        return cover in known.above | known.below
    return cover in (known.above if condition.operator in {"gt", "ge"} else known.below)


def _tidy(value: float) -> float:
    return round(value, 12)


@lru_cache(maxsize=1)
def _quantities() -> Mapping[str, Quantity]:
    raw = tomllib.loads((files(__package__) / "quantities.toml").read_text(encoding="utf-8"))
    return {identity: _parse(fields) for identity, fields in raw.items()}


def _parse(fields: dict[str, Any]) -> Quantity:
    bounds = fields.get("range")
    return Quantity(
        bands=frozenset(fields.get("bands", ())),
        unit=fields["unit"],
        range=(bounds[0], bounds[1]) if bounds else None,
        above=frozenset(fields.get("above", ())),
        below=frozenset(fields.get("below", ())),
        usual=fields.get("usual"),
    )

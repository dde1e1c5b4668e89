"""Units of figures: a small algebra of base names, conversion, and how a value is written.

A unit is a base name or `a*b` / `a/b` of base names (`m2/yr`). Angles are degrees; an index or
ratio is `1`; a figure that is a choice has unit `choice`. There are no prefixes beyond the names.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eoagent.contracts.errors import InputError

__all__ = [
    "BASE_UNITS",
    "convert",
    "display_unit",
    "format_number",
    "is_unit",
    "product",
    "same_kind",
]

_LENGTH, _ANGLE, _TIME = "length", "angle", "time"

BASE_UNITS: Final = MappingProxyType(
    {
        "m": (1.0, ((_LENGTH, 1),)),
        "km": (1e3, ((_LENGTH, 1),)),
        "m2": (1.0, ((_LENGTH, 2),)),
        "ha": (1e4, ((_LENGTH, 2),)),
        "km2": (1e6, ((_LENGTH, 2),)),
        "m3": (1.0, ((_LENGTH, 3),)),
        "deg": (1.0, ((_ANGLE, 1),)),
        "px": (1.0, (("pixel", 1),)),
        "px2": (1.0, (("pixel", 2),)),
        "percent": (0.01, ()),
        "1": (1.0, ()),
        "count": (1.0, (("count", 1),)),
        "yr": (1.0, ((_TIME, 1),)),
        "K": (1.0, (("temperature", 1),)),
        "dB": (1.0, (("level", 1),)),
        "choice": (1.0, (("choice", 1),)),
    },
)
"""Factor to the base of its kind, and the powers of the base dimensions, per name."""

_POWERS: Final = MappingProxyType(
    {
        (_LENGTH, 1): "m",
        (_LENGTH, 2): "m2",
        (_LENGTH, 3): "m3",
        (_ANGLE, 1): "deg",
        (_TIME, 1): "yr",
        ("pixel", 1): "px",
        ("pixel", 2): "px2",
        ("count", 1): "count",
        ("temperature", 1): "K",
    },
)
_SPLIT = re.compile(r"([*/])")
_MAX_FACTORS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    factor: float
    powers: tuple[tuple[str, int], ...]


def _parse(unit: str) -> _Parsed:
    parts = _SPLIT.split(unit)
    if len(parts) > 2 * _MAX_FACTORS - 1:
        msg = f"unit '{unit}' has more than {_MAX_FACTORS} factors"
        raise InputError(msg, hint="use a base name or a*b, a/b of base names")
    factor, powers, sign = 1.0, dict[str, int](), 1
    for part in parts:
        if part in "*/" and part:
            sign = 1 if part == "*" else -1
            continue
        if part not in BASE_UNITS:
            msg = f"unit '{unit}' is not known: '{part}' is no base name"
            raise InputError(msg, hint=f"base names: {', '.join(BASE_UNITS)}")
        own_factor, own_powers = BASE_UNITS[part]
        factor *= own_factor**sign
        for dimension, power in own_powers:
            powers[dimension] = powers.get(dimension, 0) + sign * power
    return _Parsed(factor=factor, powers=tuple(sorted((d, p) for d, p in powers.items() if p)))


def is_unit(text: str) -> bool:
    """Return whether a text is a unit of the algebra."""
    try:
        _parse(text)
    except InputError:
        return False
    return True


def same_kind(first: str, second: str) -> bool:
    """Return whether two units measure the same kind of thing (m2 and ha do).

    Raises:
        InputError: if one of them is no unit.
    """
    return _parse(first).powers == _parse(second).powers


def convert(value: float, unit: str, to: str) -> float:
    """Return a value given in one unit, in another of the same kind.

    Raises:
        InputError: if a unit is unknown or the kinds differ.
    """
    source, target = _parse(unit), _parse(to)
    if source.powers != target.powers:
        msg = f"{unit} cannot be converted to {to}: they measure different things"
        raise InputError(msg, hint="ask for a unit of the same kind")
    return value if unit == to else value * source.factor / target.factor


def product(first: str, second: str, *, divide: bool = False) -> tuple[str, float]:
    """Return the unit of a product or quotient, and the factor its value is multiplied with.

    `product("km2", "yr", divide=True)` is `("m2/yr", 1e6)`: results are in the base of their kind.

    Raises:
        InputError: if the result has no name in the algebra (m4).
    """
    a, b, sign = _parse(first), _parse(second), -1 if divide else 1
    powers = dict(a.powers)
    for dimension, power in b.powers:
        powers[dimension] = powers.get(dimension, 0) + sign * power
    names: dict[int, list[str]] = {1: [], -1: []}
    for dimension, power in sorted(powers.items()):
        if power == 0:
            continue
        name = _POWERS.get((dimension, abs(power)))
        if name is None:
            raise InputError(
                f"{first} {'/' if divide else '*'} {second} has no unit here",
                hint="combine lengths, areas, counts, pixels and years",
            )
        names[1 if power > 0 else -1].append(name)
    unit = "*".join(names[1]) or "1"
    return "/".join([unit, *names[-1]]), a.factor * b.factor**sign


def display_unit(value: float, unit: str) -> str:
    """Return the unit a person would read this value in: m2 becomes ha or km2 as fits."""
    size = abs(value)
    first, slash, per = unit.partition("/")
    if slash and per == "yr":
        return f"{display_unit(value, first)}/yr"
    if unit == "m2":
        return "km2" if size >= 1e6 else "ha" if size >= 1e4 else "m2"
    if unit == "m":
        return "km" if size >= 1e3 else "m"
    return unit


def format_number(value: float, *, error: float | None = None, digits: int = 4) -> str:
    """Return a value as text, rounded to its error or else to significant digits.

    Integers stay whole up to 15 digits, thousands are grouped with commas, and a value is never
    shown with more decimals than its error (two digits of the error are kept). Beyond 15 digits,
    and below 1e-9 where no error is stated, the power of ten is written out (`1.000e-15`).
    """
    if not math.isfinite(value):
        return "no value"
    if float(value).is_integer() and abs(value) < 1e15 and not error:
        return f"{int(value):,}"
    decimals = digits - 1 - _magnitude(value)
    if error is not None and error > 0 and math.isfinite(error):
        decimals = min(decimals, 1 - _magnitude(error))
    decimals = max(0, min(decimals, 12))
    is_tiny = not error and 0 < abs(value) < 1e-9
    if is_tiny or abs(value) >= 1e15:
        return f"{value:.{digits - 1}e}"
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # adding zero makes -0.0 plain


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0

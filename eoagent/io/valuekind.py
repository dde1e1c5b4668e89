"""What the numbers of a raster are: reflectance, counts, heights, backscatter, or a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.raster import ValueKind
from eoagent.spectral.bandwords import COMMON_NAMES

__all__ = ["KindFacts", "judge_kind"]

_RADAR: Final = frozenset({"vv", "vh", "hh", "hv"})
_THERMAL: Final = frozenset({"lwir", "lwir11", "lwir12"})
_COLOURS: Final = frozenset({"red", "green", "blue"})
_QUALITY: Final = frozenset({"qa_pixel", "scl"})
_MOST_REFLECTANCE: Final = 10.0
"""Values that integers could reach after scaling; reflectance of glint and cloud goes to about 2,
and a full 16-bit range at the usual scale of 0.0001 to 6.6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """What is known of a raster's numbers."""

    names: Sequence[str]
    """Names of its bands."""
    dtype: str
    """Stored data type of the first band."""
    scale: float
    """Scale of the first band."""
    offset: float
    """Offset of the first band."""
    preset: ValueKind | None
    """What the sensor's product rule says the values are, or None."""
    text: str
    """File name and descriptions, in lower case."""
    sample: Callable[[], NDArray[Any]]
    """Reads some of the first band's values, scaled and valid; called only where they decide."""


def judge_kind(facts: KindFacts) -> tuple[ValueKind, str]:
    """Return what the numbers are, and in words how that was found where it is a judgement."""
    names = set(facts.names)
    if names <= _QUALITY:
        return "quality", ""
    if facts.preset is not None:
        return facts.preset, ""
    if names == {"elevation"}:
        return "height", ""
    if names <= _RADAR:
        return _radar(facts)
    if not names & (set(COMMON_NAMES) - _RADAR):
        is_picture = facts.dtype == "uint8" and len(names) == 1
        return ("picture", "") if is_picture else ("unknown", "")
    if names <= _COLOURS and facts.dtype == "uint8" and facts.scale == 1:
        return "picture", ""
    if names <= _THERMAL:
        return _thermal(facts)
    if np.dtype(facts.dtype).kind in "iu":
        return _integers(facts), ""
    return _floats(facts)


def _radar(facts: KindFacts) -> tuple[ValueKind, str]:
    words = facts.text.replace("_", " ").replace("-", " ").replace(".", " ").split()
    if "db" in words:
        return "backscatter_db", ""
    values = facts.sample()
    if values.size and values.min() < 0:
        return "backscatter_db", "backscatter below 0 occurs, so the values are taken as decibels"
    return "backscatter_power", "no value is below 0, so backscatter is taken as power, not decibel"


def _thermal(facts: KindFacts) -> tuple[ValueKind, str]:
    values = facts.sample()
    if values.size and 150 < np.median(values) < 400:
        return "temperature", "values between 150 and 400 are taken as kelvin"
    return "counts", ""


def _integers(facts: KindFacts) -> ValueKind:
    if facts.scale == 1 and facts.offset == 0:
        return "counts"
    top = float(np.iinfo(facts.dtype).max) * facts.scale + facts.offset
    return "reflectance" if abs(top) <= _MOST_REFLECTANCE else "unknown"


def _floats(facts: KindFacts) -> tuple[ValueKind, str]:
    values = facts.sample()
    if not values.size:
        return "unknown", ""
    low, high = np.percentile(values, [1, 99])
    if low >= -0.5 and high <= 2:
        return "reflectance", f"values of {low:.2g} to {high:.2g} are taken as reflectance"
    return "counts", ""

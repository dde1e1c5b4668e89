"""Say what a map is made of: colour pictures, numbers, classes and shapes; and its legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.io.mapcolour import Color, Limits, RampName, limits_of
from eoagent.io.mapframe import LegendEntry

__all__ = [
    "NO_DATA",
    "Layer",
    "MaskLayer",
    "OutlineLayer",
    "RgbLayer",
    "ScalarLayer",
    "legend_of",
]

_Bools = NDArray[np.bool_]

NO_DATA: Final[Color] = (222, 222, 222)
"""Colour of what no layer covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RgbLayer:
    """Three bands as one colour picture."""

    values: NDArray[np.floating] | NDArray[np.integer]
    """Red, green, blue (3, h, w); the whole grid at any resolution."""
    valid: _Bools
    """(h, w), True = valid."""
    label: str = ""
    """Words for the legend (`true colour`); empty for none."""
    is_stretched: bool = True
    """Whether bands are stretched to their percentiles; else values are colours, 0 to 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarLayer:
    """One number per pixel, along a colour ramp."""

    values: NDArray[np.floating] | NDArray[np.integer]
    """(h, w); the whole grid at any resolution."""
    valid: _Bools
    """(h, w), True = valid."""
    label: str
    """What the number is."""
    unit: str = ""
    """Unit for the legend; `1` and empty show none."""
    ramp: RampName = "sequential"
    """`diverging` puts its pale middle at zero."""

    @property
    def limits(self) -> Limits | None:
        """Numbers at the ends of the ramp, or None if nothing is valid."""
        return limits_of(np.asarray(self.values, dtype=np.float64), self.valid, ramp=self.ramp)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLayer:
    """A class as a translucent colour."""

    yes: _Bools
    """(h, w), True = yes; the whole grid at any resolution."""
    valid: _Bools
    """(h, w), True = valid; what is not valid is not coloured."""
    label: str
    """What the class is."""
    color: Color
    """Its colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineLayer:
    """Shapes as lines; points as rings."""

    geometries: Sequence[BaseGeometry]
    """In pixel coordinates of the grid: x = column, y = row, from the outer upper left corner."""
    label: str
    """What the shapes are."""
    color: Color
    """Their colour."""


Layer = RgbLayer | ScalarLayer | MaskLayer | OutlineLayer
"""What a map is made of, from the bottom up."""


def legend_of(layers: Sequence[Layer]) -> tuple[LegendEntry, ...]:
    """Return the legend of some layers, in their order, with a line for missing data if any."""
    entries: list[LegendEntry] = []
    gaps: list[_Bools] = []
    for layer in layers:
        if isinstance(layer, RgbLayer):
            gaps.append(layer.valid)
            if layer.label:
                entries.append(LegendEntry(label=layer.label, kind="text"))
        elif isinstance(layer, ScalarLayer):
            gaps.append(layer.valid)
            entries.append(_ramp_entry(layer))
        elif isinstance(layer, MaskLayer):
            if layer is layers[0]:
                gaps.append(layer.valid)
            entries.append(LegendEntry(label=layer.label, kind="fill", color=layer.color))
        else:
            entries.append(LegendEntry(label=layer.label, kind="line", color=layer.color))
    if gaps and not any(valid.all() for valid in gaps):
        entries.append(LegendEntry(label="no valid data", kind="fill", color=NO_DATA))
    return tuple(entries)


def _ramp_entry(layer: ScalarLayer) -> LegendEntry:
    unit = "" if layer.unit in {"", "1"} else f" [{layer.unit}]"
    limits = layer.limits
    note = "" if limits is not None else " (no valid pixels)"
    return LegendEntry(
        label=f"{layer.label}{unit}{note}", kind="ramp", ramp=layer.ramp, limits=limits
    )

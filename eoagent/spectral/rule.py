"""A rule for a cover as a value: its comparisons, how it is decided per pixel, how it is stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError
from eoagent.spectral.cover_table import Operator
from eoagent.spectral.expression import parse

__all__ = ["Condition", "CoverRule", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A comparison that a pixel meets or not."""

    label: str
    """What is compared, in words (`MNDWI`)."""
    expression: str
    """The same as an expression over common band names."""
    operator: Operator
    """Comparison."""
    threshold: float | None
    """Threshold; None until `settle` finds it."""

    @property
    def text(self) -> str:
        """The comparison as a text: `MNDWI > 0`."""
        limit = (
            "a threshold from the histogram" if self.threshold is None else f"{self.threshold:g}"
        )
        return f"{self.label} {self.operator} {limit}"

    def holds(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Return where values meet the comparison; NaN never does; same shape as the values.

        Raises:
            InputError: if the threshold is still open.
        """
        if self.threshold is None:
            msg = f"the threshold of {self.label} is not known yet"
            raise InputError(msg, hint="fill a histogram of its values and settle the rule first")
        return compare(values, self.operator, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverRule:
    """A rule for a cover on one raster, or on two of different dates."""

    cover: str
    """Cover id (`water`)."""
    title: str
    """Words to show (`open water`)."""
    conditions: tuple[Condition, ...]
    """All of them must hold."""
    bands: Mapping[str, str]
    """The raster's band for each name in the expressions."""
    dates: Literal[1, 2]
    """1: values of one image; 2: each value is that of the image before minus that after."""
    method: Literal["fixed", "otsu"]
    """Where the first threshold comes from: a publication, or the histogram."""
    histogram: tuple[float, float, int] | None
    """Low end, high end, bins of the histogram that `settle` wants; None when nothing is open."""
    source: str
    """Publications behind it."""
    assumptions: tuple[str, ...]
    """What must be said with a result."""

    @property
    def statement(self) -> str:
        """The rule in one line, with the formula of each index."""
        verb = "fall of " if self.dates == 2 else ""
        comparisons = " and ".join(f"{verb}{condition.text}" for condition in self.conditions)
        formulas = {
            condition.label: condition.expression
            for condition in self.conditions
            if not condition.expression.isidentifier()
        }
        where = "; ".join(f"{label} = {formula}" for label, formula in formulas.items())
        return f"{self.title}: {comparisons}{f', where {where}' if where else ''}"

    @property
    def is_settled(self) -> bool:
        """Whether the thresholds are final; if not, fill a histogram and call `settle`."""
        return self.histogram is None

    def values(
        self,
        bands: Mapping[str, ArrayLike],
        before: Mapping[str, ArrayLike] | None = None,
        *,
        condition: int = 0,
    ) -> NDArray[np.floating[Any]]:
        """Return what a condition compares, NaN where not defined; same shape as the bands.

        Args:
            bands: Arrays by the names of `bands` (the image after, where `dates` is 2).
            before: The same of the image before, on the same grid, where `dates` is 2.
            condition: Which condition; the first is the one that `settle` needs values of.

        Raises:
            InputError: if a band is missing, shapes differ, or the number of dates is not met.
        """
        expression = parse(self.conditions[condition].expression)
        now = expression.evaluate(bands)
        if (before is not None) != (self.dates == 2):
            msg = f"the rule '{self.statement}' wants {self.dates} date(s)"
            raise InputError(msg, hint="give an image before and one after, or one image alone")
        if before is None:
            return now
        earlier = expression.evaluate(before)
        if earlier.shape != now.shape:
            msg = f"the images differ in shape: {earlier.shape} before, {now.shape} after"
            raise InputError(msg, hint="bring them to one grid first (align)")
        return np.asarray(earlier - now)

    def decide(
        self, bands: Mapping[str, ArrayLike], before: Mapping[str, ArrayLike] | None = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (yes, defined): where all conditions hold, and where all of them have a value.

        Raises:
            InputError: as `values`, and if a threshold is still open (`settle` finds it).
        """
        columns = [self.values(bands, before, condition=i) for i in range(len(self.conditions))]
        defined = np.logical_and.reduce([np.isfinite(column) for column in columns])
        holds = [item.holds(col) for item, col in zip(self.conditions, columns, strict=True)]
        return np.asarray(np.logical_and.reduce(holds) & defined), np.asarray(defined)


def compare(values: ArrayLike, operator: Operator, threshold: float) -> NDArray[np.bool_]:
    """Return where values compare to a threshold; NaN never does; same shape as the values.

    The threshold is rounded to the values' own precision, so a float32 0.4 is not above 0.4.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    limit = array.dtype.type(threshold)
    match operator:
        case ">":
            return np.asarray(array > limit)
        case ">=":
            return np.asarray(array >= limit)
        case "<":
            return np.asarray(array < limit)
        case "<=":
            return np.asarray(array <= limit)

"""Radar backscatter in decibels and in linear power, which means must not mix."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Domain", "OtherMean", "from_power", "to_power"]

Floats = NDArray[np.float64]
Domain = Literal["decibels", "power"]
"""What a mean is taken of."""


def to_power(values: NDArray[np.floating[Any]], *, is_db: bool) -> Floats:
    """Return linear power of backscatter, which may be in decibels; same shape, NaN stays."""
    power = values.astype(np.float64)
    return 10 ** (power / 10) if is_db else power


def from_power(power: Floats, *, to_db: bool) -> Floats:
    """Return power as it is or in decibels; power of 0 or less has none and comes out as NaN."""
    if not to_db:
        return power
    known = power > 0
    decibels: Floats = np.full(power.shape, np.nan)
    decibels[known] = 10 * np.log10(power[known])
    return decibels


class OtherMean:
    """The mean in the other domain than that of the values, given in the values' own unit.

    The mean of decibels is that of a product of powers, and is lower than the mean of the powers,
    the more so the more they differ; neither is wrong, and they are not to be compared.
    """

    def __init__(self, *, is_db: bool) -> None:
        """Start for values in decibels, or in linear power."""
        self._is_db = is_db
        self._sum = 0.0
        self._count = 0

    def add(self, values: NDArray[np.floating[Any]]) -> None:
        """Add finite values; power of 0 or less has no decibels and does not count."""
        power = to_power(values, is_db=self._is_db)
        other = from_power(power, to_db=not self._is_db)
        known = other[np.isfinite(other)]
        self._sum += float(known.sum())
        self._count += known.size

    @property
    def mean(self) -> float | None:
        """The mean, decibels of decibels or power of power; None of nothing."""
        if not self._count:
            return None
        mean = self._sum / self._count
        return float(10 * np.log10(mean)) if self._is_db else float(10 ** (mean / 10))

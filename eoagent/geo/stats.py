"""Statistics of values that come in blocks, merged exactly."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError, InternalError
from eoagent.geo.projection import Floats

__all__ = ["RunningStats"]

_BINS: Final = 1 << 16
_KEEP: Final = 5_000_000


class RunningStats:
    """Count, sum, mean, spread, extremes and percentiles of values that come in blocks.

    Invalid values must not enter: the caller masks them. Percentiles are exact as long as at most
    `keep` values came; beyond, they come from a histogram of 65,536 bins over a known range.

    Args:
        known_range: (lowest, highest) value that can occur, for percentiles of many values.
        keep: how many values are kept for exact percentiles.
    """

    def __init__(
        self, known_range: tuple[float, float] | None = None, *, keep: int = _KEEP
    ) -> None:
        self._range = known_range
        self._keep = keep
        self._kept: list[tuple[Floats, Floats | None]] | None = []
        self._histogram: Floats | None = None
        self._mean = 0.0
        self._spread = 0.0
        self._weight = 0.0
        self._sum = 0.0
        self._is_weighted = False
        self._low = math.inf
        self._high = -math.inf
        self.count = 0
        """Values that came."""

    def add(self, values: ArrayLike, weights: ArrayLike | None = None) -> None:
        """Add a block of values.

        Args:
            values: any shape, finite.
            weights: same shape, finite, not negative; None for 1 each.

        Raises:
            InternalError: if a value or weight is not finite, or outside the known range.
        """
        block = np.asarray(values, dtype=np.float64).ravel()
        heavy = None if weights is None else np.asarray(weights, dtype=np.float64).ravel()
        if heavy is not None and heavy.shape != block.shape:
            raise InternalError(f"{block.size} values came with {heavy.size} weights")
        if heavy is not None and not (np.isfinite(heavy).all() and (heavy >= 0).all()):
            raise InternalError("weights that are negative or not finite entered statistics")
        if block.size == 0:
            return
        low, high = float(block.min()), float(block.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InternalError("values that are not finite entered statistics; mask them first")
        if self._range is not None and not self._range[0] <= low <= high <= self._range[1]:
            raise InternalError(
                f"values from {low:g} to {high:g} entered statistics over the range {self._range}"
            )
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._is_weighted = self._is_weighted or heavy is not None
        self.count += block.size
        self._sum += float(block.sum() if heavy is None else block @ heavy)
        self._pool(*_moments(block, heavy))
        self._store([(block.copy(), None if heavy is None else heavy.copy())])

    def merge(self, other: RunningStats) -> None:
        """Add everything that came to another; the other stays as it is.

        Raises:
            InternalError: if the two have different known ranges.
        """
        if other._range != self._range:
            raise InternalError(
                f"statistics over the ranges {self._range} and {other._range} cannot be merged"
            )
        self._low, self._high = min(self._low, other._low), max(self._high, other._high)
        self._is_weighted = self._is_weighted or other._is_weighted
        self.count += other.count
        self._sum += other._sum
        self._pool(other._weight, other._mean, other._spread)
        if other._kept is not None:
            self._store(other._kept)
        else:
            self._spill()
            if self._histogram is not None and other._histogram is not None:
                self._histogram = self._histogram + other._histogram

    @property
    def weight(self) -> float:
        """Sum of the weights; the count where none were given."""
        return self._weight

    @property
    def sum(self) -> float | None:
        """Sum of values times weights; None without values."""
        return None if self.count == 0 else self._sum

    @property
    def mean(self) -> float | None:
        """Weighted mean; None without values or without weight."""
        return None if self._weight == 0 else self._mean

    @property
    def std(self) -> float | None:
        """Standard deviation of the population (ddof 0); None without values or weight."""
        return None if self._weight == 0 else math.sqrt(self._spread / self._weight)

    @property
    def minimum(self) -> float | None:
        """Lowest value; None without values."""
        return None if self.count == 0 else self._low

    @property
    def maximum(self) -> float | None:
        """Highest value; None without values."""
        return None if self.count == 0 else self._high

    @property
    def percentile_method(self) -> Literal["exact", "histogram"]:
        """How percentiles come about."""
        return "histogram" if self._kept is None else "exact"

    @property
    def percentile_error(self) -> float:
        """Width of a histogram bin; 0 for exact percentiles."""
        if self._kept is not None or self._range is None:
            return 0.0
        return (self._range[1] - self._range[0]) / _BINS

    def percentile(self, percent: float) -> float | None:
        """Return a percentile; None without values or weight.

        Without weights it is interpolated linearly between neighbours, as numpy does by default;
        with weights it is the lowest value that has at least this share of the weight at or below.

        Args:
            percent: 0 to 100.

        Raises:
            InputError: if the percentage is out of range, or too many values came without a
                known range.
        """
        if not 0 <= percent <= 100:
            raise InputError(f"percentile {percent:g} was asked for", hint="give one of 0 to 100")
        if self._weight == 0:
            return None
        if self._kept is not None:
            return self._exact(percent)
        if self._histogram is None:
            raise InputError(
                f"a percentile of {self.count} values was asked for, but more than {self._keep} "
                "are not kept and their range was not known beforehand",
                hint="ask over a smaller area, or for the mean, minimum or maximum",
            )
        return min(max(self._binned(percent / 100), self._low), self._high)

    def _exact(self, percent: float) -> float:
        kept = self._kept or []
        values = np.concatenate([block for block, _ in kept])
        if not self._is_weighted:
            return float(np.percentile(values, percent))
        weights = np.concatenate([_weights(block, heavy) for block, heavy in kept])
        return float(np.percentile(values, percent, weights=weights, method="inverted_cdf"))

    def _binned(self, share: float) -> float:
        """Return a percentile from the histogram: the middle of the bin that holds its rank."""
        if self._histogram is None or self._range is None:
            raise InternalError("a percentile was taken from a histogram that is not there")
        upto = np.cumsum(self._histogram)
        if self._is_weighted:
            ranks = [float(np.searchsorted(upto, share * upto[-1], side="left"))]
            part = 0.0
        else:
            rank = (self.count - 1) * share
            part = rank - math.floor(rank)
            ranks = [
                float(np.searchsorted(upto, r, "right"))
                for r in (math.floor(rank), math.ceil(rank))
            ]
        place = ranks[0] + part * (ranks[-1] - ranks[0]) + 0.5
        return self._range[0] + place * self.percentile_error

    def _pool(self, weight: float, mean: float, spread: float) -> None:
        """Take in the moments of another set of values.

        Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm
        for computing sample variances (1979), eqs. 2.1.
        """
        total = self._weight + weight
        if weight == 0:
            return
        apart = mean - self._mean
        self._spread += spread + apart**2 * self._weight * weight / total
        self._mean += apart * weight / total
        self._weight = total

    def _store(self, blocks: list[tuple[Floats, Floats | None]]) -> None:
        if self._kept is not None:
            self._kept.extend(blocks)
            if self.count > self._keep:
                self._spill()
        else:
            self._bin(blocks)

    def _spill(self) -> None:
        """Go over from kept values to the histogram."""
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        if self._range is not None:
            self._histogram = np.zeros(_BINS)
            self._bin(kept)

    def _bin(self, blocks: list[tuple[Floats, Floats | None]]) -> None:
        if self._histogram is None or self._range is None:
            return
        for block, heavy in blocks:
            counts, _ = np.histogram(block, bins=_BINS, range=self._range, weights=heavy)
            self._histogram = self._histogram + counts


def _moments(values: Floats, weights: Floats | None) -> tuple[float, float, float]:
    """Return the weight, the mean and the sum of squared distances from it."""
    if weights is None:
        mean = float(values.mean())
        return float(values.size), mean, float(np.square(values - mean).sum())
    weight = float(weights.sum())
    if weight == 0:
        return 0.0, 0.0, 0.0
    mean = float(values @ weights) / weight
    return weight, mean, float(np.square(values - mean) @ weights)


def _weights(values: Floats, weights: Floats | None) -> NDArray[np.float64]:
    return np.ones_like(values) if weights is None else weights

"""Threshold between two classes from a histogram, and the check that there are two.

Works on counts per bin, so rasters of any size are streamed into one small histogram.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError

__all__ = ["MIN_DIP", "MIN_SHARE", "ONE_CLASS_D", "Bimodality", "Histogram", "bimodality", "otsu"]

ONE_CLASS_D: Final = math.sqrt(12.0)
"""Ashman's D of a uniform distribution cut at its middle: halves a width/2 apart, each with a
standard deviation of width / (2 sqrt 12), so D = sqrt(12) = 3.46."""

MIN_SHARE: Final = 0.001
"""Smallest share of the values that counts as a class (our choice)."""

MIN_DIP: Final = 0.1
"""How far the histogram must fall between its peaks, as a share of the lower one (our choice)."""

_SMOOTHING: Final = 0.1  # standard deviation of the smoothing, in that of all values
_CERTAIN: Final = 4.0  # a dip counts when it is this many times its counting error


class Histogram:
    """Counts per bin of equal width, filled block by block.

    Values outside the range go to the outermost bins and are counted in `clipped`; NaN and
    infinite values are left out.
    """

    def __init__(self, low: float, high: float, bins: int) -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low < high and 2 <= bins <= 1 << 20):
            msg = f"a histogram from {low:g} to {high:g} with {bins} bins was asked for"
            raise InputError(msg, hint="the range must be finite and rise; 2 to 1048576 bins")
        self.edges: NDArray[np.float64] = np.linspace(low, high, bins + 1)
        """Bin edges, bins + 1 of them."""
        self.counts: NDArray[np.int64] = np.zeros(bins, dtype=np.int64)
        """Values per bin."""
        self.clipped = 0
        """How many values lay outside the range."""

    @property
    def total(self) -> int:
        """How many values were added."""
        return int(self.counts.sum())

    def add(self, values: ArrayLike, valid: ArrayLike | None = None) -> None:
        """Count values of any shape; `valid` (same shape) leaves out where it is False.

        Raises:
            InputError: if `valid` has another shape.
        """
        array = np.asarray(values, dtype=np.float64)
        keep = np.isfinite(array)
        if valid is not None:
            mask = np.asarray(valid, dtype=np.bool_)
            if mask.shape != array.shape:
                msg = f"a mask of shape {mask.shape} came with values of shape {array.shape}"
                raise InputError(msg, hint="values and mask must match")
            keep &= mask
        kept = array[keep]
        low, high = self.edges[0], self.edges[-1]
        self.clipped += int(((kept < low) | (kept > high)).sum())
        span = (float(low), float(high))
        counts, _ = np.histogram(np.clip(kept, low, high), bins=self.counts.size, range=span)
        self.counts += counts

    def merge(self, other: Histogram) -> None:
        """Add the counts of a histogram with the same edges.

        Raises:
            InputError: if the edges differ.
        """
        if not np.array_equal(self.edges, other.edges):
            raise InputError("histograms with different edges cannot be merged")
        self.counts += other.counts
        self.clipped += other.clipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Bimodality:
    """How far the two sides of a threshold stand apart."""

    threshold: float
    """The threshold that was looked at."""
    d: float
    """Ashman's D of the two sides."""
    share_above: float
    """Share of the values above the threshold, 0 to 1."""
    mean_below: float
    """Mean of the values below the threshold."""
    mean_above: float
    """Mean of the values above the threshold."""
    dip: float
    """Fall of the smoothed histogram between a peak on each side, as a share of the lower peak;
    0 where there is one peak only, or where counting noise explains the fall."""

    @property
    def is_bimodal(self) -> bool:
        """Whether the sides are two classes.

        D is above `ONE_CLASS_D`, the dip is at least `MIN_DIP`, each side has `MIN_SHARE`.
        """
        has_both = MIN_SHARE <= self.share_above <= 1 - MIN_SHARE
        return self.d > ONE_CLASS_D and self.dip >= MIN_DIP and has_both


_EQUAL: Final = 1e-12
"""Variances that differ by less are equal: the order of sums must not decide between them."""


def otsu(counts: ArrayLike, edges: ArrayLike) -> float:
    """Return the bin edge that best parts the values in two classes.

    The edge with the largest between-class variance; where several are equal (empty bins between
    the classes) the middle of the run that has the first of them. Values above belong to the
    upper class.

    Args:
        counts: Values per bin, (n,).
        edges: Rising bin edges, (n + 1,).

    Raises:
        InputError: if fewer than two bins hold values, or the shapes or edges make no histogram.

    Source: Otsu 1979, IEEE Trans. Systems, Man and Cybernetics 9(1), 62-66.
    """
    weights, borders = _checked(counts, edges)
    centres = (borders[:-1] + borders[1:]) / 2
    below = np.cumsum(weights)[:-1]
    above = weights.sum() - below
    if not ((below > 0) & (above > 0)).any():
        msg = "all values lie in one bin, so no threshold parts them"
        raise InputError(msg, hint="state a threshold")
    shifted = centres - centres[0]  # keeps the sums exact for a narrow range far from zero
    sums = np.cumsum(weights * shifted)
    with np.errstate(all="ignore"):
        gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
        between = np.where((below > 0) & (above > 0), below * above * gap**2, -1.0)
    first = int(np.argmax(between >= between.max() * (1 - _EQUAL)))
    last = first
    while last + 1 < below.size and below[last + 1] == below[first]:
        last += 1
    return float((borders[first + 1] + borders[last + 1]) / 2)


def bimodality(counts: ArrayLike, edges: ArrayLike, threshold: float) -> Bimodality:
    """Return how far the values on the two sides of a threshold stand apart.

    D = sqrt(2) |m1 - m2| / sqrt(s1^2 + s2^2). Ashman asks for D > 2, for means and deviations of
    fitted components; here they are those of the two sides of a cut, which makes every D larger
    (2.65 for one normal population, 3.46 for a uniform one), so D must exceed the uniform one's.
    A sharp peak with a long tail exceeds it too, so the histogram must also fall and rise again:
    smoothing with a Gaussian gives no second peak to a histogram that has one.

    Args:
        counts: Values per bin, (n,).
        edges: Rising bin edges of equal width, (n + 1,).
        threshold: Where to cut, usually from `otsu`; bins centred above it are the upper side.

    Raises:
        InputError: if a side holds no values, or the shapes or edges make no histogram of equal
            bins.

    Source: Ashman, Bird and Zepf 1994, Astronomical Journal 108, 2348-2361.
    """
    weights, borders = _checked(counts, edges)
    centres = (borders[:-1] + borders[1:]) / 2
    upper = centres > threshold
    if not weights[upper].sum() or not weights[~upper].sum():
        msg = f"all values lie on one side of {threshold:g}"
        raise InputError(msg, hint="choose a threshold inside the range of the values")
    width = (borders[-1] - borders[0]) / weights.size
    if not np.allclose(np.diff(borders), width, rtol=1e-6):
        raise InputError("the bins differ in width", hint="use bins of equal width")
    within_bin = float(width**2) / 12  # variance inside a bin, if uniform
    stats = []
    for side in (~upper, upper):
        mean = float(np.average(centres[side], weights=weights[side]))
        variance = float(np.average((centres[side] - mean) ** 2, weights=weights[side]))
        stats.append((mean, variance + within_bin))
    (mean_below, var_below), (mean_above, var_above) = stats
    d = math.sqrt(2.0) * (mean_above - mean_below) / math.sqrt(var_below + var_above)
    share = float(weights[upper].sum() / weights.sum())
    return Bimodality(
        threshold=threshold,
        d=d,
        share_above=share,
        mean_below=mean_below,
        mean_above=mean_above,
        dip=_dip(weights, centres, threshold),
    )


def _dip(weights: NDArray[np.float64], centres: NDArray[np.float64], threshold: float) -> float:
    """Return the deepest fall between a peak below and a peak above the threshold, 0 to 1."""
    places = np.arange(weights.size)
    mean = np.average(places, weights=weights)
    sigma = max(0.5, _SMOOTHING * math.sqrt(np.average((places - mean) ** 2, weights=weights)))
    reach = min(math.ceil(4 * sigma), weights.size)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    smooth = np.convolve(weights, kernel / kernel.sum())[reach : reach + weights.size]
    left = np.maximum.accumulate(smooth)
    right = np.maximum.accumulate(smooth[::-1])[::-1]
    peak_left = np.maximum.accumulate(np.where(smooth >= left, places, 0))
    peak_right = np.minimum.accumulate(np.where(smooth >= right, places, weights.size - 1)[::-1])
    parted = (centres[peak_left] <= threshold) & (centres[peak_right[::-1]] > threshold)
    lower = np.minimum(left, right)
    share = np.cumsum(weights) / weights.sum()
    filled = (share >= MIN_SHARE) & (share <= 1 - MIN_SHARE) & (lower > 0)
    error = np.sqrt((lower + smooth) / (2 * math.sqrt(math.pi) * sigma))
    counts_as = parted & filled & (lower - smooth > _CERTAIN * error)
    fall = np.where(counts_as, 1 - smooth / np.where(lower > 0, lower, 1), 0.0)
    return float(fall.max())


def _checked(
    counts: ArrayLike, edges: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights = np.asarray(counts, dtype=np.float64)
    borders = np.asarray(edges, dtype=np.float64)
    shapes_fit = weights.ndim == 1 and borders.ndim == 1 and borders.size == weights.size + 1
    if not shapes_fit or weights.size < 2 or not (np.diff(borders) > 0).all():
        msg = f"{weights.shape} counts and {borders.shape} edges make no histogram"
        raise InputError(msg, hint="give n counts, at least 2, and n + 1 rising edges")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError("the histogram has negative or missing counts")
    return weights, borders

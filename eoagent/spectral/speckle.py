"""Speckle of radar images: its strength as a number of looks, and a filter that respects edges."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy  # loads its parts when they are first used
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError

__all__ = ["LookCounter", "check_window", "lee"]

Floats = NDArray[np.float64]

_MOST_LOOKS: Final = 200.0
_BINS: Final = 800
_SMOOTHING_BINS: Final = 3.0
_FEWEST: Final = 100


def check_window(size: int) -> None:
    """Refuse a window that has no middle pixel or is too small to have a variance.

    Raises:
        InputError: if it is not an odd number from 3 to 31.
    """
    if size % 2 == 0 or not 3 <= size <= 31:
        raise InputError(
            f"a filter window of {size} x {size} pixels was asked for",
            hint="give an odd number from 3 to 31; 7 is usual",
        )


def lee(power: Floats, *, size: int, looks: float) -> Floats:
    """Return power with speckle smoothed: as the mean where ground is even, as it is at edges.

    With z a pixel, m and v mean and variance of the valid pixels in the window around it, and
    s = 1 / looks the variance of speckle, the signal has the variance
    x = max(0, (v - s m^2) / (1 + s)), and the result is m + x / (x + s m^2) (z - m).

    Args:
        power: linear power (height, width); NaN where not valid. The window is cut at the border.
        size: side of the window, pixels, odd.
        looks: equivalent number of looks, more than 0.

    Returns:
        Filtered power (height, width), NaN where the power is.

    Raises:
        InputError: if window or looks make no sense.

    Source: J.-S. Lee, 1980, Digital image enhancement and noise filtering by use of local
    statistics, IEEE Trans. Pattern Analysis and Machine Intelligence 2(2), 165-168, multiplicative
    noise of mean 1.
    """
    check_window(size)
    if not 0 < looks < np.inf:
        raise InputError(f"{looks:g} looks were given", hint="give a number above 0, such as 4.4")
    mean, variance, _ = _moments(power, size)
    speckle = mean**2 / looks
    signal = np.maximum(0.0, (variance - speckle) / (1 + 1 / looks))
    total = signal + speckle
    share = np.divide(signal, total, out=np.zeros_like(signal), where=total > 0)
    filtered: Floats = np.where(np.isfinite(power), mean + share * (power - mean), np.nan)
    return filtered


class LookCounter:
    """Estimates the number of looks of an image that comes in parts.

    In windows on even ground the squared mean over the variance is near the number of looks, and
    elsewhere it is lower, by amounts that differ; so the most frequent value is taken.

    Source: S. N. Anfinsen, A. P. Doulgeris, T. Eltoft, 2009, Estimation of the equivalent number
    of looks in polarimetric synthetic aperture radar imagery, IEEE Trans. Geoscience and Remote
    Sensing 47(11), 3795-3809: mode of the estimates in small windows.
    """

    def __init__(self, size: int) -> None:
        """Start with windows of that side, pixels, odd.

        Raises:
            InputError: if the window makes no sense.
        """
        check_window(size)
        self._size = size
        self._counts = np.zeros(_BINS, dtype=np.int64)

    def add(self, power: Floats) -> None:
        """Add a part: linear power (height, width), NaN where not valid."""
        mean, variance, count = _moments(power, self._size)
        pixels = self._size**2
        whole = (count == pixels) & (mean > 0) & (variance > 0)
        unbiased = variance[whole] * pixels / (pixels - 1)
        estimates = mean[whole] ** 2 / unbiased
        self._counts += np.histogram(estimates, bins=_BINS, range=(0.0, _MOST_LOOKS))[0]

    @property
    def looks(self) -> float:
        """The equivalent number of looks, 1 or more.

        Raises:
            InputError: if hardly a window was whole and positive.
        """
        if self._counts.sum() < _FEWEST:
            raise InputError(
                "the number of looks cannot be told from so few pixels",
                hint="give looks: 4.4 for Sentinel-1 GRD of high resolution",
            )
        density = scipy.ndimage.gaussian_filter1d(self._counts.astype(np.float64), _SMOOTHING_BINS)
        middle = (float(np.argmax(density)) + 0.5) * _MOST_LOOKS / _BINS
        return max(1.0, middle)


def _moments(power: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    """Return mean, variance (of n) and number of the valid pixels in the window around each."""
    valid = np.isfinite(power)
    filled = np.where(valid, power, 0.0)
    middle = float(filled[valid].mean()) if valid.any() else 0.0
    shifted = np.where(valid, filled - middle, 0.0)  # keeps digits of the variance
    pixels = float(size**2)

    def total(array: Floats) -> Floats:
        summed: Floats = scipy.ndimage.uniform_filter(array, size, mode="constant") * pixels
        return summed

    count = np.rint(total(valid.astype(np.float64)))
    known = np.maximum(count, 1.0)
    offset = total(shifted) / known
    variance: Floats = np.maximum(0.0, total(shifted**2) / known - offset**2)
    return np.where(count > 0, middle + offset, 0.0), variance, count

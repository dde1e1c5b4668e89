"""Turn numbers into colours: stretches for bands, ramps for values, a palette for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PALETTE",
    "RAMPS",
    "Color",
    "Limits",
    "RampName",
    "color_of_cover",
    "color_scalar",
    "limits_of",
    "ramp_color",
    "stretch_rgb",
]

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
RampName = Literal["sequential", "diverging"]
"""Kind of colour ramp."""

PALETTE: Final[tuple[Color, ...]] = (
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (86, 180, 233),
    (230, 159, 0),
    (0, 114, 178),
)
"""Colours that stay apart for colour-blind readers.

Source: Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, without black, in an order that
stands out on imagery.
"""

_USUAL: Final[tuple[tuple[str, Color], ...]] = (
    ("water", (40, 160, 255)),
    ("vegetation", (150, 230, 40)),
    ("burned", (213, 94, 0)),
    ("snow", (86, 230, 255)),
    ("built-up", (204, 121, 167)),
    ("bare", (240, 200, 66)),
)
"""Colours in which readers of maps expect a cover, light enough to show on imagery."""

RAMPS: Final[dict[RampName, tuple[Color, ...]]] = {
    # Lightness (CIE L*) rises evenly from 11 to 95, hue runs from blue over green to yellow.
    "sequential": (
        (22, 25, 63),
        (37, 64, 124),
        (35, 108, 144),
        (47, 148, 136),
        (116, 184, 108),
        (199, 213, 94),
        (253, 243, 168),
    ),
    # Two arms of like lightness meet in a pale middle.
    "diverging": (
        (107, 61, 16),
        (185, 128, 59),
        (229, 200, 148),
        (246, 243, 232),
        (185, 220, 174),
        (90, 164, 105),
        (29, 91, 51),
    ),
}
"""Control points of the ramps, evenly spaced, joined by straight lines in sRGB."""

_LOW_PCT, _HIGH_PCT = 2.0, 98.0
_MIDDLE = 0.40
_LEAST_SPAN = 0.6
_GAMMA_RANGE = (0.45, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers at the two ends of a ramp."""

    low: float
    """Number of the first colour."""
    high: float
    """Number of the last colour; equal to `low` when all values are the same."""
    is_cut_low: bool
    """Whether there are smaller values, shown in the first colour."""
    is_cut_high: bool
    """Whether there are larger values, shown in the last colour."""


def limits_of(
    values: NDArray[np.floating], valid: NDArray[np.bool_], *, ramp: RampName = "sequential"
) -> Limits | None:
    """Return the 2nd and 98th percentile of the valid values, or None if there is none.

    A diverging ramp gets limits that lie evenly about zero.

    Args:
        values: (h, w).
        valid: (h, w), True = valid; values that are not finite do not count either.
        ramp: kind of ramp.
    """
    kept = np.asarray(values, dtype=np.float64)[valid & np.isfinite(values)]
    if kept.size == 0:
        return None
    low, high = (float(v) for v in np.percentile(kept, [_LOW_PCT, _HIGH_PCT]))
    if low == high:
        low, high = float(kept.min()), float(kept.max())
    if ramp == "diverging":
        reach = max(abs(low), abs(high))
        low, high = -reach, reach
    return Limits(
        low=low,
        high=high,
        is_cut_low=bool(kept.min() < low),
        is_cut_high=bool(kept.max() > high),
    )


def ramp_color(share: NDArray[np.floating], ramp: RampName) -> NDArray[np.uint8]:
    """Return colours (..., 3) for positions 0 to 1 along a ramp; outside takes the ends."""
    points = np.array(RAMPS[ramp], dtype=np.float64)
    place = np.linspace(0.0, 1.0, len(points))
    channels = [np.interp(share, place, points[:, i]) for i in range(3)]
    colors: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colors


def color_scalar(values: NDArray[np.floating], limits: Limits, ramp: RampName) -> NDArray[np.uint8]:
    """Return the colours (h, w, 3) of values (h, w); equal limits take the ramp's middle."""
    span = limits.high - limits.low
    safe = np.where(np.isfinite(values), values, limits.low)
    share = (safe - limits.low) / span if span > 0 else np.full(safe.shape, 0.5)
    return ramp_color(share, ramp)


def stretch_rgb(
    values: NDArray[np.floating], valid: NDArray[np.bool_], *, sample: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Return bands as colours (h, w, 3), each stretched between two percentiles of a sample.

    Each band starts at its 2nd percentile and ends at its 98th, or later where its span would be
    less than 0.6 of the widest band's: haze goes, hues stay. Then one gamma for all three brings
    the median of their mean up to 0.4, so that a snow field or a cloud does not drown the rest.

    Args:
        values: (3, h, w) red, green, blue, in any linear unit.
        valid: (h, w) pixels to colour; others come out black.
        sample: (3, n) valid values that the percentiles are taken from, n >= 1.
    """
    low, high = np.percentile(sample, [_LOW_PCT, _HIGH_PCT], axis=1)
    span = np.maximum(high - low, _LEAST_SPAN * np.max(high - low))
    span = np.where(span > 0, span, 1.0)
    middle = np.median(np.clip((sample - low[:, None]) / span[:, None], 0, 1).mean(axis=0))
    flattest, straight = _GAMMA_RANGE
    gamma = straight
    if 0 < middle < _MIDDLE:
        gamma = float(np.clip(np.log(_MIDDLE) / np.log(middle), flattest, straight))
    shares = np.clip((values - low[:, None, None]) / span[:, None, None], 0.0, 1.0)
    colored = np.where(valid, np.nan_to_num(shares), 0.0) ** gamma
    return np.rint(255 * np.moveaxis(colored, 0, -1)).astype(np.uint8)


def color_of_cover(label: str) -> Color | None:
    """Return the usual colour of the cover that a label names, or None if it names none."""
    words = label.casefold()
    return next((color for name, color in _USUAL if name in words), None)

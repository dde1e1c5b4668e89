"""From the numbers that a model writes to pixels of the picture that was given, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.dialogue.profiles import CoordinateFrame

__all__ = ["CELL_PX", "LONGEST_ASPECT", "Frame", "settled_size", "shown_size", "within"]

CELL_PX: Final = 28
"""Edge of what becomes one visual token: a patch of 14 px, two by two of them merged."""
LONGEST_ASPECT: Final = 200
"""A picture whose sides are to each other as more than this is refused by the model."""


def shown_size(height: int, width: int, *, max_pixels: int, min_pixels: int) -> tuple[int, int]:
    """Return the height and width that Qwen2.5-VL resizes a picture to, both multiples of 28.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        max_pixels: most pixels that it is shown; a picture one cell high or wide may have more.
        min_pixels: fewest pixels that it is shown.

    Raises:
        InputError: if a side is none, or one is more than 200 times the other.
    """
    if min(height, width) < 1:
        raise InputError(
            f"a picture of {width} x {height} px was given", hint="give one with pixels"
        )
    if max(height, width) > LONGEST_ASPECT * min(height, width):
        aspect = max(height, width) / min(height, width)
        raise _too_thin(
            f"a picture of {width} x {height} px", f"its sides are as {aspect:.0f} to 1"
        )
    high, wide = round(height / CELL_PX) * CELL_PX, round(width / CELL_PX) * CELL_PX
    if high * wide > max_pixels:
        by = math.sqrt(height * width / max_pixels)
        high = max(CELL_PX, math.floor(height / by / CELL_PX) * CELL_PX)
        wide = max(CELL_PX, math.floor(width / by / CELL_PX) * CELL_PX)
    elif high * wide < min_pixels:
        by = math.sqrt(min_pixels / (height * width))
        high = math.ceil(height * by / CELL_PX) * CELL_PX
        wide = math.ceil(width * by / CELL_PX) * CELL_PX
    return high, wide


def settled_size(height: int, width: int, *, max_pixels: int, min_pixels: int) -> tuple[int, int]:
    """Return a size for a picture that the model, which resizes it once more, leaves alone.

    For almost all pictures that is what its rule gives at once. Only where one side comes down to a
    single cell and the cap is low, the rule gives something else for what it gave.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        max_pixels: most pixels that it is shown.
        min_pixels: fewest pixels that it is shown, a quarter of the most at most: closer together,
            the rule may go to and fro between the two for ever.

    Raises:
        InputError: if a side is none, or one is more than 200 times the other, before or after.
    """
    assert 4 * min_pixels <= max_pixels
    size = shown_size(height, width, max_pixels=max_pixels, min_pixels=min_pixels)
    while max(size) <= LONGEST_ASPECT * min(size):
        again = shown_size(*size, max_pixels=max_pixels, min_pixels=min_pixels)
        if again == size:
            return size
        size = again
    raise _too_thin(
        f"a picture of {width} x {height} px", f"it would be shown at {size[1]} x {size[0]} px"
    )


def _too_thin(picture: str, reason: str) -> InputError:
    return InputError(
        f"{picture} is too long and thin: {reason}, and {LONGEST_ASPECT} to 1 is the most that the "
        "model takes",
        hint="cut it into shorter pieces",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the numbers of a model count, for one picture."""

    kind: CoordinateFrame
    """What they count."""
    given: tuple[int, int]
    """Height and width of the picture that was given, pixels."""
    shown: tuple[int, int]
    """Height and width at which the model got it, pixels."""

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width of the picture in the model's numbers."""
        match self.kind:
            case "model_input":
                return float(self.shown[0]), float(self.shown[1])
            case "original":
                return float(self.given[0]), float(self.given[1])
            case "thousandth":
                return 1000.0, 1000.0
            case "percent":
                return 100.0, 100.0

    def to_picture(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the model's numbers as pixels of the picture that was given.

        Args:
            numbers: (n, 2) as x, y or (n, 4) as x1, y1, x2, y2.
        """
        return numbers * self._scales(numbers.shape[1])

    def to_model(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return pixels of the picture that was given as the model's numbers.

        Args:
            pixels: (n, 2) as x, y or (n, 4) as x1, y1, x2, y2.
        """
        return pixels / self._scales(pixels.shape[1])

    def _scales(self, columns: int) -> NDArray[np.float64]:
        high, wide = self.extent
        one = [self.given[1] / wide, self.given[0] / high]
        return np.array(one * (columns // 2), dtype=np.float64)


def within(
    boxes: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return boxes with their corners in order and clipped, and which of them have an area left.

    Args:
        boxes: (n, 4) as x1, y1, x2, y2, pixels; corners in any order.
        size: height and width of the picture, pixels.

    Returns:
        All boxes, (n, 4), and (n,) True where a box covers something of the picture.
    """
    high, wide = size
    x = np.clip(np.sort(boxes[:, 0::2], axis=1), 0.0, wide)
    y = np.clip(np.sort(boxes[:, 1::2], axis=1), 0.0, high)
    tidy = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    return tidy, (x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])

"""Check pictures that are to be encoded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image

from eoagent.contracts.errors import InputError

__all__ = ["as_pictures"]

_MOST_STRETCHED: Final = 64
"""Longest side over shortest; scaling one that is longer would need gigabytes for little sense."""


def as_pictures(pictures: Any) -> list[Any]:
    """Return pictures as a list of arrays (height, width, 3) of uint8 and PIL pictures.

    Args:
        pictures: (n, height, width, 3) of uint8, or a sequence of such pictures.

    Raises:
        InputError: if something is no picture of three bands of uint8.
    """
    if isinstance(pictures, np.ndarray) and pictures.ndim != 4:
        raise InputError(
            f"pictures were expected as (n, height, width, 3), found {_shape(pictures)}",
            hint="pass a single picture as picture[None], or in a list",
        )
    if isinstance(pictures, (Image.Image, str, bytes)):
        raise InputError("pictures were expected as a list and came as one", hint="pass [picture]")
    checked = list(pictures)
    for place, picture in enumerate(checked):
        _check(picture, f"picture {place} of {len(checked)}")
    return checked


def _check(picture: Any, name: str) -> None:
    if _is_pil(picture):
        sides = picture.size
    else:
        if not (
            isinstance(picture, np.ndarray)
            and picture.dtype == np.uint8
            and picture.ndim == 3
            and picture.shape[2] == 3
        ):
            raise InputError(
                f"{name} is no picture of three bands of uint8: found {_shape(picture)}",
                hint="scale reflectance to 0..255 first, bands red, green, blue last",
            )
        sides = picture.shape[:2]
    if not min(sides) or max(sides) > _MOST_STRETCHED * min(sides):
        raise InputError(
            f"{name} is {sides[0]} x {sides[1]} pixels, which no square stands for",
            hint="cut it into squares",
        )


def _is_pil(picture: Any) -> bool:
    return isinstance(picture, Image.Image)


def _shape(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{' x '.join(str(size) for size in value.shape)} of {value.dtype}"
    return f"a {type(value).__name__}"

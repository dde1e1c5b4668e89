"""Bring a picture to the size at which a model will read it, so that its coordinates are known."""

from __future__ import annotations

import numpy as np
from PIL import Image

from eoagent.contracts.dialogue import Picture
from eoagent.contracts.errors import InputError
from eoagent.dialogue.frames import Frame, settled_size
from eoagent.dialogue.profiles import Profile

__all__ = ["shown_picture"]

_DIMENSIONS = 3
_CHANNELS = 3


def shown_picture(picture: Picture, profile: Profile) -> tuple[Picture, Frame]:
    """Return a picture as the model gets it, and what the model's numbers count in it.

    Args:
        picture: (height, width, 3) RGB uint8.
        profile: how the model is shown pictures.

    Raises:
        InputError: if it is no such picture, or its sides are as more than 200 to 1.
    """
    if picture.ndim != _DIMENSIONS or picture.shape[2] != _CHANNELS or picture.dtype != np.uint8:
        raise InputError(
            f"an array of shape {picture.shape} and {picture.dtype} is no picture",
            hint="give (height, width, 3) of uint8",
        )
    given = (picture.shape[0], picture.shape[1])
    most, fewest = profile.max_pixels, profile.min_pixels
    shown = settled_size(*given, max_pixels=most, min_pixels=fewest)
    if profile.square_px:
        edge = profile.square_px
        shown = settled_size(edge, edge, max_pixels=most, min_pixels=fewest)
    frame = Frame(kind=profile.coordinate_frame, given=given, shown=shown)
    if shown == given:
        return picture, frame
    size = (shown[1], shown[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)), frame

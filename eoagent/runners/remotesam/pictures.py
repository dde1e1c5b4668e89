"""Brings pictures to the size and the values that the network takes."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from eoagent.contracts.errors import InputError

__all__ = ["prepare"]

_MEAN: Final = (0.485, 0.456, 0.406)
_SPREAD: Final = (0.229, 0.224, 0.225)
"""Of ImageNet, red, green, blue; what Swin was trained with."""
_MOST_PX: Final = 1 << 28


def prepare(picture: NDArray[np.uint8], side: int) -> Tensor:
    """Return a picture as the network takes it, (1, 3, side, side) float32.

    It is stretched to a square, as it was in training. Larger scenes are cut into tiles before.

    Args:
        picture: red, green, blue, (height, width, 3) of uint8.
        side: edge of the square, pixels.

    Raises:
        InputError: if it is no such picture.
    """
    is_picture = isinstance(picture, np.ndarray) and picture.dtype == np.uint8
    if not is_picture or picture.ndim != 3 or picture.shape[2] != 3:
        said = (
            f"{picture.dtype} of shape {picture.shape}"
            if isinstance(picture, np.ndarray)
            else type(picture).__name__
        )
        raise InputError(
            f"a picture is (height, width, 3) of uint8, red, green and blue, got {said}"
        )
    if not 0 < picture.shape[0] * picture.shape[1] <= _MOST_PX:
        raise InputError(
            f"a picture of {picture.shape[1]} x {picture.shape[0]} pixels is not taken"
        )
    square = Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(square)).permute(2, 0, 1).float().div_(255)
    values -= torch.tensor(_MEAN)[:, None, None]
    values /= torch.tensor(_SPREAD)[:, None, None]
    return values[None].contiguous()

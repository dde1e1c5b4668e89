"""Bring pictures into the form that the network takes: one by one as published, or as a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from PIL import Image

from eoagent.contracts.card import ModelCard
from eoagent.contracts.runner import Placement
from eoagent.runners.libraries import load_library

__all__ = ["Preparation", "make_preparation"]

Preparation = Callable[[Sequence[Any]], Any]
"""Turns pictures into a float32 tensor (n, 3, edge, edge)."""

_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Source: `open_clip/constants.py`, OPENAI_DATASET_MEAN and OPENAI_DATASET_STD."""


def make_preparation(card: ModelCard, placement: Placement) -> Preparation:
    """Return what prepares pictures for a model, `strict` or `fast` as its placement says.

    Raises:
        ModelMissing: if a library that it needs is not installed.
    """
    if placement.preprocessing == "strict":
        return _strict(card.input_px)
    return _fast(card.input_px)


def _strict(edge: int) -> Preparation:
    """Prepare with the very transform of open_clip, on PIL pictures."""
    torch, open_clip = load_library("torch"), load_library("open_clip")
    transform = open_clip.image_transform(edge, is_train=False, mean=_MEAN, std=_STD)

    def prepare(pictures: Sequence[Any]) -> Any:
        as_pil = (p if isinstance(p, Image.Image) else Image.fromarray(p) for p in pictures)
        return torch.stack([transform(picture) for picture in as_pil])

    return prepare


def _fast(edge: int) -> Preparation:
    """Prepare pictures of one shape together, as uint8; at most 2 grey levels off `strict`."""
    torch = load_library("torch")
    mean = torch.tensor(_MEAN).view(1, 3, 1, 1) * 255
    scale = 1 / (torch.tensor(_STD).view(1, 3, 1, 1) * 255)

    def prepare(pictures: Sequence[Any]) -> Any:
        arrays = [np.asarray(p.convert("RGB")) if _is_pil(p) else p for p in pictures]
        ready = torch.empty((len(arrays), 3, edge, edge), dtype=torch.uint8)
        shapes: dict[tuple[int, ...], list[int]] = {}
        for place, array in enumerate(arrays):
            shapes.setdefault(array.shape, []).append(place)
        for places in shapes.values():
            stack = torch.from_numpy(np.stack([arrays[place] for place in places]))
            ready[places] = _cut(torch, stack.permute(0, 3, 1, 2), edge)
        return (ready.float() - mean) * scale

    return prepare


def _cut(torch: Any, batch: Any, edge: int) -> Any:
    """Scale the short side of (n, 3, height, width) to `edge` and cut out the middle."""
    height, width = batch.shape[-2:]
    short = min(height, width)
    size = (int(edge * height / short), int(edge * width / short))
    if size != (height, width):
        batch = torch.nn.functional.interpolate(
            batch, size=size, mode="bicubic", antialias=True, align_corners=False
        )
    top, left = round((size[0] - edge) / 2), round((size[1] - edge) / 2)
    return batch[..., top : top + edge, left : left + edge]


def _is_pil(picture: Any) -> bool:
    return isinstance(picture, Image.Image)

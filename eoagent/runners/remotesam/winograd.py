"""3 x 3 convolutions with a quarter of the multiplications, strip by strip.

Blocks of 4 x 4 outputs are made from 6 x 6 inputs by 36 multiplications instead of 144, the sums of
the channels being taken in between (Winograd's F(4 x 4, 3 x 3); https://arxiv.org/abs/1509.09308,
section 4.1 and Lavin's appendix). Sums run in another order than in a plain convolution, so the
last digits differ. Only a strip of the map is held in its transformed state.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["conv3x3", "pays"]

_OUT: Final = 4
_IN: Final = 6
_AT_ONCE: Final = 256
"""Blocks in a strip, about; more spoil the cache, fewer the matrix products."""
_LEAST_CHANNELS: Final = 64

_INPUT: Final = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL: Final = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT: Final = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def pays(grid: Tensor) -> bool:
    """Whether a map (B, C, h, w) is one for `conv3x3`: float32 on a CPU, with many channels.

    A GPU has its own ways, half precision is too coarse for the sums, and gradients are not made.
    """
    is_plain = grid.device.type == "cpu" and grid.dtype == torch.float32
    is_alone = not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
    return is_plain and is_alone and grid.shape[1] >= _LEAST_CHANNELS


def conv3x3(grid: Tensor, kernels: Tensor) -> Tensor:
    """Return the convolutions (B, K, h, w) of maps, each filled with zeros around.

    Channels lie together in memory afterwards; it is fastest where they do before.

    Args:
        grid: (B, C, h, w).
        kernels: (B, K, C, 3, 3), one for each map, or (1, K, C, 3, 3) for all.
    """
    batch, _, height, across = grid.shape
    rows, cols = -(-height // _OUT), -(-across // _OUT)
    width = kernels.shape[1]
    out = grid.new_empty(batch, rows, _OUT, cols, _OUT, width)
    turned = [_transform(_KERNEL, one.flatten(2).permute(2, 1, 0)) for one in kernels]
    step = max(1, _AT_ONCE // cols)
    for number, pixels in enumerate(grid.permute(0, 2, 3, 1)):
        for first in range(0, rows, step):
            last = min(first + step, rows)
            held = _transform(_INPUT, _blocks(pixels, first, last, cols))
            found = _transform(_OUTPUT, torch.bmm(held, turned[number % len(turned)]))
            found = found.view(_OUT, _OUT, last - first, cols, width)
            out[number, first:last] = found.permute(2, 0, 3, 1, 4)
    whole = out.view(batch, rows * _OUT, cols * _OUT, width)
    return whole[:, :height, :across].permute(0, 3, 1, 2)


def _blocks(pixels: Tensor, first: int, last: int, cols: int) -> Tensor:
    """Return the inputs of some rows of blocks, (36, blocks, C), of pixels (h, w, C)."""
    height, across, width = pixels.shape
    top, bottom = first * _OUT - 1, last * _OUT + 1
    strip = pixels[max(top, 0) : bottom]
    above, below = max(-top, 0), max(bottom - height, 0)
    strip = functional.pad(strip, (0, 0, 1, cols * _OUT + 1 - across, above, below))
    blocks = strip.unfold(0, _IN, _OUT).unfold(1, _IN, _OUT)
    return blocks.permute(3, 4, 0, 1, 2).reshape(_IN * _IN, -1, width)


def _transform(matrix: tuple[tuple[float, ...], ...], blocks: Tensor) -> Tensor:
    """Apply a matrix (o, i) along both sides of blocks (i * i, ...); return (o * o, ...)."""
    along = torch.tensor(matrix, dtype=torch.float64)
    both = torch.kron(along, along).to(blocks.dtype)
    return (both @ blocks.flatten(1)).view(len(both), *blocks.shape[1:])

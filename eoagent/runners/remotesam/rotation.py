"""Adaptive rotated convolution: each picture turns the 3 x 3 kernel by an angle that it chooses.

The idea is that of ARC (https://arxiv.org/abs/2303.07820), with one kernel.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from eoagent.runners.remotesam.winograd import conv3x3, pays

__all__ = ["RotatedConv", "turns"]

_MOST_TURN: Final = math.radians(40)
_ROWS: Final = 28
"""Rows of a map that are pooled at a time."""
_CENTRE: Final = 4
_RING: Final = (0, 1, 2, 5, 8, 7, 6, 3)
"""The outer taps of a 3 x 3 kernel, clockwise; corners and edges take turns."""


class Routing(nn.Module):
    """Chooses strength and angle from the picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.strength = nn.Linear(width, 1)
        self.angle = nn.Linear(width, 1, bias=False)

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Return strength, 0 to 1, and angle in radians, each (B, 1), of maps (B, C, h, w)."""
        near: Tensor = self.depthwise(grid)
        # strip by strip, so that no second and third map of this size is held
        strips = torch.split(near, _ROWS, dim=2)
        sums = [
            torch.relu_(self.norm(strip.flatten(2).transpose(1, 2))).sum(dim=1) for strip in strips
        ]
        pooled = torch.stack(sums).sum(dim=0) / near[0, 0].numel()
        angle = functional.softsign(self.angle(pooled)) * _MOST_TURN
        return torch.sigmoid(self.strength(pooled)), angle


class RotatedConv(nn.Module):
    """A 3 x 3 convolution of maps (B, C, h, w) without bias, turned for each picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, width, width, 3, 3))
        self.routing = Routing(width)

    def forward(self, grid: Tensor) -> Tensor:
        """Return maps of the same size."""
        strength, angle = self.routing(grid)
        turned = self.kernels(strength.flatten(), angle.flatten())
        if pays(grid):
            return conv3x3(grid, turned)
        each = zip(grid, turned, strict=True)
        return torch.stack([functional.conv2d(one, kernel, padding=1) for one, kernel in each])

    def kernels(self, strength: Tensor, angle: Tensor) -> Tensor:
        """Return the kernel (B, C, C, 3, 3) for each strength and angle (B,)."""
        width = self.weight.shape[1]
        mix = turns(angle) * strength[:, None, None]
        taps = self.weight.view(width * width, 9) @ mix.transpose(1, 2)
        return taps.view(len(angle), width, width, 3, 3)


def turns(angle: Tensor) -> Tensor:
    """Return how the nine taps mix when a kernel turns, (B, 9, 9), for angles (B,) in radians.

    Row i says what the new tap i takes from each old tap, in row-major order. A corner goes
    linearly towards the next tap of the ring. An edge is interpolated in the quarter that it
    enters: between itself, the next corner, the centre and the next edge. A positive angle takes
    from the clockwise neighbours.
    """
    cos, sin = torch.cos(angle.abs()), torch.sin(angle.abs())
    stay = cos - sin
    blend = torch.stack(
        [stay, 1 - stay, cos * (1 - sin), cos * sin, (1 - cos) * sin, (1 - cos) * (1 - sin)]
    ).to(angle.dtype)
    clockwise, counter = _patterns(angle)
    forwards = torch.einsum("kb,kij->bij", blend, clockwise)
    backwards = torch.einsum("kb,kij->bij", blend, counter)
    mix = torch.where((angle >= 0)[:, None, None], forwards, backwards)
    mix[:, _CENTRE, _CENTRE] = 1
    return mix


def _patterns(like: Tensor) -> tuple[Tensor, Tensor]:
    """Return which taps each part of the blend joins, (6, 9, 9), clockwise and counter."""
    found = torch.zeros(2, 6, 9, 9)
    for direction, step in enumerate((1, -1)):
        for place, tap in enumerate(_RING):
            ahead = _RING[(place + step) % 8]
            beyond = _RING[(place + 2 * step) % 8]
            is_corner = place % 2 == 0
            parts = (tap, ahead) if is_corner else (tap, ahead, beyond, _CENTRE)
            for part, source in enumerate(parts, start=0 if is_corner else 2):
                found[direction, part, tap, source] = 1
    clockwise, counter = found.to(like)
    return clockwise, counter

"""Mask decoder: from the coarsest map to the finest, each joined with the one before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from eoagent.runners.remotesam.rotation import RotatedConv

__all__ = ["Decoder", "enlarge"]


class Level(nn.Module):
    """Joins a coarse map with the next finer one."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = RotatedConv(width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return a map (B, width, h, w) of the size of the finer one."""
        joined = torch.cat([enlarge(coarse, fine.shape[-1]), fine], dim=1)
        found = torch.relu_(self.bn1(self.conv1(joined)))
        return torch.relu_(self.bn2(self.conv2(found)))


class Decoder(nn.Module):
    """Turns the maps of the four stages into the logits of background and object.

    Args:
        widths: channels of the stages, finest first.
        width: channels inside.
    """

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        coarse = [width] * (len(widths) - 2) + [widths[-1]]
        self.levels = nn.ModuleList(
            Level(below + own, width) for below, own in zip(coarse, widths[:-1], strict=True)
        )
        self.logits = nn.Conv2d(width, 2, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return logits (B, 2, h, w) of the size of the finest map."""
        logits: Tensor = self.logits(self.features(maps))
        return logits

    def margin(self, maps: Sequence[Tensor]) -> Tensor:
        """Return by how much the logit of the object is above that of the background, (B, h, w).

        This is all that a mask or a probability takes from the two.
        """
        weight, bias = self.logits.weight, self.logits.bias
        assert bias is not None
        single = (weight[1:] - weight[:1], bias[1:] - bias[:1])
        return functional.conv2d(self.features(maps), *single)[:, 0]

    def features(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the map (B, width, h, w) that the logits are read from."""
        found = maps[-1]
        for level, own in zip(reversed(self.levels), reversed(maps[:-1]), strict=True):
            found = level(found, own)
        return found


def enlarge(grid: Tensor, side: int) -> Tensor:
    """Return maps (B, C, h, w) enlarged to side x side, corner pixels kept in the corners."""
    return functional.interpolate(grid, (side, side), mode="bilinear", align_corners=True)

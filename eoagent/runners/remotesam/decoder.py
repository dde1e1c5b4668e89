"""Mask decoder: from the coarsest map to the finest, each joined with the one before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from eoagent.runners.remotesam.rotation import RotatedConv
from eoagent.runners.remotesam.winograd import conv3x3, pays

__all__ = ["Decoder", "enlarge"]


class Conv(nn.Conv2d):
    """A 3 x 3 convolution without bias, by the quicker way where there is one."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(in_width, width, 3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  as its parent names it
        """Return maps of the same size."""
        if pays(input):
            return conv3x3(input, self.weight[None])
        return super().forward(input)


class Norm(nn.BatchNorm2d):
    """Batch normalisation that writes over its input where no gradient needs it."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  as its parent names it
        """Return maps of the same size."""
        mean, variance = self.running_mean, self.running_var
        is_exact = input.dtype == torch.float32
        if torch.is_grad_enabled() or not is_exact or mean is None or variance is None:
            return super().forward(input)
        scale = (self.weight * torch.rsqrt(variance + self.eps)).view(-1, 1, 1)
        return input.mul_(scale).add_(self.bias.view(-1, 1, 1) - mean.view(-1, 1, 1) * scale)


class Level(nn.Module):
    """Joins a coarse map with the next finer one."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.conv1 = Conv(in_width, width)
        self.bn1 = Norm(width)
        self.conv2 = RotatedConv(width)
        self.bn2 = Norm(width)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return a map (B, width, h, w) of the size of the finer one."""
        # what is joined is large, and no name keeps it longer than needed
        found = self.conv1(torch.cat([enlarge(coarse, fine.shape[-1]), fine], dim=1))
        found = torch.relu_(self.bn1(found))
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

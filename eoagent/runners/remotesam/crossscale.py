"""Cross-scale interaction: the maps of all four stages meet on the coarsest grid, and gate theirs.

Two steps of the attention read memory in another order than the shapes suggest. They look like
slips, but the published weights were trained with them, so they are done here on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CrossScale"]

_HEADS: Final = 8
_KEY: Final = 32
_VALUE: Final = 64
_INNER: Final = _HEADS * _VALUE


class TokenProjection(nn.Module):
    """Queries, keys and values of tokens (B, N, C) in one, with batch normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, _HEADS * (2 * _KEY + _VALUE), bias=False)
        self.bn = nn.BatchNorm1d(_HEADS * (2 * _KEY + _VALUE))

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """Return queries, keys (B, 8, N, 32) and values (B, 8, N, 64)."""
        batch, count, _ = tokens.shape
        mixed = self.bn(self.linear(tokens).flatten(0, 1))
        heads = mixed.view(batch, count, _HEADS, -1).transpose(1, 2)
        return list(heads.split([_KEY, _KEY, _VALUE], dim=-1))


class PooledAttention(nn.Module):
    """Attention among tokens of three grain sizes, beside a convolution of the finest ones."""

    def __init__(self, width: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        own = grid**2
        every = own + (-(-grid // 2)) ** 2 + (-(-grid // 3)) ** 2
        self.qkv = TokenProjection(width)
        self.local = nn.Sequential(
            nn.Hardswish(), nn.Conv2d(_INNER, _INNER, 3, padding=1, groups=_INNER)
        )
        self.proj = nn.Linear(every, own)
        self.to_out = nn.Linear(_INNER, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, grid², C) for the tokens of all grains, the finest first."""
        batch, every, _ = tokens.shape
        own = self.grid**2
        query, key, value = self.qkv(tokens)
        # (B, 8, own, 64) is taken for (B, 512, grid, grid) as it lies in memory
        finest = value[:, :, :own].reshape(batch, _INNER, self.grid, self.grid)
        near = self.local(finest).flatten(2)
        seen = functional.scaled_dot_product_attention(query, key, value)
        # (B, every, 8, 64) is taken for (B, 512, every) as it lies in memory
        far = self.proj(seen.transpose(1, 2).reshape(batch, _INNER, every))
        out: Tensor = self.to_out((near + far).transpose(1, 2))
        return out


class CrossAttention(nn.Module):
    """Attention of a map (B, C, s, s) to itself and to two coarser versions of it."""

    def __init__(self, width: int, grid: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.coarse = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width), nn.BatchNorm2d(width)
        )
        self.coarser = nn.Sequential(
            nn.Conv2d(width, width, 5, stride=3, padding=2, groups=width), nn.BatchNorm2d(width)
        )
        self.attention = PooledAttention(width, grid)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, 1)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, C, s, s)."""
        fine = self.bn1(grid)
        grains = [part.flatten(2) for part in (fine, self.coarse(fine), self.coarser(fine))]
        seen = self.attention(torch.cat(grains, dim=2).transpose(1, 2))
        seen = seen.transpose(1, 2).reshape(grid.shape)
        out: Tensor = self.conv(functional.hardswish(self.bn2(seen)))
        return out


class FeedForward(nn.Module):
    """Mixes channels, then neighbours, then channels, of a map (B, C, s, s)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, 2 * width, 1)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv2 = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=width)
        self.conv3 = nn.Conv2d(2 * width, width, 1)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, C, s, s)."""
        wide = self.bn2(self.conv1(self.bn1(grid)))
        out: Tensor = self.conv3(functional.relu6(self.conv2(wide)))
        return out


class Added(nn.Module):
    """Adds what a part makes of its input to that input."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, C, s, s)."""
        out: Tensor = grid + self.part(grid)
        return out


class PerStage(nn.Module):
    """A feed-forward part for the channels of each stage by themselves."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = list(widths)
        self.stages = nn.ModuleList(Added(FeedForward(width)) for width in widths)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, C, s, s)."""
        parts = zip(self.stages, torch.split_with_sizes(grid, self.widths, 1), strict=True)
        return torch.cat([stage(part) for stage, part in parts], dim=1)


class StageGate(nn.Module):
    """Gates the map of one stage by what all stages found together, and adds it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.local = nn.Conv2d(width, width, 1)
        self.local_bn = nn.BatchNorm2d(width)
        self.shared = nn.Conv2d(width, width, 1)
        self.shared_bn = nn.BatchNorm2d(width)
        self.gate = nn.Conv2d(width, width, 1)
        self.gate_bn = nn.BatchNorm2d(width)

    def forward(self, local: Tensor, shared: Tensor) -> Tensor:
        """Return a map of the size of `local` (B, C, h, w); `shared` is (B, C, s, s)."""
        size = local.shape[-2:]
        gate = _enlarge(functional.hardsigmoid(self.gate_bn(self.gate(shared))), size)
        added = _enlarge(self.shared_bn(self.shared(shared)), size)
        out: Tensor = self.local_bn(self.local(local)) * gate + added
        return out


class CrossScale(nn.Module):
    """Lets the maps of the four stages speak to each other.

    Args:
        widths: channels of the stages, finest first.
        grid: edge of the coarsest map, which the weights are bound to.
    """

    def __init__(self, widths: Sequence[int], grid: int) -> None:
        super().__init__()
        self.widths = list(widths)
        self.grid = grid
        inner = sum(widths) // 4
        self.down = nn.Conv2d(sum(widths), inner, 1)
        self.steps = nn.ModuleList(
            [
                Added(CrossAttention(inner, grid)),
                Added(PerStage([width // 4 for width in widths])),
                Added(CrossAttention(inner, grid)),
                Added(FeedForward(inner)),
            ]
        )
        self.bn = nn.BatchNorm2d(inner)
        self.up = nn.Conv2d(inner, sum(widths), 1)
        self.gates = nn.ModuleList(StageGate(width) for width in widths)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the gated maps, each of the size of its input (B, C, h, w)."""
        shared = self.down(self.pool(maps))
        for step in self.steps:
            shared = step(shared)
        parts = self.up(self.bn(shared)).split(self.widths, dim=1)
        return [gate(own, part) for gate, own, part in zip(self.gates, maps, parts, strict=True)]

    def pool(self, maps: Sequence[Tensor]) -> Tensor:
        """Return all maps averaged to the coarsest grid, channels of the finest first."""
        return torch.cat([functional.adaptive_avg_pool2d(own, self.grid) for own in maps], dim=1)


def _enlarge(grid: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(grid, list(size), mode="bilinear", align_corners=False)

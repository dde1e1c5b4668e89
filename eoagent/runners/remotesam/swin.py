"""Swin blocks: attention inside windows, every second block with windows shifted by half.

As in the segmentation variant of Swin (https://arxiv.org/abs/2103.14030) maps of any size are
taken: what is missing to whole windows is filled with zeros at the right and bottom. The filling
comes after the first normalisation and is attended to as if it were picture; the weights were
trained so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Block", "Downsample", "PatchEmbedding"]

_MLP_RATIO: Final = 4
_APART: Final = -100.0
"""Added to the score of two tokens that only the cyclic shift made neighbours."""


class PatchEmbedding(nn.Module):
    """Turns a picture (B, 3, S, S) into tokens (B, (S/4)², C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the tokens, row by row."""
        tokens: Tensor = self.norm(self.proj(pixels).flatten(2).transpose(1, 2))
        return tokens


class WindowAttention(nn.Module):
    """Attention among the tokens of a window, with a learned bias for each relative position."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))

    def forward(self, windows: Tensor, apart: Tensor | None) -> Tensor:
        """Return the attended windows.

        Args:
            windows: (n, window², C), of B pictures one after the other.
            apart: (n / B, 1, window², window²), added to the scores; None adds nothing.
        """
        count, tokens, width = windows.shape
        qkv = self.qkv(windows).view(count, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        bias = self.position_bias()
        if apart is not None:
            bias = bias + apart.to(bias.dtype)
            if count > len(apart):
                bias = bias.repeat(count // len(apart), 1, 1, 1)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: Tensor = self.proj(seen.transpose(1, 2).reshape(count, tokens, width))
        return out

    def position_bias(self) -> Tensor:
        """Return the bias (1, heads, window², window²) of each pair of tokens."""
        table = self.relative_position_bias_table
        index = relative_positions(self.window, table.device)
        tokens = self.window**2
        pairs = table[index.flatten()].view(1, tokens, tokens, self.heads)
        bias: Tensor = pairs.permute(0, 3, 1, 2)
        return bias


class Mlp(nn.Module):
    """Two layers with a GELU between them, on each token by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, _MLP_RATIO * width)
        self.fc2 = nn.Linear(_MLP_RATIO * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens (B, N, C) after both layers."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return out


class Block(nn.Module):
    """One Swin block: attention in windows, then the feed-forward part, each added to its input."""

    def __init__(self, width: int, heads: int, *, window: int, is_shifted: bool) -> None:
        super().__init__()
        self.shift = window // 2 if is_shifted else 0
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, tokens: Tensor, grid: int) -> Tensor:
        """Return the tokens (B, grid², C) of a square map."""
        tokens = tokens + self._attend(self.norm1(tokens), grid)
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out

    def _attend(self, tokens: Tensor, grid: int) -> Tensor:
        batch, _, width = tokens.shape
        window = self.attn.window
        layout = _layout(grid, window, self.shift, tokens.device)
        placed = tokens.index_select(1, layout.source)
        placed[:, layout.filling] = 0
        windows = placed.view(-1, window**2, width)
        seen: Tensor = self.attn(windows, layout.apart)
        return seen.view(batch, -1, width).index_select(1, layout.back)


class Downsample(nn.Module):
    """Joins each 2 x 2 tokens into one of twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tokens: Tensor, grid: int) -> Tensor:
        """Return (B, (grid/2)², 2C) for tokens (B, grid², C) of a square map."""
        batch, _, width = tokens.shape
        half = grid // 2
        quads = tokens.view(batch, half, 2, half, 2, width)
        # the four are laid side by side column by column: (0, 0), (1, 0), (0, 1), (1, 1)
        quads = quads.permute(0, 1, 3, 4, 2, 5).reshape(batch, half * half, 4 * width)
        out: Tensor = self.reduction(self.norm(quads))
        return out


def relative_positions(window: int, device: torch.device | None = None) -> Tensor:
    """Return the row of the bias table for each pair of tokens of a window, (window², window²)."""
    steps = torch.arange(window, device=device)
    row = steps.repeat_interleave(window)
    col = steps.repeat(window)
    down = row[:, None] - row[None, :] + window - 1
    right = col[:, None] - col[None, :] + window - 1
    return down * (2 * window - 1) + right


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """How the tokens of a square map lie in windows, one window after the other."""

    source: Tensor
    """Token at each place of the windows; any where there is only filling."""
    filling: Tensor
    """Places that no token of the map takes."""
    back: Tensor
    """Place of each token."""
    apart: Tensor | None
    """What is added to the scores of each window, (n, 1, window², window²); None adds nothing."""


def _layout(grid: int, window: int, shift: int, device: torch.device) -> _Layout:
    side = -(-grid // window)
    whole = side * window
    at = torch.arange(whole, device=device)
    shifted = (at + shift) % whole  # row or column of the map at each row or column of windows

    def by_window(square: Tensor) -> Tensor:
        return square.view(side, window, side, window).transpose(1, 2).reshape(-1)

    row = by_window(shifted[:, None].expand(whole, whole))
    col = by_window(shifted[None, :].expand(whole, whole))
    is_filling = (row >= grid) | (col >= grid)
    source = torch.where(is_filling, 0, row * grid + col)
    places = torch.arange(whole * whole, device=device)
    back = torch.empty(grid * grid, dtype=torch.long, device=device)
    back[source[~is_filling]] = places[~is_filling]
    apart = None
    if shift:
        band = (at >= whole - window).long() + (at >= whole - shift).long()
        region = by_window(3 * band[:, None] + band[None, :]).view(-1, window**2)
        differs = region[:, :, None] != region[:, None, :]
        apart = torch.where(differs, _APART, 0.0)[:, None]
    return _Layout(source, places[is_filling], back, apart)

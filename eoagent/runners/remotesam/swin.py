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

    def forward(self, tokens: Tensor, layout: Layout) -> Tensor:
        """Return the attended tokens (B, N, C), window by window as they are laid out."""
        batch, _, width = tokens.shape
        places, inner = self.window**2, layout.inner
        placed = self.qkv(tokens).index_select(1, layout.source)
        # what fills a window is zero before this layer, so that its bias is all there is
        placed[:, layout.filling] = self.qkv.bias.to(placed.dtype)
        windows = placed.view(batch, -1, places, 3, self.heads, width // self.heads)
        bias = self.position_bias()
        if layout.apart is None:
            seen = _attend(windows, bias)
        else:
            mixed = bias + layout.apart.to(bias.dtype)
            each = _attend(windows[:, :inner], bias), _attend(windows[:, inner:], mixed)
            seen = torch.cat(each, dim=1)
        gathered = seen.reshape(batch, -1, width).index_select(1, layout.back)
        out: Tensor = self.proj(gathered)
        return out

    def position_bias(self) -> Tensor:
        """Return the bias (1, heads, window², window²) of each pair of tokens."""
        table = self.relative_position_bias_table
        index = relative_positions(self.window, table.device)
        tokens = self.window**2
        pairs = table[index.flatten()].view(1, tokens, tokens, self.heads)
        bias: Tensor = pairs.permute(0, 3, 1, 2).contiguous()
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
        layout = _layout(grid, self.attn.window, self.shift, tokens.device)
        tokens = tokens + self.attn(self.norm1(tokens), layout)
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


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
class Layout:
    """How the tokens of a square map lie in windows, one window after the other."""

    source: Tensor
    """Token at each place of the windows; any where there is only filling."""
    filling: Tensor
    """Places that no token of the map takes."""
    back: Tensor
    """Place of each token."""
    inner: int
    """Windows, the first ones, in which all tokens are neighbours."""
    apart: Tensor | None
    """What is added to the scores of the other windows, (n, 1, window², window²)."""


def _attend(windows: Tensor, bias: Tensor) -> Tensor:
    """Return windows (B, n, window², heads, d) of queries, keys and values (..., 3, heads, d).

    Args:
        windows: of each picture.
        bias: added to the scores, (1 or n, heads, window², window²).
    """
    batch, count = windows.shape[:2]
    query, key, value = windows.flatten(0, 1).permute(2, 0, 3, 1, 4)
    if len(bias) > 1 and batch > 1:
        bias = bias.repeat(batch, 1, 1, 1)
    seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    seen = seen.transpose(1, 2)
    return seen.reshape(batch, count, *seen.shape[1:])


def _layout(grid: int, window: int, shift: int, device: torch.device) -> Layout:
    side = -(-grid // window)
    whole = side * window
    at = torch.arange(whole, device=device)
    shifted = (at + shift) % whole  # row or column of the map at each row or column of windows
    last = torch.arange(side, device=device) == side - 1
    # where windows are shifted, those at the right and bottom hold what lies apart
    is_mixed = (last[:, None] | last[None, :]).flatten() & bool(shift)
    order = torch.argsort(is_mixed.long(), stable=True)

    def by_window(square: Tensor) -> Tensor:
        return square.view(side, window, side, window).transpose(1, 2).reshape(side**2, -1)[order]

    row = by_window(shifted[:, None].expand(whole, whole)).flatten()
    col = by_window(shifted[None, :].expand(whole, whole)).flatten()
    is_filling = (row >= grid) | (col >= grid)
    source = torch.where(is_filling, 0, row * grid + col)
    places = torch.arange(whole * whole, device=device)
    back = torch.empty(grid * grid, dtype=torch.long, device=device)
    back[source[~is_filling]] = places[~is_filling]
    filling = places[is_filling]
    if not shift:
        return Layout(source, filling, back, side**2, None)
    inner = (side - 1) ** 2
    band = (at >= whole - window).long() + (at >= whole - shift).long()
    region = by_window(3 * band[:, None] + band[None, :])[inner:]
    differs = region[:, :, None] != region[:, None, :]
    return Layout(source, filling, back, inner, torch.where(differs, _APART, 0.0)[:, None])

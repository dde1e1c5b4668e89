"""What each stage does with the text: words are mixed into the picture, and gates let them on.

The pixel-word attention follows LAVT (https://arxiv.org/abs/2112.02244). A text is at first only
met at the end of the first stage, so all that comes before is the same for all texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Fusion", "Gate", "Pointwise", "Salience", "Seen", "Words"]

_EPS: Final = 1e-5
_UNREAD: Final = -1e4
"""Added to the score of a token that only fills up the text."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A text as one stage reads it."""

    keys: Tensor
    """(B, L, C), zero where the text is filled up."""
    values: Tensor
    """(B, L, C), likewise, with the last layer of the attention already applied."""
    mask: Tensor
    """(B, L), 1 for a token of the text and 0 for a filling."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture as the fusion of one stage sees it, before any word of the text is known."""

    visual: Tensor
    """(B, N, C), what the words are multiplied with."""
    query: Tensor
    """(B, N, C), what the tokens ask the words."""


class Pointwise(nn.Conv1d):
    """A linear layer on tokens (B, N, C) whose weights lie in files as a convolution of width 1."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__(in_width, out_width, 1)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  as its parent names it
        """Return (B, N, out)."""
        return functional.linear(input, self.weight.squeeze(-1), self.bias)


class LanguageAttention(nn.Module):
    """Each token of the picture gathers what the words say to it, with a single head."""

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.query = Pointwise(width, width)
        self.key = Pointwise(text_width, width)
        self.value = Pointwise(text_width, width)
        self.out = Pointwise(width, width)

    def ask(self, tokens: Tensor) -> Tensor:
        """Return the queries (B, N, C) of a picture."""
        return _instance_norm(self.query(tokens))

    def read(self, text: Tensor, mask: Tensor) -> Words:
        """Return keys and values of the states of a text (B, L, T).

        The last layer is linear and a token gathers a weighted sum, so it is applied to the few
        values and not to the many tokens; its bias is the same everywhere and is normalised away.
        """
        shown = mask[..., None].to(text.dtype)
        values = functional.linear(self.value(text) * shown, self.out.weight.squeeze(-1))
        return Words(self.key(text) * shown, values, mask)

    def forward(self, query: Tensor, words: Words) -> Tensor:
        """Return what each token gathered, (B, N, C)."""
        scores = query @ words.keys.transpose(1, 2) * query.shape[-1] ** -0.5
        unread = (1 - words.mask.to(scores.dtype)) * _UNREAD
        shares = torch.softmax((scores + unread[:, None]).float(), dim=-1)
        with torch.autocast(query.device.type, enabled=False):
            return _normalised_sum(shares, words.values.float()).to(query.dtype)


class Fusion(nn.Module):
    """Multiplies the picture with what the words say to it."""

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.visual = nn.Sequential(Pointwise(width, width), nn.GELU())
        self.attention = LanguageAttention(width, text_width)
        self.mix = nn.Sequential(Pointwise(width, width), nn.GELU())

    def look(self, tokens: Tensor) -> Seen:
        """Return what needs no text."""
        return Seen(self.visual(tokens), self.attention.ask(tokens))

    def forward(self, seen: Seen, words: Words) -> Tensor:
        """Return the picture as the text sees it, (B, N, C)."""
        mixed: Tensor = self.mix(seen.visual * self.attention(seen.query, words))
        return mixed


class Gate(nn.Sequential):
    """Says for each value of tokens (B, N, C) how much of it passes, from -1 to 1."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.Tanh(),
        )


class DeepBranch(nn.Module):
    """A weight, a normalisation, a 3 x 3 convolution and a normalisation on one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(1)
        self.conv2 = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(1)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, 1, h, w)."""
        out: Tensor = self.bn2(self.conv2(self.bn1(self.conv1(grid))))
        return out


class Cell(nn.Module):
    """The sum of a deep branch, a weighted one and a plain one, on one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = DeepBranch()
        self.weighted = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.plain = nn.BatchNorm2d(1)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the map (B, 1, h, w)."""
        out: Tensor = self.deep(grid) + self.weighted(grid) + self.plain(grid)
        return out


class Salience(nn.Module):
    """Weighs each token by how much it stands out, judged from the mean of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Cell()
        self.second = Cell()

    def forward(self, tokens: Tensor, grid: int) -> Tensor:
        """Return the weighted tokens (B, grid², C)."""
        brightness = tokens.mean(dim=-1).view(-1, 1, grid, grid)
        weight = torch.sigmoid(self.second(torch.relu(self.first(brightness))))
        return tokens * weight.flatten(1)[..., None]


def _normalised_sum(shares: Tensor, values: Tensor) -> Tensor:
    """Return `_instance_norm(shares @ values)`, the norm being made before the sum.

    Mean and variance of the many sums follow from those of the few shares.

    Args:
        shares: (B, N, L).
        values: (B, L, C).
    """
    apart = shares - shares.mean(dim=1, keepdim=True)
    joint = apart.transpose(1, 2) @ apart / apart.shape[1]
    variance = ((joint @ values) * values).sum(dim=1, keepdim=True).clamp(min=0)
    return apart @ (values * torch.rsqrt(variance + _EPS))


def _instance_norm(tokens: Tensor) -> Tensor:
    """Bring each channel of each picture to mean 0 and variance 1 over its tokens (B, N, C)."""
    exact = tokens.float()  # the mean of many values in half precision is not worth much
    variance, mean = torch.var_mean(exact, dim=1, correction=0, keepdim=True)
    return ((exact - mean) * torch.rsqrt(variance + _EPS)).to(tokens.dtype)

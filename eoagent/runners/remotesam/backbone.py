"""The backbone: Swin stages that read the text at their ends, and their cross-scale interaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from eoagent.runners.remotesam.crossscale import CrossScale
from eoagent.runners.remotesam.fusion import Fusion, Gate, Salience, Seen, Words
from eoagent.runners.remotesam.shape import NetworkShape
from eoagent.runners.remotesam.swin import Block, Downsample, PatchEmbedding

__all__ = ["Backbone", "Looked"]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A picture after the blocks of a stage, before the text is read."""

    seen: Seen
    """What the fusion needs of it."""
    kept: Tensor | None
    """(B, N, C), what goes on whatever the text says; None after the last stage."""


class Stage(nn.Module):
    """Swin blocks, then the text; what the text made of it goes to the decoder.

    The last stage hands nothing on, so it has neither gates nor salience.
    """

    def __init__(self, shape: NetworkShape, stage: int) -> None:
        super().__init__()
        width = shape.widths[stage]
        self.grid = shape.grids[stage]
        self.blocks = nn.ModuleList(
            Block(width, shape.num_heads[stage], window=shape.window, is_shifted=n % 2 == 1)
            for n in range(shape.depths[stage])
        )
        self.fusion = Fusion(width, shape.bert.hidden_size)
        self.norm = nn.LayerNorm(width)
        self.is_last = stage == len(shape.depths) - 1
        if not self.is_last:
            self.salience = Salience()
            self.visual_gate = Gate(width)
            self.language_gate = Gate(width)
            self.downsample = Downsample(width)

    def look(self, tokens: Tensor) -> Looked:
        """Return all that needs no text."""
        for block in self.blocks:
            tokens = block(tokens, self.grid)
        seen = self.fusion.look(tokens)
        if self.is_last:
            return Looked(seen, None)
        salient = self.salience(tokens, self.grid)
        return Looked(seen, torch.addcmul(tokens, self.visual_gate(salient), salient))

    def read(self, looked: Looked, words: Words) -> tuple[Tensor, Tensor | None]:
        """Return the map (B, C, h, w) for the decoder and the tokens of the next stage."""
        mixed = self.fusion(looked.seen, words)
        grid = self.norm(mixed).transpose(1, 2).unflatten(2, (self.grid, self.grid))
        if looked.kept is None:
            return grid, None
        stream = torch.addcmul(looked.kept, self.language_gate(mixed), mixed)
        return grid, self.downsample(stream, self.grid)


class Backbone(nn.Module):
    """Turns a picture and a text into maps of four scales."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(shape.embed_dim)
        self.stages = nn.ModuleList(Stage(shape, stage) for stage in range(len(shape.depths)))
        self.scales = CrossScale(shape.widths, shape.grids[-1])

    def look(self, pixels: Tensor) -> Looked:
        """Return what a picture (B, 3, S, S) is before any text is read: the first stage."""
        return self._each[0].look(self.patch_embed(pixels))

    def words(self, text: Tensor, mask: Tensor) -> tuple[Words, ...]:
        """Return a text (B, L, T) as each stage reads it."""
        return tuple(stage.fusion.attention.read(text, mask) for stage in self._each)

    def read(self, looked: Looked, words: Sequence[Words]) -> list[Tensor]:
        """Return the maps (B, C, h, w) of a picture for texts, finest first.

        One picture goes with any number of texts.
        """
        maps = []
        stages = self._each
        for number, (stage, own) in enumerate(zip(stages, words, strict=True)):
            grid, tokens = stage.read(looked, own)
            maps.append(grid)
            if tokens is not None:
                looked = stages[number + 1].look(tokens)
        found: list[Tensor] = self.scales(maps)
        return found

    @property
    def _each(self) -> list[Stage]:
        return [stage for stage in self.stages if isinstance(stage, Stage)]

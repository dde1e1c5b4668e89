"""The RemoteSAM network: a picture and a sentence in, a mask of what the sentence means out.

Written from a description of the published network (https://arxiv.org/abs/2505.18022); it reads
the published weights and gives their outputs. The module is for inference: what only training
needs (dropout, stochastic depth, batch statistics) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from eoagent.contracts.errors import InputError
from eoagent.runners.remotesam.backbone import Backbone, Looked
from eoagent.runners.remotesam.checkpoint import read_weights
from eoagent.runners.remotesam.decoder import Decoder, enlarge
from eoagent.runners.remotesam.fusion import Words
from eoagent.runners.remotesam.loading import fill
from eoagent.runners.remotesam.shape import NetworkShape
from eoagent.runners.remotesam.text import TextEncoder

__all__ = ["RemoteSam"]


class RemoteSam(nn.Module):
    """Finds in a picture what a text refers to.

    `forward` does all of it. The parts can be called by themselves, so that what several texts or
    several pictures share is done once: `look` at a picture, `read` a text, and `margin` or
    `logits` of the two.

    Args:
        shape: sizes of the network.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.text = TextEncoder(shape.bert)
        self.backbone = Backbone(shape)
        self.decoder = Decoder(shape.widths, shape.decoder_width)
        self.eval()

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        sha256: str = "",
    ) -> Self:
        """Return the network with the weights of a file, in float32 and ready for inference.

        Taken are the published form (a training checkpoint, of which only tensors are read and
        the state of the optimiser not at all) and what `convert_checkpoint` writes.

        Args:
            path: the file.
            config: sizes as in the parity manifest; None takes what the file states, else those
                of the published weights.
            sha256: what the file must hash to, in hex; empty takes any file.

        Raises:
            NotFound: if there is no such file.
            InputError: if `config` is not right.
            ModelError: if the file has another hash, holds anything but tensors, is damaged, or
                holds the weights of another network; names what is missing, unexpected or of
                another shape.
        """
        weights = read_weights(Path(path), sha256=sha256)
        shape = NetworkShape.of(weights.config if config is None else config)
        with torch.device("meta"):
            network = cls(shape)
        fill(network, weights, window=shape.window)
        return network

    def forward(self, pixels: Tensor, token_ids: Tensor, token_mask: Tensor) -> Tensor:
        """Return the logits (B, 2, S, S) of background and object.

        Args:
            pixels: (B, 3, S, S), red, green, blue, normalised.
            token_ids: (B, L) of int64.
            token_mask: (B, L), 1 for tokens and 0 for what fills the row.

        Raises:
            InputError: if a shape does not fit.
        """
        return self.logits(self.look(pixels), self.read(token_ids, token_mask))

    def look(self, pixels: Tensor) -> Looked:
        """Return what pictures (B, 3, S, S) are before any text is read.

        Raises:
            InputError: if they are of another size.
        """
        side = self.shape.side
        if pixels.ndim != 4 or pixels.shape[1:] != (3, side, side):
            raise InputError(
                f"the network takes pictures of (B, 3, {side}, {side}), got {tuple(pixels.shape)}"
            )
        return self.backbone.look(pixels)

    def read(self, token_ids: Tensor, token_mask: Tensor) -> tuple[Words, ...]:
        """Return texts (B, L) as each stage reads them.

        Raises:
            InputError: if the two are not of one shape, or too long.
        """
        most = self.shape.bert.max_position_embeddings
        if token_ids.ndim != 2 or token_ids.shape != token_mask.shape:
            raise InputError(
                f"tokens and their mask are both (B, L), got {tuple(token_ids.shape)} and "
                f"{tuple(token_mask.shape)}"
            )
        if not 0 < token_ids.shape[1] <= most:
            raise InputError(f"a text has 1 to {most} tokens, got {token_ids.shape[1]}")
        states = self.text(token_ids, token_mask)
        return self.backbone.words(states, token_mask)

    def logits(self, looked: Looked, words: tuple[Words, ...]) -> Tensor:
        """Return the logits (B, 2, S, S) of pictures for texts; one picture goes with any number.

        Raises:
            InputError: if there are several pictures and another number of texts.
        """
        self._check_pairs(looked, words)
        quarter = self.decoder(self.backbone.read(looked, words))
        return enlarge(quarter, self.shape.side)

    def margin(self, looked: Looked, words: tuple[Words, ...]) -> Tensor:
        """Return the logit of the object less that of the background, (B, S, S).

        The mask is where it is above 0, the probability its logistic function. Enlarging is
        linear, so one map is enlarged and not two.

        Raises:
            InputError: if there are several pictures and another number of texts.
        """
        self._check_pairs(looked, words)
        quarter = self.decoder.margin(self.backbone.read(looked, words))
        return enlarge(quarter[:, None], self.shape.side)[:, 0]

    @staticmethod
    def _check_pairs(looked: Looked, words: tuple[Words, ...]) -> None:
        pictures, texts = len(looked.seen.query), len(words[0].mask)
        if pictures not in {1, texts}:
            raise InputError(f"{pictures} pictures do not go with {texts} texts")

"""An encoder that stands for a model of the pool: asked through its queue, loaded when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import EncoderFingerprint, Pictures, Vectors
from eoagent.runners.pictures import as_pictures
from eoagent.runners.textcache import TextCache
from eoagent.runners.texts import as_texts
from eoagent.runners.unit import unit_vectors

__all__ = ["Ask", "PooledEncoder"]

Ask = Callable[[str, Sequence[Any]], Sequence[Any]]
"""Runs items of a task through the model, within the deadline of a request."""


class PooledEncoder:
    """An `Encoder`; may be shared by threads."""

    def __init__(
        self,
        card: ModelCard,
        fingerprint: EncoderFingerprint,
        ask: Ask,
        *,
        texts: TextCache | None = None,
        reason: str = "",
    ) -> None:
        """Make an encoder; `ModelPool.encoder` does."""
        self._card = card
        self._fingerprint = fingerprint
        self._ask = ask
        self._texts = texts
        self.reason = reason
        """Why this model was taken; empty where it was named."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, with the hash of the weights that are installed."""
        return self._card

    @property
    def fingerprint(self) -> EncoderFingerprint:
        """What decides its vectors; known before the model is loaded."""
        return self._fingerprint

    def encode_images(self, pictures: Pictures | Any) -> Vectors:
        """Return the unit vectors of pictures, (n, d) float32.

        Raises:
            InputError: if something is no picture of three bands of uint8.
            ModelError: if the model fails or gives something that is no finite vector.
            BudgetExceeded: if the deadline of the request passes.
        """
        return self._encode("images", as_pictures(pictures))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of texts, (n, d) float32; what is too long is cut at its end.

        Those that were encoded before come from the disk.

        Raises:
            InputError: if a text is empty.
            ModelError: if the model fails or gives something that is no finite vector.
            BudgetExceeded: if the deadline of the request passes.
        """
        checked = as_texts(texts)
        if self._texts is None:
            return self._encode("texts", checked)
        return self._texts.vectors(
            checked, self._fingerprint, lambda some: self._encode("texts", some)
        )

    def _encode(self, task: str, items: Sequence[Any]) -> Vectors:
        size = self._card.dimensions
        if not items:
            return np.empty((0, size), np.float32)
        rows = np.stack([np.asarray(row) for row in self._ask(task, items)])
        return unit_vectors(rows, dimensions=size, name=self._card.id)

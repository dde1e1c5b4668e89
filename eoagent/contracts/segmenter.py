"""Segmenters: models that find what a phrase means in a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard

__all__ = ["PhraseMask", "PhraseSegmenter"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PhraseMask:
    """What was found in one picture for one phrase."""

    probability: NDArray[np.float32]
    """Probability of the object at each pixel of the picture, (height, width), 0 to 1."""
    presence: float
    """How likely the object is anywhere in the picture, 0 to 1."""


class PhraseSegmenter(Protocol):
    """Finds what phrases mean in pictures of a size that it can take in one pass."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""

    def segment(self, picture: NDArray[np.uint8], phrases: Sequence[str]) -> Iterable[PhraseMask]:
        """Return what a picture (height, width, 3) shows for each phrase, in order.

        It may give them one by one, so that whoever asks can stop between two.

        Raises:
            InputError: if it is no picture, or a phrase is empty.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """

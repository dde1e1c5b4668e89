"""A segmenter that stands for a model of the pool: asked through its queue, loaded when needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.runner import Placement
from eoagent.contracts.segmenter import PhraseMask
from eoagent.runners.pictures import as_pictures
from eoagent.runners.pooled import Ask
from eoagent.runners.remotesam.segmented import Segmented
from eoagent.runners.texts import as_texts

__all__ = ["PooledSegmenter"]

_PEAK: Final = 0.5
"""Share of the highest probability in how likely the object is anywhere; the rest is the mean's."""


class PooledSegmenter:
    """A `PhraseSegmenter`; may be shared by threads.

    Its model takes pairs of a picture and a phrase for the task `segment` (or `contours`, if its
    card has that task), and gives for each the logit of the object less that of the background on
    its own grid.
    """

    def __init__(
        self, card: ModelCard, ask: Ask, *, placement: Placement, reason: str = ""
    ) -> None:
        """Ask for `max_batch` phrases at a time; `ModelPool.segmenter` makes these."""
        self._card = card
        self._ask = ask
        self._task = "contours" if "contours" in card.tasks else "segment"
        self._at_once = placement.max_batch
        self.reason = reason
        """Why this model was taken; empty where it was named."""
        self.manner = {
            "device": placement.device,
            "precision": placement.dtype,
            "preprocessing": placement.preprocessing,
        }
        """How it is run: what may change its masks besides its weights."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, with the hash of the weights that are installed."""
        return self._card

    def segment(self, picture: NDArray[np.uint8], phrases: Sequence[str]) -> Iterator[PhraseMask]:
        """Yield what a picture (height, width, 3) shows for each phrase, in order.

        The deadline holds for the phrases that are asked for at a time. What is wrong with the
        picture or a phrase is said at once, before the first is asked for.

        Raises:
            InputError: if it is no picture, or a phrase is empty.
            ModelError: if the model fails, or gives something that is not finite.
            BudgetExceeded: if the deadline of a request passes.
        """
        (checked,) = as_pictures([picture])
        return self._each(np.asarray(checked), as_texts(phrases))

    def _each(self, picture: NDArray[np.uint8], phrases: list[str]) -> Iterator[PhraseMask]:
        height, width = picture.shape[:2]
        for start in range(0, len(phrases), self._at_once):
            some = phrases[start : start + self._at_once]
            margins = self._ask(self._task, [(picture, phrase) for phrase in some])
            for phrase, margin in zip(some, margins, strict=True):
                found = Segmented(text=phrase, margin=margin, height=height, width=width)
                yield PhraseMask(probability=found.probability(), presence=found.presence(_PEAK))

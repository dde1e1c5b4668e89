"""A segmenter that notes the highest probability of each phrase while it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.segmenter import PhraseMask, PhraseSegmenter

__all__ = ["PeakSegmenter"]


class PeakSegmenter:
    """Stands before a segmenter; for one thread at a time."""

    def __init__(self, segmenter: PhraseSegmenter) -> None:
        self._segmenter = segmenter
        self.peaks: dict[str, float] = {}
        """Highest probability of any pixel so far, by phrase."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._segmenter.card

    def segment(self, picture: NDArray[np.uint8], phrases: Sequence[str]) -> Iterator[PhraseMask]:
        """Yield what the model finds."""
        found = self._segmenter.segment(picture, phrases)
        for phrase, mask in zip(phrases, found, strict=False):  # too few are told by who asks
            peak = float(mask.probability.max())
            self.peaks[phrase] = max(self.peaks.get(phrase, 0.0), peak)
            yield mask

"""Look at pictures as the published code of RemoteSAM does: each stretched to one square.

Masks, objects and scores follow its rules to the pixel, its slips included, so that figures compare
with published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from eoagent.app.evaluation.seeing.pixels import open_picture, whole_picture
from eoagent.app.evaluation.seeing.seen import Seen, Way
from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.store import Origins
from eoagent.io.contours import contour_probability
from eoagent.runners.remotesam.detection import PUBLISHED, DetectionRules, detect, ground
from eoagent.runners.remotesam.segmented import Segmented
from eoagent.vectors.classphrases import class_phrases
from eoagent.vectors.nouns import singular

__all__ = ["ParitySight"]

_SLOT: Final = "{}"
_WEIGHT: Final = 0.5
"""Share of the highest probability in the score of a class among several."""
_LEAST: Final = 1e-30
"""Lowest probability whose logit is told from others."""
_MOST: Final = 1 - 2.0**-25
"""Highest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParitySight:
    """Looks at whole pictures."""

    segmenter: PhraseSegmenter
    """The model."""
    origins: Origins
    """The guard, which trusts the data folder."""
    contour: PhraseSegmenter | None = None
    """The model of contours, which parts objects that touch; None leaves them whole."""
    contour_above: float = PUBLISHED.contour_above
    """Where the probability of a contour is above it, masks are cut."""

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self.segmenter.card

    @property
    def way(self) -> Way:
        """Which way it is."""
        return "parity"

    @property
    def settings(self) -> Mapping[str, str]:
        """How it looks."""
        side = self.card.input_px
        cut = "objects that touch count as one, as no model of contours took part"
        if self.contour is not None:
            own = self.contour.card
            cut = (
                f"masks are cut where {own.id} (weights sha256 {own.weights.sha256[:12]}) is above "
                f"{self.contour_above:g}"
            )
        return {
            "way": f"parity: each picture stretched to {side} x {side} pixels, rules as published",
            "contours": cut,
            **getattr(self.segmenter, "manner", {}),
        }

    def phrases(self, names: Sequence[str]) -> dict[str, str]:
        """Return what is put to the model for each class: its own spelling, else the name as is."""
        frame = str(self.card.options.get("class_prompt", _SLOT))
        found = {}
        for one in class_phrases(self.card, names):
            for name in one.asked_as:
                is_known = one.phrase != frame.replace(_SLOT, singular(name))
                found[name] = one.phrase if is_known else frame.replace(_SLOT, name)
        return found

    def see(self, file: Path, phrases: Sequence[str]) -> Iterator[Seen]:
        """Yield what a picture shows of each phrase, in order."""
        shown = whole_picture(open_picture(file, self.origins), self.origins)
        square = _stretched(shown.pixels, self.card.input_px)
        edges = None if self.contour is None else contour_probability(self.contour, shown.pixels)
        given = 0
        for phrase, mask in zip(phrases, self.segmenter.segment(square, phrases), strict=False):
            given += 1
            yield self._seen(phrase, mask.probability, shown.valid, edges)
        if given != len(phrases):
            raise ModelError(f"{len(phrases)} phrases were asked and {given} masks came back")

    def _seen(
        self,
        phrase: str,
        probability: NDArray[np.float32],
        valid: NDArray[np.bool_],
        edges: NDArray[np.float32] | None,
    ) -> Seen:
        side = self.card.input_px
        if probability.shape != (side, side):
            raise ModelError(
                f"the model was given {side} x {side} pixels and gave {probability.shape} values"
            )
        height, width = valid.shape
        found = Segmented(text=phrase, margin=_logit(probability), height=height, width=width)
        return Seen(
            phrase=phrase,
            mask=found.mask(),
            valid=valid,
            square=found.margin > 0,
            objects=detect(found, contour=edges, rules=self._rules()),
            box=ground(found, rules=PUBLISHED),
            presence=_blend(probability, _WEIGHT),
            peak=_blend(probability, 1.0),
        )

    def _rules(self) -> DetectionRules:
        return replace(PUBLISHED, contour_above=self.contour_above)


def _stretched(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    square = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
    return np.array(square)


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    held = np.clip(probability.astype(np.float64), _LEAST, _MOST)
    return (np.log(held) - np.log1p(-held)).astype(np.float32)


def _blend(probability: NDArray[np.float32], weight: float) -> float:
    return float(weight * probability.max() + (1 - weight) * probability.mean(dtype=np.float64))

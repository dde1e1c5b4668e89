"""The contour model: optional, it parts objects that touch; asked here, and its absence is said.

A model of contours is a `PhraseSegmenter` that knows one phrase, `contour`. Where it is not
installed, regions of a mask count as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import ModelError, ModelMissing, NotFound
from eoagent.contracts.models import Models
from eoagent.contracts.segmenter import PhraseSegmenter

__all__ = [
    "CONTOUR_ABOVE",
    "CONTOUR_CARD",
    "CONTOUR_PHRASE",
    "contour_model",
    "contour_note",
    "contour_probability",
]

CONTOUR_CARD: Final = "directsam-entityseg-1024"
"""The model that is meant."""
CONTOUR_PHRASE: Final = "contour"
"""The one phrase that a model of contours knows."""
CONTOUR_ABOVE: Final = 0.25
"""Masks are cut where the probability of a contour is above it, as RemoteSAM's authors do."""
_TASK: Final = "contours"


def contour_model(models: Models) -> PhraseSegmenter | None:
    """Return the contour model, or None where it is not installed; nothing is loaded yet."""
    try:
        found = models.segmenter(CONTOUR_CARD)
    except (ModelMissing, NotFound):
        return None
    return found if _TASK in found.card.tasks else None


def contour_note(models: Models) -> str:
    """Return what an answer that counts objects must say of the contour model.

    It is a sentence without a full stop, for the assumptions of the answer.
    """
    if contour_model(models) is None:
        return (
            "objects that touch count as one, for the contour model is not installed: "
            f"eoagent models pull {CONTOUR_CARD}"
        )
    return (
        f"objects that touch are parted where {CONTOUR_CARD} sees a contour with a probability "
        f"above {CONTOUR_ABOVE:g}"
    )


def contour_probability(model: PhraseSegmenter, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how likely each pixel of a picture (height, width, 3) is on a contour, 0 to 1.

    Raises:
        InputError: if it is no picture.
        ModelError: if the model fails.
        BudgetExceeded: if the deadline of the request passes.
    """
    masks = list(model.segment(picture, (CONTOUR_PHRASE,)))
    if len(masks) != 1 or masks[0].probability.shape != picture.shape[:2]:
        raise ModelError(f"{model.card.id} gave {len(masks)} maps that do not go with the picture")
    return masks[0].probability

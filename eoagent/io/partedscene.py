"""Part the objects of a scene that touch, where a model of contours is installed.

A scene is then asked for each phrase twice in one pass: as it is, and with the probability set to
nought on contours. What is left of an object is its parts, of which the small ones are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.segmenter import PhraseMask, PhraseSegmenter
from eoagent.contracts.tool import Services
from eoagent.io.askedscene import PARTED
from eoagent.io.blockwise import mask_strips
from eoagent.io.contours import CONTOUR_ABOVE, contour_probability
from eoagent.io.regiontrace import find_regions

__all__ = ["PartingSegmenter", "parted", "parts_that_stay"]

_LEAST_PART: Final = 0.2
"""Parts up to this share of the largest part of the same object are dropped, as RemoteSAM's authors
have it."""


class PartingSegmenter:
    """A `PhraseSegmenter` that also knows each phrase `parted`: without the contours in it.

    Args:
        segmenter: finds the phrases.
        contours: finds the contours.
    """

    def __init__(self, segmenter: PhraseSegmenter, contours: PhraseSegmenter) -> None:
        self._segmenter = segmenter
        self._contours = contours
        own: dict[str, str] = dict(getattr(segmenter, "manner", {}))
        weights = contours.card.weights.sha256
        self.manner = own | {"contours": f"{contours.card.id} {weights} {CONTOUR_ABOVE:g}"}
        """How it is run: what may change its masks besides its weights."""

    @property
    def card(self) -> ModelCard:
        """What the model that finds the phrases can do."""
        return self._segmenter.card

    def segment(self, picture: NDArray[np.uint8], phrases: Sequence[str]) -> Iterator[PhraseMask]:
        """Yield what a picture shows for each phrase, in order; each is put to the model once.

        Raises:
            InputError: if it is no picture, or a phrase is empty.
            ModelError: if a model fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        asked = list(dict.fromkeys(phrase.removesuffix(PARTED) for phrase in phrases))
        coming = iter(self._segmenter.segment(picture, asked))
        found: dict[str, PhraseMask] = {}
        is_contour: NDArray[np.bool_] | None = None
        for phrase in phrases:
            while phrase.removesuffix(PARTED) not in found:
                mask = next(coming, None)
                if mask is None:
                    raise ModelError(f"{self.card.id} was asked for '{phrase}' and gave no mask")
                found[asked[len(found)]] = mask
            whole = found[phrase.removesuffix(PARTED)]
            if not phrase.endswith(PARTED):
                yield whole
                continue
            if is_contour is None:
                is_contour = contour_probability(self._contours, picture) > CONTOUR_ABOVE
            left = np.where(is_contour, np.float32(0), whole.probability)
            yield PhraseMask(probability=left, presence=whole.presence)


def parted(phrase: str) -> str:
    """Return the phrase by which a `PartingSegmenter` is asked for the parts."""
    return f"{phrase}{PARTED}"


def parts_that_stay(
    services: Services, whole: MaskRef, parts: MaskRef, pixels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which parts are no crumbs of the object that they are of, (n,).

    Args:
        services: store, deadline and progress.
        whole: mask of the objects as they touch.
        parts: mask of the parts, which lies in it.
        pixels: size of each part, in the order of the first pixel.

    Raises:
        NotFound: if a mask has gone.
        SourceError: if it is damaged.
    """
    objects, pieces = find_regions(services, whole, 8), find_regions(services, parts, 8)
    owner = np.zeros(len(pixels) + 1, np.int64)
    strips = zip(
        mask_strips(services, whole, what="parting objects"),
        mask_strips(services, parts, what="parting objects"),
        strict=True,
    )
    for (window, yes, valid), (_, left, known) in strips:
        of_object = objects.components.relabel(window, yes & valid, valid)
        of_piece = pieces.components.relabel(window, left & known, known)
        on = of_piece > 0
        owner[of_piece[on]] = of_object[on]  # all pixels of a part are of one object
    largest = np.zeros(objects.count + 1, np.int64)
    np.maximum.at(largest, owner[1:], pixels)
    stays: NDArray[np.bool_] = pixels > _LEAST_PART * largest[owner[1:]]
    return stays

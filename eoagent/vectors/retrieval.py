"""Measure retrieval between pictures and captions: recall at k both ways, and its mean.

The protocol is RemoteCLIP's: a query is a hit if one of its positives is among the first k, and
mean recall is the mean of R@1, R@5 and R@10 of both directions.

Source: https://github.com/ChenDelong1999/RemoteCLIP (retrieval.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import cosines
from eoagent.vectors.unit import require_labels, require_unit

__all__ = ["RECALL_AT", "Retrieval", "measure_retrieval"]

RECALL_AT: Final = (1, 5, 10)
"""Depths whose recall is reported."""
_BLOCK_VALUES: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How well pictures and captions find each other."""

    image_to_text: Mapping[int, float]
    """Share of pictures that find one of their captions among the first k, 0 to 1, by k."""
    text_to_image: Mapping[int, float]
    """Share of captions that find their picture among the first k, 0 to 1, by k."""

    @property
    def mean_recall(self) -> float:
        """Mean of all recalls of both directions."""
        return float(np.mean([*self.image_to_text.values(), *self.text_to_image.values()]))


def measure_retrieval(
    pictures: NDArray[Any],
    captions: NDArray[Any],
    picture_of: NDArray[Any],
    *,
    depths: Sequence[int] = RECALL_AT,
) -> Retrieval:
    """Return how well pictures and captions find each other.

    Of equal scores the one that stands first in its list is found first.

    Args:
        pictures: unit vectors, (n, d).
        captions: unit vectors, (m, d); every picture has at least one.
        picture_of: row of the picture that each caption belongs to, (m,).
        depths: the k of each recall.

    Raises:
        InputError: if something is no unit vector, numbers differ, or a picture has no caption.
    """
    images = require_unit(pictures, "pictures")
    texts = require_unit(captions, "captions", dimensions=images.shape[1])
    owners = require_labels(picture_of, "captions", rows=len(texts), classes=len(images))
    bare = np.flatnonzero(np.bincount(owners, minlength=len(images)) == 0)
    if bare.size or not depths or min(depths) < 1:
        what = f"picture {bare[0]} has no caption" if bare.size else f"depths are {tuple(depths)}"
        raise InputError(f"retrieval cannot be measured: {what}")
    places = {
        "image_to_text": _places(images, texts, np.arange(len(images)), owners),
        "text_to_image": _places(texts, images, owners, np.arange(len(images))),
    }
    return Retrieval(
        **{
            name: {int(k): float(np.mean(found < k)) for k in depths}
            for name, found in places.items()
        }
    )


def _places(
    queries: Vectors, items: Vectors, query_group: NDArray[np.intp], item_group: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return how many items come before the first one of the query's own group, (queries,)."""
    places = np.empty(len(queries), dtype=np.intp)
    step = max(1, _BLOCK_VALUES // len(items))
    columns = np.arange(len(items))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        scores = cosines(queries[part], items)
        is_own = item_group[None] == query_group[part, None]
        first = np.argmax(np.where(is_own, scores, -np.inf), axis=1)
        best = np.take_along_axis(scores, first[:, None], axis=1)
        before = (scores > best) | ((scores == best) & (columns[None] < first[:, None]))
        places[part] = before.sum(axis=1)
    return places

"""Make queries of every kind out of the tiles of a segment, to measure a structure with.

Queries of the first kind are tiles of its own, moved a little and each without itself. Those of the
second are such tiles moved to where texts are: by the gap between pictures and texts, or in a
random direction as far where no texts are at hand, and with less contrast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.choosing import Kind
from eoagent_indexes.segment import Segment

__all__ = ["Questions", "make_questions"]

_NOISE: Final = 0.3
_TEXT_CONTRAST: Final = 1 / 3
"""How much less texts tell pictures apart than pictures do. Measured on published embeddings of
WHU-RS19 by RemoteCLIP ViT-B-32: right and other classes differ by 0.080 for texts and by 0.245."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries of one kind."""

    kind: Kind
    """Where they lie."""
    vectors: NDArray[np.float32]
    """(n, d), of length 1."""
    itself: NDArray[np.int64]
    """The row that each was made from and may not find, (n,); -1 for none."""


def make_questions(
    segment: Segment,
    count: int,
    random: np.random.Generator,
    texts: NDArray[np.float32] | None = None,
) -> tuple[Questions, ...]:
    """Return queries of each kind, so many of each or as many as there are live tiles.

    Raises:
        SourceError: if a file of the segment is damaged.
    """
    live = np.flatnonzero(segment.live)
    rows = random.choice(live, min(count, len(live)), replace=False)
    own = segment.vectors(rows).astype(np.float32)
    noise = random.standard_normal(own.shape, dtype=np.float32)
    noise *= np.float32(_NOISE / np.sqrt(own.shape[1]))
    moved = _unit(own + noise)
    mean = own.mean(axis=0)
    if texts is None:
        gap = _unit(random.standard_normal((1, own.shape[1])).astype(np.float32))[0]
    else:
        gap = texts.mean(axis=0) - mean
    across = _unit(mean + gap + np.float32(_TEXT_CONTRAST) * (moved - mean))
    nothing = np.full(len(rows), -1, dtype=np.int64)
    return Questions("own", moved, rows), Questions("across", across, nothing)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit

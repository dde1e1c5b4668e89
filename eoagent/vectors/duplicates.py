"""Find vectors that are (nearly) the same, exactly and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import require_unit

__all__ = ["Pairs", "duplicate_groups", "duplicate_pairs"]

_BLOCK: Final = 2048
_MOST: Final = 1_000_000
_SLACK: Final = 1e-5
"""More than float32 sums of unit vectors err by; what lies this near is computed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of rows, in order of the first and then the second."""

    first: NDArray[np.intp]
    """Lower row of each pair."""
    second: NDArray[np.intp]
    """Higher row of each pair."""
    cosines: NDArray[np.float32]
    """Cosine of each pair."""


def duplicate_pairs(
    vectors: NDArray[Any], *, cosine: float, block_rows: int = _BLOCK, most: int = _MOST
) -> Pairs:
    """Return all pairs of rows whose cosine is at least a threshold.

    Every pair is compared, block by block: time grows with the square of the rows, memory with
    that of `block_rows` and with the pairs found.

    Args:
        vectors: unit vectors, (n, d).
        cosine: the threshold, -1 to 1.
        block_rows: rows compared with as many others at a time.
        most: most pairs; more are refused.

    Raises:
        InputError: if something is no unit vector, the threshold is none, or there are too many
            pairs.
    """
    rows = require_unit(vectors, "vectors")
    if not -1 <= cosine <= 1 or block_rows < 1:
        raise InputError(
            f"a cosine of {cosine} and blocks of {block_rows} rows were asked for; a cosine lies "
            "within -1..1, and a block has a row"
        )
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]] = []
    total = 0
    for i in range(0, len(rows), block_rows):
        for j in range(i, len(rows), block_rows):
            pairs = _in_blocks(rows, i, j, block_rows, cosine)
            found.append(pairs)
            total += len(pairs[0])
            if total > most:
                raise InputError(
                    f"more than {most} pairs have a cosine of {cosine} or above",
                    hint="ask for a higher cosine",
                )
    first, second, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((second, first))
    return Pairs(first=first[order], second=second[order], cosines=scores[order])


def duplicate_groups(pairs: Pairs, count: int) -> NDArray[np.intp]:
    """Return for each of `count` rows the lowest row that pairs connect it with, itself if none."""
    lead = np.arange(count)
    while True:  # each round a row learns of lower ones; chains halve by the jump
        new = lead.copy()
        low = np.minimum(lead[pairs.first], lead[pairs.second])
        for ends in (pairs.first, pairs.second):
            np.minimum.at(new, ends, low)
            np.minimum.at(new, lead[ends], low)
        new = new[new]
        if np.array_equal(new, lead):
            return lead
        lead = new


def _in_blocks(
    rows: Vectors, i: int, j: int, size: int, cosine: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    scores = rows[i : i + size] @ rows[j : j + size].T
    near = scores >= cosine - _SLACK
    if i == j:
        near = np.triu(near, k=1)
    left, right = np.nonzero(near)
    left, right = left + i, right + j
    exact = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), size):
        part = slice(start, start + size)
        exact[part] = np.einsum("ij,ij->i", rows[left[part]], rows[right[part]], dtype=np.float64)
    kept = exact >= np.float32(cosine)
    return left[kept], right[kept], exact[kept]

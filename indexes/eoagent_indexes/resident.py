"""Exact search by a device that keeps all vectors: one product of a half-precision matrix.

Its scores decide who may be among the best, with room for their rounding; the stored vectors then
decide in full precision, so the answer is that of the exact search without a device.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import ModelMissing
from eoagent_indexes.segment import Segment

__all__ = ["ResidentVectors", "load_torch"]

_ROUNDING: Final = 2e-3
"""Half precision holds scores of length-1 vectors to 5e-4, and each side of a product likewise."""
_BLOCK: Final = 65_536


def load_torch() -> Any:
    """Return the module `torch`.

    Raises:
        ModelMissing: if it is not installed.
    """
    try:
        import torch  # noqa: PLC0415  heavy, and an extra
    except ImportError as error:
        raise ModelMissing(
            "a search on a device needs torch, which is not installed",
            command="pip install 'eoagent[models]'",
        ) from error
    return torch


class ResidentVectors:
    """The vectors of a segment on a device; two bytes a number of its memory."""

    def __init__(self, segment: Segment, device: str) -> None:
        """Bring the vectors there, each block checked on its way.

        Raises:
            ModelMissing: if torch is not installed.
            SourceError: if a block of the segment is damaged.
        """
        self._torch = load_torch()
        shortest, longest = segment.entry.norms
        self._slack = _ROUNDING + longest / shortest - 1.0
        shape = (segment.rows, segment.entry.dimensions)
        self._vectors = self._torch.empty(shape, dtype=self._torch.float16, device=device)
        for at in range(0, segment.rows, _BLOCK):
            block = segment.vector_range(at, min(at + _BLOCK, segment.rows))
            self._vectors[at : at + len(block)] = self._torch.from_numpy(block.copy())

    def propose(
        self, query: NDArray[np.float32], *, k: int, allowed: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return every row that may be among the best k, ascending.

        Args:
            query: (d,).
            k: how many are wanted.
            allowed: rows to choose from, ascending; all by default.
        """
        torch = self._torch
        half = torch.from_numpy(query).to(self._vectors.device, torch.float16)
        with torch.inference_mode():
            scores = torch.mv(self._vectors, half)
            rows = None
            if allowed is not None:
                rows = torch.from_numpy(allowed).to(self._vectors.device)
                scores = scores[rows]
            if len(scores) > k:
                least = torch.topk(scores, k, sorted=True).values[-1].float() - self._slack
                kept = torch.nonzero(scores.float() >= least).flatten()
            else:
                kept = torch.arange(len(scores), device=scores.device)
            chosen = kept if rows is None else rows[kept]
        found: NDArray[np.int64] = chosen.cpu().numpy().astype(np.int64)
        return found

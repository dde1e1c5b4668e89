"""What a grammar reads in the answer of a model that was asked where something is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.reasoner import ReplyStatus

__all__ = ["Found", "Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing that a model found, in its own numbers."""

    box: tuple[float, ...] = ()
    """x1, y1, x2, y2 as the model wrote them; empty where it gave none."""
    points: tuple[tuple[float, float], ...] = ()
    """Points on the thing, x, y."""
    label: str = ""
    """What the model called it."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """What was read."""

    status: ReplyStatus
    """Found, none, unparseable or truncated; the latter may have targets, those that are whole."""
    targets: tuple[Target, ...] = ()
    """Things found, in order."""
    broken: int = 0
    """Members of the list that are none of its kind."""
    grid: NDArray[np.bool_] | None = None
    """Mask on the grid of the model, (rows, columns), where it wrote one."""

"""Outliners: models that draw the exact outline of what a box frames."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import Picture

__all__ = ["Outliner"]


class Outliner(Protocol):
    """Turns boxes into masks."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""

    def outline(
        self, picture: Picture, boxes: NDArray[np.float64], points: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return a mask for each box, (n, height, width); no box gives no mask.

        Args:
            picture: (height, width, 3).
            boxes: (n, 4) as x1, y1, x2, y2, pixels of the picture.
            points: (n, 2) as x, y: a point of each object.

        Raises:
            InputError: if it is no picture, or there is not one point for each box.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """

"""Bound how often a model is started anew: some times in a while, then it has to rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Restarts"]


class Restarts:
    """Remembers when a model was lost; not made for several threads at once."""

    def __init__(self, most: int, *, window_s: float, clock: Callable[[], float]) -> None:
        """Allow `most` losses within `window_s` seconds of the clock."""
        self._most = max(0, most)
        self._window_s = window_s
        self._clock = clock
        self._lost: deque[float] = deque(maxlen=self._most + 1)

    def note(self) -> None:
        """Note that the model was lost now."""
        self._lost.append(self._clock())

    def rest_s(self) -> float:
        """Return how long it has to rest before it is started again, seconds; 0 if not at all."""
        if len(self._lost) <= self._most:
            return 0.0
        return max(0.0, self._lost[0] + self._window_s - self._clock())

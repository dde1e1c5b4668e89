"""Values that are made when they are first asked for, once, whichever thread asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Once"]

T = TypeVar("T")


class Once(Generic[T]):
    """Values by key; a failure is not kept, so the next one who asks tries again."""

    def __init__(self) -> None:
        self._values: dict[Hashable, T] = {}
        self._guard = threading.Lock()
        self._guards: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key, made if nobody asked for it before."""
        with self._guard:
            if key in self._values:
                return self._values[key]
            own = self._guards.setdefault(key, threading.Lock())
        with own:  # others make other values meanwhile
            if key not in self._values:
                self._values[key] = make()
        return self._values[key]

    def clear(self) -> None:
        """Forget all values."""
        with self._guard:
            self._values.clear()

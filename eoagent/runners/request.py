"""What waits at the queue of a model, and the thread that works it off."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.runner import Runner

__all__ = ["Request", "Share", "Worker"]


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """What one caller asked for, and how far it is."""

    task: str
    """What the model is to do."""
    items: Sequence[Any]
    """What it is to do it with."""
    asked: float
    """When it was asked, seconds of the queue's clock."""
    results: list[Any] = field(default_factory=list)
    """Results so far, in order of the items."""
    taken: int = 0
    """Items that are in a pass or behind one."""
    error: EoAgentError | None = None
    """What it ended with, if it failed."""
    done: threading.Event = field(default_factory=threading.Event)
    """Set once it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one request has in a pass."""

    request: Request
    """The request."""
    items: Sequence[Any]
    """Its items in this pass."""


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """A thread with the model that it alone uses; one that hangs is left behind with it."""

    thread: threading.Thread | None = None
    """The thread, once it was started."""
    runner: Runner | None = None
    """The model, while it is loaded."""
    since: float | None = None
    """When the loading or the pass in progress began, seconds of the queue's clock."""
    shares: list[Share] = field(default_factory=list)
    """What it works on."""

    @property
    def memory_mb(self) -> int:
        """Memory that its model holds, MB."""
        return 0 if self.runner is None else self.runner.memory_mb

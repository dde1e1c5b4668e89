"""A request that waits at the queue of a model, and its share of one pass."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eoagent.contracts.errors import EoAgentError

__all__ = ["Request", "Share"]


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

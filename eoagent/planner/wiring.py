"""What the nodes of the graph work with; none of it is ever part of a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.planner import Limits, Planner, Sight
from eoagent.planner.approval import Policy
from eoagent.planner.execution import Executor, Recorder
from eoagent.planner.state import State

__all__ = ["Wiring"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the nodes work with; none of it is ever part of a checkpoint."""

    planner: Planner
    """Proposes steps and writes the answer."""
    executor: Executor
    """Runs tools."""
    recorder: Recorder
    """Keeps the evidence."""
    limits: Limits
    """Where a run stops."""
    versions: dict[str, str]
    """Versions that answers state."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch; survives a restart of the process."""
    is_stopped: Callable[[], bool] = lambda: False
    """Whether the user wants the run to end."""
    redact: Callable[[Any], Any] = lambda value: value
    """Takes keys out of the texts in a JSON value: what planner and tools say is written down."""
    begin: Callable[[State], str] = lambda state: state.get("run", "")
    """Told the state that a run starts with; returns the run's id in the ledger."""
    end: Callable[[AnswerRecord], None] = lambda _answer: None
    """Told the answer."""
    look: Callable[[Sequence[str]], tuple[Sight, ...]] = lambda _handles: ()
    """Shows the artifacts that the newest round made, to a model that sees."""
    policy: Policy = field(default_factory=Policy)
    """Up to where a run goes without asking."""

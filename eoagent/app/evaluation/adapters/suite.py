"""A suite of questions, and what its benchmark makes of the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eoagent.app.evaluation.questions import Question
from eoagent.app.evaluation.scores import Verdict

__all__ = ["Judged", "Suite"]

Judged = Sequence[tuple[Question, Verdict]]
"""Questions, each with its verdict."""


def _none(_judged: Judged) -> dict[str, float]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Questions that were read, and the benchmark's own metrics."""

    file: Path
    """The file they were read from."""
    questions: tuple[Question, ...]
    """The questions, in the file's order; their files are relative to the data folder."""
    metrics: Callable[[Judged], dict[str, float]] = _none
    """Computes the benchmark's metrics, under its names; what has no value is left out."""
    not_computed: Mapping[str, str] = field(default_factory=dict)
    """Metrics that no rule computes, and why."""

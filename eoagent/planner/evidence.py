"""What the steps of a run gave, in full; the graph's state holds their numbers and endings alone.

The evidence of a run is in memory while the run lasts, and in the ledger from the moment a step has
ended. After a restart it is read from there, so no checkpoint has to carry it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.planner.execution import Recorder
from eoagent.planner.gate import number_outcomes

__all__ = ["Casebook", "Evidence", "Findings"]

JsonDict = dict[str, Any]

_MOST_RUNS: Final = 32
"""Runs whose evidence is in memory; that of older ones is read from the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the steps of a run came to."""

    records: Mapping[int, StepRecord] = field(default_factory=dict)
    """Steps by number, in order."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """Figures by id, in order of number."""
    earlier: Mapping[str, Figure] = field(default_factory=dict)
    """Figures of earlier questions of the conversation, likewise."""

    @property
    def known(self) -> dict[str, Figure]:
        """Every figure of the conversation: earlier ones, then those of this run."""
        return {**self.earlier, **self.figures}


class Evidence:
    """The evidence of one run; steps that run side by side may hand theirs in at the same time."""

    def __init__(
        self, run: str, recorder: Recorder, written: Iterable[tuple[StepRecord, Sequence[Figure]]]
    ) -> None:
        self._run = run
        self._recorder = recorder
        self._outcomes: dict[int, JsonDict] = {}
        self._records: dict[int, StepRecord] = {}
        self._figures: dict[str, Figure] = {}
        self._written: set[int] = set()
        for record, figures in written:
            self._records[record.n] = record
            self._figures |= {figure.id: figure for figure in figures}
            self._written.add(record.n)

    def hand_in(self, outcome: JsonDict) -> int:
        """Take what a call gave, not yet numbered; return the number of its step."""
        n = int(outcome["record"]["n"])
        self._outcomes[n] = outcome
        return n

    def number(self, steps: Iterable[int], base: int) -> dict[int, StepRecord]:
        """Return the records of steps that were run, with ids given to their figures.

        A step whose outcome was lost with the process is left out: it is to be run again.

        Args:
            steps: numbers of the steps.
            base: figures that earlier questions of the conversation made.
        """
        wanted = sorted(set(steps))
        fresh = [self._outcomes.pop(n) for n in wanted if n in self._outcomes]
        records, figures = number_outcomes(fresh, base + len(self._figures))
        self._records |= records
        self._figures |= figures
        return {n: self._records[n] for n in wanted if n in self._records}

    def write(self, record: StepRecord) -> None:
        """Write a step that ended into the ledger, once."""
        if record.n in self._written:
            return
        own = [self._figures[i] for i in record.figures]
        self._recorder.append(self._run, record, own)
        self._records[record.n] = record
        self._written.add(record.n)

    def figures(self, earlier: Mapping[str, JsonDict]) -> dict[str, Figure]:
        """Return the figures so far, after those of earlier questions that are given."""
        return {**_numbered(earlier), **self._figures}

    def findings(self, steps: Iterable[int], earlier: Mapping[str, JsonDict]) -> Findings:
        """Return what steps came to, beside what is kept of earlier questions."""
        records = {n: self._records[n] for n in sorted(steps)}
        own = {i: self._figures[i] for record in records.values() for i in record.figures}
        figures = {i: own[i] for i in sorted(own, key=_number)}
        return Findings(records=records, figures=figures, earlier=_numbered(earlier))


class Casebook:
    """The evidence of the runs that are at work; safe for threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Evidence] = OrderedDict()

    def begin(self, run: str) -> None:
        """Start a run without any evidence."""
        self._keep(run, Evidence(run, self._recorder, ()))

    def of(self, run: str) -> Evidence:
        """Return the evidence of a run, read from the ledger where it is not in memory."""
        with self._lock:
            held = self._runs.get(run)
        if held is None:
            held = self._keep(run, Evidence(run, self._recorder, self._recorder.recall(run)))
        return held

    def end(self, run: str) -> None:
        """Let go of a run."""
        with self._lock:
            self._runs.pop(run, None)

    def _keep(self, run: str, evidence: Evidence) -> Evidence:
        with self._lock:
            self._runs[run] = evidence
            self._runs.move_to_end(run)
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)
        return evidence


def _numbered(raw: Mapping[str, JsonDict]) -> dict[str, Figure]:
    return {i: Figure.model_validate(raw[i]) for i in sorted(raw, key=_number)}


def _number(identity: str) -> int:
    return int(identity[1:])

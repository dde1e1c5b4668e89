"""The gate: numbers what was run, holds the limits, and lets through the steps that are ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Limits
from eoagent.contracts.record import digest
from eoagent.planner.approval import NOT_APPROVED, Approval
from eoagent.planner.execution import Executor
from eoagent.planner.references import lifted, references_of, resolve, waits_for

__all__ = ["Admission", "admit_steps", "check_plan", "number_outcomes", "refused_record"]

JsonDict = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Admission:
    """What the gate decided."""

    ready: list[JsonDict] = field(default_factory=list)
    """Calls to make now: n, tool, arguments, references, each, why."""
    ended: dict[int, StepRecord] = field(default_factory=dict)
    """Steps that ended here: refused or skipped."""
    stopped: str = ""
    """Why the run must end, if a limit was reached."""


def check_plan(steps: tuple[Step, ...], planned: set[int]) -> None:
    """Check the numbers and references of new steps.

    Raises:
        InputError: if a number is taken, or a reference points at a step that does not come before.
    """
    known = set(planned)
    for step in steps:
        if step.n in known:
            raise InputError(
                f"step {step.n} ({step.tool}) has a number that is taken",
                hint=f"number new steps from {max(known) + 1}",
            )
        missing = sorted(waits_for(step) - known)
        if missing:
            raise InputError(
                f"step {step.n} ({step.tool}) refers to step {missing[0]}, which does not come "
                "before it",
                hint="refer to earlier steps only",
            )
        known.add(step.n)


def number_outcomes(
    fresh: list[JsonDict], taken: int
) -> tuple[dict[int, StepRecord], dict[str, Figure]]:
    """Give the figures of new outcomes their ids, in order of step, and make step records.

    Args:
        fresh: outcomes as the run node left them.
        taken: how many figures the run has already.
    """
    records: dict[int, StepRecord] = {}
    figures: dict[str, Figure] = {}
    for outcome in sorted(fresh, key=lambda o: int(o["record"]["n"])):
        record, outputs = outcome["record"], dict(outcome["record"]["outputs"])
        made = []
        for draft in outcome["figures"]:
            identity = f"f{taken + len(figures) + 1}"
            figures[identity] = Figure(**draft, id=identity, step=record["n"])
            outputs.setdefault(draft["name"], identity)
            made.append(identity)
        records[record["n"]] = StepRecord.model_validate(
            {**record, "outputs": outputs, "figures": made}
        )
    return records, figures


def admit_steps(
    pending: list[Step],
    records: Mapping[int, StepRecord],
    *,
    executor: Executor,
    limits: Limits,
    stopped: str = "",
) -> Admission:
    """Decide which pending steps run now, which end here, and whether the run must stop.

    Args:
        pending: steps without a record, in order.
        records: what became of the others.
        executor: checks calls.
        limits: where the run stops.
        stopped: why nothing more may run, if a budget is used up.
    """
    admission = Admission(stopped=stopped)
    if stopped:
        return admission
    known = dict(records)
    asked = _signatures(known)
    for step in pending:
        if any(n not in known for n in waits_for(step)):
            continue
        broken = [n for n in sorted(waits_for(step)) if known[n].status in {"failed", "skipped"}]
        if broken:
            known[step.n] = admission.ended[step.n] = _skipped(step, known[broken[0]])
            continue
        if len(known) + len(admission.ready) >= limits.max_steps:
            admission.stopped = f"the limit of {limits.max_steps} steps was reached"
            break
        call = _try(step, known, executor)
        if isinstance(call, StepRecord):
            known[step.n] = admission.ended[step.n] = call
            continue
        signature = digest([call["tool"], call["arguments"], call["each"]])
        asked[signature] = asked.get(signature, 0) + 1
        if asked[signature] > limits.max_repeats:
            admission.stopped = (
                f"the same call of {step.tool} was asked for more than {limits.max_repeats} times"
            )
            break
        admission.ready.append(call)
    return admission


def _signatures(records: Mapping[int, StepRecord]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in records.values():
        signature = digest([record.tool, record.arguments, record.each])
        counts[signature] = counts.get(signature, 0) + 1
    return counts


def _try(
    step: Step, records: Mapping[int, StepRecord], executor: Executor
) -> JsonDict | StepRecord:
    references = references_of(step)
    call: JsonDict = {
        "n": step.n,
        "tool": step.tool,
        "arguments": step.arguments,
        "references": references,
        "each": step.each,
        "why": step.why,
    }
    try:
        step = lifted(step, records)
        call["arguments"] = resolve(step.arguments, records)
        call["each"] = resolve(step.each, records) if step.each else None
        if step.each is None:
            executor.check(step.tool, call["arguments"])
    except EoAgentError as error:
        problem = {"kind": error.kind, "message": str(error), "hint": error.hint}
        return StepRecord.model_validate({**call, "status": "failed", "error": problem})
    return call


def _skipped(step: Step, broken: StepRecord) -> StepRecord:
    return StepRecord(
        n=step.n,
        tool=step.tool,
        arguments=step.arguments,
        references=references_of(step),
        status="skipped",
        error={
            "kind": "InputError",
            "message": f"not run: step {broken.n} ({broken.tool}) {broken.status}",
            "hint": "repair that step first",
        },
        each=step.each,
        why=step.why,
    )


def refused_record(call: JsonDict, asked: Approval) -> StepRecord:
    """Return the record of a call that the user did not approve."""
    problem = {
        "kind": "BudgetExceeded",
        "message": f"{NOT_APPROVED}: {asked.reason}",
        "hint": "ask for less, or approve it (--yes, or a higher limit in the settings)",
    }
    return StepRecord.model_validate({**call, "status": "failed", "error": problem})

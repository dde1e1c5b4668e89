"""What the command line shows: steps as they run, then the answer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from eoagent.app.answer import Answer
from eoagent.app.demo import DemoStop
from eoagent.contracts.events import Event
from eoagent.contracts.plan import StepRecord

__all__ = ["show_answer", "show_demo_answer", "watch"]

_QUIET_S = 1.0


def watch(events: Iterable[Event]) -> Answer:
    """Follow a run on stderr and return its answer; short steps pass in silence."""
    console = Console(stderr=True, highlight=False)
    answer: Answer | None = None
    began = time.monotonic()
    with console.status("reading the question") as status:
        for event in events:
            if event.kind == "step-start":
                status.update(f"step {event.step}: {event.data.tool}")
            elif event.kind == "step-progress" and time.monotonic() - began > _QUIET_S:
                share, what = event.data
                status.update(f"step {event.step}: {what} {share:.0%}")
            elif event.kind == "step-end":
                console.print(_step_line(event.data), markup=False, style="dim")
            elif event.kind == "answer":
                answer = event.data
    assert answer is not None
    return answer


def show_answer(answer: Answer, out: Path | None) -> None:
    """Print an answer: text, choices, warnings, and where it was kept."""
    console = Console(highlight=False, soft_wrap=True)
    if answer.status != "answered":
        console.print(f"[{answer.status}]", markup=False, style="yellow")
    console.print(answer.text, markup=False)
    for title, lines in (("chosen", answer.assumptions), ("note", answer.warnings)):
        for line in lines:
            console.print(f"  {title}: {line}", markup=False, style="dim")
    if out is not None:
        console.print(f"  kept in: {out}", markup=False, style="dim")


def show_demo_answer(answer: Answer, stop: DemoStop) -> None:
    """Print a question of the tour with its answer and, where it is known, the truth."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n> {stop.question}", markup=False, style="bold")
    console.print(answer.text, markup=False)
    for line in stop.truth_lines(answer):
        console.print(f"  {line}", markup=False, style="green" if stop.holds(answer) else "red")


def _step_line(record: StepRecord) -> str:
    ended = "" if record.status == "done" else f" [{record.status}]"
    error = f" {record.error['message']}" if record.error else ""
    return f"  {record.n}. {record.tool} {record.seconds:.2f} s{ended}{error}"

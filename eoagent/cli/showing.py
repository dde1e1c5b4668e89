"""What the command line shows: steps as they run, then the answer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

from eoagent.app.answer import Answer
from eoagent.app.plaintext import printable
from eoagent.contracts.events import Event
from eoagent.contracts.plan import StepRecord
from eoagent.planner.rendering import quantity

if TYPE_CHECKING:  # the tour brings the sample world along, which no question needs
    from eoagent.app.demo import DemoStop

__all__ = ["show_answer", "show_demo_answer", "watch"]

_QUIET_S = 1.0
_EVERY_S = 5.0
_MOST_RESULTS = 40


def watch(events: Iterable[Event]) -> Answer:
    """Follow a run on stderr and return its answer.

    On a terminal one line moves along; elsewhere a step that takes longer than a second reports
    what it does every few seconds. Each step leaves a line when it ends.
    """
    console = Console(stderr=True, highlight=False)
    answer: Answer | None = None
    with console.status("reading the question") as status:
        steps = _Steps(console, status)
        for event in events:
            if event.kind == "step-start" and event.step is not None:
                steps.start(event.step, event.data.tool)
            elif event.kind == "step-progress" and event.step is not None:
                steps.go_on(event.step, *event.data)
            elif event.kind == "step-end":
                _say(console, _step_line(event.data), style="dim")
            elif event.kind == "answer":
                answer = event.data
    assert answer is not None
    return answer


class _Steps:
    """The steps that are under way, and when each last said something."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status
        self._speaks_at: dict[int, float] = {}

    def start(self, n: int, tool: str) -> None:
        self._speaks_at[n] = time.monotonic() + _QUIET_S
        self._status.update(printable(f"step {n}: {tool}"))

    def go_on(self, n: int, share: float, what: str) -> None:
        now = time.monotonic()
        if now < self._speaks_at.get(n, 0.0):
            return
        line = printable(f"step {n}: {what} {share:.0%}")
        if self._console.is_terminal:
            self._status.update(line)
        else:
            self._speaks_at[n] = now + _EVERY_S
            _say(self._console, f"  {line}")


def show_answer(answer: Answer, out: Path | None) -> None:
    """Print an answer: text, results, choices, warnings, and where it was kept."""
    console = Console(highlight=False)
    if answer.status != "answered":
        _say(console, f"[{answer.status}]", style="yellow")
    _say(console, answer.text)
    rows = [(quantity(f), f.label) for f in answer.results[:_MOST_RESULTS]]
    width = max((len(value) for value, _ in rows), default=0)
    for value, label in rows:
        _say(console, f"  {value:>{width}}  {label}", style="bold")
    if len(answer.results) > len(rows):
        _say(console, f"  and {len(answer.results) - len(rows)} more", style="dim")
    notes = (
        ("unverified", answer.unverified),
        ("note", answer.warnings),
        ("chosen", answer.assumptions),
    )
    for title, lines in notes:
        for line in lines:
            _say(console, f"  {title}: {line}", style="dim" if title == "chosen" else "yellow")
    if out is not None:
        _say(console, f"  kept in: {out} (report.html, answer.json)", style="dim")


def show_demo_answer(answer: Answer, stop: DemoStop) -> None:
    """Print a question of the tour with its answer and, where it is known, the truth."""
    console = Console(highlight=False)
    _say(console, f"\n> {stop.question}", style="bold")
    _say(console, answer.text)
    for line in stop.truth_lines(answer):
        _say(console, f"  {line}", style="green" if stop.holds(answer) else "red")


def _say(console: Console, text: str, *, style: str | None = None) -> None:
    """Print a text as it stands; words wrap on a terminal, lines stay whole elsewhere."""
    console.print(
        printable(text), markup=False, emoji=False, style=style, soft_wrap=not console.is_terminal
    )


def _step_line(record: StepRecord) -> str:
    ended = "" if record.status == "done" else f" [{record.status}]"
    error = f" {record.error['message']}" if record.error else ""
    return f"  {record.n}. {record.tool} {record.seconds:.2f} s{ended}{error}"

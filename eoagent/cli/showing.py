"""What the command line shows: steps as they run, then the answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from eoagent.app.answer import Answer
from eoagent.app.plaintext import printable
from eoagent.cli.following import Followed, Line, Question
from eoagent.contracts.events import Event
from eoagent.contracts.plan import StepRecord
from eoagent.planner.rendering import quantity

if TYPE_CHECKING:  # the tour brings the sample world along, which no question needs
    from eoagent.app.demo import DemoStop

__all__ = ["say", "show_answer", "show_demo_answer", "watch"]

_QUIET_S = 1.0
_EVERY_S = 5.0
_MOST_RESULTS = 40
_MOST_WRITTEN = 20_000
_FOOT_LINES = 3
_FRAMES = 12.5


def watch(events: Iterable[Followed]) -> Answer:
    """Follow a run on stderr and return its answer.

    On a terminal one line moves along, and above it the text that a language model is writing,
    until the answer takes its place; elsewhere a step that takes longer than a second reports what
    it does every few seconds. Each step leaves a line when it ends.
    """
    console = Console(stderr=True, highlight=False)
    answer: Answer | None = None
    moving = _Moving()
    with Live(moving, console=console, refresh_per_second=_FRAMES, transient=True) as live:
        steps = _Steps(console, moving)
        for event in events:
            if isinstance(event, Line):
                say(console, event.text, style="yellow")
            elif isinstance(event, Question):
                moving.write("")
                live.stop()
                event.reply.set_result(_is_confirmed(console, event.text))
                live.start()
            elif event.kind == "token":
                moving.write(event.data)
            elif event.kind == "answer":
                answer = event.data
            else:
                steps.take(event)
    assert answer is not None
    return answer


class _Moving:
    """What moves at the foot of a terminal: the text as it is written, and what is under way."""

    def __init__(self) -> None:
        self._spinner = Spinner("dots", _plain("reading the question"))
        self._written = ""

    def say(self, what: str) -> None:
        """Show what is under way now."""
        self._spinner.update(text=_plain(what))

    def write(self, piece: str) -> None:
        """Add a piece of text; an empty one begins a new text."""
        self._written = (self._written + piece)[-_MOST_WRITTEN:] if piece else ""
        if piece:
            self.say("writing")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self._written.strip()
        if text:
            lines = _plain(text).wrap(console, options.max_width)
            yield from lines[-max(console.height - _FOOT_LINES, 1) :]
        yield self._spinner


class _Steps:
    """The steps that are under way, and when each last said something."""

    def __init__(self, console: Console, moving: _Moving) -> None:
        self._console = console
        self._moving = moving
        self._speaks_at: dict[int, float] = {}

    def take(self, event: Event) -> None:
        """Take what happened to a step or the plan."""
        if event.kind == "plan":
            self._moving.write("")  # what was written was about the steps that come now
        elif event.kind == "step-start" and event.step is not None:
            self._start(event.step, event.data.tool)
        elif event.kind == "step-progress" and event.step is not None:
            self._go_on(event.step, *event.data)
        elif event.kind == "step-end":
            say(self._console, _step_line(event.data), style="dim")
            self._speaks_at.pop(event.data.n, None)
            if not self._speaks_at:
                self._moving.say("thinking")

    def _start(self, n: int, tool: str) -> None:
        self._speaks_at[n] = time.monotonic() + _QUIET_S
        self._moving.say(f"step {n}: {tool}")

    def _go_on(self, n: int, share: float, what: str) -> None:
        now = time.monotonic()
        if now < self._speaks_at.get(n, 0.0):
            return
        line = f"step {n}: {what} {share:.0%}"
        if self._console.is_terminal:
            self._moving.say(line)
        else:
            self._speaks_at[n] = now + _EVERY_S
            say(self._console, f"  {line}")


def _is_confirmed(console: Console, question: str) -> bool:
    """Ask a yes or no question; nobody at a terminal means no."""
    if not (console.is_terminal and sys.stdin.isatty()):
        say(console, f"{question} No: nobody can be asked here; --yes approves beforehand.")
        return False
    try:
        reply = console.input(_plain(f"{question} [y/N] "))
    except (EOFError, KeyboardInterrupt):
        return False
    return reply.strip().lower() in {"y", "yes"}


def show_answer(answer: Answer, out: Path | None) -> None:
    """Print an answer: text, results, choices, warnings, and where it was kept."""
    console = Console(highlight=False)
    if answer.status != "answered":
        say(console, f"[{answer.status}]", style="yellow")
    say(console, answer.text)
    rows = [(quantity(f), f.label) for f in answer.results[:_MOST_RESULTS]]
    width = max((len(value) for value, _ in rows), default=0)
    for value, label in rows:
        say(console, f"  {value:>{width}}  {label}", style="bold")
    if len(answer.results) > len(rows):
        say(console, f"  and {len(answer.results) - len(rows)} more", style="dim")
    notes = (
        ("unverified", answer.unverified),
        ("note", answer.warnings),
        ("chosen", answer.assumptions),
    )
    for title, lines in notes:
        for line in lines:
            say(console, f"  {title}: {line}", style="dim" if title == "chosen" else "yellow")
    if out is not None:
        say(console, f"  kept in: {out} (report.html, answer.json)", style="dim")


def show_demo_answer(answer: Answer, stop: DemoStop) -> None:
    """Print a question of the tour with its answer and, where it is known, the truth."""
    console = Console(highlight=False)
    say(console, f"\n> {stop.question}", style="bold")
    say(console, answer.text)
    for line in stop.truth_lines(answer):
        say(console, f"  {line}", style="green" if stop.holds(answer) else "red")


def say(console: Console, text: str, *, style: str | None = None) -> None:
    """Print a text as it stands; words wrap on a terminal, lines stay whole elsewhere."""
    console.print(
        printable(text), markup=False, emoji=False, style=style, soft_wrap=not console.is_terminal
    )


def _plain(text: str) -> Text:
    """Return a text as it stands, for a terminal."""
    return Text(printable(text))


def _step_line(record: StepRecord) -> str:
    ended = "" if record.status == "done" else f" [{record.status}]"
    error = f" {record.error['message']}" if record.error else ""
    return f"  {record.n}. {record.tool} {record.seconds:.2f} s{ended}{error}"

"""`eoagent chat`: a conversation in a terminal, or with lines from a pipe."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eoagent.cli.loading import loading
from eoagent.cli.options import (
    Aoi,
    Bands,
    BaseUrl,
    CatalogPlace,
    FeatureFiles,
    Gsd,
    Images,
    IndexName,
    MaxCost,
    MaxSeconds,
    MaxSteps,
    PictureMode,
    PlacesFile,
    PlannerName,
    Reasoner,
    Thread,
    Yes,
    names_in,
)
from eoagent.contracts.errors import EoAgentError

if TYPE_CHECKING:  # the other commands do without what a chat loads
    from rich.console import Console

    from eoagent.cli.conversing import Chat
    from eoagent.cli.prompting import Reader

__all__ = ["chat", "converse"]


def chat(
    image: Images = None,
    features: FeatureFiles = None,
    aoi: Aoi = None,
    catalog: CatalogPlace = None,
    index: IndexName = None,
    places: PlacesFile = None,
    bands: Bands = "",
    gsd: Gsd = None,
    planner: PlannerName = None,
    base_url: BaseUrl = "",
    reasoner: Reasoner = "",
    thread: Thread = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder that every answer is kept in.")
    ] = None,
    max_steps: MaxSteps = None,
    max_seconds: MaxSeconds = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    pictures: Annotated[
        PictureMode | None,
        typer.Option("--pictures", help="Maps in the terminal; default: settings, else auto."),
    ] = None,
) -> int:
    """Talk about images, features or a catalog, message by message; /help says what there is."""
    with loading():
        from rich.console import Console

        from eoagent.app.agent import Agent
        from eoagent.cli.conversing import Chat, Habits
        from eoagent.cli.following import Foreground
        from eoagent.cli.given import Given
        from eoagent.cli.terminal_pictures import Pictures

    agent = Agent(planner, base_url=base_url, reasoner=reasoner)
    console, is_typed = Console(highlight=False), sys.stdin.isatty()
    mode = pictures or PictureMode(agent.workshop.settings.pictures)
    held = Chat(
        agent,
        pictures=Pictures(console, mode, os.environ),
        habits=Habits(
            out=out,
            max_steps=max_steps,
            max_seconds=max_seconds,
            max_cost_usd=max_cost,
            is_approved=yes,
        ),
        foreground=Foreground(is_kept=is_typed),
    )
    held.give(
        Given(
            images=tuple(image or ()),
            features=tuple(features or ()),
            aoi=aoi,
            catalog=catalog,
            index=index,
            places=places,
            bands=names_in(bands),
            gsd_m=gsd,
        )
    )
    _open(held, thread)
    converse(held, _reader(held), console, is_typed=is_typed)
    if held.foreground.is_busy:  # a step that does not listen must not keep the terminal
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def converse(held: Chat, reader: Reader, console: Console, *, is_typed: bool) -> None:
    """Take one message after the other until there are no more, or the user quits.

    An error is one line, and the chat goes on.

    Args:
        held: the conversation.
        reader: gives the messages.
        console: where what slash commands say goes.
        is_typed: whether somebody types them, so that Ctrl-C ends a line or a run, not the chat.

    Raises:
        KeyboardInterrupt: on Ctrl-C where messages do not come from a terminal.
    """
    from eoagent.cli.slash import Quit

    presses = 0
    while True:
        try:
            text = reader.read()
            presses = 0
            _take(held, text, console)
        except (EOFError, Quit):
            break
        except EoAgentError as error:
            _note(f"{error.kind}: {error.explain()}", style="red")
        except KeyboardInterrupt:
            if not is_typed:
                raise
            presses += 1
            if presses > 1:
                _note("Ctrl-D or /quit ends the chat", style="yellow")
    if held.has_spoken:
        _note(f"kept: eoagent chat --thread {shlex.quote(held.thread)} goes on", style="dim")


def _take(held: Chat, text: str, console: Console) -> None:
    """Carry out a message: a slash command, or a question."""
    from eoagent.cli.slash import run_command

    if text.startswith("/"):
        run_command(held, text, console)
    elif text:
        try:
            held.ask(text)
        except KeyboardInterrupt:
            _note("broken off: this question has no answer", style="yellow")
            raise


def _open(held: Chat, thread: str | None) -> None:
    """Go on with the conversation of a name, or begin one."""
    from eoagent.cli.slash import last_exchange

    known = {summary.name for summary in held.agent.threads()}
    last = None
    if thread is not None and thread in known:
        last = held.go_on(thread)
    else:
        held.begin(thread)
    _note(f"thread {held.thread}, planner {held.agent.planner_name}; /help says what there is")
    if last is not None:
        _note(last_exchange(last))


def _reader(held: Chat) -> Reader:
    from eoagent.cli.prompting import (
        LineReader,
        SlashCompleter,
        TerminalReader,
        Wanted,
        is_terminal,
    )
    from eoagent.cli.slash import COMMANDS

    if not is_terminal():
        return LineReader()

    def known(wanted: Wanted) -> tuple[str, ...]:
        with suppress(EoAgentError):  # what cannot be listed is not completed
            if wanted == "thread":
                return tuple(summary.name for summary in held.agent.threads())
        return held.figures() if wanted == "figure" else ()

    commands = {command.name: command.wanted for command in COMMANDS}
    history = held.agent.workshop.home / "chat_history"
    return TerminalReader(history, SlashCompleter(commands, known))


def _note(text: str, *, style: str = "dim") -> None:
    """Say something on stderr that is part of no answer."""
    from rich.console import Console

    from eoagent.cli.showing import say
    from eoagent.io.href import redact_text

    say(Console(stderr=True, highlight=False), redact_text(text), style=style)

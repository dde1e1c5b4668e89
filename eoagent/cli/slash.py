"""The slash commands of a chat."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from eoagent.cli.conversing import Chat
from eoagent.cli.options import names_in
from eoagent.cli.prompting import Wanted
from eoagent.cli.showing import say
from eoagent.cli.tracing import figure_lines, figure_table
from eoagent.contracts.errors import InputError
from eoagent.io.transcript import Said

__all__ = ["COMMANDS", "Command", "Quit", "last_exchange", "run_command"]

_SHOWN: Final = 60


class Quit(Exception):  # noqa: N818 - no error: the user wants to go
    """The user ends the chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command."""

    usage: str
    """How it is written."""
    about: str
    """What it does, in a line."""
    run: Callable[[Chat, str, Console], None]
    """Does it, given what stands behind its name, and prints on the console."""
    wanted: Wanted = ""
    """What follows it, for completion."""

    @property
    def name(self) -> str:
        """Its name with the slash."""
        return self.usage.split()[0]


def run_command(chat: Chat, text: str, console: Console) -> None:
    """Run the slash command that a line holds.

    Raises:
        Quit: if the user ends the chat.
        InputError: if there is no such command, or what follows it cannot be read.
        EoAgentError: whatever keeps the command from being carried out.
    """
    name, _, rest = text.partition(" ")
    command = next((c for c in COMMANDS if c.name == name), None)
    if command is None:
        known = " ".join(c.name for c in COMMANDS)
        raise InputError(f"there is no command {name}", hint=f"there are: {known}")
    command.run(chat, rest.strip(), console)


def last_exchange(said: Said) -> str:
    """Return what was said last in a conversation in one line."""
    question, answer = (_short(text) for text in (said.question, said.answer))
    return f"last: {question} -> {answer}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _words(text: str) -> list[str]:
    """Return the words of a line; a path with spaces stands in quotes.

    Raises:
        InputError: if a quote is not closed.
    """
    try:
        words = shlex.split(text, posix=os.name != "nt")
    except ValueError as error:
        raise InputError(
            f"'{text}' cannot be read: {error}", hint='put a path with such letters in "quotes"'
        ) from error
    return [word.strip("\"'") for word in words] if os.name == "nt" else words


def _help(_chat: Chat, _rest: str, console: Console) -> None:
    width = max(len(command.usage) for command in COMMANDS)
    for command in COMMANDS:
        say(console, f"{command.usage:<{width}}  {command.about}")


def _new(chat: Chat, rest: str, console: Console) -> None:
    chat.begin(rest or None)
    say(console, f"thread {chat.thread}")


def _threads(chat: Chat, rest: str, console: Console) -> None:
    if rest:
        said = chat.go_on(rest)
        say(console, f"thread {chat.thread}")
        say(console, last_exchange(said), style="dim")
        return
    summaries = chat.agent.threads()
    if not summaries:
        raise InputError("there is no conversation yet", hint="ask something first")
    width = max(len(summary.name) for summary in summaries)
    for summary in summaries:
        mark = "*" if summary.name == chat.thread else " "
        say(console, f"{mark} {summary.name:<{width}}  {summary.turns:>4}  {summary.last}")


def _evidence(chat: Chat, rest: str, console: Console) -> None:
    last = chat.last.record
    lines = figure_lines(rest, chat.records()) if rest else figure_table(last)
    for line in lines:
        say(console, line)


def _map(chat: Chat, rest: str, _console: Console) -> None:
    chat.draw(rest)


def _save(chat: Chat, rest: str, console: Console) -> None:
    folder = chat.save(Path(" ".join(_words(rest))) if rest else None)
    say(console, f"kept in: {folder} (report.html, answer.json)")


def _quit(_chat: Chat, _rest: str, _console: Console) -> None:
    raise Quit


def _image(chat: Chat, rest: str, console: Console) -> None:
    images = (*chat.given.images, *_words(rest)) if rest else ()
    chat.give(replace(chat.given, images=images))
    _tell(chat, console)


def _features(chat: Chat, rest: str, console: Console) -> None:
    features = (*chat.given.features, *_words(rest)) if rest else ()
    chat.give(replace(chat.given, features=features))
    _tell(chat, console)


def _aoi(chat: Chat, rest: str, console: Console) -> None:
    chat.give(replace(chat.given, aoi=" ".join(_words(rest)) or None))
    _tell(chat, console)


def _index(chat: Chat, rest: str, console: Console) -> None:
    chat.give(replace(chat.given, index=" ".join(_words(rest)) or None))
    _tell(chat, console)


def _catalog(chat: Chat, rest: str, console: Console) -> None:
    chat.give(replace(chat.given, catalog=" ".join(_words(rest)) or None))
    _tell(chat, console)


def _bands(chat: Chat, rest: str, console: Console) -> None:
    chat.give(replace(chat.given, bands=names_in(rest)))
    _tell(chat, console)


def _gsd(chat: Chat, rest: str, console: Console) -> None:
    try:
        gsd_m = float(rest) if rest else None
    except ValueError as error:
        raise InputError(
            f"'{rest}' is no pixel size", hint="give metres, as in /gsd 0.3"
        ) from error
    chat.give(replace(chat.given, gsd_m=gsd_m))
    _tell(chat, console)


def _tell(chat: Chat, console: Console) -> None:
    say(console, f"with the next message: {chat.given.text or 'nothing new'}", style="dim")


COMMANDS: Final = (
    Command(usage="/help", about="what there is", run=_help),
    Command(usage="/new [NAME]", about="begin another conversation", run=_new),
    Command(
        usage="/threads [NAME]",
        about="the conversations there are; with a name, go on with one",
        run=_threads,
        wanted="thread",
    ),
    Command(
        usage="/evidence [FIGURE]",
        about="the figures of the last answer; with f1 or a number, all that stands behind it",
        run=_evidence,
        wanted="figure",
    ),
    Command(usage="/map [HANDLE]", about="show a map of the last answer", run=_map),
    Command(
        usage="/save [DIR]",
        about="keep the last answer: report.html, answer.json, artifacts",
        run=_save,
        wanted="path",
    ),
    Command(
        usage="/image [PATH...]",
        about="images of the next message; without a path, none (so do those below)",
        run=_image,
        wanted="path",
    ),
    Command(
        usage="/features [PATH...]",
        about="vector files of the next message",
        run=_features,
        wanted="path",
    ),
    Command(
        usage="/aoi [FILE|W,S,E,N]",
        about="area of interest of the next message",
        run=_aoi,
        wanted="path",
    ),
    Command(
        usage="/catalog [PATH]",
        about="catalog or folder of the next message",
        run=_catalog,
        wanted="path",
    ),
    Command(usage="/index [NAME]", about="index that is searched by meaning", run=_index),
    Command(usage="/bands [NAME,...]", about="band names in the file's order", run=_bands),
    Command(usage="/gsd [M]", about="metres per pixel, if not georeferenced", run=_gsd),
    Command(usage="/quit", about="end the chat, as Ctrl-D does", run=_quit),
)
"""All of them, in the order of `/help`."""

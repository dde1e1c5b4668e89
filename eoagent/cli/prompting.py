"""Read messages: from a terminal with history and completion, or line by line from a pipe."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from eoagent.io.atomic import make_folder
from eoagent.io.home import check_letters
from eoagent.io.href import redact_text

__all__ = ["LineReader", "Reader", "SlashCompleter", "TerminalReader", "Wanted", "is_terminal"]

PROMPT: Final = "> "
Wanted = Literal["", "path", "thread", "figure"]
"""What follows a slash command, for completion."""
_LAST_WORD: Final = re.compile(r"(?:\\.|[^\s\\])*\Z")


class Reader(Protocol):
    """Gives one message after the other."""

    def read(self) -> str:
        """Return the next message.

        Raises:
            EOFError: if there are no more.
            KeyboardInterrupt: if the user pressed Ctrl-C.
            InputError: if it holds bytes that are no letters here.
        """
        ...


def is_terminal() -> bool:
    """Return whether somebody types and reads at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class LineReader:
    """Takes a line of the standard input as a message; what was read is shown on stderr."""

    def __init__(self) -> None:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")

    def read(self) -> str:
        """Return the next line."""
        is_typed = sys.stdin.isatty()
        if is_typed:
            sys.stderr.write(PROMPT)
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        check_letters(line)
        text = line.strip()
        if text and not is_typed:
            sys.stderr.write(f"{PROMPT}{redact_text(text)}\n")
        return text


class TerminalReader:
    """Takes messages at a terminal: history under the home folder, completion, pasted lines.

    Enter sends, Alt-Enter begins a new line, a text that is pasted stays one message.
    """

    def __init__(
        self,
        history: Path,
        completer: Completer,
        *,
        source: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        """Set up the prompt; input and output are those of the process unless others are given."""
        output = screen or create_output()
        if isinstance(output, Vt100_Output):
            output.enable_cpr = False  # nothing here needs to ask the terminal where its cursor is
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            multiline=True,
            key_bindings=_keys(),
            prompt_continuation="  ",
            completer=completer,
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            history=_DiscreetHistory(history),
            enable_history_search=True,
            input=source,
            output=output,
        )

    def read(self) -> str:
        """Return the next message; what is on the line is gone after Ctrl-C."""
        text = self._session.prompt()
        check_letters(text)
        return text.strip()


class _DiscreetHistory(FileHistory):
    """History that only its owner can read, without the queries of addresses: they may be keys."""

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # a history that cannot be kept stops no conversation
            make_folder(path.parent)
            os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        super().__init__(path)

    def load_history_strings(self) -> Iterable[str]:
        with contextlib.suppress(OSError):
            yield from super().load_history_strings()

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError, UnicodeEncodeError):
            super().store_string(redact_text(string))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


class SlashCompleter(Completer):
    """Completes slash commands, and what follows them: files, threads, ids of figures.

    Args:
        commands: name of each command with its slash, to what follows it.
        known: gives the names of threads and the ids of figures there are.
    """

    def __init__(
        self,
        commands: Mapping[str, Wanted],
        known: Callable[[Wanted], Sequence[str]],
    ) -> None:
        self._commands = commands
        self._known = known
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        """Yield what the text before the cursor may become."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, space, rest = text.partition(" ")
        if not space:
            for command in self._commands:
                if command.startswith(name):
                    yield Completion(command, start_position=-len(name))
            return
        wanted = self._commands.get(name, "")
        if wanted == "path":
            yield from self._files(rest, event)
        elif wanted:
            for known in self._known(wanted):
                if known.startswith(rest):
                    yield Completion(known, start_position=-len(rest))

    def _files(self, rest: str, event: CompleteEvent) -> Iterator[Completion]:
        match = _LAST_WORD.search(rest)
        word = re.sub(r"\\(.)", r"\1", match.group() if match else "")
        for found in self._paths.get_completions(Document(word), event):
            is_folder = found.display_text.endswith("/")
            text = re.sub(r"([\s\\'\"])", r"\\\1", found.text) + ("/" if is_folder else "")
            yield Completion(text, display=found.display)

"""Messages from a pipe and from a terminal: history, completion, pasted lines, keys."""

from __future__ import annotations

import io
import os
import stat
import sys

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from eoagent.cli.prompting import LineReader, SlashCompleter, TerminalReader
from eoagent.contracts.errors import InputError

WANTED = {"/image": "path", "/threads": "thread", "/evidence": "figure", "/quit": "", "/map": ""}


@pytest.fixture
def completer():
    known = {"thread": ["delta", "delta-2", "other"], "figure": ["f1", "f12"]}
    return SlashCompleter(WANTED, lambda wanted: known[wanted])


def _completed(completer, text):
    document = Document(text)
    event = CompleteEvent(completion_requested=True)
    return [
        text[: len(text) + c.start_position] + c.text
        for c in completer.get_completions(document, event)
    ]


def test_commands_threads_and_figures_are_completed(completer):
    assert _completed(completer, "/") == list(WANTED)
    assert _completed(completer, "/e") == ["/evidence"]
    assert _completed(completer, "/threads del") == ["/threads delta", "/threads delta-2"]
    assert _completed(completer, "/evidence f1") == ["/evidence f1", "/evidence f12"]


@pytest.mark.parametrize("text", ["", "how much", "/quit x", "/nothing x", "/threads\nfoo", " /im"])
def test_nothing_else_is_completed(completer, text):
    assert _completed(completer, text) == []


def test_files_are_completed_and_what_needs_it_is_escaped(completer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my scene.tif").touch()
    (tmp_path / "data" / "it's.tif").touch()
    assert _completed(completer, "/image da") == ["/image data/"]
    assert _completed(completer, "/image a.tif data/my") == [r"/image a.tif data/my\ scene.tif"]
    assert _completed(completer, r"/image data/my\ sc") == [r"/image data/my\ scene.tif"]
    assert _completed(completer, "/image data/it") == [r"/image data/it\'s.tif"]
    assert _completed(completer, "/image nowhere/x") == []


def _lines(monkeypatch, data: bytes) -> LineReader:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    return LineReader()


def test_each_line_of_a_pipe_is_a_message_and_is_shown(monkeypatch, capsys):
    reader = _lines(monkeypatch, "  first \n\nzweite Größe".encode())
    assert [reader.read() for _ in range(3)] == ["first", "", "zweite Größe"]
    with pytest.raises(EOFError):
        reader.read()
    assert capsys.readouterr().err == "> first\n> zweite Größe\n"


def test_a_key_in_an_address_is_not_shown(monkeypatch, capsys):
    reader = _lines(monkeypatch, b"/image https://h.org/a.tif?key=SECRET\n")
    assert "SECRET" in reader.read()
    assert "SECRET" not in capsys.readouterr().err


def test_bytes_that_are_no_letters_are_refused_and_the_next_line_is_read(monkeypatch):
    reader = _lines(monkeypatch, b"bad \xff byte\ngood\n")
    with pytest.raises(InputError, match="holds bytes"):
        reader.read()
    assert reader.read() == "good"


@pytest.fixture
def typed(tmp_path, completer):
    """What a terminal gives, for keys that were pressed."""

    def read(*keys: str, times: int = 1) -> list[str]:
        with create_pipe_input() as source:
            reader = TerminalReader(
                tmp_path / "home" / "chat_history", completer, source=source, screen=DummyOutput()
            )
            source.send_text("".join(keys))
            return [reader.read() for _ in range(times)]

    return read


def test_enter_sends_and_alt_enter_begins_a_line(typed):
    assert typed("  one \r") == ["one"]
    assert typed("one\x1b\rtwo\r") == ["one\ntwo"]


def test_pasted_lines_are_one_message(typed):
    assert typed("\x1b[200~one\ntwo\nthree\x1b[201~\r") == ["one\ntwo\nthree"]


def test_history_is_there_again_without_keys_of_addresses_and_for_its_owner_only(typed, tmp_path):
    typed("first\r", "/image https://h.org/a.tif?key=SECRET\r", times=2)
    path = tmp_path / "home" / "chat_history"
    assert "SECRET" not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert typed("fi\x1b[A\r") == ["first"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_history_that_cannot_be_kept_stops_nothing(typed, tmp_path):
    (tmp_path / "home").mkdir(mode=0o500)
    assert typed("one\r") == ["one"]


def test_a_history_that_is_a_folder_stops_nothing(typed, tmp_path):
    (tmp_path / "home" / "chat_history").mkdir(parents=True)
    assert typed("one\r") == ["one"]


def test_control_c_and_control_d_come_through(typed):
    with pytest.raises(KeyboardInterrupt):
        typed("half a question\x03")
    with pytest.raises(EOFError):
        typed("\x04")


def test_tab_completes_where_one_command_fits(typed):
    assert typed("/ev\tf1\r") == ["/evidencef1"]

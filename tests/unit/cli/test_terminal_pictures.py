"""Pictures in a terminal: what is seen has the colours of the picture and fits the screen."""

from __future__ import annotations

import io
import os
import pty
import re
import threading
import tty

import pytest
from PIL import Image
from rich.console import Console

from eoagent.cli import terminal_pictures
from eoagent.cli.options import PictureMode
from eoagent.cli.terminal_pictures import HalfBlocks, Pictures

_CELL = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)\x1b\[0m")


def _console(*, width=40, height=20, terminal=True, colours="truecolor"):
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=width,
        height=height,
        color_system=colours,
        legacy_windows=False,
    )


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _seen(text: str) -> list[list[tuple[int, ...]]]:
    """Pixels as the letters and their colours show them, row by row."""
    rows = []
    for line in text.splitlines():
        cells = [(tuple(map(int, m.groups()[:6])), len(m.group(7))) for m in _CELL.finditer(line)]
        rows.append([c[:3] for c, n in cells for _ in range(n)])
        rows.append([c[3:] for c, n in cells for _ in range(n)])
    return rows


def test_half_blocks_have_the_colours_of_the_picture():
    picture = Image.new("RGB", (3, 4))
    colours = [(10 * x, 20 * y, 7) for y in range(4) for x in range(3)]
    picture.putdata(colours)
    console = _console()
    console.print(HalfBlocks(picture))
    assert [c for row in _seen(console.file.getvalue()) for c in row] == colours


@pytest.mark.parametrize(("width", "height"), [(400, 100), (100, 400), (5, 5), (1, 1)])
def test_a_picture_fits_the_screen_and_keeps_its_shape(width, height):
    console = _console(width=40, height=20)
    console.print(HalfBlocks(Image.new("RGB", (width, height), (1, 2, 3))))
    rows = _seen(console.file.getvalue())
    assert len(rows) <= 2 * 17
    assert len(rows[0]) <= 40
    assert len(rows[0]) / len(rows) == pytest.approx(width / height, rel=0.25, abs=0.6)


@pytest.mark.parametrize(
    ("mode", "terminal", "colours", "shown"),
    [
        (PictureMode.BLOCKS, True, "truecolor", True),
        (PictureMode.BLOCKS, True, None, False),
        (PictureMode.BLOCKS, False, None, False),
        (PictureMode.OFF, True, "truecolor", False),
    ],
)
def test_pictures_are_shown_on_terminals_with_colours_only(mode, terminal, colours, shown):
    console = _console(terminal=terminal, colours=colours)
    pictures = Pictures(console, mode, {})
    assert pictures.are_shown is shown
    pictures.show(_png(Image.new("RGB", (4, 4))))
    assert bool(console.file.getvalue()) is shown


def test_a_terminal_is_asked_once_and_blocks_do_without(monkeypatch):
    asked = []
    monkeypatch.setattr(
        terminal_pictures, "_draws_pictures", lambda environ: bool(asked.append(environ))
    )
    console = _console()
    png = _png(Image.new("RGB", (4, 4)))
    Pictures(console, PictureMode.BLOCKS, {}).show(png)
    assert asked == []
    pictures = Pictures(console, PictureMode.AUTO, {"TERM": "xterm"})
    pictures.show(png)
    pictures.show(png)
    assert asked == [{"TERM": "xterm"}]


@pytest.fixture
def terminal():
    """A terminal that answers what it is asked with some bytes."""
    master, slave = pty.openpty()
    tty.setcbreak(slave)
    yield master, slave
    os.close(master)
    os.close(slave)


def _reply(monkeypatch, terminal, *replies: bytes):
    """Let the terminal give one reply to each thing that is written to it."""
    master, slave = terminal
    waiting = list(replies)

    class Screen:
        def write(self, text):
            assert text == "\x1b[c"
            threading.Timer(0.01, os.write, (master, waiting.pop(0))).start()

        def flush(self):
            pass

    monkeypatch.setattr(terminal_pictures.sys, "stdout", Screen())
    return slave


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\x1b[?62;4;22c", [b"62", b"4", b"22"]),
        (b"\x1b[?6c", [b"6"]),
        (b"\x1b[?1;2c", [b"1", b"2"]),
    ],
)
def test_a_terminal_says_what_it_can(monkeypatch, terminal, answer, says):
    monkeypatch.setattr(terminal_pictures, "_QUICK_S", 10.0)
    monkeypatch.setattr(terminal_pictures, "_ASK_S", 10.0)
    assert terminal_pictures._asked(_reply(monkeypatch, terminal, answer)) == says


def test_a_terminal_that_answers_late_or_not_at_all_is_asked_nothing_more(monkeypatch, terminal):
    monkeypatch.setattr(terminal_pictures, "_QUICK_S", 0.0)
    monkeypatch.setattr(terminal_pictures, "_ASK_S", 10.0)
    assert terminal_pictures._asked(_reply(monkeypatch, terminal, b"\x1b[?62;4c")) is None
    monkeypatch.setattr(terminal_pictures, "_ASK_S", 0.05)
    assert terminal_pictures._asked(_reply(monkeypatch, terminal, b"")) is None


def test_nothing_typed_ahead_is_lost(monkeypatch, terminal):
    master, slave = terminal
    os.write(master, b"typed")
    monkeypatch.setattr(terminal_pictures.sys, "stdout", None)  # writing to it would fail
    assert terminal_pictures._asked(slave) is None
    assert os.read(slave, 100) == b"typed"


@pytest.mark.parametrize(
    ("environ", "says", "draws"),
    [
        ({"TERM": "xterm"}, [b"62", b"4"], True),
        ({"TERM": "xterm"}, [b"62", b"44"], False),
        ({"TERM": "xterm-kitty"}, [b"62"], True),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, [b"62"], True),
        ({"TERM": "xterm-kitty"}, None, False),
    ],
)
def test_who_draws_pictures(monkeypatch, environ, says, draws):
    class Keyboard:
        def isatty(self):
            return True

        def fileno(self):
            return 0

    monkeypatch.setattr(terminal_pictures.sys, "stdin", Keyboard())
    monkeypatch.setattr(terminal_pictures, "_asked", lambda _keyboard: says)
    assert terminal_pictures._draws_pictures(environ) is draws


def test_a_terminal_that_draws_gets_a_picture_that_fits(monkeypatch):
    from textual_image import renderable

    made = []

    class Drawn:
        def __init__(self, picture, width, height):
            made.append((picture.size, width, height))

        def __rich_console__(self, console, options):
            yield "drawn"

    monkeypatch.setattr(renderable, "Image", Drawn)
    monkeypatch.setattr(terminal_pictures, "_draws_pictures", lambda _environ: True)
    console = _console(width=80, height=23)
    Pictures(console, PictureMode.AUTO, {}).show(_png(Image.new("RGB", (100, 200))))
    assert made == [((100, 200), 18, "auto")]
    assert "drawn" in console.file.getvalue()

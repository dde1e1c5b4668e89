"""`eoagent chat`: a conversation from a pipe, and one at a real terminal that is interrupted."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from rich.console import Console

from eoagent.cli import chatting
from eoagent.contracts.errors import InputError

SHARE = "How much of it is water?"
READY = b"\x1b[?2004h"
"""What the prompt sends to the terminal when it begins to read."""
CTRL_C = b"\x03"
_IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it as a signal
os.execv(sys.executable, [sys.executable, "-m", "eoagent", *sys.argv[1:]])
"""
_LONG_S = 60.0


@pytest.fixture
def chat(run, monkeypatch):
    """Run `eoagent chat` with lines from a pipe."""

    def call(*lines: str, options=()):
        text = "".join(f"{line}\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("chat", *options)

    return call


def test_lines_of_a_pipe_are_answered_in_one_conversation(chat, scene):
    ended = chat(SHARE, "", "How much of it is vegetation?", options=("--image", scene))
    assert ended.code == 0
    assert ended.out.count("Share of the valid pixels") == 2
    assert "open_image" not in ended.out
    assert ended.err.splitlines()[0].startswith("thread chat-20")
    assert f"> {SHARE}\n  1. open_image" in ended.err
    assert "kept: eoagent chat --thread chat-20" in ended.err


def test_an_error_is_a_line_and_the_chat_goes_on(chat, scene):
    ended = chat(
        "/nope", "/image missing.tif", "/evidence", f"/image {scene}", SHARE, "/evidence f2"
    )
    assert ended.code == 0
    assert "InputError: there is no command /nope (there are: /help" in ended.err
    assert "NotFound: there is no file 'missing.tif'" in ended.err
    assert "InputError: nothing was answered yet" in ended.err
    assert "f2  share of open water: 33.33" in ended.out


def test_an_error_of_the_run_is_a_line_too(chat, chatmodels, monkeypatch):
    from eoagent.app import agent

    model = chatmodels.ScriptedChat(
        script=[ValueError("no such thing"), chatmodels.says("Nothing was measured.")]
    )
    monkeypatch.setattr(agent, "open_chat_model", lambda *_args, **_more: model)
    ended = chat("first", "second", options=("--planner", "openai:any"))
    assert ended.code == 0
    assert "\nModelError: " in ended.err
    assert "Nothing was measured." in ended.out


def test_an_answer_of_a_model_is_printed_once(chat, chatmodels, monkeypatch):
    from eoagent.app import agent

    model = chatmodels.ScriptedChat(script=[chatmodels.says("No image was given.")])
    opened = []

    def open_model(name, *, base_url, settings):
        opened.append((name, base_url))
        return model

    monkeypatch.setattr(agent, "open_chat_model", open_model)
    ended = chat(
        "hello", options=("--planner", "openai:any", "--base-url", "http://127.0.0.1:9/v1")
    )
    assert opened == [("openai:any", "http://127.0.0.1:9/v1")]
    assert (ended.out + ended.err).count("No image was given.") == 1


def test_quit_ends_before_the_lines_do(chat):
    ended = chat("/quit", SHARE)
    assert ended.code == 0
    assert ended.out == ""
    assert "kept:" not in ended.err


def test_a_named_thread_goes_on_with_its_last_exchange_in_view(chat, scene):
    chat(SHARE, options=("--image", scene, "--thread", "delta"))
    ended = chat("How much of it is vegetation?", "/evidence f1", options=("--thread", "delta"))
    assert ended.err.splitlines()[0] == "thread delta, planner offline; /help says what there is"
    assert ended.err.splitlines()[1].startswith(f"last: {SHARE} -> Water: ")
    assert "Share of the valid pixels" in ended.out
    assert "f1  area of open water" in ended.out


def test_every_answer_is_kept_where_out_says(chat, scene, tmp_path):
    out = tmp_path / "out"
    ended = chat(SHARE, SHARE, options=("--image", scene, "--thread", "t", "--out", out))
    assert sorted(path.name for path in out.iterdir()) == ["t-1", "t-2"]
    assert f"kept in: {out / 't-2'}" in ended.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--image", "missing.tif"), 3, "missing.tif"),
        (("--aoi", "1,2"), 3, "1,2"),
        (("--thread", " "), 3, "empty name"),
        (("--planner", "nobody"), 3, "planner 'nobody' is not known"),
        (("--pictures", "always"), 2, "always"),
        (("--max-cost", "-1"), 2, "max-cost"),
        (("--gsd", "wide"), 2, "--gsd"),
    ],
)
def test_a_chat_that_cannot_begin_ends_as_a_question_would(chat, options, code, said):
    ended = chat(SHARE, options=options)
    assert ended.code == code
    assert said in ended.err
    assert ended.out == ""


def test_a_setting_decides_about_pictures(chat, monkeypatch):
    monkeypatch.setenv("EOAGENT_PICTURES", "always")
    assert chat("/quit").code == 3
    monkeypatch.setenv("EOAGENT_PICTURES", "off")
    assert chat("/quit").code == 0


class Keys:
    """A reader that gives messages and raises errors, as a keyboard would."""

    def __init__(self, *keys):
        self._keys = list(keys)

    def read(self):
        if not self._keys:
            raise EOFError
        key = self._keys.pop(0)
        if isinstance(key, BaseException):
            raise key
        return key


def _converse(*keys, ask=lambda _question: None, is_typed=True):
    held = SimpleNamespace(ask=ask, has_spoken=False)
    chatting.converse(held, Keys(*keys), Console(), is_typed=is_typed)


def test_a_second_control_c_in_a_row_says_how_to_quit(capsys):
    _converse(KeyboardInterrupt(), "question", KeyboardInterrupt())
    assert capsys.readouterr().err == ""
    _converse(KeyboardInterrupt(), KeyboardInterrupt())
    assert capsys.readouterr().err == "Ctrl-D or /quit ends the chat\n"


def test_a_question_that_is_broken_off_ends_itself_only(capsys):
    asked = []

    def ask(question):
        asked.append(question)
        if question == "first":
            raise KeyboardInterrupt

    _converse("first", "second", ask=ask)
    assert asked == ["first", "second"]
    assert capsys.readouterr().err == "broken off: this question has no answer\n"


def test_without_a_terminal_control_c_ends_the_chat():
    with pytest.raises(KeyboardInterrupt):
        _converse(KeyboardInterrupt(), is_typed=False)


def test_a_message_that_cannot_be_read_is_a_line(capsys):
    _converse(InputError("holds bytes", hint="rename it"), "question")
    assert capsys.readouterr().err == "InputError: holds bytes (rename it)\n"


class Terminal:
    """`eoagent chat` in a terminal of its own."""

    def __init__(self, folder, *options):
        (folder / "cwd").mkdir()
        self.process, self._fd = None, -1
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("EOAGENT_")}
        own = {"EOAGENT_HOME": str(folder / "home"), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, "chat", *map(str, options)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder / "cwd",
            env=kept | own,
            start_new_session=True,
        )
        os.close(slave)
        self._fd, self._unread = master, b""

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def until(self, mark: bytes) -> str:
        """Read until something is on the screen; return what came until then."""
        end = time.monotonic() + _LONG_S
        while mark not in self._unread:
            ready, _, _ = select.select([self._fd], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{mark!r} did not come, but {self._unread!r}"
            self._unread += os.read(self._fd, 65_536)
        found, _, self._unread = self._unread.partition(mark)
        return found.decode(errors="replace")

    def code(self) -> int:
        """Wait for the end, reading what is still printed."""
        end = time.monotonic() + _LONG_S
        while self.process.poll() is None:
            assert time.monotonic() < end
            if select.select([self._fd], [], [], 0.1)[0]:
                try:
                    self._unread += os.read(self._fd, 65_536)
                except OSError:  # the other end is closed
                    break
        return self.process.wait(timeout=_LONG_S)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._fd)


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def open_terminal(*options):
        opened.append(Terminal(tmp_path, *options))
        opened[-1].until(READY)
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


@pytest.fixture
def large(tmp_path):
    """A scene that takes long to look through: 576 million numbers, nearly all of them absent."""
    path = tmp_path / "large.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=12_000,
        height=12_000,
        count=4,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(10, 0, 5e5, 0, -10, 51e5),
        tiled=True,
        compress="deflate",
        SPARSE_OK=True,
    ) as file:
        file.descriptions = ("blue", "green", "red", "nir")
        file.write(np.full((4, 512, 512), 100, "uint8"), window=Window(0, 0, 512, 512))
    with path.open("ab") as file:  # so small a file would be refused for what it unpacks to
        file.write(bytes(3_000_000))
    return path


def test_control_c_stops_a_long_step_and_the_chat_goes_on(terminal, large, scene):
    screen = terminal("--image", large, "--pictures", "off")
    screen.press(f"{SHARE}\r".encode())
    screen.until(b"step 2: threshold")
    screen.press(CTRL_C)
    seen = screen.until(READY)
    assert "stopping: the answer comes with what there is by now" in seen
    assert "you stopped the run" in seen
    assert "[partial]" in seen
    screen.press(f"/image {scene}\r".encode())
    assert "with the next message: image" in screen.until(READY)
    screen.press(f"{SHARE}\r".encode())
    assert "33.33 ± 0.83 %" in screen.until(READY)
    screen.press(b"/thr\t\r")  # completed
    assert "* chat-20" in screen.until(READY)
    screen.press(b"half a question" + CTRL_C)
    assert "Ctrl-D" not in screen.until(READY)
    screen.press(CTRL_C)
    assert "Ctrl-D or /quit ends the chat" in screen.until(READY)
    screen.press(b"/quit\r")
    assert screen.code() == 0


def test_a_second_control_c_leaves_a_step_that_does_not_listen(terminal):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        port = silent.getsockname()[1]
        screen = terminal("--image", f"http://127.0.0.1:{port}/a.tif", "--pictures", "off")
        screen.press(f"{SHARE}\r".encode())
        screen.until(b"step 1: open_image")
        screen.press(CTRL_C)
        screen.until(b"stopping")
        screen.press(CTRL_C)
        assert "broken off: this question has no answer" in screen.until(READY)
        screen.press(b"/threads\r")
        assert "InputError: there is no conversation yet" in screen.until(READY)
        screen.press(b"/quit\r")
        assert screen.code() == 0


def test_a_map_is_seen_in_a_terminal_and_control_d_ends(terminal, scene):
    screen = terminal("--image", scene, "--pictures", "blocks")
    screen.press(f"{SHARE}\r".encode())
    screen.until(READY)
    screen.press(b"/map\r")
    assert screen.until(READY).count("▀") > 500
    screen.press(b"\x04")
    assert screen.code() == 0

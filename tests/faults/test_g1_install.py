"""G1: the command line where it was just installed: no network, no home, odd names, bare streams.

Each child has a sandbox of its own; all that it writes must lie in the folders it was given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_NO_SOCKETS = """
import os, socket

def refuse(*args, **kwargs):
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write("an attempt\\n")
    raise OSError("the network is unreachable")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
"""


@dataclass
class Sandbox:
    """A home, a working directory, a folder for temporary files, and what a child is told."""

    root: Path
    cwd: Path
    data: Path
    out: str = "out"
    has_stdin: bool = True
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self):
        return self.root / "home"

    def run(self, *arguments):
        """Run `eoagent` and return how it ended; the streams are bytes."""
        return subprocess.run(
            [sys.executable, "-m", "eoagent", *arguments],
            cwd=self.cwd,
            env=self.env,
            capture_output=True,
            stdin=subprocess.DEVNULL if self.has_stdin else None,
            preexec_fn=None if self.has_stdin else _close_stdin,
            timeout=300,
            check=False,
        )

    def entries(self):
        """Return all there is but the store and the folder for results."""
        given = (self.data, self.cwd / self.out)
        return {
            path
            for path in self.root.rglob("*")
            if not any(path.is_relative_to(g) or g.is_relative_to(path) for g in given)
        }


def _close_stdin():
    os.close(0)


def _no_network(box):
    (box.root / "site").mkdir()
    (box.root / "site/sitecustomize.py").write_text(_NO_SOCKETS)
    box.env |= {"PYTHONPATH": str(box.root / "site"), "ATTEMPTS": str(box.root / "attempts")}
    for scheme in ("http", "https", "all"):  # for what is not Python: nobody listens at port 9
        box.env[f"{scheme}_proxy"] = "http://127.0.0.1:9"


def _home_that_cannot_be_written(box):
    box.home.rmdir()
    box.home.write_bytes(b"")  # permission bits would not hold root back
    del box.env["EOAGENT_HOME"]


def _no_home(box):
    del box.env["HOME"]


def _odd_names(box):
    box.cwd = box.root / "Ostävia 水 'a' %41#1"
    box.data = box.root / "stóre of 数据"
    box.env["EOAGENT_HOME"] = str(box.data)
    box.out = "réponse à tout"


def _c_locale(box):
    box.env |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


def _output_to_a_pipe(box):
    box.env |= {"TERM": "xterm-256color", "COLUMNS": "30"}


def _missing_out(box):
    box.out = "not/there/yet"


def _no_stdin(box):
    box.has_stdin = False


_CONDITIONS = (
    _no_network,
    _home_that_cannot_be_written,
    _no_home,
    _odd_names,
    _c_locale,
    _output_to_a_pipe,
    _missing_out,
    _no_stdin,
)


@pytest.fixture
def sandbox(tmp_path):
    """Return a maker of sandboxes under one of the conditions."""

    def make(condition):
        env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        folders = {"HOME": "home", "TMPDIR": "tmp", "EOAGENT_HOME": "data"}
        env |= {name: str(tmp_path / folder) for name, folder in folders.items()}
        box = Sandbox(root=tmp_path, cwd=tmp_path / "cwd", data=tmp_path / "data", env=env)
        (tmp_path / "tmp").mkdir()
        box.home.mkdir()
        condition(box)
        box.cwd.mkdir()
        return box

    return make


def _is_plain(stream):
    """Return whether bytes are lines of text: nothing moves a cursor, nothing is a traceback."""
    return not any(mark in stream for mark in (b"\x1b", b"\r", b"Traceback", b"Warning"))


def test_the_network_is_really_out_of_reach_in_the_sandbox(sandbox):
    box = sandbox(_no_network)
    script = "import socket; socket.create_connection(('127.0.0.1', 9))"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=box.env, capture_output=True, check=False
    )
    assert b"the network is unreachable" in ended.stderr
    assert (box.root / "attempts").read_text() == "an attempt\n"


@pytest.mark.full
@pytest.mark.parametrize("condition", _CONDITIONS, ids=lambda c: c.__name__.strip("_"))
def test_the_tour_ends_well_and_writes_where_it_was_told(sandbox, condition):
    box = sandbox(condition)
    before = box.entries()
    ended = box.run("demo", "--out", box.out)
    assert ended.returncode == 0, ended.stderr.decode()
    assert _is_plain(ended.stdout + ended.stderr)
    assert ended.stdout.count(b"\n> ") == 4
    assert (box.cwd / box.out / "report.html").stat().st_size > 1000
    assert box.entries() == before
    assert not box.data.exists()  # the tour brings a store of its own
    assert not (box.root / "attempts").exists()


@pytest.mark.parametrize(
    "condition",
    [_no_network, _odd_names, _c_locale, _no_stdin],
    ids=lambda c: c.__name__.strip("_"),
)
def test_a_question_is_answered_and_kept_where_it_was_told(sandbox, write_scene, condition):
    box = sandbox(condition)
    write_scene(box.cwd / "scene.tif")
    before = box.entries()
    question = "图中水体占多少?" if condition is _odd_names else "How much water?"
    ended = box.run("ask", question, "--image", "scene.tif", "--out", box.out, "--json")
    assert ended.returncode == 0, ended.stderr.decode()
    assert _is_plain(ended.stderr)
    assert json.loads(ended.stdout)["status"] == "answered"
    assert (box.cwd / box.out / "report.html").is_file()
    assert (box.data / "ledger.sqlite").is_file()
    assert box.entries() == before
    assert not (box.root / "attempts").exists()


def test_a_home_that_cannot_be_written_is_one_error_that_says_what_to_set(sandbox, write_scene):
    box = sandbox(_home_that_cannot_be_written)
    write_scene(box.cwd / "scene.tif")
    before = box.entries()
    ended = box.run("ask", "How much water?", "--image", "scene.tif")
    assert ended.returncode == 4
    assert ended.stdout == b""
    lines = ended.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"SourceError: {box.home}/")
    assert lines[0].endswith("Not a directory (set EOAGENT_HOME to a folder that can be written)")
    assert box.entries() == before


def test_letters_that_a_c_locale_cannot_read_are_one_error_that_says_what_to_set(sandbox):
    box = sandbox(_c_locale)
    ended = box.run("demo", "--out", "Ostävia")
    assert ended.returncode == 3
    assert b"cannot read (set PYTHONUTF8=1; " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert list(box.cwd.iterdir()) == []
    box.env["PYTHONUTF8"] = "1"
    assert box.run("tools", "list").returncode == 0

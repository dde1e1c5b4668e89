"""`eoagent mcp`: what keeps it from serving, said before any client is answered."""

from __future__ import annotations

import socket
import sys

import pytest


def test_where_the_extra_is_missing_the_command_that_adds_it_is_named(run, monkeypatch):
    for name in [n for n in sys.modules if n == "eoagent.mcp" or n.startswith("eoagent.mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    ended = run("mcp")
    assert ended.code == 5
    assert ended.out == ""
    assert "the package mcp, which is not installed" in ended.err
    assert "pip install 'eoagent[mcp]'" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--root", "none"], 3, "the root 'none' is no folder"),
        (["--allow-host", "http://h"], 4, "allow_hosts lists 'http://h', which is no host"),
        (["--transport", "smoke"], 2, "smoke"),
        (["--port", "65536"], 2, "--port"),
    ],
)
def test_what_cannot_be_served_is_refused(run, arguments, code, said):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    ended = run("mcp", *arguments)
    assert ended.code == code
    assert ended.out == ""
    assert said in ended.err


def test_a_port_that_is_taken_is_named(run):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("mcp", "--transport", "http", "--port", port)
    assert ended.code == 3
    assert f"port {port} of 127.0.0.1 cannot be listened on" in ended.err
    assert "give another --port" in ended.err

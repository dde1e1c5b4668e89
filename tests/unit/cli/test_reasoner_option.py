"""`--reasoner`: a server asked from the command line, with its key kept out of everything."""

from __future__ import annotations

import json

import pytest

_KEY = "canary-2e90-0123456789-do-not-tell"


@pytest.fixture
def server(servers, chatreplies):
    """A server that finds one place in every picture, and the script of what it was asked."""
    reply = chatreplies.words("<think>Left.</think><answer>[[0,0,28,28]]</answer>")
    script = chatreplies.Script(chatreplies.streamed(*reply), names=("RemoteReasoner-7B",))
    with servers.Server(answer=script) as running:
        yield running, script


def test_a_tool_asks_the_server_that_was_named(run, scene, server, tmp_path, monkeypatch):
    running, script = server
    monkeypatch.setenv("EOAGENT_REASONER_KEY", _KEY)
    opened = run("tools", "run", "open_image", "--args", json.dumps({"hrefs": [str(scene)]}))
    raster = json.loads(opened.out)["artifacts"]["raster"]
    arguments = {
        "raster": f"raster:{raster['id']}",
        "question": "Where can a boat float?",
        "want": ["boxes"],
    }
    ended = run(
        "-v", "tools", "run", "reason", "--args", json.dumps(arguments),
        "--reasoner", running.url("/v1"),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    figures = {figure["label"]: figure for figure in json.loads(ended.out)["figures"]}
    assert any(figure["value"] == 1 for figure in figures.values())
    ((_, asked, headers),) = script.asked
    assert "Where can a boat float?" in json.dumps(asked)
    assert headers["authorization"] == f"Bearer {_KEY}"
    assert f"place {running.url('')}" in ended.out
    assert _KEY not in ended.out + ended.err
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if _KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("command", [("ask", "Where?"), ("tools", "run", "reason")])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Two Words", "neither the id of a card nor an address"),
        (f"http://user:{_KEY}@gpu.example", "carries credentials"),
        (f"http://gpu.example?key={_KEY}", "has a query"),
    ],
)
def test_what_is_no_reasoner_ends_with_three_and_repeats_no_key(run, command, value, said):
    ended = run(*command, "--reasoner", value)
    assert ended.code == 3
    assert said in ended.err
    assert _KEY not in ended.out + ended.err

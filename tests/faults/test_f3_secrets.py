"""Fault row F3: a key that came in by any door is found in no byte that is written or shown.

Ten canaries come in by ten doors; then everything under the home and output folders, and everything
that was printed and logged, is searched for them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent import Agent
from eoagent.contracts.errors import EoAgentError

_CANARIES = {
    name: f"canary{place}{'0123456789abcdef'[place] * 3}zq{place}Xw"
    for place, name in enumerate(
        (
            "environment",
            "query of an image",
            "user before an address",
            "header in a provider's error",
            "settings file",
            "exception of a tool",
            "argument of a tool",
            "address in a question",
            "base address",
            "address of the geocoder",
        )
    )
}


def _replies(servers_url):
    """Return what the language model says, reply by reply."""
    bad = _CANARIES["argument of a tool"]
    yield [
        ("open_image", {"hrefs": [f"{servers_url}/other.tif?X-Amz-Signature={bad}"]}),
        ("leaky", {"note": f"as https://user:{bad}@data.example/x?sig={bad} says"}),
        ("find_place", {"name": "Xyzzyqua"}),
        ("no_such_tool", {"href": f"https://data.example/?key={bad}"}),
    ]
    yield [("open_image", {"hrefs": ["@image"]}), ("describe_data", {"target": "$4"})]


class _World:
    """A server that is model provider, raster host and geocoder in one."""

    def __init__(self, servers, body):
        self.server = servers.Server(body, answer=self._answer)
        self.script = []
        self.bodies = []

    def _answer(self, exchange):
        if exchange.path.startswith("/geo"):
            exchange.reply(200, b"[]", Content_Type="application/json")
        elif "completions" in exchange.path:
            self.bodies.append(exchange.body)
            self._complete(exchange)
        else:
            exchange.right()

    def _image_as_told(self, exchange):
        found = re.search(r"http://[0-9.:]+/scene\.tif\?\.\.\.[0-9a-f]+", exchange.body.decode())
        return found.group() if found else "?"

    def _complete(self, exchange):
        if not self.script:
            told = _CANARIES["header in a provider's error"]
            key = exchange.headers.get("authorization", "")
            text = (
                f"Invalid request. You sent Authorization: {key}; x-api-key: {told} "
                f"api_key={told} Bearer {told}"
            )
            body = json.dumps({"error": {"message": text, "type": "invalid_request_error"}})
            exchange.reply(400, body.encode(), Content_Type="application/json")
            return
        calls = [
            {
                "index": i,
                "id": f"id{i}",
                "type": "function",
                "function": {"name": name, "arguments": shown},
            }
            for i, (name, arguments) in enumerate(self.script.pop(0))
            for shown in [json.dumps(arguments).replace("@image", self._image_as_told(exchange))]
        ]
        told = [
            {"delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": None},
            {"delta": {}, "finish_reason": "tool_calls"},
        ]
        lines = [
            "data: "
            + json.dumps(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "stand-in",
                    "choices": [{"index": 0, **part}],
                }
            )
            for part in told
        ]
        body = "\n\n".join([*lines, "data: [DONE]", ""]).encode()
        exchange.reply(200, body, Content_Type="text/event-stream")


@pytest.fixture
def world(servers, tmp_path):
    path = tmp_path / "source" / "scene.tif"
    path.parent.mkdir()
    profile = {
        "driver": "GTiff",
        "width": 32,
        "height": 32,
        "count": 1,
        "dtype": "uint8",
        "crs": "EPSG:32633",
        "transform": Affine(10, 0, 4e5, 0, -10, 5e6),
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.ones((1, 32, 32), np.uint8))
    made = _World(servers, path.read_bytes())
    with made.server:
        yield made


@pytest.fixture
def environment(world, monkeypatch):
    """The process as a user has it, with keys in its variables."""
    settings = {
        "OPENAI_API_KEY": _CANARIES["environment"],
        "EOAGENT_GEOCODER": "nominatim",
        "EOAGENT_GEOCODER_URL": world.server.url(
            f"/geo?key={_CANARIES['address of the geocoder']}"
        ),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def leaky(note: str) -> float:
    """Fail as badly as a tool can.

    Args:
        note: anything.
    """
    secret = _CANARIES["exception of a tool"]
    try:
        int(f"inner {secret} {note}")
    except ValueError as error:
        raise RuntimeError(f"401 for {note} with Authorization: {secret}") from error
    return 0.0


def _image(world):
    return world.server.url(f"/scene.tif?X-Amz-Signature={_CANARIES['query of an image']}")


def _question():
    found = _CANARIES["address in a question"]
    return f"What is in https://user:{found}@data.example/a.tif?token={found}&x=1, and here?"


def _base(world):
    return world.server.url(f"/v1?token={_CANARIES['base address']}")


def _search(texts, *folders):
    """Say which canaries are found where."""
    found = []
    for name, canary in _CANARIES.items():
        found += [f"{name} in {where}" for where, text in texts.items() if canary in text]
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and canary.encode() in path.read_bytes():
                    found.append(f"{name} in {path.relative_to(folder)}")
    return "\n".join(found)


def _log_of(caplog):
    formatter = logging.Formatter("%(name)s %(message)s")
    ours = [r for r in caplog.records if r.name.startswith("eoagent")]
    return "\n".join(formatter.format(record) for record in ours)


def test_no_key_is_found_in_what_an_agent_leaves_or_shows(
    world, environment, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    home, out = tmp_path / "home", tmp_path / "out"
    agent = Agent("openai:stand-in", base_url=_base(world), tools=[leaky], home=home)
    thread = agent.thread("secrets")
    told = {}
    for turn in range(2):
        world.script = list(_replies(world.server.origin))
        events = list(thread.stream(_question(), images=[_image(world)], out_dir=out))
        answer = events[-1].data
        answer.save(out / f"turn {turn}")
        told |= {f"events {turn}": repr(events), f"answer {turn}": repr(answer.record)}
        told[f"page {turn}"] = answer._repr_html_()
        told[f"steps {turn}"] = repr(answer.steps) + repr(answer.warnings) + answer.text
    user = f"http://user:{_CANARIES['user before an address']}@127.0.0.1:{world.server.port}/a.tif"
    with pytest.raises(EoAgentError) as refused:
        agent.ask("What is here?", images=[user])
    told["refusal"] = f"{refused.value!r} {refused.value} {refused.value.hint}"
    shop = agent.workshop
    told |= {
        "agent": f"{agent!r} {vars(agent)!r}",
        "workshop": repr(shop),
        "settings": f"{shop.settings!r} {shop.settings}",
        "transcript": repr(thread.turns()),
        "runs": repr([shop.ledger.get_run(run.id) for run in shop.ledger.list_runs()]),
        "log": _log_of(caplog),
        "printed": "".join(capfd.readouterr()),
        "prompts": b"".join(world.bodies).decode(),
    }
    assert [step.tool for step in answer.steps][:3] == ["open_image", "leaky", "find_place"]
    errors = [step.error for step in answer.steps]
    assert "InternalError" in [error and error["kind"] for error in errors], errors
    assert any("/geo" in exchange.path for exchange in world.server.requests)
    assert "answered 400" in " ".join([answer.text, *answer.warnings])
    found = _search(told, home, out)
    assert not found, found


def test_no_key_is_found_in_what_the_command_line_leaves_or_shows(world, environment, tmp_path):
    home, out, here = tmp_path / "home", tmp_path / "out", tmp_path / "here"
    here.mkdir()
    told = {}

    def run(name, *arguments, code=None):
        ended = subprocess.run(
            [sys.executable, "-m", "eoagent", *arguments],
            env=os.environ | environment | {"EOAGENT_HOME": str(home)},
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        told[name] = ended.stdout + ended.stderr
        assert code is None or ended.returncode == code, (name, told[name])
        return ended

    model = ("--planner", "openai:stand-in", "--base-url", _base(world))
    given = ("--image", _image(world), "--thread", "secrets", "--out", str(out))
    for name in ("first", "second"):
        world.script = list(_replies(world.server.origin))
        more = ("--json",) if name == "second" else ()
        run(name, "-v", "ask", _question(), *given, *model, *more)
    user = f"http://user:{_CANARIES['user before an address']}@127.0.0.1:{world.server.port}/a.tif"
    run("refused", "ask", "What is here?", "--image", user, code=4)
    run("help", "--help", code=0)
    run("help of ask", "ask", "--help", code=0)
    run("doctor", "doctor")
    listed = run("runs", "runs", "list", code=0).stdout
    run("run", "runs", "show", listed.split()[0])
    run("replay", "replay", str(out / "answer.json"))
    run(
        "unknown option", "ask", "x", f"--nonsense=https://a.example/?k={_CANARIES['base address']}"
    )
    secret = _CANARIES["settings file"]
    for place, line in enumerate((f'api_key = "{secret}"', f'max_steps = "{secret}"')):
        (here / "eoagent.toml").write_text(line, encoding="utf-8")
        run(f"settings {place}", "ask", "x", code=3)
    assert (out / "answer.json").exists()
    found = _search(told, home, out)
    assert not found, found

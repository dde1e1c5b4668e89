"""The server as a process of its own: over stdin and stdout, and over HTTP on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import anyio
import httpx
import pytest

TOOL = '''
"""A tool that prints where it must not."""

import os
import subprocess
import sys

from eoagent.contracts.tool import Arguments, FunctionTool, ToolCard, ToolResult


class Noise(Arguments):
    """No arguments."""


def noise(arguments, services):
    print("noise of print")
    os.write(1, b"noise of a descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('noise of a child')"], check=True)
    print("stdin gives", repr(os.read(0, 1)))
    return ToolResult(message="made noise")


TOOL = FunctionTool(
    card=ToolCard(name="noise", summary="Makes noise.", cacheable=False),
    arguments=Noise,
    function=noise,
)
'''


@pytest.fixture
def environment(tmp_path):
    """The variables of a server with a home of its own, and a tool that prints."""
    guest = tmp_path / "guest"
    info = guest / "guest-1.0.dist-info"
    info.mkdir(parents=True)
    (guest / "noise.py").write_text(TOOL, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eoagent.tools]\nnoise = noise:TOOL\n")
    usual = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}  # prints wait
    return usual | {"PYTHONPATH": str(guest), "EOAGENT_HOME": str(tmp_path / "home")}


def _arguments(folder, *more):
    return ["-m", "eoagent", "mcp", "--root", str(folder), *more]


async def _use(client, scene, elicited):
    assert "open_image" in [tool.name for tool in (await client.list_tools()).tools]
    opened = await client.call_tool("open_image", {"hrefs": [scene.name]})
    assert not opened.is_error, opened.content[0].text
    raster = opened.structured_content["artifacts"]["raster"]
    read = await client.read_resource(raster["uri"])
    assert [content.mime_type for content in read.contents] == ["application/json", "image/png"]
    replied = await client.call_tool("ask_user", {"question": "Which year?"})
    assert replied.structured_content["message"] == "2020"
    refused = await client.call_tool("open_image", {"hrefs": ["../home/ledger.sqlite"]})
    assert "outside of the folders" in refused.content[0].text
    assert elicited == ["Which year?"]


@pytest.fixture
def listener(mode):
    """A person who replies 2020, and what was asked."""
    import mcp_types as types

    asked = []

    async def reply(context, params):
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"reply": "2020"})

    return reply, asked


def test_over_stdin_and_stdout_nothing_but_the_protocol_is_heard(
    mode, environment, write_scene, tmp_path, listener
):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    scene = write_scene(tmp_path / "data" / "scene.tif")
    reply, asked = listener
    server = StdioServerParameters(
        command=sys.executable, args=_arguments(scene.parent), env=environment
    )
    log = tmp_path / "stderr.txt"

    async def main(errors):
        with anyio.fail_after(120):
            transport = stdio_client(server, errlog=errors)
            async with Client(transport, mode=mode, elicitation_callback=reply) as client:
                await _use(client, scene, asked)
                noisy = await client.call_tool("noise", {})
                assert noisy.structured_content["message"] == "made noise"
                assert not (await client.call_tool("noise", {})).is_error

    with log.open("w") as errors:
        anyio.run(main, errors)
    said = log.read_text()
    assert said.count("noise of a child") == said.count("noise of a descriptor") == 2
    assert "stdin gives b''" in said


@pytest.fixture
def web(environment, write_scene, tmp_path, mode):
    """A server on a free port of this machine: its process and its address."""
    scene = write_scene(tmp_path / "data" / "scene.tif")
    arguments = _arguments(scene.parent, "--transport", "http", "--port", "0")
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("serving http://127.0.0.1:"), line + process.stderr.read()
        yield process, line.split()[1]
    finally:
        process.kill()
        process.communicate()


def test_over_http_the_same_is_served_to_this_machine_alone(web, mode, tmp_path, listener):
    from mcp import Client

    process, url = web
    reply, asked = listener

    async def main():
        with anyio.fail_after(120):
            async with Client(url, mode=mode, elicitation_callback=reply) as client:
                await _use(client, tmp_path / "data" / "scene.tif", asked)

    anyio.run(main)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"accept": "application/json, text/event-stream"}
    for header in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        refused = httpx.post(url, json=body, headers=accept | header)
        assert refused.status_code in {403, 421}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.strip() == "Interrupted: interrupted"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_server_that_waits_for_a_line(environment, tmp_path, number, code):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    process = subprocess.Popen(
        [sys.executable, *_arguments(tmp_path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    hello = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
        b'"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}\n'
    )
    process.stdin.write(hello)
    process.stdin.flush()
    assert b'"serverInfo"' in process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == code
    process.stdin.close()
    assert (process.stdout.read(), process.stderr.read()) == (b"", b"")
    process.stdout.close()
    process.stderr.close()

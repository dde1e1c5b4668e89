"""Keys of the settings reach every door that reads: questions, single tools, and the MCP fence."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from eoagent.app.bench import run_tool
from eoagent.app.fence import Fence
from eoagent.app.workshop import open_workshop
from eoagent.cli.given import Given
from eoagent.contracts.errors import SourceError
from eoagent.io.access import AccessBook
from eoagent.io.access_rules import read_rules
from eoagent.io.remote import read_bytes
from eoagent.mcp.serving import Permissions, open_session
from eoagent.settings import Settings

TOKEN = "canary66wiring"
NAIP = {"s3://naip": {"auth": "requester-pays", "region": "us-west-2"}}


@pytest.fixture
def vault(servers, scene):
    """A server that wants the token."""

    def answer(exchange):
        if exchange.headers.get("authorization") == f"Bearer {TOKEN}":
            exchange.right()
        else:
            exchange.reply(401)

    with servers.Server(scene.read_bytes(), answer) as server:
        yield server


def section_of(server):
    host = server.origin.removeprefix("http://")
    return {host: {"auth": "bearer", "token": SecretStr(TOKEN)}}


def test_a_home_folder_holds_the_keys_of_its_settings(vault, tmp_path):
    shop = open_workshop(tmp_path, Settings(stac=section_of(vault)))
    assert set(shop.access.rules) == set(section_of(vault))
    assert TOKEN not in repr(shop)


def test_a_single_tool_reads_with_the_keys_of_the_settings(vault, tmp_path):
    host = vault.origin.removeprefix("http://")
    (tmp_path / "eoagent.toml").write_text(
        f'[stac."{host}"]\nauth = "bearer"\ntoken = "{TOKEN}"', encoding="utf-8"
    )
    result = run_tool("open_image", {"hrefs": [vault.url()]}, home=tmp_path)
    assert result.artifacts
    assert TOKEN not in repr(result)


def test_a_client_over_mcp_reads_with_the_keys_of_the_settings(vault, tmp_path):
    shop = open_workshop(tmp_path / "home", Settings(stac=section_of(vault)))
    allowed = Permissions(roots=(tmp_path,), allow_hosts=("127.0.0.1",))
    session = open_session(shop, allowed)
    assert session.run("open_image", {"hrefs": [vault.url()]}).result.artifacts


def test_the_fence_knows_the_buckets_of_the_settings_and_refuses_others(tmp_path):
    book = AccessBook(read_rules(NAIP), environ={})
    fence = Fence([tmp_path], access=book, resolver=lambda *_: ["52.218.1.1"])
    fence.require("s3://naip/a.tif")
    admitted = fence.admit("s3://naip/a.tif")
    assert admitted.href == "https://naip.s3.us-west-2.amazonaws.com/a.tif"
    assert admitted.access is not None
    with pytest.raises(SourceError, match="buckets are read only where the settings state how"):
        fence.admit("s3://other/a.tif")
    shut = Fence([tmp_path], access=book, network=False)
    with pytest.raises(SourceError, match="reads nothing from the network"):
        shut.admit("s3://naip/a.tif")


def test_what_comes_with_a_message_may_be_in_a_bucket_of_the_settings(tmp_path):
    endpoint = {"s3://naip": NAIP["s3://naip"] | {"endpoint": "http://127.0.0.1:9"}}
    shop = open_workshop(tmp_path, Settings(stac=endpoint))
    Given(images=("s3://naip/a.tif",)).check(shop)
    with pytest.raises(SourceError, match="buckets are read only where"):
        Given(images=("s3://other/a.tif",)).check(shop)


def test_a_redirect_behind_the_fence_leaves_the_key_behind(vault, servers, tmp_path):
    with servers.Server(b"elsewhere") as other:
        vault.answer = lambda exchange: exchange.reply(302, Location=other.url())
        book = AccessBook(read_rules(section_of(vault)))
        fence = Fence([tmp_path], allow_hosts=["127.0.0.1"], access=book)
        assert read_bytes(fence.admit(vault.url()), fence) == b"elsewhere"
        assert "authorization" in vault.requests[-1].headers
        assert "authorization" not in other.requests[-1].headers

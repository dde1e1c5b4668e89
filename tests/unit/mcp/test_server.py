"""The tools over MCP as a client meets them: listed, called, refused, recorded."""

from __future__ import annotations

import base64

import pytest

from eoagent.app.bench import run_tool
from eoagent.app.session import Session, Situation
from eoagent.app.shelf import Shelf
from eoagent.contracts.errors import InputError
from eoagent.io.origin import OriginGuard

PNG = b"\x89PNG\r\n\x1a\n"


def _handle(result, name):
    assert not result.is_error, result.content[0].text
    return result.structured_content["artifacts"][name]["handle"]


async def _water(client, scene):
    opened = await client.call_tool("open_image", {"hrefs": [scene.name]})
    raster = _handle(opened, "raster")
    found = await client.call_tool("threshold", {"raster": raster, "rule": "water"})
    return raster, _handle(found, "mask")


def test_every_tool_is_listed_with_the_schema_of_its_own_arguments(talk):
    async def conversation(client, session):
        import jsonschema

        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(listed) == list(Shelf().names)
        for name, tool in listed.items():
            own = session.toolbox.tool(name)
            assert tool.input_schema == own.arguments.model_json_schema()
            assert tool.description.startswith(own.card.summary)
            assert tool.annotations.read_only_hint is not own.card.outward
            for schema in (tool.input_schema, tool.output_schema):
                jsonschema.Draft202012Validator.check_schema(schema)

    talk(conversation)


def test_a_chain_of_calls_gives_the_figures_that_the_tools_give_by_themselves(
    talk, scene, tmp_path
):
    async def conversation(client, session):
        _, mask = await _water(client, scene)
        asked = {"target": mask, "quantities": ["area", "share"]}
        measured = await client.call_tool("measure", asked)
        alone = run_tool("measure", asked, home=tmp_path / "home").figures
        for figure, other in zip(measured.structured_content["figures"], alone, strict=True):
            for key in ("name", "label", "value", "unit", "error", "method"):
                assert figure[key] == getattr(other, key)
        area, share = measured.structured_content["figures"]
        assert (area["id"], share["id"]) == ("f1", "f2")
        assert area["value"] == pytest.approx(20 * 40 * 100, rel=2e-3)  # water of 10 m pixels
        assert share["value"] == pytest.approx(100 / 3, rel=1e-3)
        assert area["sources"]
        text = measured.content[0].text
        assert f"f1 area = {area['shown']}" in text
        half = {"expression": "a / 2", "values": {"a": "f1"}}
        divided = (await client.call_tool("calculate", half)).structured_content["figures"][0]
        assert divided["id"] == "f3"
        assert divided["value"] == pytest.approx(area["value"] / 2)

    talk(conversation)


def test_choices_and_warnings_come_along(talk, scene):
    async def conversation(client, session):
        opened = await client.call_tool("open_image", {"hrefs": [scene.name]})
        found = await client.call_tool(
            "threshold", {"raster": _handle(opened, "raster"), "rule": "water"}
        )
        said = found.structured_content["assumptions"]
        assert said
        assert all(f"assumed: {text}" in found.content[0].text for text in said)

    talk(conversation)


def test_a_map_is_shown_and_linked(talk, scene):
    async def conversation(client, session):
        raster, mask = await _water(client, scene)
        drawn = await client.call_tool("render_map", {"layers": [raster, mask]})
        kinds = [block.type for block in drawn.content]
        assert kinds == ["text", "image", "resource_link", "resource_link"]
        assert base64.b64decode(drawn.content[1].data).startswith(PNG)
        read = await client.read_resource(drawn.content[2].uri)
        assert base64.b64decode(read.contents[1].blob) == base64.b64decode(drawn.content[1].data)

    talk(conversation)


def test_rows_of_a_table_are_shown_so_that_scenes_can_be_opened(talk, tmp_path, write_scene):
    for day in ("20200105", "20200310"):
        write_scene(tmp_path / "days" / f"s2_{day}.tif")

    async def conversation(client, session):
        found = await client.call_tool("find_scenes", {"catalog": "days"})
        rows = found.structured_content["artifacts"]["table"]["rows"]
        assert [row["time"] for row in rows] == ["2020-01-05", "2020-03-10"]
        opened = await client.call_tool("open_image", {"hrefs": [rows[1]["href"]]})
        assert not opened.is_error, opened.content[0].text

    talk(conversation)


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "said"),
    [
        ("fly", {}, "NotFound", "there is no tool 'fly'"),
        ("measure", {}, "InputError", "'target' is missing"),
        ("measure", {"target": "mask:zzz", "quantities": ["area"]}, "InputError", "is no handle"),
        ("open_image", {"hrefs": ["none.tif"]}, "NotFound", "there is no file"),
        ("open_image", {"hrefs": ["/etc/passwd"]}, "SourceError", "outside of the folders"),
        ("open_image", {"hrefs": ["http://127.0.0.1:9/a.tif"]}, "SourceError", "plain http"),
        ("fails", {"what": "typed"}, "InputError", "cannot take https://h.example/a.tif?..."),
        ("fails", {}, "InternalError", "fails failed unexpectedly: RuntimeError"),
    ],
)
def test_an_error_is_a_result_that_says_what_and_what_would_help(
    talk, stand_ins, caplog, name, arguments, kind, said
):
    async def conversation(client, session):
        result = await client.call_tool(name, arguments)
        assert result.is_error
        problem = result.structured_content["error"]
        assert problem["kind"] == kind
        assert said in problem["message"]
        assert problem["hint"]
        text = result.content[0].text
        assert text == f"{kind}: {problem['message']}\nhint: {problem['hint']}"
        assert "CANARY" not in result.model_dump_json()

    talk(conversation, tools=stand_ins.tools)
    logged = "CANARY in a fault" in caplog.text  # for whoever runs the server
    assert logged is (kind == "InternalError")


def test_what_an_older_conversation_made_can_be_neither_named_nor_read(talk, scene, tmp_path):
    older = run_tool("open_image", {"hrefs": [str(scene)]}, home=tmp_path / "home")
    handle = older.artifacts["raster"].handle

    async def conversation(client, session):
        from mcp import MCPError

        refused = await client.call_tool("describe_data", {"target": handle})
        assert refused.is_error
        assert f"{handle} was not made in this" in refused.content[0].text
        with pytest.raises(MCPError, match="this session has no artifact") as error:
            await client.read_resource(f"eoagent://artifact/{handle}")
        assert error.value.code == -32602
        opened = await client.call_tool("open_image", {"hrefs": [scene.name]})
        assert _handle(opened, "raster") == handle  # as the hint says
        assert (await client.read_resource(f"eoagent://artifact/{handle}")).contents

    talk(conversation)


def test_the_ledger_holds_each_call_and_no_key(talk, scene, tmp_path, stand_ins):
    from eoagent.app.workshop import open_workshop

    async def conversation(client, session):
        await _water(client, scene)
        url = "https://h.invalid/a.tif?sig=CANARY"
        assert (await client.call_tool("fails", {"what": url})).is_error

    talk(conversation, tools=stand_ins.tools)
    ledger = open_workshop(tmp_path / "home").ledger
    (run,) = ledger.list_runs()
    assert (run.status, run.calls) == ("answered", 3)
    first, second, third = ledger.calls(run.id)
    assert first.record.tool == "open_image"
    assert second.handles == tuple(sorted({*first.record.artifacts, *second.record.artifacts}))
    assert second.record.outputs["mask"] in second.record.artifacts
    assert third.record.status == "failed"
    assert third.record.error["kind"] == "InternalError"
    assert b"CANARY" not in (tmp_path / "home" / "ledger.sqlite").read_bytes()


def test_a_plugin_that_does_not_import_takes_no_other_tool_away(tmp_path, caplog, monkeypatch):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from eoagent.app.workshop import open_workshop
    from eoagent.mcp.listing import describe_tools

    session = Session(open_workshop(tmp_path), Situation(origins=OriginGuard()))
    whole = session.toolbox.tool

    def tool(name):
        if name == "measure":
            raise InputError("plugin 'measure' does not import", hint="install it anew")
        return whole(name)

    monkeypatch.setattr(session.toolbox, "tool", tool)
    names = [listed.name for listed in describe_tools(session.toolbox)]
    assert names == [name for name in Shelf().names if name != "measure"]
    assert "tool measure is not offered" in caplog.text


def test_text_of_strangers_stays_on_its_line(talk, stand_ins):
    async def conversation(client, session):
        result = await client.call_tool("strange", {})
        lines = result.content[0].text.splitlines()
        assert len(lines) == 4
        assert [line.split(" ")[0] for line in lines] == ["table", "f1", "assumed:", "note:"]
        assert "\x1b" not in result.model_dump_json(by_alias=True).replace("\\u001b", "\x1b")

    talk(conversation, tools=stand_ins.tools)

"""Artifacts as resources: the record of each, and what can be shown of it."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image
from shapely.geometry import shape

from eoagent.contracts.errors import InputError


def _content(read, number):
    return json.loads(read.contents[number].text)


async def _artifact(client, tool, arguments, name):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return result.structured_content["artifacts"][name]


def test_each_kind_is_listed_and_read_with_what_it_shows(talk, scene):
    async def conversation(client, session):
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "eoagent://artifact/{handle}"
        raster = await _artifact(client, "open_image", {"hrefs": [scene.name]}, "raster")
        asked = {"raster": raster["handle"], "rule": "water"}
        mask = await _artifact(client, "threshold", asked, "mask")
        lakes = await _artifact(client, "regions", {"mask": mask["handle"]}, "features")
        listed = (await client.list_resources()).resources
        made = [raster, mask, lakes]
        assert [resource.uri for resource in listed] == [artifact["uri"] for artifact in made]
        for artifact in made:
            read = await client.read_resource(artifact["uri"])
            record = _content(read, 0)
            assert record["handle"] == artifact["handle"]
            assert record["preview"] == artifact["preview"]
            assert "not_shown" not in record
            assert all(content.uri == artifact["uri"] for content in read.contents)
        for artifact in (raster, mask):
            png = (await client.read_resource(artifact["uri"])).contents[1]
            assert png.mime_type == "image/png"
            with Image.open(io.BytesIO(base64.b64decode(png.blob))) as picture:
                assert picture.format == "PNG"
        drawn = (await client.read_resource(lakes["uri"])).contents[1]
        assert drawn.mime_type == "application/geo+json"
        (lake,) = json.loads(drawn.text)["features"]
        west, south, east, north = shape(lake["geometry"]).bounds
        assert 14.9 < west < east < 15.1  # the western third of the scene, at 15 E
        assert 45.9 < south < north < 46.2

    talk(conversation)


def test_rows_of_a_table_and_pages_are_read_whole(talk, tmp_path, write_scene):
    for day in range(1, 30):
        write_scene(tmp_path / "days" / f"s2_202001{day:02}.tif")

    async def conversation(client, session):
        table = await _artifact(client, "find_scenes", {"catalog": "days"}, "table")
        assert len(table["rows"]) == 20
        read = await client.read_resource(table["uri"])
        assert len(_content(read, 1)["rows"]) == 29
        scenes = await _artifact(client, "find_scenes", {"catalog": "days"}, "scenes")
        read = await client.read_resource(scenes["uri"])
        assert len(_content(read, 0)["payload"]["items"]) == 29
        assert len(read.contents) == 1

    talk(conversation)


def test_what_cannot_be_shown_says_why(talk, scene, monkeypatch):
    async def conversation(client, session):
        from eoagent.mcp import resources

        raster = await _artifact(client, "open_image", {"hrefs": [scene.name]}, "raster")
        asked = {"raster": raster["handle"], "rule": "water"}
        mask = await _artifact(client, "threshold", asked, "mask")
        lakes = await _artifact(client, "regions", {"mask": mask["handle"]}, "features")
        monkeypatch.setattr(resources, "_MOST_FEATURES", 0)
        monkeypatch.setattr(resources, "_MOST_BYTES", 10)
        read = await client.read_resource(lakes["uri"])
        assert len(read.contents) == 1
        assert "holds 1 features, more than the 0" in _content(read, 0)["not_shown"]
        assert "export it" in _content(read, 0)["not_shown"]
        read = await client.read_resource(mask["uri"])
        assert "more than the 10 that are shown" in _content(read, 0)["not_shown"]
        scene.unlink()
        monkeypatch.undo()
        gone = _content(await client.read_resource(raster["uri"]), 0)
        assert "there is no file" in gone["not_shown"]

    talk(conversation)


def test_a_long_list_comes_in_pages(talk, scene, monkeypatch):
    async def conversation(client, session):
        from mcp import MCPError

        from eoagent.mcp import resources

        monkeypatch.setattr(resources, "_PAGE", 2)
        raster = await _artifact(client, "open_image", {"hrefs": [scene.name]}, "raster")
        for number in range(4):
            asked = {"raster": raster["handle"], "expression": f"nir + {number}"}
            await _artifact(client, "band_math", asked, "raster")
        seen, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            seen += [resource.name for resource in page.resources]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == list(session.artifacts)
        assert len(seen) == 5
        for wrong in ("x", "-1", "99", "²", ""):
            with pytest.raises(MCPError, match="cursor is none of this list"):
                await client.list_resources(cursor=wrong)

    talk(conversation)


@pytest.mark.parametrize(
    "uri",
    [
        "eoagent://artifact/mask:000000000000",
        "eoagent://artifact/../ledger.sqlite",
        "eoagent://artifact/",
        "file:///etc/passwd",
        "raster:000000000000",
    ],
)
def test_other_addresses_lead_nowhere(talk, uri):
    async def conversation(client, session):
        from mcp import MCPError

        with pytest.raises(MCPError, match="this session has no artifact") as error:
            await client.read_resource(uri)
        assert error.value.code == -32602

    talk(conversation)


def test_a_fault_while_reading_is_told_by_its_name_alone(talk, scene, monkeypatch, caplog):
    async def conversation(client, session):
        from mcp import MCPError

        raster = await _artifact(client, "open_image", {"hrefs": [scene.name]}, "raster")

        def get(handle):
            raise RuntimeError("CANARY")

        monkeypatch.setattr(type(session.shop.store), "get", lambda store, handle: get(handle))
        with pytest.raises(MCPError, match="RuntimeError") as error:
            await client.read_resource(raster["uri"])
        assert error.value.code == -32603
        assert "CANARY" not in str(error.value)

    talk(conversation)
    assert "CANARY" in caplog.text
    assert issubclass(InputError, Exception)

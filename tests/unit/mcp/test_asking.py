"""What a person is asked over MCP: questions back, and approvals of what is costly or outward."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError
from eoagent.contracts.price import Price


@pytest.fixture
def person(mode):
    """Make a person who gives a reply, and keeps what was asked."""
    import mcp_types as types

    class Person:
        def __init__(self, action, **content):
            self.action, self.content, self.asked = action, content, []

        async def __call__(self, context, params):
            self.asked.append(params)
            given = self.content if self.action == "accept" else None
            return types.ElicitResult(action=self.action, content=given)

    return Person


async def _raster(client, scene):
    opened = await client.call_tool("open_image", {"hrefs": [scene.name]})
    return opened.structured_content["artifacts"]["raster"]["handle"]


QUESTION = {"question": "Which Springfield?", "choices": ["Ohio", "Illinois"]}


def test_a_question_back_is_put_to_the_person(talk, person):
    someone = person("accept", reply="Ohio")

    async def conversation(client, session):
        result = await client.call_tool("ask_user", QUESTION)
        assert result.structured_content["status"] == "replied"
        assert result.structured_content["message"] == "Ohio"
        assert "Ohio" in result.content[0].text

    talk(conversation, elicit=someone)
    (asked,) = someone.asked
    assert "Which Springfield?" in asked.message
    assert asked.requested_schema["properties"]["reply"]["enum"] == ["Ohio", "Illinois"]


@pytest.mark.parametrize(
    ("action", "content"),
    [
        ("decline", {}),
        ("cancel", {}),
        ("accept", {}),
        ("accept", {"reply": 7}),
        ("accept", {"reply": "Texas"}),
    ],
)
def test_no_reply_is_not_made_one(talk, person, action, content):
    async def conversation(client, session):
        result = await client.call_tool("ask_user", QUESTION)
        assert result.structured_content["status"] == "not_replied"
        assert result.structured_content["message"] == ""
        assert not result.is_error

    talk(conversation, elicit=person(action, **content))


def test_a_client_that_cannot_ask_is_given_the_question(talk):
    async def conversation(client, session):
        result = await client.call_tool("ask_user", QUESTION)
        assert result.structured_content["status"] == "asked"
        assert "Which Springfield?" in result.structured_content["message"]
        refused = await client.call_tool("cannot_answer", {"reason": "no thermal band here"})
        assert refused.structured_content["status"] == "cannot_answer"
        assert "no thermal band here" in refused.structured_content["message"]

    talk(conversation)


def test_a_file_is_written_once_a_person_said_yes(talk, person, scene, tmp_path):
    someone, out = person("accept", approval=True), tmp_path / "out"

    async def conversation(client, session):
        asked = {"artifact": await _raster(client, scene), "path": "map.png"}
        result = await client.call_tool("export", asked)
        assert not result.is_error, result.content[0].text
        assert (out / "map.png").read_bytes().startswith(b"\x89PNG")
        await client.call_tool("export", asked)

    talk(conversation, elicit=someone, out_dir=out)
    assert len(someone.asked) == 2  # each call stands for itself
    assert "map.png" in someone.asked[0].message
    assert str(out) in someone.asked[0].message


@pytest.mark.parametrize(
    ("action", "content"),
    [
        ("decline", {}),
        ("cancel", {}),
        ("accept", {}),
        ("accept", {"approval": False}),
        ("accept", {"approval": "yes"}),
        ("accept", {"reply": True}),
    ],
)
def test_nothing_but_yes_is_a_yes(talk, person, scene, tmp_path, action, content):
    async def conversation(client, session):
        asked = {"artifact": await _raster(client, scene), "path": "map.png"}
        result = await client.call_tool("export", asked)
        assert result.is_error
        assert "export was not approved" in result.content[0].text

    talk(conversation, elicit=person(action, **content), out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_client_that_cannot_ask_writes_nothing_unless_told_beforehand(talk, scene, tmp_path):
    out = tmp_path / "out"

    async def conversation(client, session):
        asked = {"artifact": await _raster(client, scene), "path": "map.png"}
        result = await client.call_tool("export", asked)
        assert result.is_error is not out.exists()
        if result.is_error:
            assert "this client cannot ask" in result.content[0].text
            assert "--yes" in result.structured_content["error"]["hint"]

    talk(conversation, out_dir=out)
    assert not out.exists()
    talk(conversation, out_dir=out, yes=True)
    assert (out / "map.png").is_file()


def test_without_a_folder_nothing_is_written_and_nobody_is_asked(talk, person, scene):
    someone = person("accept", approval=True)

    async def conversation(client, session):
        asked = {"artifact": await _raster(client, scene), "path": "map.png"}
        result = await client.call_tool("export", asked)
        assert "--out FOLDER" in result.structured_content["error"]["hint"]

    talk(conversation, elicit=someone, yes=True)
    assert someone.asked == []


@pytest.mark.parametrize("mode", ["2026-07-28"], indirect=True)
def test_a_reply_to_no_question_counts_for_nothing(talk, person, scene, tmp_path):
    import mcp_types as types

    yes = {"approval": types.ElicitResult(action="accept", content={"approval": True})}
    out = tmp_path / "out"

    async def conversation(client, session):
        asked = {"artifact": await _raster(client, scene), "path": "a.png"}

        async def call(arguments, state=None):
            return await client.session.call_tool(
                "export",
                arguments,
                input_responses=yes,
                request_state=state,
                allow_input_required=True,
            )

        first = await call(asked)  # a yes that was not asked for is asked for
        assert isinstance(first, types.InputRequiredResult)
        for arguments, state in (
            ({**asked, "path": "b.png"}, first.request_state),  # another call
            (asked, first.request_state),  # spent by the attempt
            (asked, "made up"),
        ):
            refused = await call(arguments, state)
            assert refused.is_error
            assert "no open question" in refused.content[0].text
        second = await call(asked)
        assert not (await call(asked, second.request_state)).is_error
        assert (await call(asked, second.request_state)).is_error  # a yes counts once

    talk(conversation, elicit=person("decline"), out_dir=out)
    assert [path.name for path in out.iterdir()] == ["a.png"]


def test_large_downloads_are_asked_about_too(mode, tmp_path):
    from eoagent.mcp.approval import Approval, check_approved
    from eoagent.mcp.asking import Reply

    dear, cheap = Price(bytes=2_000_000_000, is_upper_bound=True), Price(bytes=2_000_000)
    approval = Approval()
    assert approval.form("measure", {}, cheap) is None
    form = approval.form("measure", {"target": "https://h.example/?sig=CANARY"}, dear)
    assert "at most 2 GB to read" in form.message
    assert "CANARY" not in form.message
    assert Approval(yes=True).form("measure", {}, dear) is None
    check_approved("measure", Reply(state="given", value=True))
    for reply in (Reply(state="refused"), Reply(state="nobody"), Reply(state="given", value="x")):
        with pytest.raises(InputError):
            check_approved("measure", reply)

"""What a chat model said is kept and played again: elsewhere, with other handles, as broken as is."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from eoagent.app.chatmodel import is_chat_model, name_of
from eoagent.app.recorded import read_recording
from eoagent.app.recording import Player, Recorder
from eoagent.contracts.errors import InputError, ModelError, NotFound, SourceError
from eoagent.planner.model.rawcalls import raw_calls

ASK = [HumanMessage(content="How much water?")]
HERE, THERE = "raster:0123456789ab", "raster:ba9876543210"


def _asked(model, messages=ASK):
    """Return a reply put together."""
    whole = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
    return whole


@pytest.fixture
def record(chatmodels, tmp_path):
    """Record a script of replies to some requests; return the recorder and its file."""

    def make(*script, requests=(ASK,), data=None, key="q1"):
        recorder = Recorder(chatmodels.ScriptedChat(script=list(script), requests=[]), data=data)
        recorder.begin(key)
        for messages in requests:
            _asked(recorder.bind_tools([]), messages)
        recorder.save(tmp_path / "said.json")
        return recorder, tmp_path / "said.json"

    return make


def _player(file, data=None, key="q1"):
    player = Player(file, data=data)
    player.begin(key)
    return player


def test_pieces_are_passed_on_as_they_come_and_kept_as_one_reply(chatmodels, tmp_path):
    recorder = Recorder(chatmodels.ScriptedChat(script=[chatmodels.says("a" * 20)], requests=[]))
    pieces = [str(chunk.text) for chunk in recorder.stream(ASK)]
    assert [piece for piece in pieces if piece] == ["a" * 7, "a" * 7, "a" * 6]
    recorder.save(tmp_path / "said.json")
    player = Player(tmp_path / "said.json")
    assert [str(chunk.text) for chunk in player.stream(ASK)] == ["a" * 20]


def test_a_reply_is_played_in_another_folder_and_with_other_handles(record, chatmodels, tmp_path):
    here, there = tmp_path / "here", tmp_path / "a longer way there"
    first = chatmodels.calls(("open_image", {"hrefs": [f"{here}/scene.tif"]}), text="Looking.")
    second = chatmodels.calls(("measure", {"target": HERE}))
    third = chatmodels.says(f"Of {here}/scene.tif, {HERE}: {{f3}}, {{f3:ha}} and {{data}}.")
    told = [*ASK, HumanMessage(content=f"$1 = {HERE}")]
    _, file = record(first, second, third, requests=[ASK, told, told], data=here)
    text = file.read_text()
    assert str(here) not in text
    assert HERE not in text
    player = _player(file, there)
    reply = _asked(player.bind_tools([]))
    assert reply.text == "Looking."
    assert reply.tool_calls[0]["args"] == {"hrefs": [f"{there}/scene.tif"]}
    told = [*ASK, HumanMessage(content=f"$1 = {THERE}")]
    assert _asked(player, told).tool_calls[0]["args"] == {"target": THERE}
    assert _asked(player, told).text == (
        f"Of {there}/scene.tif, {THERE}: {{f3}}, {{f3:ha}} and {{data}}."
    )


def test_each_question_has_replies_of_its_own_and_may_be_left_out(record, chatmodels):
    recorder, file = record(chatmodels.says("One."), chatmodels.calls(("a", {"r": HERE})))
    recorder.begin("q2")
    _asked(recorder, [HumanMessage(content=HERE)])
    recorder.save(file)
    player = _player(file, key="q2")
    reply = _asked(player, [HumanMessage(content=THERE)])
    assert reply.tool_calls[0]["args"] == {"r": THERE}
    player.begin("q1")
    assert _asked(player).text == "One."
    player.begin("q3")
    with pytest.raises(ModelError, match="holds nothing for 'q3'"):
        _asked(player)


def test_a_recording_that_is_over_says_so(record, chatmodels):
    _, file = record(chatmodels.says("One."))
    player = _player(file)
    _asked(player)
    with pytest.raises(ModelError, match="is over: it has 1 replies for 'q1'") as raised:
        _asked(player)
    assert raised.value.hint == "record the run again"
    assert player.strays == {"q1": str(raised.value)}


def test_a_run_that_goes_another_way_is_told_and_forgotten_when_it_is_asked_anew(
    record, chatmodels
):
    says = [chatmodels.says("One."), chatmodels.says("Two.")]
    _, file = record(*says, requests=[ASK, ASK])
    player = _player(file)
    _asked(player)
    assert player.strays == {"q1": "1 of 2 replies were asked for"}
    _asked(player)
    assert player.strays == {}
    with pytest.raises(ModelError):
        _asked(player)
    player.begin("q1")
    assert _asked(player).text == "One."
    assert player.strays == {"q1": "1 of 2 replies were asked for"}


@pytest.mark.parametrize("usage", [(1234, 56), None])
def test_tokens_are_kept_as_the_provider_counted_them(record, chatmodels, usage):
    _, file = record(chatmodels.says("One.", usage=usage))
    counted = _asked(_player(file)).usage_metadata
    assert (counted and (counted["input_tokens"], counted["output_tokens"])) == usage


@pytest.mark.parametrize(
    "raw",
    [
        '{"hrefs": ["a.tif"',
        "not JSON",
        "",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[1, 2]",
        '{ "spaced" :\t1e3 }',
        '{"half": "\\ud83d"}',
        "a half \ud83d",
    ],
)
@pytest.mark.parametrize("index", [0, None])
def test_calls_come_back_as_they_came_broken_ones_too(record, raw, index):
    part = {"name": "measure", "args": raw, "id": "x", "index": index, "type": "tool_call_chunk"}
    _, file = record([AIMessageChunk(content="", tool_call_chunks=[part])])
    reply = _asked(_player(file))
    assert reply.tool_call_chunks[0]["args"] == raw
    was = AIMessageChunk(content="", tool_call_chunks=[part])
    assert repr(raw_calls(reply, is_cut=True)) == repr(raw_calls(was, is_cut=True))


def test_invalid_calls_of_a_whole_message_stay_invalid(chatmodels):
    broken = {
        "name": "measure",
        "args": "{]",
        "id": "x",
        "error": None,
        "type": "invalid_tool_call",
    }
    whole = AIMessage(content="", invalid_tool_calls=[broken])
    recorder = Recorder(SimpleNamespace(stream=lambda _messages: iter([whole])))
    _asked(recorder)
    reply = _asked(Player(recorder.recording))
    assert [call["args"] for call in reply.invalid_tool_calls] == ["{]"]
    assert reply.tool_calls == []


def test_why_a_reply_ended_is_kept(record, chatmodels):
    said = {"finish_reason": "length", "model_provider": "openai", "logprobs": [1], "id": "secret"}
    refused = {"refusal": "I will not."}
    _, file = record(chatmodels.says("a", response_metadata=said, additional_kwargs=refused))
    reply = _asked(_player(file))
    assert reply.response_metadata == {"finish_reason": "length", "model_provider": "openai"}
    assert reply.additional_kwargs == refused
    assert "secret" not in file.read_text()


def test_letters_of_every_kind_are_kept(record, chatmodels):
    text = "水体 \u202e \x00 \\ud83d \ud83d 🛰"
    _, file = record(chatmodels.says(text))
    assert "水体" in file.read_text(encoding="utf-8")
    assert _asked(_player(file)).text == text


def test_a_reply_that_fails_midway_is_not_kept_and_the_next_is(record, chatmodels):
    cut = [AIMessageChunk(content="half"), ConnectionError("gone")]
    recorder, file = record(chatmodels.says("One."))
    model = chatmodels.ScriptedChat(script=[cut, chatmodels.says("Two.")], requests=[])
    recorder = Recorder(model)
    with pytest.raises(ConnectionError):
        _asked(recorder)
    _asked(recorder)
    recorder.save(file)
    assert _asked(Player(file)).text == "Two."


def test_a_reply_that_is_read_in_part_is_kept_in_part(chatmodels):
    recorder = Recorder(chatmodels.ScriptedChat(script=[chatmodels.says("a" * 20)], requests=[]))
    stream = recorder.stream(ASK)
    next(stream)
    stream.close()
    assert _asked(Player(recorder.recording)).text == "a" * 7


def test_a_model_that_says_nothing_is_played_as_one_that_says_nothing():
    recorder = Recorder(SimpleNamespace(stream=lambda _messages: iter([])))
    assert _asked(recorder) is None
    reply = _asked(Player(recorder.recording))
    assert (reply.text, reply.tool_call_chunks) == ("", [])


def test_tools_are_bound_to_the_model_that_is_asked_and_to_no_later_call(chatmodels):
    model = chatmodels.ScriptedChat(script=[chatmodels.says("a")], requests=[], bound=[])
    recorder = Recorder(model)
    bound = recorder.bind_tools([{"name": "one"}])
    assert model.bound == [[{"name": "one"}]]
    _asked(bound)
    assert len(recorder.recording.replies[""]) == 1
    assert is_chat_model(recorder)


def test_names_are_those_of_the_planner_and_say_that_it_was_replayed(record, chatmodels):
    recorder, file = record(chatmodels.says("One."))
    assert name_of(recorder) == "test:scripted"
    assert name_of(Player(file)) == "test:scripted (replayed)"
    named = Recorder(recorder, name="mistral:small:latest")
    assert name_of(named) == named.recording.model == "mistral:small:latest"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{]", "is no recording: Expecting"),
        ("[" * 100_000, "is no recording: "),
        ("\udcff", "is no recording: "),
        ("[]", "is no recording: "),
        ("{}", "is no recording: schema: Field required"),
        ('{"schema": "eoagent/recording/9"}', "has the layout eoagent/recording/9, and"),
        ('{"schema": "eoagent/recording/1", "model": "m"}', "replies: Field required"),
        (
            '{"schema": "eoagent/recording/1", "model": "m", "replies": {"q": [{"content": 1}]}}',
            "replies.q.0.content: ",
        ),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_reason(tmp_path, text, message):
    file = tmp_path / "said.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as raised:
        Player(file)
    assert message in str(raised.value)
    assert raised.value.hint == "make one with --record"


def test_a_file_that_is_not_there_or_cannot_be_read_is_told(tmp_path):
    with pytest.raises(NotFound, match="there is no recording"):
        Player(tmp_path / "none.json")
    with pytest.raises(SourceError, match="cannot be read"):
        Player(tmp_path)


def test_a_recording_can_be_read_by_people(record, chatmodels):
    _, file = record(chatmodels.calls(("measure", {"target": "$1"}), text="So."))
    document = json.loads(file.read_text())
    assert document == {
        "schema": "eoagent/recording/1",
        "model": "test:scripted",
        "replies": {
            "q1": [
                {
                    "content": "So.",
                    "tool_calls": [
                        {"name": "measure", "arguments": '{"target": "$1"}', "index": 0}
                    ],
                    "usage": {"input_tokens": 10, "output_tokens": 5},
                }
            ]
        },
    }
    assert read_recording(file).replies["q1"][0].content == "So."

"""A served model says the same in every shape that servers reply in, and is asked as it should be.

Pictures are read back by Pillow, replies come from a server on this machine.
"""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from eoagent.contracts.card import UNKNOWN, ModelCard, WeightsSource
from eoagent.contracts.dialogue import ChatMessage
from eoagent.contracts.errors import InputError, ModelError, NotFound
from eoagent.io.chatserver import ChatServer
from eoagent.io.chatserver_address import read_address
from eoagent.runners.servedcard import profile_of_name
from eoagent.runners.servedopening import open_served

_THINK = "a pier lies left, größer 🛰"
_WORDS = "<answer>[[56,28,140,112]]</answer>"


def _say(*parts, role="user"):
    return ChatMessage(role=role, parts=parts)


def _picture(height=20, width=30):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def serve(servers, chatreplies):
    """Start a server that answers as told, one answer after the other."""
    running = []

    def start(*answers, names=("served",)):
        script = chatreplies.Script(*answers, names=names)
        server = servers.Server(answer=script).__enter__()
        running.append(server)
        return server.url(""), script

    yield start
    for server in running:
        server.__exit__()


def _shapes(chatreplies):
    inside = f"<think>{_THINK}</think>\n{_WORDS}"
    stream, document, words = chatreplies.streamed, chatreplies.document, chatreplies.words
    return {
        "tags, stream": (stream(*words(inside)), inside, ""),
        "tags, document": (document(inside), inside, ""),
        "reasoning_content, stream": (stream(*words(_WORDS, think=_THINK)), _WORDS, _THINK),
        "reasoning_content, document": (document(_WORDS, think=_THINK), _WORDS, _THINK),
        "reasoning, stream": (
            stream(*words(_WORDS, think=_THINK, field="reasoning")), _WORDS, _THINK,
        ),
        "reasoning, document": (
            document(_WORDS, think=_THINK, field="reasoning"), _WORDS, _THINK,
        ),
        "parts of text, document": (
            document([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "",
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        "tags, stream",
        "tags, document",
        "reasoning_content, stream",
        "reasoning_content, document",
        "reasoning, stream",
        "reasoning, document",
        "parts of text, document",
    ],
)
def test_words_and_reasoning_come_out_of_every_shape(shape, serve, chatreplies):
    answer, text, think = _shapes(chatreplies)[shape]
    url, _ = serve(answer)
    told = []
    model, _ = open_served(url, model="m")
    reply = model.complete([_say("where?")], max_tokens=64, on_text=told.append)
    assert (reply.text, reply.think, reply.is_cut) == (text, think, False)
    assert (reply.input_tokens, reply.output_tokens) == (160, 73)
    assert reply.seconds > 0
    assert "".join(told) == (f"<think>{think}</think>{text}" if think else text)


@pytest.mark.parametrize("finish", ["length", "max_tokens"])
def test_a_reply_broken_off_at_the_most_tokens_says_so(finish, serve, chatreplies):
    for answer in (
        chatreplies.streamed(*chatreplies.words("<think>I am", finish=finish)),
        chatreplies.document("<think>I am", finish=finish),
    ):
        model, _ = open_served(serve(answer)[0], model="m")
        reply = model.complete([_say("where?")], max_tokens=8)
        assert (reply.text, reply.is_cut) == ("<think>I am", True)


def test_halves_of_a_letter_that_came_in_two_events_are_joined(serve, chatreplies):
    halves = [b'{"choices": [{"delta": {"content": "\\ud83d"}}]}']
    halves += [b'{"choices": [{"delta": {"content": "\\udef0 \\ud83d"}, "finish_reason": "stop"}]}']
    url, _ = serve(chatreplies.streamed(*(b"data: " + half + b"\n\n" for half in halves)))
    reply = open_served(url, model="m")[0].complete([_say("?")], max_tokens=8)
    assert reply.text == "🛰 \ufffd"


def test_pictures_go_in_their_place_and_without_loss(serve, chatreplies):
    url, script = serve(chatreplies.document("ok"))
    first, second = _picture(), np.ascontiguousarray(_picture(33, 21)[:, ::-1])
    model, _ = open_served(url + "/v1", model="m", key=SecretStr("key-of-mine"))
    messages = [
        _say("Be brief.", role="system"),
        _say("before ", first, "between", second, "after"),
        _say("a pier", role="assistant"),
        _say("where?"),
    ]
    model.complete(messages, max_tokens=99)
    ((path, body, headers),) = script.asked
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer key-of-mine"
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0, 99)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    said = body["messages"]
    assert [m["role"] for m in said] == ["system", "user", "assistant", "user"]
    assert [said[n]["content"] for n in (0, 2, 3)] == ["Be brief.", "a pier", "where?"]
    parts = said[1]["content"]
    assert [p.get("text") for p in parts] == ["before ", None, "between", None, "after"]
    for part, picture in ((parts[1], first), (parts[3], second)):
        head, _, data = part["image_url"]["url"].partition(",")
        assert head == "data:image/png;base64"
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), picture)


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_picture_is_refused_before_anything_is_sent(bad, serve, chatreplies):
    url, script = serve(chatreplies.document("ok"))
    with pytest.raises(InputError, match=r"expected as \(height, width, 3\) of uint8"):
        open_served(url, model="m")[0].complete([_say(bad)], max_tokens=8)
    assert script.asked == []


@pytest.mark.parametrize(("counted", "doubts"), [(0, 0), (11, 1), (12, 0), (500, 0)])
def test_a_server_that_counts_fewer_tokens_than_its_pictures_have_is_doubted(
    counted, doubts, serve, chatreplies
):
    message = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
    usage = {"usage": {"prompt_tokens": counted, "completion_tokens": 1}}
    url, _ = serve(chatreplies.json_of(message | usage))
    pictures = _picture(56, 84), _picture(84, 56)  # 2 x 3 tokens of 28 pixels each
    reply = open_served(url, model="m")[0].complete([_say(*pictures, "?")], max_tokens=8)
    assert len(reply.notes) == doubts
    if doubts:
        assert "counts 11 tokens" in reply.notes[0]
        assert "makes 12 for" in reply.notes[0]


def _refuses(told, names, otherwise):
    """Answer 400 while a field of these names is asked for, else well."""

    def answer(exchange):
        asked = json.loads(exchange.body)
        bad = [name for name in names if asked.get(name)]
        if bad:
            body = json.dumps({"error": {"message": told.format(*bad)}}).encode()
            exchange.reply(400, body, Content_Type="application/json")
        else:
            otherwise(exchange)

    return answer


@pytest.mark.parametrize(
    ("names", "count"), [(("stream_options",), 1), (("stream_options", "stream"), 2)]
)
def test_a_server_that_refuses_a_form_is_asked_in_the_next_and_that_is_remembered(
    names, count, serve, chatreplies
):
    good = chatreplies.document if "stream" in names else lambda text: chatreplies.streamed(
        *chatreplies.words(text)
    )  # fmt: skip
    url, script = serve(_refuses("Unsupported fields: {0}", names, good("ok")))
    model, _ = open_served(url, model="m")
    assert model.complete([_say("?")], max_tokens=8).text == "ok"
    assert len(script.asked) == 1 + count
    assert model.complete([_say("?")], max_tokens=8).text == "ok"
    assert len(script.asked) == 2 + count


def test_requests_at_the_same_time_get_each_its_own_reply(serve, chatreplies):
    def echo(exchange):
        text = json.loads(exchange.body)["messages"][0]["content"]
        chatreplies.stream(exchange, chatreplies.words(f"{text} " * 20))

    model, _ = open_served(serve(echo)[0], model="m")

    def ask(n):
        return model.complete([_say(f"question {n}")], max_tokens=64).text

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, range(16)))
    assert replies == [f"question {n} " * 20 for n in range(16)]


def test_the_only_model_of_a_server_is_taken_and_its_name_says_how_it_is_asked(serve, chatreplies):
    url, script = serve(chatreplies.document("ok"), names=("org/RemoteReasoner-7B",))
    model, profile = open_served(url)
    assert profile == "remotereasoner"
    assert model.manner["model"] == "org/RemoteReasoner-7B"
    assert model.manner["place"] == url
    assert model.card.id == "served-org-remotereasoner-7b"
    assert model.card.weights.sha256 == model.card.weights.revision == UNKNOWN
    assert "after its name" in model.reason
    model.complete([_say("?")], max_tokens=8)
    assert script.asked[0][1]["model"] == "org/RemoteReasoner-7B"


def test_of_several_models_one_must_be_named(serve):
    url, _ = serve(names=("a", "b\x1b[31m"))
    with pytest.raises(InputError, match="has 2 models") as caught:
        open_served(url)
    assert caught.value.hint == "set reasoner_model to one of: a, b [31m"


def test_a_server_without_a_model_is_one_error(serve):
    with pytest.raises(ModelError, match="lists no model"):
        open_served(serve(names=())[0])


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("1e12Leon/RemoteReasoner", "remotereasoner"),
        ("remote_reasoner-merged-bf16", "remotereasoner"),
        ("Qingyun/RSCoVLM-7B-2512", "rscovlm"),
        ("RicardoString/Think2Seg-RS-7B", "think2seg-rs"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl"),
        ("gpt", "qwen2.5-vl"),
    ],
)
def test_a_name_stands_for_a_prompt_profile(name, profile):
    assert profile_of_name(name)[0] == profile


def test_a_profile_that_is_set_goes_before_the_name_and_must_exist(serve):
    model, profile = open_served("http://127.0.0.1:9", model="RSCoVLM", profile="remotereasoner")
    assert profile == "remotereasoner"
    assert model.reason.endswith("asked as remotereasoner, which was set")
    with pytest.raises(NotFound, match="no prompt profile 'x'"):
        open_served("http://127.0.0.1:9", model="m", profile="x")


def _card():
    return ModelCard(
        id="remotereasoner-7b",
        kind="qwenvl",
        title="RemoteReasoner",
        summary="Reasons.",
        licence="unknown",
        homepage="https://a.example",
        weights=WeightsSource(
            repository="1e12Leon/RemoteReasoner", file="f", revision="r" * 40, sha256="0" * 64
        ),
        architecture="Qwen2.5-VL-7B",
        input_px=896,
        memory_mb=34_000,
        gsd_max_m=30.0,
        tasks=("reason",),
        options={"profile": "remotereasoner"},
    )


@pytest.mark.parametrize("name", ["remotereasoner-7b", "/models/RemoteReasoner@main"])
def test_a_known_card_lends_its_limits_and_never_its_hash(name):
    model, profile = open_served("http://127.0.0.1:9", model=name, cards=[_card()])
    assert profile == "remotereasoner"
    assert (model.card.id, model.card.gsd_max_m) == ("remotereasoner-7b", 30.0)
    assert model.card.weights.sha256 == model.card.weights.revision == UNKNOWN
    assert "not known here" in model.card.notes[-1]


def test_nothing_is_sent_before_something_is_asked_where_the_model_is_named():
    open_served("http://127.0.0.1:9", model="m")


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "größer"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key):
    with pytest.raises(InputError, match="reasoner_key holds") as caught:
        ChatServer(read_address("http://127.0.0.1:9"), key=SecretStr(key))
    assert key not in str(caught.value)

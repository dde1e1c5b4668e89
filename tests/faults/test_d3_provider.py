"""Fault row D3: a provider that fails is asked again within bounds, then ends in one typed error.

The real client of the OpenAI protocol talks to a server on this machine that answers badly in one
way, then well. After every fault the conversation goes on, and no key is found anywhere.
"""

from __future__ import annotations

import json
import logging
import traceback

import pytest
from langchain_core.messages import convert_to_messages
from langchain_openai import ChatOpenAI

from eoagent import Agent
from eoagent.contracts.errors import ModelError, SourceError
from eoagent.settings import Settings

QUESTION = "How much water is there?"
CANARY = "canary-4b1d-0123456789-do-not-tell"
ATTEMPTS = 4


def event(delta, finish=None, **more):
    """One event of a stream of the OpenAI protocol."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "x",
        "choices": [choice],
    }
    return b"data: " + json.dumps(whole | more).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = event(
    {}, choices=[], usage={"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
)


def call(name, arguments, place=0):
    """The delta of one call, whole."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "tool_calls": [
            {"index": place, "id": f"c{place}", "type": "function", "function": function}
        ]
    }


def words(text, finish="stop"):
    """A stream of text."""
    pieces = [event({"content": text[at : at + 6]}) for at in range(0, len(text), 6)]
    return [event({"role": "assistant", "content": ""}), *pieces, event({}, finish), USAGE, DONE]


def stream(exchange, pieces, *, end=True):
    """Send events in chunks; without an end the connection is closed in the middle."""
    exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
    for piece in pieces:
        exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    if end:
        exchange.send(b"0\r\n\r\n")
    else:
        exchange.drop()


def whole_stream(exchange, pieces):
    """Send events with no word of how many, and close as if that was all."""
    exchange.head(200, {"Content-Type": "text/event-stream", "Connection": "close"})
    exchange.send(b"".join(pieces))
    exchange.drop()


def failing(status, told="busy", **headers):
    """An answer with an error in the form of the protocol."""
    body = json.dumps({"error": {"message": told, "type": "t", "code": None}}).encode()
    return lambda exchange: exchange.reply(status, body, Content_Type="application/json", **headers)


def page(exchange):
    exchange.reply(200, b"<html><body>Please log in</body></html>", Content_Type="text/html")


class Provider:
    """Answers the first requests as told, then as a good model does."""

    def __init__(self, scene, faults, *, after=0):
        self.scene, self.faults, self.after = scene, list(faults), after
        self.asked = []
        self.url = ""

    def __call__(self, exchange):
        asked = json.loads(exchange.body)
        self.asked.append((asked, exchange.headers))
        number = len(self.asked) - 1 - self.after
        if 0 <= number < len(self.faults):
            self.faults[number](exchange)
        else:
            self.good(exchange, asked["messages"])

    def good(self, exchange, messages):
        told = next(
            (m["content"] for m in reversed(messages) if " area = " in (m["content"] or "")), ""
        )
        if told:
            identity = told.split(" area = ")[0].split()[-1]
            stream(exchange, words(f"Water covers {{{identity}}}.\nRESULTS: {identity}"))
            return
        n = 1 + sum(len(m.get("tool_calls", [])) for m in messages)
        chain = [
            call("open_image", {"hrefs": [self.scene]}),
            call("threshold", {"raster": f"${n}", "rule": "water"}, 1),
            call("measure", {"target": f"${n + 1}", "quantities": ["area"]}, 2),
        ]
        stream(exchange, [*map(event, chain), event({}, "tool_calls"), USAGE, DONE])


@pytest.fixture
def provider(servers, scene, tmp_path, monkeypatch):
    """Make a provider with faults, and an agent that talks to it."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("eoagent.planner.model.failures._FIRST_WAIT_S", 0.02)
    running = []

    def make(*faults, after=0, timeout_s=5.0):
        answer = Provider(str(scene), faults, after=after)
        server = servers.Server(answer=answer).__enter__()
        running.append(server)
        answer.url = server.url("/v1")
        settings = Settings(model_timeout_s=timeout_s)
        agent = Agent(
            "openai:x", base_url=server.url("/v1"), home=tmp_path / "home", settings=settings
        )
        return agent, answer

    yield make
    for server in running:
        server.__exit__()


def _is_right(answer):
    assert answer.status == "answered"
    assert answer.text == "Water covers 8.01 ± 0.20 ha."
    assert answer.unverified == ()


def _are_well_formed(answer, chatmodels):
    for asked, _ in answer.asked:
        assert chatmodels.flaws(convert_to_messages(asked["messages"])) == []


def cut(*pieces):
    return lambda exchange: stream(exchange, pieces, end=False)


def sent(*pieces):
    return lambda exchange: stream(exchange, pieces)


HALF_CALL = {
    "tool_calls": [
        {
            "index": 0,
            "id": "c0",
            "type": "function",
            "function": {"name": "open_image", "arguments": '{"hrefs": ["a.t'},
        }
    ]
}
PASSING = {
    "429 with a wait": [failing(429, Retry_After="0.05")],
    "429 without": [failing(429)],
    "429 with a date": [failing(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")],
    "500": [failing(500)],
    "503 and 502": [failing(503), failing(502)],
    "500 that is no JSON": [lambda exchange: exchange.reply(500, b"oops")],
    "closed without a word": [lambda exchange: exchange.drop()],
    "cut in the head": [
        lambda exchange: (exchange.send(b"HTTP/1.1 200 OK\r\nConte"), exchange.drop())
    ],
    "cut in the text": [cut(event({"role": "assistant", "content": "Water cov"}))],
    "cut in the arguments": [cut(event(HALF_CALL))],
    "ended in the text": [
        lambda exchange: whole_stream(exchange, [event({"content": "Water cov"})])
    ],
    "ended in the arguments": [lambda exchange: whole_stream(exchange, [event(HALF_CALL)])],
    "error inside the stream": [
        sent(
            event({"content": "Wat"}),
            b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n',
        )
    ],
    "three failures of three kinds": [failing(429), cut(event({"content": "Wat"})), failing(500)],
}
"""Answers before the good one."""


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again_and_the_answer_is_right(fault, provider, chatmodels, scene):
    faults = PASSING[fault]
    agent, told = provider(*faults)
    answer = agent.ask(QUESTION, images=[scene])
    _is_right(answer)
    _are_well_formed(told, chatmodels)
    assert len(told.asked) == 2 + len(faults)
    assert answer.usage.model_calls == 2 + len(faults)


def test_a_provider_that_hangs_is_given_up_in_time_and_asked_again(provider, scene):
    agent, told = provider(lambda exchange: exchange.hang(), timeout_s=0.3)
    _is_right(agent.ask(QUESTION, images=[scene]))
    assert len(told.asked) == 3


def test_a_stream_that_hangs_is_given_up_in_time_and_asked_again(provider, scene):
    def begin(exchange):
        exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        piece = event({"content": "Water"})
        exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        exchange.hang()

    agent, told = provider(begin, timeout_s=0.3)
    _is_right(agent.ask(QUESTION, images=[scene]))
    assert len(told.asked) == 3


TOLD = {
    "empty choices": sent(event({}, choices=[]), DONE),
    "a stream of nothing but its end": sent(event({"role": "assistant"}), event({}, "stop"), DONE),
    "calls without a place": sent(
        event(
            {
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "open_image", "arguments": "{}"},
                    }
                ]
            }
        ),
        event({}, "tool_calls"),
        DONE,
    ),
    "cut at length in the arguments": sent(event(HALF_CALL), event({}, "length"), DONE),
    "cut at length in the text": sent(event({"content": "Water cov"}), event({}, "length"), DONE),
    "a role of another": sent(event({"role": "user", "content": ""}), event({}, "stop"), DONE),
}
"""Answers that are replies, and that the model is told are none."""


@pytest.mark.parametrize("fault", TOLD)
def test_a_reply_that_is_none_is_told_to_the_model(fault, provider, chatmodels, scene):
    agent, told = provider(TOLD[fault])
    _is_right(agent.ask(QUESTION, images=[scene]))
    _are_well_formed(told, chatmodels)
    assert len(told.asked) == 3


ENDING = {
    "500 for ever": (
        [failing(500)] * ATTEMPTS,
        SourceError,
        "answered 500 after 4 attempts",
        ATTEMPTS,
    ),
    "429 for an hour": ([failing(429, Retry_After="3600")], SourceError, "answered 429", 1),
    "cut for ever": (
        [cut(event({"content": "Wat"}))] * ATTEMPTS,
        SourceError,
        "cannot be reached after 4",
        ATTEMPTS,
    ),
    "400": ([failing(400, "tools must be an array")], ModelError, "answered 400", 1),
    "400 context overflow": (
        [
            failing(
                400,
                "This model's maximum context length is 8192 tokens. However, you requested 9000.",
            )
        ],
        ModelError,
        "longer than the language model can read",
        1,
    ),
    "400 context overflow of llama-server": (
        [failing(400, "the request exceeds the available context size")],
        ModelError,
        "longer than the language model can read",
        1,
    ),
    "401": (
        [failing(401, f"Incorrect API key provided: {CANARY}.")],
        ModelError,
        "answered 401",
        1,
    ),
    "403": ([failing(403, "not for you")], ModelError, "answered 403", 1),
    "404": ([failing(404, "no such model")], ModelError, "answered 404", 1),
    "not JSON": (
        [sent(b"data: {this is no JSON\n\n", DONE)],
        ModelError,
        "nothing that can be read",
        1,
    ),
    "JSON of another kind": (
        [sent(b'data: ["a", 1]\n\n', DONE)],
        ModelError,
        "nothing that can be read",
        1,
    ),
    "wrong content type": ([page], ModelError, "nothing that can be read", 1),
}
"""Answers, the error they end in, what it says, and after how many requests."""


@pytest.mark.parametrize("fault", ENDING)
def test_what_does_not_pass_ends_in_one_typed_error_and_the_thread_goes_on(
    fault, provider, chatmodels, scene, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    faults, kind, told, count = ENDING[fault]
    agent, server = provider(*faults)
    thread = agent.thread("talk")
    with pytest.raises(kind, match=told) as caught:
        thread.ask(QUESTION, images=[scene])
    assert len(server.asked) == count
    assert caught.value.hint
    assert len(str(caught.value)) < 400
    _is_right(thread.ask(QUESTION, images=[scene]))
    _are_well_formed(server, chatmodels)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert CANARY not in shown + caught.value.hint
    _holds_no_key(tmp_path / "home")


def _holds_no_key(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "threads.sqlite" for path in files)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "fault", ["500 for ever", "401", "cut for ever", "400 context overflow", "wrong content type"]
)
def test_a_failure_after_something_was_measured_gives_that_as_partial(
    fault, provider, chatmodels, scene, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    faults, _, _, count = ENDING[fault]
    agent, server = provider(*(faults[:1] * 2 * ATTEMPTS), after=1)
    thread = agent.thread("talk")
    answer = thread.ask(QUESTION, images=[scene])
    assert answer.status == "partial"
    assert "the planner failed" in " ".join(answer.warnings)
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()
    assert len(server.asked) <= 1 + 2 * count
    server.faults.clear()
    again = thread.ask("And again?")
    assert again.status == "answered"
    _are_well_formed(server, chatmodels)
    assert CANARY not in answer.text + " ".join(answer.warnings) + caplog.text
    answer.save(tmp_path / "home" / "saved")
    _holds_no_key(tmp_path / "home")


def test_a_content_filter_ends_the_question_and_not_the_thread(provider, chatmodels, scene):
    agent, server = provider(sent(event({"content": "I ca"}), event({}, "content_filter"), DONE))
    thread = agent.thread("talk")
    assert thread.ask(QUESTION, images=[scene]).status == "cannot_answer"
    _is_right(thread.ask("How much then?"))
    _are_well_formed(server, chatmodels)


def test_nobody_at_the_address_is_one_typed_error(provider, scene, monkeypatch, tmp_path):
    provider()
    agent = Agent("openai:x", base_url="http://127.0.0.1:9/v1", home=tmp_path / "home")
    with pytest.raises(SourceError, match="cannot be reached after 4 attempts") as caught:
        agent.ask(QUESTION, images=[scene])
    assert "--base-url" in caught.value.hint


def test_a_key_of_a_model_of_the_users_own_is_not_told_either(
    provider, scene, tmp_path, monkeypatch
):
    own = "own-canary-77aa-0123456789"
    _, server = provider(failing(401, f"Incorrect API key provided: {own}."))
    monkeypatch.delenv("OPENAI_API_KEY")
    model = ChatOpenAI(model="x", api_key=own, base_url=server.url, max_retries=0)
    with pytest.raises(ModelError, match="answered 401") as caught:
        Agent(model, home=tmp_path / "home").ask(QUESTION, images=[scene])
    assert "[key]" in str(caught.value)
    assert own not in "".join(traceback.format_exception(caught.value))


def test_the_key_is_sent_where_the_user_said_and_tools_and_usage_are_asked_for(
    provider, scene, tmp_path
):
    agent, server = provider()
    answer = agent.ask(QUESTION, images=[scene])
    asked, headers = server.asked[0]
    assert headers["authorization"] == f"Bearer {CANARY}"
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}
    assert {"ask_user", "cannot_answer", "load_tools"} <= {
        tool["function"]["name"] for tool in asked["tools"]
    }
    assert answer.usage.input_tokens == 200
    assert answer.usage.output_tokens == 40
    assert CANARY not in json.dumps(asked)

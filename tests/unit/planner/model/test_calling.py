"""Calling a chat model: its reply put together, failures tried again or made one typed error."""

from __future__ import annotations

import threading

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, HumanMessageChunk

from eoagent.contracts.draft import ModelPrice
from eoagent.contracts.errors import BudgetExceeded, ModelError, SourceError
from eoagent.contracts.planner import QUIET, Line
from eoagent.planner.model.calling import Talk, ask_model
from eoagent.planner.model.failures import explained, wait_after
from eoagent.planner.model.rawcalls import as_chunk

ASKED = [HumanMessage(content="How much water is there?")]
TOOL = {"type": "function", "function": {"name": "measure", "description": "", "parameters": {}}}


class Clock:
    """A deadline that a test moves."""

    def __init__(self, remaining_s=100.0):
        self.remaining_s = remaining_s

    def check(self):
        if self.remaining_s <= 0:
            raise BudgetExceeded("the time limit of the run was reached")


class BusyError(Exception):
    """What a provider's library raises, with a status."""

    def __init__(self, status, text="busy", **headers):
        super().__init__(text)
        self.status_code = status
        self.response = httpx.Response(
            status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


@pytest.fixture
def talk(chatmodels):
    """Make a talk with a scripted model; its waits are noted."""

    def make(*script, **more):
        waits = []
        model = chatmodels.ScriptedChat(script=list(script))
        return Talk(model=model, sleep=waits.append, jitter=lambda: 1.0, **more), waits

    return make


def _ask(talk, line=QUIET, tools=(TOOL,)):
    return ask_model(talk, ASKED, tools, line=line)


def test_a_reply_is_put_together_from_its_pieces(talk, chatmodels):
    said = []
    reply = _ask(
        talk(chatmodels.calls(("measure", {"target": "$1"}), text="First I look at it."))[0],
        Line(say=said.append, deadline=Clock()),
    )
    assert reply.message.text == "First I look at it."
    assert as_chunk(reply.message).tool_call_chunks[0]["args"] == '{"target": "$1"}'
    assert "".join(said) == "First I look at it."
    assert len(said) > 1
    assert reply.spent.to_dict() == {
        "model_calls": 1,
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": 0.0,
    }


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_asked_again_each_time_later(talk, chatmodels, status):
    talking, waits = talk(
        BusyError(status), BusyError(status), BusyError(status), chatmodels.says("It is so.")
    )
    reply = _ask(talking)
    assert reply.message.text == "It is so."
    assert reply.spent.model_calls == 4
    assert sum(waits) == pytest.approx(0.5 + 1 + 2)
    assert max(waits) <= 0.25


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.ReadError("reset"),
        openai.APIConnectionError(request=httpx.Request("POST", "http://x")),
        openai.APITimeoutError(request=httpx.Request("POST", "http://x")),
        ConnectionResetError("reset"),
        TimeoutError("slow"),
        openai.APIError(
            "The server had an error",
            request=httpx.Request("POST", "http://x"),
            body={"type": "server_error"},
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_network_that_fails_once_is_no_failure(talk, chatmodels, error):
    assert _ask(talk(error, chatmodels.says("It is so."))[0]).message.text == "It is so."


def test_after_four_attempts_it_ends_in_one_typed_error(talk):
    talking, waits = talk(BusyError(503))
    with pytest.raises(SourceError, match="server answered 503 after 4 attempts: busy") as caught:
        _ask(talking)
    assert caught.value.hint == "ask again later"
    assert len(talking.model.requests) == 4
    assert sum(waits) == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("error", "kind", "told", "hint"),
    [
        (BusyError(400, "bad schema"), ModelError, "server answered 400: bad schema", "see what"),
        (BusyError(401, "no key"), ModelError, "answered 401", "key"),
        (BusyError(403), ModelError, "answered 403", "may use"),
        (BusyError(404), ModelError, "answered 404", "--base-url"),
        (
            BusyError(400, "This model's maximum context length is 8192 tokens"),
            ModelError,
            "longer than",
            "new thread",
        ),
        (
            BusyError(400, "x" * 500 + " context_length_exceeded"),
            ModelError,
            "longer than",
            "new thread",
        ),
        (
            BusyError(400, "the request exceeds the available context size"),
            ModelError,
            "longer than",
            "longer context",
        ),
        (
            BusyError(400, "prompt is too long: 210000 tokens > 200000"),
            ModelError,
            "longer than",
            "new thread",
        ),
        (
            ValueError("No generation chunks were returned"),
            ModelError,
            "nothing that can be read",
            "--base-url",
        ),
        (NotImplementedError(), ModelError, "cannot call tools", "--planner offline"),
        (KeyError("choices"), ModelError, "KeyError", "--base-url"),
    ],
)
def test_what_does_not_pass_is_told_at_once(talk, error, kind, told, hint):
    talking, waits = talk(error)
    with pytest.raises(kind, match=told) as caught:
        _ask(talking)
    assert hint in caught.value.hint
    assert len(talking.model.requests) == 1
    assert waits == []
    assert len(str(caught.value)) < 300


def test_a_model_that_cannot_call_tools_is_told_from_one_that_fails(talk, chatmodels):
    class Plain(chatmodels.ScriptedChat):
        def bind_tools(self, tools, **kwargs):
            raise NotImplementedError

    with pytest.raises(ModelError, match="cannot call tools"):
        _ask(Talk(model=Plain(script=["x"])))


def test_a_stated_wait_is_kept_and_one_too_long_is_not_waited_for(talk, chatmodels):
    talking, waits = talk(BusyError(429, retry_after="1.5"), chatmodels.says("It is so."))
    _ask(talking)
    assert sum(waits) == pytest.approx(1.5)
    talking, waits = talk(BusyError(429, retry_after="3600"), chatmodels.says("It is so."))
    with pytest.raises(SourceError, match="answered 429"):
        _ask(talking)
    assert waits == []


@pytest.mark.parametrize(
    "said", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "inf", "²", "1e9", ""]
)
def test_a_stated_wait_that_is_no_number_of_seconds_is_passed_over(said):
    error = BusyError(429)
    error.response = type("Response", (), {"headers": {"retry-after": said}})()
    assert wait_after(error, 1, lambda: 0.0) == 0.25


def test_waits_grow_and_have_jitter_and_an_end():
    waits = [wait_after(BusyError(500), attempt, lambda: 1.0) for attempt in range(1, 9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert wait_after(BusyError(500), 1, lambda: 0.0) == 0.25


def test_no_wait_goes_beyond_the_time_that_is_left(talk, chatmodels):
    talking, waits = talk(BusyError(429, retry_after="5"), chatmodels.says("It is so."))
    with pytest.raises(SourceError, match="429"):
        _ask(talking, Line(say=lambda _t: None, deadline=Clock(2.0)))
    assert waits == []


def test_a_run_that_is_over_asks_nothing(talk, chatmodels):
    talking, _ = talk(chatmodels.says("It is so."))
    with pytest.raises(BudgetExceeded):
        _ask(talking, Line(say=lambda _t: None, deadline=Clock(0)))
    assert talking.model.requests == []


def test_a_run_that_is_stopped_while_it_waits_ends_there(chatmodels):
    clock = Clock()

    def sleep(_seconds):
        clock.remaining_s = 0

    talking = Talk(model=chatmodels.ScriptedChat(script=[BusyError(503)]), sleep=sleep)
    with pytest.raises(BudgetExceeded):
        _ask(talking, Line(say=lambda _t: None, deadline=clock))


def test_a_run_that_is_stopped_while_text_comes_ends_there_and_closes_the_stream():
    clock, closed = Clock(), threading.Event()

    class Endless:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            try:
                while True:
                    yield AIMessageChunk(content="on and ")
                    clock.remaining_s -= 30
            finally:
                closed.set()

    with pytest.raises(BudgetExceeded):
        _ask(Talk(model=Endless()), Line(say=lambda _t: None, deadline=clock))
    assert closed.is_set()


def test_a_stream_that_breaks_off_is_begun_again_as_a_new_text(talk, chatmodels):
    said = []
    half = [AIMessageChunk(content="Water cov"), ConnectionResetError("reset")]
    talking, _ = talk(half, chatmodels.says("Water covers much."))
    reply = _ask(talking, Line(say=said.append, deadline=Clock()))
    assert reply.message.text == "Water covers much."
    starts = [place for place, text in enumerate(said) if text == ""]
    assert "".join(said[: starts[1]]) == "Water cov"
    assert "".join(said[starts[1] :]) == "Water covers much."


def test_a_stream_that_ends_without_its_end_is_asked_for_once_more(talk, chatmodels):
    half = [AIMessageChunk(content="Water cov", response_metadata={"model_provider": "openai"})]
    talking, _ = talk(half, chatmodels.says("Water covers much."))
    assert _ask(talking).message.text == "Water covers much."
    talking, _ = talk(half)
    assert _ask(talking).message.text == "Water cov"
    assert len(talking.model.requests) == 2, (
        "a server that never says so is believed the second time"
    )


def test_a_reply_without_end_is_cut_and_read_as_such():
    taken = []

    class Endless:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            while True:
                taken.append(1)
                part = {
                    "name": None,
                    "args": "x" * 4000,
                    "index": 0,
                    "id": None,
                    "type": "tool_call_chunk",
                }
                yield AIMessageChunk(content="", tool_call_chunks=[part])

    reply = _ask(Talk(model=Endless()))
    assert len(taken) < 10
    assert reply.message.response_metadata["finish_reason"] == "length"
    assert reply.spent.output_tokens > 10_000


def test_an_endless_text_is_cut_too():
    class Endless:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            while True:
                yield AIMessageChunk(content="on and " * 100)

    reply = _ask(Talk(model=Endless()))
    assert reply.message.response_metadata["finish_reason"] == "length"
    assert len(reply.message.text) < 210_000


def test_many_small_pieces_of_one_call_are_put_together():
    class Slow:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            yield AIMessageChunk(
                content="", tool_call_chunks=[_part('{"target": "', "measure", "a")]
            )
            for _ in range(5_000):
                yield AIMessageChunk(content="", tool_call_chunks=[_part("x")])
            yield AIMessageChunk(content="", tool_call_chunks=[_part('"}')])

    def _part(args, name=None, identity=None):
        return {"name": name, "args": args, "index": 0, "id": identity, "type": "tool_call_chunk"}

    reply = _ask(Talk(model=Slow()))
    assert len(as_chunk(reply.message).tool_call_chunks) == 1
    assert len(reply.message.tool_call_chunks[0]["args"]) == 5_014


def test_models_that_give_whole_messages_or_other_kinds_of_pieces_are_read_too():
    class Whole:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            yield AIMessage(
                content="It is ", tool_calls=[{"name": "measure", "args": {"a": 1}, "id": "x"}]
            )
            yield HumanMessageChunk(content="so.")

    reply = _ask(Talk(model=Whole()))
    assert reply.message.text == "It is so."
    assert [call["args"] for call in reply.message.tool_calls] == [{"a": 1}]


def test_a_stream_of_nothing_is_an_empty_reply():
    class Mute:
        def bind_tools(self, _tools):
            return self

        def stream(self, _messages):
            return iter(())

    assert _ask(Talk(model=Mute())).message.text == ""


def test_without_the_providers_count_tokens_are_estimated(talk, chatmodels):
    spent = _ask(talk(chatmodels.says("It is so.", usage=None))[0]).spent
    assert 20 < spent.input_tokens < 80
    assert 3 < spent.output_tokens < 15
    half = _ask(talk(chatmodels.says("It is so.", usage=(17, 0)))[0]).spent
    assert (half.input_tokens, half.output_tokens) == (17, spent.output_tokens)


def test_the_price_is_that_of_the_users_table(talk, chatmodels):
    price = ModelPrice(input_usd=2, output_usd=10)
    spent = _ask(talk(chatmodels.says("x", usage=(1000, 500)), price=price)[0]).spent
    assert spent.cost_usd == pytest.approx(1000 * 2e-6 + 500 * 10e-6)


def test_keys_are_taken_out_of_what_a_provider_says_and_no_cause_shows_them(talk):
    import traceback

    canary = "sk-canary-0123456789"
    talking, _ = talk(
        BusyError(401, f"wrong key {canary}"), redact=lambda text: text.replace(canary, "[key]")
    )
    with pytest.raises(ModelError) as caught:
        _ask(talking)
    shown = "".join(traceback.format_exception(caught.value))
    assert "[key]" in shown
    assert canary not in shown


def test_a_key_that_is_cut_by_the_length_of_a_message_does_not_show_in_part():
    canary = "sk-canary-0123456789" * 3
    error = explained(
        BusyError(401, "x" * 180 + canary), 1, lambda text: text.replace(canary, "[key]")
    )
    assert "canary" not in str(error)


def test_an_interrupt_from_the_keyboard_passes_through(talk):
    with pytest.raises(KeyboardInterrupt):
        _ask(talk(KeyboardInterrupt())[0])

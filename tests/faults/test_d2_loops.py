"""Fault row D2: a model that goes in circles, or never ends, is stopped at a limit of ours.

What was measured by then is answered as partial, and the answer says which limit it was. How often
the model and the tools were called is counted here, not believed.
"""

from __future__ import annotations

import json
import re

import pytest

from eoagent import Agent
from eoagent.contracts.draft import ModelPrice, Spent
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import QUIET, Draft
from eoagent.planner.wiring import Wiring
from eoagent.settings import Settings

QUESTION = "How much water is there?"
NAME = "test:scripted"


@pytest.fixture
def loop(chatmodels, scene, tmp_path):
    """Ask a model that follows a function of the requests so far; returns answer and model."""

    def run(reply, *, settings=None, **given):
        model = chatmodels.ScriptedChat(script=[reply])
        agent = Agent(planner=model, home=tmp_path / "home", settings=settings or Settings())
        answer = agent.ask(QUESTION, images=[scene], **given)
        assert all(chatmodels.flaws(request) == [] for request in model.requests)
        assert answer.status == "partial"
        return answer, model

    return run


def _number(messages):
    """The number that the model's next call will have."""
    shown = [
        c["id"] for m in messages for c in getattr(m, "tool_calls", []) if c["name"] != "load_tools"
    ]
    return 1 + max((int(identity.removeprefix("call_")) for identity in shown), default=0)


def _is_closing(messages):
    return "The run ends here: " in messages[-1].text


def _says_why(answer, told):
    assert told in " ".join(answer.warnings)


@pytest.fixture
def chain(chatmodels, scene):
    """The first reply: open, threshold, measure."""
    return chatmodels.calls(
        ("open_image", {"hrefs": [str(scene)]}),
        ("threshold", {"raster": "$1", "rule": "water"}),
        ("measure", {"target": "$2", "quantities": ["area"]}),
    )


def test_the_same_call_for_ever(loop, chatmodels, scene):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("I could not find out.")
        return chatmodels.calls(("open_image", {"hrefs": [str(scene)]}))

    answer, model = loop(reply)
    _says_why(answer, "the same call of open_image was asked for more than 3 times")
    assert answer.usage.tool_calls == len(answer.steps) == 3
    assert answer.usage.model_calls == len(model.requests) == 5  # four plans and the closing words
    assert answer.text == "I could not find out."


def test_a_and_b_by_turns(loop, chatmodels, chain):
    def reply(messages):
        n = _number(messages)
        if _is_closing(messages):
            return chatmodels.says("So far {f1}.\nRESULTS: f1")
        if n == 1:
            return chain
        rule = {"rule": "water"} if n % 2 else {"rule": "vegetation"}
        return chatmodels.calls(("threshold", {"raster": "$1"} | rule))

    answer, model = loop(reply)
    _says_why(answer, "the same call of threshold was asked for more than 3 times")
    tools = [(step.tool, step.arguments.get("rule")) for step in answer.steps]
    assert tools.count(("threshold", "vegetation")) == 3
    assert tools.count(("threshold", "water")) in {2, 3}
    assert answer.usage.model_calls == len(model.requests) <= 8
    assert answer.text == "So far 8.01 ± 0.20 ha."
    assert [figure.id for figure in answer.results] == ["f1"]


def test_ever_new_arguments_end_at_the_limit_of_rounds(loop, chatmodels, chain):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("So far {f1}.")
        n = _number(messages)
        return (
            chain
            if n == 1
            else chatmodels.calls(("threshold", {"raster": "$1", "expression": f"green > 0.{n}"}))
        )

    answer, model = loop(reply)
    _says_why(answer, "the planner was asked 12 times and did not finish")
    assert len(model.requests) == answer.usage.model_calls == 13
    assert answer.usage.tool_calls == 3 + 11


def test_ever_new_arguments_in_crowds_end_at_the_limit_of_steps(loop, chatmodels, scene):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("Nothing.")
        n = _number(messages)
        return chatmodels.calls(
            *(("open_image", {"hrefs": [f"{scene}.{n + k}"]}) for k in range(8))
        )

    answer, model = loop(reply)
    _says_why(answer, "the limit of 40 steps was reached")
    assert answer.usage.tool_calls == len(answer.steps) == 40
    assert len(model.requests) <= 7


def test_a_limit_of_the_call_holds_like_that_of_the_settings(loop, chatmodels, scene):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("Nothing.")
        return chatmodels.calls(("open_image", {"hrefs": [f"{scene}.{_number(messages)}"]}))

    answer, _ = loop(reply, max_steps=4)
    _says_why(answer, "the limit of 4 steps was reached")
    assert answer.usage.tool_calls == 4


def test_a_plan_of_four_hundred_steps(loop, chatmodels, scene):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("Nothing.")
        return chatmodels.calls(*(("open_image", {"hrefs": [f"{scene}.{n}"]}) for n in range(400)))

    answer, model = loop(reply)
    _says_why(answer, "limit of 40 steps")
    assert answer.usage.tool_calls == 40
    assert len(model.requests) <= 3


def test_tools_loaded_for_ever(loop, chatmodels):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("I only read about tools.")
        name = ("terrain", "relate", "find_scenes")[len(messages) % 3]
        return chatmodels.calls(("load_tools", {"names": [name]}))

    answer, model = loop(reply)
    _says_why(answer, "the planner was asked 12 times and did not finish")
    assert len(model.requests) == 13
    assert answer.usage.tool_calls == 0
    assert answer.text == "I only read about tools."


def test_never_an_answer_and_no_closing_words_either(loop, chatmodels, chain):
    def reply(messages):
        n = _number(messages)
        return (
            chain
            if n == 1
            else chatmodels.calls(("describe_data", {"target": "$1"}), text=f"Once more, {n}.")
        )

    answer, model = loop(reply)
    _says_why(answer, "the same call of describe_data was asked for more than 3 times")
    assert answer.text.startswith("Not finished: the same call of describe_data")
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()
    assert len(model.requests) == answer.usage.model_calls == 6


def test_answers_that_are_never_held_up_are_written_once_more_and_then_marked(
    chatmodels, chain, scene, tmp_path
):
    model = chatmodels.ScriptedChat(script=[chain, chatmodels.says("It is 123.4 ha.")])
    answer = Agent(planner=model, home=tmp_path / "home").ask(QUESTION, images=[scene])
    assert len(model.requests) == answer.usage.model_calls == 3
    assert answer.unverified == ("123.4",)
    assert answer.text == "It is 123.4 ha.\n[unverified: 123.4]"
    assert answer.status == "partial"


def test_replies_of_nothing_are_three(chatmodels, scene, tmp_path):
    model = chatmodels.ScriptedChat(script=[chatmodels.says("")])
    with pytest.raises(ModelError, match="3 replies in a row"):
        Agent(planner=model, home=tmp_path / "home").ask(QUESTION, images=[scene])
    assert len(model.requests) == 3


def test_replies_of_nothing_after_something_was_measured(loop, chatmodels, chain):
    def reply(messages):
        return chain if _number(messages) == 1 else chatmodels.says("")

    answer, model = loop(reply)
    _says_why(answer, "the planner failed: the language model gave 3 replies in a row")
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()
    assert len(model.requests) == 5


def test_the_limit_of_tokens(loop, chatmodels, chain):
    def reply(messages):
        n = _number(messages)
        given = (
            chain
            if n == 1
            else chatmodels.calls(("describe_data", {"target": f"${(n - 2) % 3 + 1}"}))
        )
        return given.model_copy(
            update={
                "usage_metadata": {"input_tokens": 900, "output_tokens": 100, "total_tokens": 1000}
            }
        )

    answer, model = loop(reply, settings=Settings(max_tokens=2500))
    _says_why(answer, "the limit of 2500 tokens was reached")
    assert len(model.requests) == answer.usage.model_calls == 3  # it may go over by one call
    assert answer.usage.input_tokens + answer.usage.output_tokens == 3000
    assert answer.text.startswith("Not finished: the limit of 2500 tokens was reached.")
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()


def test_tokens_count_where_the_provider_does_not(loop, chatmodels, scene):
    def reply(_messages):
        return chatmodels.calls(("open_image", {"hrefs": [str(scene)]}), usage=None)

    answer, model = loop(reply, settings=Settings(max_tokens=6000))
    _says_why(answer, "the limit of 6000 tokens was reached")
    assert 1 <= len(model.requests) <= 3
    assert answer.usage.input_tokens > 4000


def test_a_context_that_grows_is_kept_small_and_paid_for(loop, chatmodels, tokens_in):
    def reply(messages):
        if _is_closing(messages):
            return chatmodels.says("Nothing.")
        n = _number(messages)
        many = [("open_image", {"hrefs": [f"/nowhere/{'x' * 600}/{n + k}.tif"]}) for k in range(6)]
        return chatmodels.calls(*many, text="I think " * 300, usage=None)

    answer, model = loop(reply, settings=Settings(max_tokens=1_000_000))
    _says_why(answer, "limit of 40 steps")
    sizes = [tokens_in(request[2:]) for request in model.requests]
    assert max(sizes) <= 4000
    assert len(model.requests) == 8


@pytest.fixture
def tokens_in():
    """Characters of requests, at four a token: a count of its own."""

    def count(messages):
        said = [
            m.text + json.dumps([c["args"] for c in getattr(m, "tool_calls", [])]) for m in messages
        ]
        return sum(map(len, said)) / 4

    return count


PRICES = {NAME: ModelPrice(input_usd=1000, output_usd=2000)}


def test_the_limit_of_cost(loop, chatmodels, chain):
    def reply(messages):
        n = _number(messages)
        return (
            chain
            if n == 1
            else chatmodels.calls(("describe_data", {"target": f"${(n - 2) % 3 + 1}"}))
        )

    # ten tokens in and five out at those prices are two cents a call
    answer, model = loop(reply, settings=Settings(prices=PRICES), max_cost_usd=0.05)
    _says_why(answer, "the cost limit of 0.05 USD was reached")
    assert len(model.requests) == 3
    assert answer.usage.cost_usd == pytest.approx(0.06)
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()


def test_a_limit_of_cost_in_the_settings_holds_too(loop, chatmodels, chain):
    answer, model = loop(lambda _m: chain, settings=Settings(prices=PRICES, max_cost_usd=0.01))
    _says_why(answer, "the cost limit of 0.01 USD was reached")
    assert len(model.requests) == 1


def test_a_limit_of_cost_needs_the_models_price(chatmodels, scene, tmp_path):
    model = chatmodels.ScriptedChat(script=[chatmodels.says("x")])
    agent = Agent(planner=model, home=tmp_path / "home")
    with pytest.raises(InputError, match=re.escape(f"the price of {NAME} is not known")) as caught:
        agent.ask(QUESTION, images=[scene], max_cost_usd=1)
    assert f'[prices."{NAME}"]' in caught.value.hint
    assert model.requests == []


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")])
def test_a_limit_of_cost_that_is_none_is_refused(chatmodels, scene, tmp_path, cost):
    model = chatmodels.ScriptedChat(script=[chatmodels.says("x")])
    agent = Agent(planner=model, home=tmp_path / "home", settings=Settings(prices=PRICES))
    with pytest.raises(InputError, match="a cost limit of"):
        agent.ask(QUESTION, images=[scene], max_cost_usd=cost)


class Own:
    """A planner of somebody's own: it states itself what it spends."""

    name = "somebody's own"

    def __init__(self, cost_usd=0.0):
        self.asked = 0
        self.cost_usd = cost_usd

    def plan(self, view, line=QUIET):
        self.asked += 1
        step = Step(
            n=self.asked,
            tool="open_image",
            arguments={"hrefs": [view.inputs[0].href], "gsd_m": self.asked},
        )
        return Plan(steps=(step,), spent=Spent(model_calls=1, cost_usd=self.cost_usd))

    def write(self, view, line=QUIET):
        return Draft(text="That was all.")


def test_a_planner_without_a_model_needs_no_price_and_what_it_says_it_spent_counts(scene, tmp_path):
    offline = Agent(planner="offline", home=tmp_path / "home")
    assert offline.ask(QUESTION, images=[scene], max_cost_usd=1).status == "answered"
    planner = Own(cost_usd=0.4)
    answer = Agent(planner=planner, home=tmp_path / "home").ask(
        QUESTION, images=[scene], max_cost_usd=1
    )
    assert answer.status == "partial"
    _says_why(answer, "the cost limit of 1 USD was reached")
    assert planner.asked == 3


def test_time_ends_a_run_of_slow_replies(loop, chatmodels, chain, monkeypatch):
    now = [1e9]
    monkeypatch.setattr("eoagent.app.runs.Wiring", lambda **k: Wiring(**k, clock=lambda: now[0]))

    def reply(messages):
        now[0] += 40
        n = _number(messages)
        return (
            chain
            if n == 1
            else chatmodels.calls(("describe_data", {"target": f"${(n - 2) % 3 + 1}"}))
        )

    answer, model = loop(reply, max_seconds=100)
    _says_why(answer, "the time limit of")
    assert len(model.requests) == 3
    assert answer.text.startswith("Not finished: the time limit of")
    assert "8.01 ± 0.20 ha" in answer.text
    assert answer.unverified == ()

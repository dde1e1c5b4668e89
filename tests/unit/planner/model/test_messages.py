"""The conversation that a model is shown: every call has its reply, and old rounds shrink."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Refusal, Step, StepRecord
from eoagent.contracts.planner import Turn, View
from eoagent.planner.model.messages import HISTORY_TOKENS, add_word, messages_of, size_of
from eoagent.planner.model.tokens import estimate_tokens

HEAD = [SystemMessage(content="rules"), HumanMessage(content="question")]


def _figure(n, step):
    given = {"name": "area", "value": 1e6 + n, "unit": "m2", "error": 431.0, "method": "test"}
    return Figure.model_validate(
        given | {"id": f"f{n}", "step": step, "label": f"area of part {n} of open water"}
    )


def _record(n, tool="threshold", figures=(), **more):
    handle = f"mask:{n:012d}"
    given = {
        "n": n,
        "tool": tool,
        "arguments": {},
        "references": {},
        "status": "done",
        "outputs": {"mask": handle, **{f"area_{i}": i for i in figures}},
        "figures": list(figures),
        "previews": {
            handle: {"title": f"open water in scene {n}, 2024-07-16", "size": [10980, 10980]}
        },
        "assumptions": ["water is taken by the rule open water: MNDWI > 0 (Xu 2006)"],
    }
    return StepRecord.model_validate(given | more)


def _view(rounds, *, records=None, figures=(), **more):
    """A view with rounds of so many steps, all done unless records say otherwise."""
    turns, plan, n = [], [], 0
    for count in rounds:
        own = tuple(range(n + 1, n + count + 1))
        n += count
        plan += [
            Step(n=k, tool="threshold", arguments={"raster": f"raster:{k:012d}", "rule": "water"})
            for k in own
        ]
        turns.append(Turn(steps=own))
    steps = tuple(_record(step.n) for step in plan) if records is None else records
    return View(
        question="?", plan=tuple(plan), turns=tuple(turns), steps=steps, figures=figures, **more
    )


def test_a_round_is_its_calls_and_their_results(chatmodels):
    told = messages_of(_view([2, 1]))
    assert [message.type for message in told] == ["ai", "tool", "tool", "ai", "tool"]
    assert [call["id"] for call in told[0].tool_calls] == ["call_1", "call_2"]
    assert told[0].tool_calls[1]["args"] == {"raster": "raster:000000000002", "rule": "water"}
    assert told[1].text.startswith("step 1 done")
    assert chatmodels.flaws([*HEAD, *told]) == []


def test_nothing_was_said_before_the_first_round():
    assert messages_of(_view([])) == []


def test_steps_that_were_interrupted_have_a_reply_too(chatmodels):
    view = _view([3], records=(_record(1),))
    told = messages_of(view)
    assert "interrupted" in told[2].text
    assert "interrupted" in told[3].text
    assert chatmodels.flaws([*HEAD, *told]) == []


def test_refused_calls_are_shown_with_what_was_wrong_and_a_name_that_servers_take(chatmodels):
    refused = (
        Refusal(
            n=2, tool="open image! 水\x1b", arguments='{"a": ', message="no JSON", hint="again"
        ),
        Refusal(n=3, tool="", message="no name"),
        Refusal(message="your reply was cut off"),
    )
    view = _view([1])
    view = view.model_copy(
        update={"turns": (Turn(steps=(1,), refused=refused, loads=("measure",)),)}
    )
    told = messages_of(view)
    assert chatmodels.flaws([*HEAD, *told]) == []
    assert [call["name"] for call in told[0].tool_calls] == [
        "threshold",
        "open_image____",
        "unknown",
        "load_tools",
    ]
    assert "no JSON" in told[2].text
    assert told[-1].type == "tool"
    assert told[-1].text.endswith("your reply was cut off")


def test_a_reply_without_calls_is_answered_by_what_was_wrong_with_it(chatmodels):
    turns = (
        Turn(said="", refused=(Refusal(message="empty"),)),
        Turn(said="Well.", refused=(Refusal(message="hm"),)),
    )
    told = messages_of(View(question="?", turns=turns))
    assert [(m.type, m.text) for m in told] == [
        ("ai", "(nothing)"),
        ("human", "empty"),
        ("ai", "Well."),
        ("human", "hm"),
    ]
    assert chatmodels.flaws([*HEAD, *told]) == []


def test_a_round_that_wrote_the_answer_is_left_to_the_rewrite():
    assert messages_of(View(question="?", turns=(Turn(),))) == []


def test_a_word_is_added_where_strict_servers_take_it(chatmodels):
    told = [*HEAD, *messages_of(_view([1]))]
    for messages in (HEAD, told, [*HEAD, AIMessage(content="draft")]):
        longer = add_word(messages, "the run ends")
        assert chatmodels.flaws(longer) == []
        assert longer[-1].text.endswith("the run ends")
    assert add_word([], "x")[0].type == "human"
    assert told[-1].text.endswith("</data>"), "the messages given are left as they were"


def test_the_newest_round_is_told_in_full_and_the_oldest_shrinks_first():
    told = messages_of(_view([4] * 9))
    first, last = told[1].text, told[-1].text
    assert "chosen:" in last
    assert "chosen:" not in first
    ages = [
        ("chosen:" in m.text) + ('"title"' in m.text or "open water in" in m.text)
        for m in told
        if m.type == "tool"
    ]
    assert ages == sorted(ages)


def test_a_short_run_is_told_in_full():
    told = messages_of(_view([2, 2]))
    assert all("chosen:" in m.text for m in told if m.type == "tool")


def test_a_real_run_of_ten_steps_takes_at_most_4000_tokens(ten_steps, tokens_of, chatmodels):
    model, answer = ten_steps
    assert len(answer.steps) == 10
    for request in model.requests:
        assert chatmodels.flaws(request) == []
        assert tokens_of(request[2:]) <= 4000
    assert tokens_of(model.requests[-1][2:]) >= 1000
    ids = [call["id"] for m in model.requests[-1] for call in getattr(m, "tool_calls", [])]
    assert ids == [f"call_{n}" for n in range(1, 11)]


@pytest.mark.parametrize(
    "rounds", [[1] * 10, [10], [5, 5], [2] * 5, [9, 1], [4] * 10, [1] * 40, [20, 20]]
)
@pytest.mark.parametrize("figures_a_step", [1, 30])
def test_however_many_steps_the_history_keeps_its_bound(
    rounds, figures_a_step, tokens_of, chatmodels
):
    count = sum(rounds)
    figures = tuple(
        _figure(n * figures_a_step + k + 1, n + 1)
        for n in range(count)
        for k in range(figures_a_step)
    )
    records = tuple(
        _record(n, figures=tuple(f.id for f in figures if f.step == n), warnings=["w" * 200] * 3)
        for n in range(1, count + 1)
    )
    told = messages_of(_view(rounds, records=records, figures=figures))
    assert chatmodels.flaws([*HEAD, *told]) == []
    bound = 4000 if count <= 10 else 6000
    assert tokens_of(told) <= bound
    assert f"${count} = mask:{count:012d}" in told[-1].text


def test_many_refused_calls_are_told_in_bounded_room(tokens_of, chatmodels):
    wrong = {
        "tool": "x" * 60,
        "arguments": "y" * 300,
        "message": "m" * 300,
        "hint": "did you mean z?",
    }
    rounds = [
        tuple(Refusal(n=n, **wrong) for n in range(first, first + 40)) for first in (101, 201)
    ]
    turns = (*(Turn(refused=refused) for refused in rounds), Turn(steps=(1, 2)))
    view = _view([2]).model_copy(update={"turns": turns})
    told = messages_of(view)
    assert chatmodels.flaws([*HEAD, *told]) == []
    assert tokens_of(told) <= 4000


def test_long_arguments_are_shown_once_and_then_shortened():
    long = {"expression": "x" * 2000, "raster": "$1", "names": ["a" * 50] * 30}
    view = _view([1])
    view = view.model_copy(
        update={"plan": (Step(n=1, tool="band_math", arguments=long, each="$1"),)}
    )
    assert messages_of(view)[0].tool_calls[0]["args"] == {"raster": "$1", "each": "$1"}
    fits = {"expression": "x" * 900}
    view = view.model_copy(update={"plan": (Step(n=1, tool="band_math", arguments=fits),)})
    assert messages_of(view)[0].tool_calls[0]["args"] == fits


def test_the_size_of_messages_counts_calls_and_texts_beyond_ascii_as_they_are_sent():
    call = {"name": "measure", "args": {"name": "水体面积"}, "id": "a", "type": "tool_call"}
    told = [AIMessage(content="水", tool_calls=[call]), ToolMessage(content="x", tool_call_id="a")]
    said = json.dumps(call["args"], ensure_ascii=False)
    assert size_of(told) == 4 + 1 + 12 + estimate_tokens(said) + 4 + 1


TURNS = st.lists(
    st.tuples(
        st.integers(0, 3),  # steps
        st.integers(0, 2),  # refused calls
        st.booleans(),  # something wrong with the whole
        st.booleans(),  # loads
        st.text(max_size=5),
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(TURNS, st.integers(0, 99))
def test_whatever_happened_the_conversation_is_well_formed(rounds, seed):
    from eoagent_test_chatmodels import flaws

    chance = random.Random(seed)
    n, turns, plan, records = 1, [], [], []
    for steps, refusals, is_wrong, has_loads, said in rounds:
        own = tuple(range(n, n + steps))
        refused = [Refusal(n=n + steps + k, tool=said, message="bad") for k in range(refusals)]
        refused += [Refusal(message="worse")] if is_wrong else []
        turns.append(
            Turn(
                said=said.strip("\ud800"),
                steps=own,
                refused=tuple(refused),
                loads=("a",) if has_loads else (),
            )
        )
        plan += [Step(n=k, tool="threshold", arguments={"a": "b" * 50}) for k in own]
        records += [_record(k) for k in own if chance.random() < 0.7]
        n += steps + refusals
    view = View(question="?", turns=tuple(turns), plan=tuple(plan), steps=tuple(records))
    messages = add_word([*HEAD, *messages_of(view)], "end")
    assert flaws(messages) == []
    assert size_of(messages[2:]) <= HISTORY_TOKENS + 100

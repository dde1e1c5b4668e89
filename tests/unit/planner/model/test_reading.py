"""Replies become steps, a draft, or messages that the model can act on: never an error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from eoagent.contracts.draft import Spent
from eoagent.planner.model.rawcalls import as_chunk, fault_in
from eoagent.planner.model.reading import is_cut, plan_of

TOOLS = ("open_image", "threshold", "measure", "export")
SPENT = Spent(model_calls=1, input_tokens=7)


def _chunk(*parts, text="", **more):
    """A streamed reply: each part is name, raw arguments and, if said, index and id."""
    chunks = []
    for place, part in enumerate(parts):
        name, args, index, identity = (*part, place, f"id{place}")[:4] if len(part) < 4 else part
        chunks.append(
            {"name": name, "args": args, "index": index, "id": identity, "type": "tool_call_chunk"}
        )
    return AIMessageChunk(content=text, tool_call_chunks=chunks, **more)


def _plan(message, *, first=1, known=()):
    return plan_of(message, first=first, known=known, tools=TOOLS, spent=SPENT)


def _only_refusal(plan):
    assert not plan.steps
    assert plan.draft is None
    assert len(plan.refused) == 1
    return plan.refused[0]


def test_calls_become_steps_numbered_in_the_order_they_were_written():
    reply = _chunk(
        ("open_image", '{"hrefs": ["a.tif"]}'),
        ("threshold", '{"raster": "$4", "rule": "water"}'),
        ("measure", '{"target": "$item", "each": "$5"}'),
        text="First I open it.",
    )
    plan = _plan(reply, first=4)
    assert [(s.n, s.tool, s.each) for s in plan.steps] == [
        (4, "open_image", None),
        (5, "threshold", None),
        (6, "measure", "$5"),
    ]
    assert plan.steps[2].arguments == {"target": "$item"}
    assert plan.said == "First I open it."
    assert plan.spent == SPENT
    assert plan.refused == ()


def test_a_text_is_the_answer_and_its_last_line_the_results():
    plan = _plan(AIMessage(content="<think>hm</think>It is {f2}.\nRESULTS: f2"))
    assert plan.draft is not None
    assert (plan.draft.text, plan.draft.results, plan.draft.status) == (
        "It is {f2}.",
        ("f2",),
        "answered",
    )


def test_text_in_blocks_is_read_like_text():
    blocks = [{"type": "reasoning", "reasoning": "42"}, {"type": "text", "text": "It is {f1}."}]
    plan = _plan(AIMessage(content=blocks))
    assert plan.draft is not None
    assert plan.draft.text == "It is {f1}."


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('{"target": "$1"', "no JSON object"),
        ('{"target": "$1",}', "no JSON object"),
        ("{'target': '$1'}", "no JSON object"),
        ('{"target": "$1"}{"target": "$2"}', "Extra data"),
        ('["$1"]', "a list and no JSON object"),
        ('"$1"', "a text and no JSON object"),
        ("null", "null and no JSON object"),
        ("7", "a value and no JSON object"),
        ('{"target": NaN}', "not a finite number"),
        ('{"target": -Infinity}', "not a finite number"),
        ('{"target": 1e999}', "not a finite number"),
        ('{"target": 123456789012345678901}', "more than 18 digits"),
        ('{"target": ' + "9" * 5000 + "}", "no JSON object"),
        ('{"target": "\\u0000"}', "no text"),
        ('{"target": "\\ud800"}', "no text"),
        ('{"\\ud800": 1}', "no text"),
        ('{"target": ' + "[" * 40 + "]" * 40 + "}", "nested deeper than 12"),
        ('{"target": ' + "[" * 3000, "no JSON object: nested too deep"),
        ('{"target": "' + "x" * 1_000_000 + '"}', "1000014 characters, at most 8000"),
        ('{"each": 3}', "`each` is no text"),
        ('{"target": "$1"}', "refers to no step"),
        ('{"target": "$9999"}', "refers to no step"),
        ('{"each": "$2"}', "refers to no step"),
        ('{"layers": [{"raster": "$3.mask"}]}', "$3 refers to no step"),
    ],
)
def test_arguments_that_cannot_be_used_come_back_with_what_to_do(raw, told):
    refusal = _only_refusal(_plan(_chunk(("measure", raw))))
    assert (refusal.n, refusal.tool) == (1, "measure")
    assert told in refusal.message
    assert refusal.hint
    assert len(refusal.arguments) <= 300


@pytest.mark.parametrize(
    ("name", "told", "hint"),
    [
        ("mesure", "no tool 'mesure'", "did you mean measure?"),
        ("open_imageopen_image", "no tool", "did you mean open_image?"),
        ("", "no name in the call", "call one of the tools"),
        ("functions.measure", "no tool", "measure"),
        ("x" * 5000, "no tool", "call one of the tools"),
        ("mea\ud800sure\x1b[2J", "no tool 'measure[2J'", "measure"),
    ],
)
def test_a_name_that_no_tool_has_comes_back_with_those_that_are_near(name, told, hint):
    refusal = _only_refusal(_plan(_chunk((name, "{}"))))
    assert told in refusal.message
    assert hint in refusal.hint
    assert len(refusal.message) < 200


def test_a_stream_that_was_cut_is_not_mended():
    cut = AIMessageChunk(content="") + _chunk(("open_image", '{"hrefs": ["a.tif"'))
    assert cut.tool_calls[0]["args"] == {"hrefs": ["a.tif"]}  # what the library makes of it
    assert "no JSON object" in _only_refusal(_plan(cut)).message


def test_what_comes_before_a_cut_call_is_run():
    plan = _plan(
        _chunk(
            ("open_image", '{"hrefs": ["a.tif"]}'),
            ("threshold", '{"raster": "$1"}'),
            ("measure", '{"tar'),
        )
    )
    assert [step.n for step in plan.steps] == [1, 2]
    assert [refusal.n for refusal in plan.refused] == [3]


def test_a_call_that_waits_for_one_that_could_not_be_read_is_not_run():
    plan = _plan(_chunk(("open_image", "{"), ("threshold", '{"raster": "$1"}')))
    assert plan.steps == ()
    assert [(r.n, r.message) for r in plan.refused][1] == (
        2,
        "$1 refers to no step that comes before and was accepted",
    )


def test_without_the_order_of_calls_references_among_them_are_not_trusted():
    whole = AIMessage(
        content="",
        tool_calls=[
            {"name": "open_image", "args": {"hrefs": ["b.tif"]}, "id": "b"},
            {"name": "threshold", "args": {"raster": "$2"}, "id": "c"},
        ],
        invalid_tool_calls=[{"name": "open_image", "args": "{", "id": "a", "error": "bad"}],
    )
    plan = _plan(whole)
    assert [step.tool for step in plan.steps] == ["open_image"]
    assert "another call of the same reply could not be read" in plan.refused[0].message
    assert "no JSON object" in plan.refused[1].message


def test_calls_without_arguments_are_taken_as_such_unless_the_reply_was_cut():
    assert _plan(_chunk(("measure", ""))).steps[0].arguments == {}
    cut = _chunk(("measure", ""), response_metadata={"finish_reason": "length"})
    plan = _plan(cut)
    assert plan.steps == ()
    assert plan.refused[0].message == "the arguments were cut off"
    assert "cut off at its length limit" in plan.refused[1].message


def test_the_same_call_twice_in_a_reply_is_run_once():
    plan = _plan(
        _chunk(
            ("measure", '{"a": 1, "b": 2}'),
            ("measure", '{"b": 2, "a": 1}'),
            ("export", '{"x": "$2"}'),
        )
    )
    assert [step.n for step in plan.steps] == [1]
    assert plan.refused[0].message == "the same call as step 1"
    assert plan.refused[0].hint == "refer to $1 instead"
    assert "$2 refers to no step" in plan.refused[1].message


def test_of_four_hundred_calls_the_first_forty_are_looked_at():
    plan = _plan(_chunk(*(("measure", f'{{"n": {n}}}') for n in range(400))))
    assert [step.n for step in plan.steps] == list(range(1, 41))
    assert plan.refused[-1].n == 0
    assert plan.refused[-1].message == "your reply had 400 calls; only the first 40 were looked at"


def test_ids_of_calls_may_be_missing_or_equal():
    reply = _chunk(
        ("open_image", '{"hrefs": ["a"]}', 0, None),
        ("open_image", '{"hrefs": ["b"]}', 1, None),
        ("measure", "{}", 2, ""),
    )
    assert len(_plan(reply).steps) == 3
    same = _chunk(
        ("open_image", '{"hrefs": ["a"]}', 0, "x"), ("open_image", '{"hrefs": ["b"]}', 1, "x")
    )
    assert len(_plan(same).steps) == 2


def test_two_calls_that_a_server_gave_one_place_are_refused_not_guessed():
    joined = _chunk(("open_image", '{"hrefs": ["a"]}', 0, "x")) + _chunk(
        ("measure", '{"target": "$1"}', 0, "")
    )
    refusal = _only_refusal(_plan(joined))
    assert refusal.tool == "open_imagemeasure"
    assert "Extra data" in refusal.message


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (AIMessage(content=""), "your reply was empty"),
        (AIMessage(content="<think>I wonder"), "your reply was empty"),
        (AIMessage(content="\ud800\x00"), "your reply was empty"),
        (AIMessage(content="RESULTS: f1"), "lists figures and says nothing"),
        (AIMessage(content="It is", response_metadata={"finish_reason": "length"}), "cut off"),
        (
            AIMessage(content="It is", response_metadata={"finish_reason": "lengthlength"}),
            "cut off",
        ),
        (AIMessage(content="It is", response_metadata={"stop_reason": "max_tokens"}), "cut off"),
        (AIMessage(content="It is", response_metadata={"done_reason": "length"}), "cut off"),
        (
            AIMessage(content="", response_metadata={"finish_reason": "tool_calls"}),
            "did not arrive",
        ),
        (AIMessage(content='measure(target="$1")'), "tool call as text"),
        (AIMessage(content="word " * 5000), "at most 12000 fit"),
    ],
)
def test_a_text_that_is_no_answer_comes_back_with_what_to_do(message, told):
    refusal = _only_refusal(_plan(message))
    assert refusal.n == 0
    assert told in refusal.message


@pytest.mark.parametrize(
    "message",
    [
        AIMessage(content="", additional_kwargs={"refusal": "I cannot help with that."}),
        AIMessage(
            content="I cannot help with that.",
            response_metadata={"finish_reason": "content_filter"},
        ),
        AIMessage(content="I cannot help with that.", response_metadata={"stop_reason": "refusal"}),
        AIMessage(
            content="I cannot help with that.", response_metadata={"finish_reason": "SAFETY"}
        ),
    ],
)
def test_a_refusal_is_an_answer_of_its_own_kind(message):
    plan = _plan(message)
    assert plan.draft is not None
    assert (plan.draft.status, plan.draft.text) == ("cannot_answer", "I cannot help with that.")


def test_a_filter_that_says_nothing_is_told_in_words():
    plan = _plan(AIMessage(content="", response_metadata={"finish_reason": "content_filter"}))
    assert plan.draft is not None
    assert plan.draft.text == "The language model refused to answer."


@pytest.mark.parametrize(
    "names",
    [
        '["measure", "export"]',
        '"measure, export"',
        '"[\\"measure\\", \\"export\\"]"',
        '["measure", 7, null, "export", "nothing"]',
    ],
)
def test_tools_asked_for_are_loaded_and_take_no_number(names):
    plan = _plan(
        _chunk(
            ("load_tools", f'{{"names": {names}}}'),
            ("open_image", '{"hrefs": ["a"]}'),
            ("threshold", '{"raster": "$1"}'),
        )
    )
    assert plan.loads == ("measure", "export")
    assert [step.n for step in plan.steps] == [1, 2]
    assert plan.refused == ()


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('{"names": ["mesure"]}', "there is no tool 'mesure'"),
        ('{"names": []}', "no names of tools"),
        ("{}", "no names of tools"),
        ('{"names": {"a": 1}}', "no names of tools"),
        ('{"names": ["mea', "no JSON object"),
    ],
)
def test_a_wish_for_tools_that_are_not_there_is_told_and_ends_nothing(raw, told):
    refusal = _only_refusal(_plan(_chunk(("load_tools", raw))))
    assert refusal.n == 0
    assert refusal.message.startswith("load_tools: ")
    assert told in refusal.message


def test_a_reply_says_itself_whether_it_was_cut():
    assert is_cut(AIMessage(content="", response_metadata={"finish_reason": "length"}))
    assert not is_cut(AIMessage(content="", response_metadata={"finish_reason": "stop"}))
    assert not is_cut(AIMessage(content=""))


def test_a_whole_message_becomes_one_piece_with_all_that_it_held():
    whole = AIMessage(
        content="text",
        tool_calls=[{"name": "measure", "args": {"a": float("nan")}, "id": "a"}],
        invalid_tool_calls=[{"name": "export", "args": None, "id": "b", "error": "bad"}],
        response_metadata={"finish_reason": "stop"},
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )
    chunk = as_chunk(whole)
    assert [c["args"] for c in chunk.tool_call_chunks] == ['{"a": NaN}', "null"]
    assert chunk.usage_metadata == whole.usage_metadata
    assert chunk.response_metadata == whole.response_metadata
    assert as_chunk(chunk) is chunk


def test_what_is_plain_and_finite_has_no_fault():
    assert fault_in({"a": [1, 2.5, "x", None, True, {"b": "水"}]}) == ""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["$1", "$2.a", "$item"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
RAW = st.text(max_size=60) | JSON.map(json.dumps) | JSON.map(lambda v: json.dumps(v)[:-2])
CALL = st.tuples(
    st.sampled_from([*TOOLS, "load_tools", "", "mesure"]) | st.text(max_size=12) | st.none(),
    RAW | st.none(),
    st.integers(0, 3) | st.none(),
    st.text(max_size=3) | st.none(),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CALL, max_size=6),
    st.text(max_size=80),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", ""]),
)
def test_any_reply_amounts_to_something_that_can_be_written_down(parts, text, reason):
    metadata = {"finish_reason": reason} if reason else {}
    message = _chunk(*parts, text=text, response_metadata=metadata)
    plan = _plan(message, first=3, known={1, 2})
    assert plan.steps or plan.draft or plan.refused or plan.loads
    numbers = [s.n for s in plan.steps] + [r.n for r in plan.refused if r.n]
    assert len(set(numbers)) == len(numbers)
    assert all(n >= 3 for n in numbers)
    written = json.dumps(plan.to_dict(), allow_nan=False)
    assert type(plan).model_validate(json.loads(written)) == plan
    written.encode("utf-8")

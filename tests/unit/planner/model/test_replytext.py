"""The text of replies: thoughts, the line of results, calls written as text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.planner.model.replytext import clean, holds_call, split_results, without_thoughts

TOOLS = ("open_image", "measure", "threshold", "compare", "regions", "load_tools")


@pytest.mark.parametrize(
    ("text", "answer", "ids"),
    [
        ("Water covers {f1}.\nRESULTS: f1", "Water covers {f1}.", ("f1",)),
        ("It is {f1}, was {f2}.\n\n**RESULTS:** f2, f1\n", "It is {f1}, was {f2}.", ("f2", "f1")),
        ("It is {f1}. **RESULTS: f1**", "It is {f1}.", ("f1",)),
        ("It is {f1}. RESULTS: f1", "It is {f1}.", ("f1",)),
        ("水体为 {f1}。RESULTS：f1、f2", "水体为 {f1}。", ("f1", "f2")),
        ("水体为 {f1}。\n结果：f1", "水体为 {f1}。", ("f1",)),
        ("It is {f1}.\nResults: f1 and f3", "It is {f1}.", ("f1", "f3")),
        ("It is {f1}.\n> result: `f1`", "It is {f1}.", ("f1",)),
        ("It is {f1}.\nRESULTS: {f1}, {f2:ha}", "It is {f1}.", ("f1", "f2")),
        ("It is {f1}.\nRESULTS: f1 (the area), f2 (the share)", "It is {f1}.", ("f1", "f2")),
        ("It is {f1}.\nRESULTS:\n- f1\n- f2", "It is {f1}.", ("f1", "f2")),
        ("The map is drawn.\nRESULTS: none", "The map is drawn.", ()),
        ("The map shows {f1}.\nRESULTS:", "The map shows {f1}.", ()),
        ("It is {f2}, was {f1} and {f2:ha}.", "It is {f2}, was {f1} and {f2:ha}.", ("f2", "f1")),
        ("RESULTS: f1", "", ("f1",)),
    ],
)
def test_the_last_line_lists_the_results(text, answer, ids):
    assert split_results(text) == (answer, ids)


@pytest.mark.parametrize(
    "text",
    [
        "Result: Water covers {f1}.",
        "Result: {f1}",
        "结果：水体为 {f1}。",
        "RESULTS: water covers {f1}.",
        "RESULTS: f1\nand that is {f1} of water, which I tell you here.",
        "The results: {f1} and {f2}.",
        "The RESULTSET: {f1}",
    ],
)
def test_a_sentence_that_only_begins_like_that_line_stays_in_the_answer(text):
    assert split_results(text)[0] == text
    assert "f1" in split_results(text)[1]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>Let me see. 42!</think>\nIt is {f1}.", "It is {f1}."),
        ("<THINKING>\nhm\n</THINKING>It is {f1}.", "It is {f1}."),
        ("[THINK]hm[/THINK]It is {f1}.", "It is {f1}."),
        ("so I think that ...</think>\n\nIt is {f1}.", "It is {f1}."),
        ("<think>never ends", ""),
        ("<think>a</think>It<think>b</think> is {f1}.", "It is {f1}."),
        ("I <think> of it", "I"),
        ("a < b and b > c: {f1}", "a < b and b > c: {f1}"),
    ],
)
def test_thoughts_are_no_part_of_an_answer(text, left):
    assert without_thoughts(text).strip() == left


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "measure", "arguments": {"target": "$1"}}\n</tool_call>',  # Qwen, Hermes
        "<tool_call>measure\n<arg_key>target</arg_key>\n<arg_value>$1</arg_value>",  # GLM
        '[TOOL_CALLS][{"name": "measure", "arguments": {"target": "$1"}}]',  # Mistral
        '[TOOL_CALLS]measure{"target": "$1"}',
        '<|python_tag|>{"name": "measure", "parameters": {"target": "$1"}}',  # Llama 3.1
        '{"name": "measure", "parameters": {"target": "$1"}}',
        '<function=measure>{"target": "$1"}</function>',  # Llama 3.2
        '[measure(target="$1", quantities=["area"])]',  # Llama 4
        '```tool_code\nprint(default_api.measure(target="$1"))\n```',  # Gemma, Gemini
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>measure",  # DeepSeek
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.measure:0",  # Kimi
        '<|channel|>commentary to=functions.measure <|message|>{"target":"$1"}',  # gpt-oss
        'Action: measure\nAction Input: {"target": "$1"}',  # ReAct
        "**Action:** `measure`\n**Action Input:** $1",
        '{"tool": "measure", "args": {"target": "$1"}}',
        '{"action": "measure", "action_input": "$1"}',
        '[{"tool_name": "measure", "parameters": {"target": "$1"}}]',  # Command R
        '<minimax:tool_call><invoke name="measure">',
        '<function_calls><invoke name="measure"><parameter name="target">$1</parameter></invoke>',
        'measure\n{"target": "$1"}',
        "I will now call measure('$1') to get the area.",
        'load_tools({"names": ["terrain"]})',
        "open_image()",
    ],
)
def test_calls_in_the_styles_of_local_models_are_found_in_text(text):
    assert holds_call(text, TOOLS)


@pytest.mark.parametrize(
    "text",
    [
        "Water covers {f1}; I took MNDWI above its threshold (0.2).",
        "threshold (MNDWI > 0) gave {f1}",
        "To compare {f1} with {f2} I opened both.",
        "There are {f1} regions {f2} apart.",
        "The tool measure was used for {f1}, and the function of water is {f2}.",
        "Its name: measure; its parameters: none.",
        "I can measure (and compare) areas.",
        "水体面积用 measure 工具测得：{f1}。",
        "",
    ],
)
def test_an_answer_that_only_speaks_of_tools_is_no_call(text):
    assert not holds_call(text, TOOLS)


def test_what_a_terminal_obeys_and_no_reader_sees_is_left_out():
    assert clean("a\x1b[31mred\x1b[0m\r\n\tb\x00\x9b\u202e\ud800c") == "a[31mred[0m\n\tbc"
    assert clean("水 ü é 👍🏽 \u200fعربي") == "水 ü é 👍🏽 \u200fعربي"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_reading_any_text_ends_and_keeps_no_line_of_results_alone(text):
    answer, ids = split_results(without_thoughts(clean(text)))
    assert answer == answer.strip()
    assert all(identity.startswith("f") for identity in ids)
    holds_call(text, TOOLS)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 12000,
        " " * 12000,
        "<" * 12000,
        "{" * 12000,
        "RESULTS: f1\n" * 1000,
        "*" * 12000,
        "RESULTS:" * 1500,
        "<think>" * 1700,
        "</think>" * 1500,
        "measure " * 1500,
        "f1, " * 3000,
    ],
    ids=lambda text: repr(text[:9]),
)
def test_no_text_takes_long_to_read(text):
    split_results(without_thoughts(clean(text)))
    holds_call(text, TOOLS)

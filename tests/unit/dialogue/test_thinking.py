"""Reasoning and answer are told apart, with tags whole, missing or out of place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.thinking import encode_reply, split_reply

PLAIN = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), max_size=60)


@settings(deadline=None)
@given(PLAIN, PLAIN)
def test_both_parts_come_back_as_they_were_written(think, answer):
    split = split_reply(encode_reply(think, answer))
    assert split.think == think.strip()
    assert split.answer == answer.strip()
    assert split.is_closed


@settings(deadline=None)
@given(PLAIN, PLAIN)
def test_a_server_that_takes_the_reasoning_out_changes_nothing(think, answer):
    whole = split_reply(encode_reply(think, answer))
    apart = split_reply(f"<answer>{answer}</answer>", think)
    assert (whole.answer, whole.is_closed) == (apart.answer, apart.is_closed)
    assert whole.think == apart.think


@pytest.mark.parametrize(
    ("text", "think", "answer", "is_closed"),
    [
        ("<think>a</think><answer>b</answer>", "a", "b", True),
        ("  <think>\na\n</think>\n\n<answer>\nb\n</answer>\n", "a", "b", True),
        ("Sure. <think>a</think> So: <answer>b</answer> Done.", "Sure. a", "b", True),
        ("<THINK>a</THINK><Answer>b</ANSWER>", "a", "b", True),
        ("<thinking>a</thinking><answer>b</answer>", "a", "b", True),
        ("< think >a</ think >< answer >b</ answer >", "a", "b", True),
        ("a</think><answer>b</answer>", "a", "b", True),
        ("<answer>b</answer>", "", "b", True),
        ("I see it. <answer>b</answer>", "I see it.", "b", True),
        ("<think>a<answer>b</answer>", "a", "b", True),
        ("<think>a</think><answer>b", "a", "b", False),
        ("<think>a</think>b", "a", "b", False),
        ("<think>a</think>b</answer>", "a", "b", True),
        ("b", "", "b", False),
        ("", "", "", False),
        ("<think>a</think>", "a", "", False),
        ("<think>a", "a", None, False),
        ("<think>in <answer> tags</think><answer>b</answer>", "in <answer> tags", "b", True),
        ("<think>in <answer> tags</think>b", "in <answer> tags", "b", False),
        ("<think>a<answer>b</answer></think>", "a", "b", True),
        ("<think>a</think><answer>no</answer> wait <answer>b</answer>", "a", "b", True),
        ("<think>a</think><answer>b</answer><answer>c", "a", "b", True),
        ("<think>a</think><think>c</think><answer>b</answer>", "a</think><think>c", "b", True),
    ],
)
def test_tags_whole_missing_and_out_of_place(text, think, answer, is_closed):
    split = split_reply(text)
    assert (split.think, split.answer, split.is_closed) == (think, answer, is_closed)


@pytest.mark.parametrize(
    ("text", "apart", "think", "answer"),
    [
        ("b", "a", "a", "b"),
        ("<answer>b</answer>", "a", "a", "b"),
        ("", "a", "a", None),
        ("", "<think>a</think><answer>b</answer>", "a", "b"),
        ("", "a</think>\n<answer>b</answer>", "a", "b"),
        ("  ", "a", "a", None),
    ],
)
def test_reasoning_that_a_server_hands_over_apart(text, apart, think, answer):
    split = split_reply(text, apart)
    assert (split.think, split.answer) == (think, answer)


@pytest.mark.parametrize("text", ["<answer>" * 30_000, "<think>" * 30_000, "</think>" * 30_000])
def test_tags_again_and_again_are_read_all_the_same(text):
    assert isinstance(split_reply(text).is_closed, bool)

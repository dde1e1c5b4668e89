"""Text passed on piece by piece is, in the end, the answer as it is read."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.planner.model.relay import Relay
from eoagent.planner.model.replytext import LONGEST, clean, split_results, without_thoughts
from eoagent.planner.rendering import render


def _figure(n):
    given = {"name": "area", "value": 1.25e6 * n, "unit": "m2", "label": "area", "method": "test"}
    return Figure.model_validate(given | {"id": f"f{n}", "step": 1})


FIGURES = {f"f{n}": _figure(n) for n in (1, 2, 12)}


def _relayed(pieces):
    said = []
    relay = Relay(said.append, FIGURES)
    for piece in pieces:
        relay.take(piece)
    relay.end()
    return said


def _cut(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


PARTS = st.sampled_from(
    [
        "Water covers ",
        "{f1}",
        "{f12:ha}",
        "{f2:km2}",
        ".",
        "\n",
        " ",
        "\n\n",
        "- ",
        "**",
        "RESULTS",
        ": ",
        "f1, f2",
        "Results: ",
        "RESULTS: f1",
        "\nRESULTS: f1, f12\n",
        "RESULTS",
        "结果",
        "：",
        "R",
        "res",
        "<think>",
        "hm",
        "</think>",
        "[THINK]",
        "[/THINK]",
        "<",
        "[",
        "x < y",
        "{",
        "}",
        "水体",
        "none",
        "f",
        "\x1b[31m",
        "\u202e",
        "> ",
        "`",
        "_",
        "A",
        "e",
    ]
)


def _is_fit(text):
    """Whether the text has only references that can be filled in, and no thought without begin."""
    bare = re.sub(r"(?is)<think>.*?(</think>|\Z)|\[THINK\].*?(\[/THINK\]|\Z)", "", clean(text))
    try:
        render(bare, FIGURES)
    except InputError:
        return False
    return not re.search(r"</think>|\[/THINK\]", bare, re.IGNORECASE)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(PARTS, max_size=14).map("".join), st.lists(st.integers(1, 9), max_size=40))
@example("Water covers {f1}.\nRESULTS: f1", [1] * 31)
@example("A **RESULTS: f1**", [1] * 17)
@example("Result: {f1}", [1] * 12)
@example("RESULTS: f1\nmore", [1] * 16)
def test_however_a_text_is_split_the_answer_is_passed_on(text, sizes):
    assume(_is_fit(text))
    pieces, start = [], 0
    for size in sizes:
        pieces.append(text[start : start + size])
        start += size
    pieces.append(text[start:])
    assert "".join(_relayed(pieces)) == render(
        split_results(without_thoughts(clean(text)))[0], FIGURES
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_references_are_filled_in_whole_and_the_line_of_results_is_not_shown(size):
    said = _relayed(_cut("Water covers {f1}, or {f12:ha}.\n\n**RESULTS:** f1, f12\n", size))
    assert "".join(said) == "Water covers 1.250 km², or 1,500 ha."
    assert not any("{" in piece for piece in said)


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "<think>42 {f9}</think>It is {f1}.",
        "[THINK]so[/THINK]\n\nIt is {f1}.",
        "It <thinking>a</thinking>is {f1}.",
    ],
)
def test_thoughts_are_not_passed_on(text, size):
    assert "".join(_relayed(_cut(text, size))) == "It is 1.250 km²."


def test_words_are_passed_on_as_they_come():
    said = []
    relay = Relay(said.append, FIGURES)
    for piece in ("Water ", "covers ", "{f", "1", "}"):
        relay.take(piece)
        if piece == "covers ":
            assert "".join(said) == "Water covers"
    assert said[-1] == " 1.250 km²"


def test_a_reference_to_nothing_is_passed_on_as_it_stands():
    assert "".join(_relayed(["It is {f9}."])) == "It is {f9}."


def test_nothing_is_said_of_nothing():
    assert _relayed([]) == _relayed(["", "  \n"]) == []


def test_an_endless_text_in_small_pieces_is_passed_on_in_time():
    text = "RESULTS: f1 " * (LONGEST // 4)
    assert len("".join(_relayed(_cut(text, 5)))) >= LONGEST

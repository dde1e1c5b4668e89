"""Nested lists and objects are found in text, with json as the oracle, and nothing is evaluated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.literals import numbers, read_literals

ATOMS = (
    st.integers(-(10**9), 10**9)
    | st.floats(-1e6, 1e6).map(lambda n: round(n, 4))
    | st.text(max_size=12)
    | st.booleans()
    | st.none()
)
TREES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
NESTED = st.lists(TREES, max_size=5) | st.dictionaries(st.text(max_size=6), TREES, max_size=4)


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((depth(v) for v in inner if isinstance(v, (list, dict))), default=0)


@settings(max_examples=50, deadline=None)
@given(NESTED.filter(lambda v: depth(v) <= 12), st.sampled_from([None, 0, 2]), st.booleans())
def test_json_is_read_as_json_reads_it(value, indent, is_ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    if not is_ascii or "\\ud" not in text:  # two escapes of one letter stay two
        found = read_literals(text)
        assert not found.is_open
        assert len(found.values) == 1
        assert found.values[0] == json.loads(text)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1))
def test_python_is_read_where_it_is_no_more_than_lists_and_words(pairs):
    value = [{"bbox": pair, "label": "a 'ship'", "ok": True, "no": None} for pair in pairs]
    expected = [{**one, "bbox": list(one["bbox"])} for one in value]
    assert read_literals(repr(value)).values == (expected,)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("They are [1, 2] and (3, 4).", ([1, 2], [3, 4])),
        ("(see below) [1]", ([1],)),
        ("[see [1, 2]]", ([1, 2],)),
        ("```json\n[1]\n```", ([1],)),
        ("[1, 2,]", ([1, 2],)),
        ("[]", ([],)),
        ("{}", ({},)),
        ("[-1.5, +2, .5, 1e2]", ([-1.5, 2, 0.5, 100],)),
        ("[1 2]", ()),
        ("[,]", ()),
        ("[1,,2]", ()),
        ("[1)", ()),
        ("{1: 2}", ()),
        ('{"a"}', ()),
        ('{"a": 1, 2}', ()),
        ('{"a": "b": 1}', ()),
        ('["a": 1]', ()),
        ("[12px]", ()),
        ("[1.2.3]", ()),
        ("[0x10]", ()),
        ("[nan, inf]", ()),
        ("[NaN]", ()),
        ("[Infinity]", ()),
        ("[1e999]", ()),
        ("[__import__('os')]", (["os"],)),
        ("[1 + 1]", ()),
        ('["\\u00e9\\n\\"\\q"]', (['é\n"q'],)),
        ("nothing", ()),
        ("", ()),
        ("]]]", ()),
    ],
)
def test_what_is_read_and_what_is_not(text, values):
    found = read_literals(text)
    assert found.values == values
    assert not found.is_open


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[[1, 2], [3, 4", ([1, 2],)),
        ("[[1, 2], [3, 4]", ([1, 2], [3, 4])),
        ("[[1, 2],", ([1, 2],)),
        ("[", ()),
        ("[1, 2", ()),
        ("[1, 2, -", ()),
        ('[{"a": [1, 2]}, {"a": [3', ({"a": [1, 2]},)),
        ('[{"a": [1, 2], "b": "wor', ({"a": [1, 2]},)),
        ('[{"a": [1, 2], "b": "wor\\"d', ({"a": [1, 2]},)),
        ('[{"a": [1, 2], "p": [[1, 2], [3', ({"a": [1, 2]},)),
        ('[{"a"', ()),
        ('[{"a":', ()),
        ('{"all": [{"a": 1}, {"a": 2}, {"a"', ({"a": 1}, {"a": 2})),
        ("[1] then [[2], [3", ([1], [2])),
        ("[[1], tru", ([1],)),
    ],
)
def test_of_what_is_broken_off_the_whole_parts_are_given(text, values):
    found = read_literals(text)
    assert found.values == values
    assert found.is_open


@settings(deadline=None)
@given(st.text(alphabet="[](){}:,0123456789.-+eE \"'\\abtrufalsenN\n", max_size=200))
def test_any_text_ends_in_values(text):
    found = read_literals(text)
    assert all(isinstance(value, (list, dict)) for value in found.values)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 300_000,
        "[1," * 40_000,
        "[[1],x" * 5_000,
        '["' + "a" * 300_000,
        '["' + "\\" * 100_000,
        "{" * 100_000,
        "[" + "1," * 150_000 + "x",
        ('[{"a":[' * 3 + "1" + ",1" * 900 + " x") * 8,
        "[1" + "0" * 200_000 + "]",
        "[" + " " * 250_000,
        "[" + " " * 90_000 + "é",
        "[1" + " " * 90_000 + "é",
    ],
)
def test_hostile_text_is_read_to_an_end(text):
    assert len(read_literals(text).values) <= len(text)


def test_depth_is_bounded():
    assert read_literals("[" * 12 + "]" * 12).values
    too_deep = read_literals("[" * 13 + "]" * 13)
    assert len(too_deep.values) == 1
    assert depth(too_deep.values[0]) == 12


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1.0, 2.0], (1.0, 2.0)),
        ([1.0, True], None),
        ([1.0, "2"], None),
        ([1.0], None),
        ([1.0, [2.0]], None),
        ({"a": 1.0}, None),
        (None, None),
    ],
)
def test_numbers_are_numbers_only(value, expected):
    assert numbers(value, 2) == expected

"""Lists of boxes: read in all the shapes that models give them, and written back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.boxlist import decode_boxes, encode_boxes

WHOLE = st.integers(-50, 20_000)
SPLIT = st.floats(-50, 20_000).map(lambda n: round(n, 3))
BOXES = st.lists(st.tuples(*[WHOLE | SPLIT] * 4), max_size=12)


def boxes_of(found):
    return [target.box for target in found.targets]


@settings(deadline=None)
@given(BOXES)
def test_boxes_come_back_as_they_were_written(boxes):
    found = decode_boxes(encode_boxes(boxes))
    assert boxes_of(found) == [tuple(map(float, box)) for box in boxes]
    assert found.status == ("found" if boxes else "none")
    assert found.broken == 0


def test_boxes_are_written_as_the_checkpoint_writes_them():
    assert encode_boxes([(1, 2.0, 3, 4), (5, 6, 7, 8.5)]) == "[[1,2,3,4],[5,6,7,8.5]]"
    assert encode_boxes([]) == "[]"


A = (1.0, 2.0, 3.0, 4.0)
B = (5.0, 6.0, 7.0, 8.0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("[[1,2,3,4]]", [A]),
        ("[[1,2,3,4],[5,6,7,8]]", [A, B]),
        ("[1,2,3,4]", [A]),
        ("[1, 2, 3, 4], [5, 6, 7, 8]", [A, B]),
        ("[[[1,2,3,4],[5,6,7,8]]]", [A, B]),
        ("(1, 2, 3, 4)", [A]),
        ("[(1, 2, 3, 4), (5, 6, 7, 8)]", [A, B]),
        ("([1,2,3,4],)", [A]),
        ("[[1.0, 2.0, 3.0, 4.0]]", [A]),
        ("```\n[[1,2,3,4]]\n```", [A]),
        ("```json\n[[1,2,3,4]]\n```", [A]),
        ("The two ships [2] are at [[1,2,3,4],[5,6,7,8]].", [A, B]),
        ("[\n  [1, 2, 3, 4],\n  [5, 6, 7, 8],\n]", [A, B]),
        ("Box: [1,2,3,4] (the left one)", [A]),
    ],
)
def test_shapes_of_lists(answer, expected):
    found = decode_boxes(answer)
    assert boxes_of(found) == expected
    assert (found.status, found.broken) == ("found", 0)


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "[ ]",
        "[[]]",
        "```json\n[]\n```",
        "The answer is [].",
        "None",
        "null",
        "no target",
        "No objects found.",
        "No matching object found",
        "N/A",
        "()",
        "{}",
    ],
)
def test_the_model_says_that_there_is_none(answer):
    found = decode_boxes(answer)
    assert (found.status, found.targets) == ("none", ())


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "the ship in the harbour",
        "there is none of them that I could not see",
        "[1,2,3]",
        "[[1,2,3],[4,5]]",
        "[1,2,3,4,5]",
        "[[1,2],[3,4]]",
        "[a,b,c,d]",
        "1,2,3,4",
        '["1","2","3","4"]',
        "[true, false, true, false]",
        "[2] and []",
        "x1=1, y1=2",
        "<box>1 2 3 4</box>",
    ],
)
def test_what_is_neither_is_unparseable(answer):
    assert decode_boxes(answer).status == "unparseable"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("[[1,2,3,4],[5,6,7", [A]),
        ("[[1,2,3,4],[5,6,7,8]", [A, B]),
        ("[[1,2,3,4],", [A]),
        ("[[1,2,3,4", []),
        ("[1,2,3,4", []),
        ("[", []),
    ],
)
def test_of_a_list_that_is_broken_off_the_whole_boxes_are_kept(answer, expected):
    found = decode_boxes(answer)
    assert found.status == "truncated"
    assert boxes_of(found) == expected


def test_members_that_are_no_boxes_are_counted():
    found = decode_boxes("[[1,2,3,4],[5,6,7],[5,6,7,8]]")
    assert found.status == "found"
    assert boxes_of(found) == [A, B]
    assert found.broken == 1

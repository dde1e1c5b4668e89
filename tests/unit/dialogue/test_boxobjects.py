"""Boxes and points as JSON objects, as Qwen and Think2Seg-RS write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.boxobjects import decode_objects, encode_objects
from eoagent.dialogue.grammars.found import Target

NUMBER = st.integers(-50, 20_000).map(float) | st.floats(-50, 20_000).map(lambda n: round(n, 3))
TARGETS = st.lists(
    st.builds(
        Target,
        box=st.tuples(*[NUMBER] * 4),
        points=st.lists(st.tuples(NUMBER, NUMBER), max_size=3).map(tuple),
        label=st.text(max_size=20),
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(TARGETS)
def test_targets_come_back_as_they_were_written(targets):
    text = encode_objects(targets)
    if "\\ud" not in text:  # two escapes of one letter stay two
        found = decode_objects(text)
        assert found.targets == tuple(targets)
        assert found.status == ("found" if targets else "none")


A = Target(box=(1, 2, 3, 4), label="ship")
B = Target(box=(5, 6, 7, 8))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('```json\n[\n\t{"bbox_2d": [1, 2, 3, 4], "label": "ship"}\n]\n```', [A]),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "ship"}, {"bbox_2d": [5,6,7,8]}]', [A, B]),
        ('{"bbox_2d": [1, 2, 3, 4], "label": "ship"}', [A]),
        ("[{'bbox_2d': (1, 2, 3, 4), 'label': 'ship'}]", [A]),
        ('{"bbox_2d": [1,2,3,4], "label": "ship"}\n{"bbox_2d": [5,6,7,8]}', [A, B]),
        ('{"objects": [{"bbox": [1,2,3,4], "label": "ship"}]}', [A]),
        ('[{"box_2d": [1,2,3,4], "name": "ship", "score": 0.9}]', [A]),
        (
            '```json[{"bbox_2d": [10,20,30,40], "positive_points": [[15, 25], [20, 30]]}]```',
            [Target(box=(10, 20, 30, 40), points=((15, 25), (20, 30)))],
        ),
        ('[{"point_2d": [7, 9], "label": "well"}]', [Target(points=((7, 9),), label="well")]),
        (
            '[{"bbox_2d": [1,2,3,4], "points": [[2,3],[2]], "label": 5}]',
            [Target(box=(1, 2, 3, 4), points=((2, 3),))],
        ),
    ],
)
def test_shapes_of_objects(answer, expected):
    found = decode_objects(answer)
    assert list(found.targets) == expected
    assert (found.status, found.broken) == ("found", 0)


@pytest.mark.parametrize("answer", ["[]", "```json\n[]\n```", "{}", "None", "no targets"])
def test_the_model_says_that_there_is_none(answer):
    assert decode_objects(answer).status == "none"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "a ship",
        '[{"label": "ship"}]',
        '[{"bbox_2d": [1,2,3]}]',
        '[{"bbox_2d": "1,2,3,4"}]',
        '[{"bbox_2d": null}]',
        '{"bbox_2d": [1,2,3,4} ]',
        '[{bbox_2d: [1,2,3,4]}, "x"',
        "[[1,2,3,4]]",
    ],
)
def test_what_is_neither_is_unparseable(answer):
    found = decode_objects(answer)
    assert (found.status, found.targets) == ("unparseable", ())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('```json\n[{"bbox_2d": [1,2,3,4], "label": "ship"}, {"bbox_2d": [5,6', [A]),
        ('[{"bbox_2d": [1,2,3,4], "label": "ship"},', [A]),
        ('[{"bbox_2d": [5,6,7,8], "label": "shi', [B]),
        ('[{"bbox_2d": [5,6,7,8], "positive_points": [[5,7],[6,', [B]),
        ('[{"bbox_2d": [5,6', []),
    ],
)
def test_of_a_list_that_is_broken_off_the_whole_boxes_are_kept(answer, expected):
    found = decode_objects(answer)
    assert found.status == "truncated"
    assert list(found.targets) == expected


def test_objects_without_a_place_are_counted():
    found = decode_objects('[{"bbox_2d": [5,6,7,8]}, {"label": "ship"}, {"bbox_2d": [1]}]')
    assert (found.status, found.targets, found.broken) == ("found", (B,), 2)

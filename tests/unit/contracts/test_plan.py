"""Steps and the references between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eoagent.contracts.plan import REFERENCE, Plan, Step, StepRecord, references_in


@pytest.mark.parametrize(
    ("text", "number", "name"),
    [("$1", "1", None), ("$2.boxes", "2", "boxes"), ("$9999.a_1", "9999", "a_1")],
)
def test_a_reference_names_a_step_and_perhaps_an_output(text, number, name):
    match = REFERENCE.match(text)
    assert match is not None
    assert (match.group(1), match.group(2)) == (number, name)


@pytest.mark.parametrize(
    "text",
    [
        "$",
        "$0",
        "$01",
        "$10000",
        "$1.",
        "$1.Area",
        "$1.2",
        "$1.a.b",
        "$1 ",
        " $1",
        "$1\n",
        "$-1",
        "1",
        "$item",
        "$1,$2",
        "${1}",
        "cost is $1",
        "$1.a-b",
        "$1." + "a" * 42,
    ],
)
def test_whatever_is_not_wholly_a_reference_is_a_plain_text(text):
    assert REFERENCE.match(text) is None
    assert references_in({"value": text}) == {}


def test_references_are_found_by_their_path_however_deep():
    arguments = {
        "raster": "$1",
        "layers": ["$2.mask", "plain", {"zones": "$3"}],
        "limits": {"low": 0.5, "high": "$4.mean"},
        "flag": True,
        "none": None,
    }
    assert references_in(arguments) == {
        "raster": "$1",
        "layers.0": "$2.mask",
        "layers.2.zones": "$3",
        "limits.high": "$4.mean",
    }


def test_keys_are_no_references():
    assert references_in({"$1": "plain"}) == {}


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["$1", "$2.a"])
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    ),
    max_leaves=12,
)


def _leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


@given(_TREES)
def test_no_reference_is_overlooked_and_none_is_made_up(tree):
    wanted = [v for v in _leaves(tree) if isinstance(v, str) and REFERENCE.match(v)]
    assert sorted(references_in({"x": tree}).values()) == sorted(wanted)


def test_a_step_has_a_number_from_1_to_9999_and_json_arguments():
    for n in (0, -1, 10_000):
        with pytest.raises(ValidationError, match="n\n"):
            Step(n=n, tool="measure")
    with pytest.raises(ValidationError, match="arguments"):
        Step(n=1, tool="measure", arguments={"values": {1, 2}})
    with pytest.raises(ValidationError, match="extra"):
        Step(n=1, tool="measure", code="print()")


def test_a_step_over_a_list_keeps_its_list_and_its_item():
    step = Step(n=2, tool="measure", arguments={"target": "$item"}, each="$1")
    assert Step.model_validate(step.to_dict()) == step
    assert references_in(step.arguments) == {}


def test_an_empty_plan_says_that_nothing_is_left_to_run():
    assert Plan().steps == ()
    assert Plan.model_validate(Plan().to_dict()) == Plan()


def test_a_record_ends_in_one_of_four_ways():
    fields = {"n": 1, "tool": "measure", "arguments": {}, "references": {}}
    for status in ("done", "failed", "skipped", "cached"):
        assert StepRecord(**fields, status=status).status == status
    with pytest.raises(ValidationError, match="status"):
        StepRecord(**fields, status="running")

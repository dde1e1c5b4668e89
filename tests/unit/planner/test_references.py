"""References between steps: who waits for whom, and what takes their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.plan import Step, StepRecord
from eoagent.planner.references import ITEM, lifted, references_of, resolve, waits_for


def _record(n, **outputs):
    return StepRecord(
        n=n, tool="threshold", arguments={}, references={}, status="done", outputs=outputs
    )


_RECORDS = {1: _record(1, mask="mask:0123456789ab", area="f1"), 2: _record(2)}


def test_a_step_waits_for_every_step_it_names_and_for_its_list():
    step = Step(n=5, tool="t", arguments={"a": "$1", "b": ["$2.x", {"c": "$3"}]}, each="$4")
    assert waits_for(step) == {1, 2, 3, 4}
    assert references_of(step) == {"a": "$1", "b.0": "$2.x", "b.1.c": "$3", "each": "$4"}


def test_a_handle_as_list_and_the_item_are_waited_for_by_nobody():
    step = Step(n=2, tool="t", arguments={"a": ITEM}, each="scenes:0123456789ab")
    assert waits_for(step) == set()


def test_the_number_of_a_step_is_its_primary_output_and_a_name_the_output_of_that_name():
    given_ = {"a": "$1", "b": ["$1.area", 3, None], "c": {"d": "$1.mask"}}
    assert resolve(given_, _RECORDS) == {
        "a": "mask:0123456789ab",
        "b": ["f1", 3, None],
        "c": {"d": "mask:0123456789ab"},
    }


def test_an_output_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(InputError) as caught:
        resolve("$1.share", _RECORDS)
    assert str(caught.value) == "$1.share: step 1 (threshold) has no output 'share'"
    assert caught.value.hint == "it has: mask, area"


@pytest.mark.parametrize("reference", ["$2", "$2.area"])
def test_a_step_without_output_cannot_be_referred_to(reference):
    with pytest.raises(InputError, match="gave no output") as caught:
        resolve(reference, _RECORDS)
    assert caught.value.hint == "refer to a step that makes an artifact or a figure"


_PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab$ 1.", max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    ),
)


@given(_PLAIN)
def test_what_holds_no_reference_is_left_as_it_is(value):
    step = Step(n=9, tool="t", arguments={"a": value})
    if not references_of(step):
        assert resolve(value, {}) == value


def _over(n, each="scenes:0123456789ab"):
    return _record(n, table="table:0123456789ab", items="f2").model_copy(update={"each": each})


_LISTS = {**_RECORDS, 3: _over(3), 4: _over(4, "table:0123456789ab")}


def test_a_column_of_a_step_over_a_list_makes_the_step_run_over_its_table():
    step = Step(n=5, tool="t", arguments={"target": "$4.mask", "more": ["$4.raster", "$1.area"]})
    made = lifted(step, _LISTS)
    assert made.each == "$4"
    assert made.arguments == {"target": "$item.mask", "more": ["$item.raster", "$1.area"]}
    assert resolve(made.each, _LISTS) == "table:0123456789ab"


@pytest.mark.parametrize("reference", ["$4", "$4.table", "$4.items", "$1.mask", "$1"])
def test_what_the_step_itself_gave_is_no_column(reference):
    step = Step(n=5, tool="t", arguments={"target": reference})
    assert lifted(step, _LISTS) == step


def test_a_step_that_names_its_list_may_name_columns_too():
    step = Step(n=5, tool="t", arguments={"a": "$4.mask", "b": "$item.raster"}, each="$4")
    assert lifted(step, _LISTS).arguments == {"a": "$item.mask", "b": "$item.raster"}


@pytest.mark.parametrize(
    ("arguments", "each"), [({"a": "$3.mask", "b": "$4.mask"}, None), ({"a": "$3.mask"}, "$4")]
)
def test_columns_of_two_lists_do_not_go_together(arguments, each):
    step = Step(n=5, tool="t", arguments=arguments, each=each)
    with pytest.raises(InputError, match="step 5 .t. takes columns of several lists") as caught:
        lifted(step, _LISTS)
    assert "take all from the latest" in caught.value.hint


def test_a_column_of_a_list_that_failed_is_no_column():
    failed = _record(3).model_copy(update={"each": "scenes:0123456789ab", "status": "failed"})
    step = Step(n=5, tool="t", arguments={"a": "$3.mask"})
    assert lifted(step, {3: failed}) == step

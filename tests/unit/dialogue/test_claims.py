"""Numbers that nothing backs, and ids that were not shown, are found in a model's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.dialogue.claims import cited, unbacked_numbers


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("About 11.1 km2 were lost.", [11_125_368.4], ()),
        ("About 11.2 km2 were lost.", [11_125_368.4], ("11.2",)),
        ("1,112.5 ha and 31 %", [11_125_368.4, 0.3089], ()),
        ("a fall of −3.20", [-3.2], ()),
        ("three of 3 houses, 12 trees", [], ("12",)),
        ("in 2019 and 2021", [], ("2019", "2021")),
        ("B8A and r2d2 and v1.2.3", [], ()),
        ("no numbers", [], ()),
        ("14, 14 and 14", [], ("14",)),
    ],
)
def test_a_number_is_backed_by_a_value_rounded_to_it_in_a_usual_unit(text, values, wanted):
    assert unbacked_numbers(text, values) == wanted


def test_what_the_model_was_shown_may_be_said_again():
    assert unbacked_numbers("a pier of 246 m", [], given=["The Molo Audace is 246 m long."]) == ()
    assert unbacked_numbers("a pier of 264 m", [], given=["The Molo Audace is 246 m long."]) == (
        "264",
    )


@given(st.floats(1, 1e9), st.integers(0, 4))
def test_any_value_backs_its_own_rounding(value, decimals):
    assert unbacked_numbers(f"It is {value:.{decimals}f} m2.", [value]) == ()


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    unbacked_numbers(text, [1.0])
    cited(text, ["a"])


def test_citations_are_told_from_inventions_and_from_boxes():
    text = (
        "It is a castle [castle], built late [docs/a.md#2; castle]; see [x9] and [10, 20, 30, 40]."
    )
    assert cited(text, ["castle", "docs/a.md#2", "pier"]) == (("castle", "docs/a.md#2"), ("x9",))
    assert cited("none", ["castle"]) == ((), ())


def test_an_id_with_a_comma_is_cited_as_it_is():
    assert cited("so it says [Rome, 2019]", ["Rome, 2019"]) == (("Rome, 2019",), ())

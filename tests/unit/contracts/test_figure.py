"""Figures: what may be a value, and what is refused with a message that names it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eoagent.contracts.figure import Figure, FigureDraft, Fingerprint, Source
from eoagent.contracts.geometry import Window


def _draft(**changed):
    fields = {"name": "area", "value": 2.5, "unit": "m2", "label": "water", "method": "NDWI > 0"}
    return FigureDraft(**{**fields, **changed})


def _figure(**changed):
    return Figure(**{**_draft().model_dump(), "id": "f1", "step": 1, **changed})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(ValidationError, match="figure 'area' is not finite"):
        _draft(value=value)


@pytest.mark.parametrize("error", [float("nan"), float("inf")])
def test_an_error_that_is_not_finite_is_refused(error):
    with pytest.raises(ValidationError, match="figure 'area' is not finite"):
        _draft(error=error)


def test_an_error_is_a_half_width_and_never_negative():
    assert _draft(error=0.0).error == 0.0
    with pytest.raises(ValidationError, match="has a negative error -1.0"):
        _draft(error=-1.0)


def test_a_choice_is_a_text_and_nothing_else_is():
    assert _draft(value="2010", unit="choice").value == "2010"
    with pytest.raises(ValidationError, match="value 2010 does not fit unit 'choice'"):
        _draft(value=2010, unit="choice")
    with pytest.raises(ValidationError, match="value '2.5' does not fit unit 'm2'"):
        _draft(value="2.5")


def test_a_choice_has_no_number_and_says_so():
    choice = _figure(value="increased", unit="choice")
    with pytest.raises(TypeError, match="figure f1 is the choice 'increased', not a number"):
        _ = choice.number
    assert _figure(value=3).number == 3.0


@pytest.mark.parametrize("unit", ["", "acre", "km²", "m2 ", "KM2"])
def test_an_unknown_unit_is_refused(unit):
    with pytest.raises(ValidationError, match="is not a unit"):
        _draft(unit=unit)


@pytest.mark.parametrize("name", ["", "Area", "2nd", "a b", "a.b", "a-b", "_a", "a\n", "a" * 42])
def test_a_name_that_no_reference_could_carry_is_refused(name):
    with pytest.raises(ValidationError, match="pattern"):
        _draft(name=name)


@pytest.mark.parametrize("field", ["label", "method"])
def test_a_figure_says_what_it_is_and_how_it_was_made(field):
    with pytest.raises(ValidationError, match=field):
        _draft(**{field: ""})


@pytest.mark.parametrize("identity", ["f0", "1", "f01", "F1", "f-1", "f1 ", "f1234567", ""])
def test_ids_are_numbered_from_one(identity):
    with pytest.raises(ValidationError, match="pattern"):
        _figure(id=identity)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        _figure(step=0)


def test_a_figure_takes_no_further_field_and_cannot_be_changed():
    with pytest.raises(ValidationError, match="extra"):
        _draft(confidence=0.9)
    with pytest.raises(ValidationError, match="frozen"):
        _draft().value = 3.0


@given(
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**60), 2**60)),
    st.sampled_from(["m2", "km2/yr", "1", "dB"]),
    st.one_of(st.none(), st.floats(0, 1e300)),
)
def test_a_figure_is_the_same_after_a_round_trip_through_json(value, unit, error):
    source = Source(
        href="/data/a.tif",
        fingerprint=Fingerprint(kind="sha256", value="0a"),
        window=Window(row=0, col=1, height=2, width=3),
    )
    figure = _figure(value=value, unit=unit, error=error, sources=(source,))
    assert Figure.model_validate(figure.to_dict()) == figure
    assert Figure.model_validate_json(json.dumps(figure.to_dict(), allow_nan=False)) == figure


def test_a_fingerprint_is_of_a_stated_kind():
    with pytest.raises(ValidationError, match="sha256"):
        Fingerprint(kind="md5", value="0a")

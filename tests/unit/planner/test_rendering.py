"""Figure references become values with units; numbers written by hand are found out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.planner.rendering import bare_claims, numbers_in, quantity, render


def _figure(value=2.5e6, unit="m2", error=None, identity="f1"):
    return Figure(
        id=identity, step=1, name="a", value=value, unit=unit, label="l", method="m", error=error
    )


def _claims(text, *allowed, choices=()):
    return bare_claims(text, allowed=allowed, choices=choices)


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (_figure(), "2.5 km²".replace("2.5", "2.500")),
        (_figure(30_845_400.0, error=213_400.0), "30.85 ± 0.21 km²"),
        (_figure(19.7227, "percent"), "19.72 %"),
        (_figure(0.7088, "1"), "0.7088"),
        (_figure(12.0, "count"), "12"),
        (_figure("2010", "choice"), "2010"),
        (_figure(45.5, "deg"), "45.50°"),
        (_figure(-12.25, "dB"), "-12.25 dB"),
        (_figure(500.0, "m"), "500 m"),
        (_figure(1500.0, "m"), "1.500 km"),
        (_figure(2e6, "m2/yr"), "2 km²/yr"),
        (_figure(0.0), "0 m²"),
    ],
)
def test_a_figure_is_shown_with_the_unit_and_rounding_that_fit(figure, text):
    assert quantity(figure) == text
    assert render("It is {f1}.", {"f1": figure}) == f"It is {text}."


@pytest.mark.parametrize(
    ("figure", "reference", "text"),
    [
        (_figure(), "{f1:ha}", "250 ha"),
        (_figure(), "{f1:m2}", "2,500,000 m²"),
        (_figure(50.0, "percent"), "{f1:1}", "0.5000"),
        (_figure(-12.25, "dB"), "{f1:dB}", "-12.25 dB"),
        (_figure(273.0, "K"), "{f1:K}", "273 K"),
        (_figure(2e6, "m2/yr"), "{f1:km2/yr}", "2 km²/yr"),
        (_figure(30_845_400.0, error=213_400.0), "{f1:ha}", "3,085 ± 21 ha"),
    ],
)
def test_a_unit_can_be_asked_for(figure, reference, text):
    assert render(reference, {"f1": figure}) == text


def test_references_to_several_figures_are_told_apart():
    figures = {f"f{n}": _figure(float(n), "count", identity=f"f{n}") for n in (1, 2, 11, 12)}
    assert render("{f1} {f11} {f12} {f2}", figures) == "1 11 12 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{f9}", r"\{f9\} names no figure of this run"),
        ("{f1:m}", "m2 cannot be converted to m"),
        ("{f1:acre}", "'acre' is no base name"),
        ("{f1:km²}", r"'\{f1:km²\}' is no reference to a figure"),
        ("{F1}", "is no reference to a figure"),
        ("{ f1 }", "is no reference to a figure"),
        ("{f01}", "is no reference to a figure"),
        ("{f1.value}", "is no reference to a figure"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_an_error_and_never_a_blank(text, message):
    with pytest.raises(InputError, match=message) as caught:
        render(text, {"f1": _figure()})
    assert caught.value.hint


def test_a_choice_has_no_unit_to_be_shown_in():
    with pytest.raises(InputError, match="choice cannot be converted to ha"):
        render("{f1:ha}", {"f1": _figure("2010", "choice")})


def test_braces_that_hold_no_reference_stay():
    assert render('{"a": 1} {name}', {}) == '{"a": 1} {name}'


@given(st.floats(1.0, 1e12), st.sampled_from(["m2", "ha", "km2"]))
def test_whatever_the_unit_the_same_area_is_shown(value, unit):
    sizes = {"m²": 1.0, "ha": 1e4, "km²": 1e6}
    number, shown = render(f"{{f1:{unit}}}", {"f1": _figure(value)}).split(" ")
    back = float(number.replace(",", "")) * sizes[shown]
    assert back == pytest.approx(value, rel=6e-4)


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("It is 42 km².", ("42",)),
        ("It is 42km2.", ("42",)),
        ("It is 42km².", ("42",)),
        ("Some 30m and 5x.", ("30", "5")),
        ("It is about .5 of it.", (".5",)),
        ("It is -0.5.", ("-0.5",)),
        ("Area:42", ("42",)),
        ("1,234.5 ha, 42", ("1,234.5", "42")),
        ("between 2000-3000", ("2000", "3000")),
        ("1000-50 m", ("1000", "50")),
        ("1.5e6 m2", ("1.5e6",)),
        ("42%", ("42",)),
        ("(42)", ("42",)),
        ("面积为42平方公里。", ("42",)),
        ("面积为 42 平方公里。", ("42",)),
        ("占４２％", ("４２",)),
        ("{f1} and 0", ("0",)),
        ("7{f1}", ("7",)),
        ("42, 42 and 42", ("42",)),
    ],
)
def test_a_number_written_by_hand_is_found_however_it_is_written(text, claims):
    assert _claims(text) == claims


@pytest.mark.parametrize(
    "text",
    [
        "{f1} of it, {f2:ha}",
        "no number here",
        "on 2019-04-16, in 2019-04, at 2019-04-16T10:02:03Z",
        "in km2 from B04 of Sentinel-2, SWIR1, mask:0123456789ab",
        "LC08_L2SP_008059_20191201 was read",
    ],
)
def test_references_dates_ids_and_names_are_no_claims(text):
    assert _claims(text) == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("NDVI > 0.3", "Where is NDVI above 0.3?"),
        ("NDVI > 0.30", "Where is NDVI above 0.3?"),
        ("below -15 dB", '{"value":-15.0}'),
        ("1500 m", "above 1,500 m"),
        ("45km2", "larger than 45 km2"),
        ("NDVI大于0.3", "NDVI大于0.3的面积"),
        ("in 2015", "between 2015 and 2020"),
    ],
)
def test_a_number_may_be_quoted_from_question_and_arguments(text, source):
    assert _claims(text, source) == ()
    assert _claims(text) != ()


def test_a_hash_lends_no_numbers():
    assert numbers_in('{"mask":"mask:42ab0123456f","value":0.3}') == {0.3}
    assert _claims("It is 42.", "mask:42ab0123456f") == ("42",)


def test_numbers_are_read_without_sign_and_separators():
    assert numbers_in("-1,234.5 and −3, 5e-1 in km2 of B04") == {1234.5, 3.0, 0.5}


@given(st.floats(0, 1e15, allow_nan=False), st.sampled_from(["", "km2", " ha", "%", "平方公里"]))
def test_no_number_slips_through_behind_any_unit(value, unit):
    text = f"It is {value:.6f}{unit}."
    assert len(_claims(text)) == 1
    assert math.isclose(next(iter(numbers_in(text))), round(value, 6), rel_tol=1e-9, abs_tol=1e-9)
    assert _claims(text, f"was it {value:.6f}?") == ()


@pytest.mark.parametrize(
    ("word", "choice", "other"),
    [
        ("increased", "increased", "decreased"),
        ("Decreasing", "decreasing", "increasing"),
        ("fell", "decreased", "unchanged"),
        ("grew", "increasing", "2010"),
        ("shrank", "decreased", "increased"),
        ("larger than", "2010", None),
        ("增加", "increased", "decreased"),
        ("小于", "yes", None),
    ],
)
def test_a_direction_needs_a_choice_that_says_so_or_a_source(word, choice, other):
    text = f"The water {word} there"
    assert _claims(text) == (word,)
    assert _claims(text, choices={choice}) == ()
    if other is not None:
        assert _claims(text, choices={other}) == (word,)
    assert _claims(text, f"has it {word}?") == ()

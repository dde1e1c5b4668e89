"""Tests of band arithmetic: what is computed, and what is refused with which words."""

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.spectral.expression import MAX_LENGTH, parse


def test_bytes_are_computed_without_wrapping_around():
    green, nir = np.array([10, 200], np.uint8), np.array([250, 100], np.uint8)
    value = parse("(green - nir) / (green + nir)").evaluate({"green": green, "nir": nir})
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, [-240 / 260, 100 / 300], rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("uint8", "f4"), ("int16", "f4"), ("float32", "f4"), ("int32", "f8"), ("float64", "f8")],
)
def test_precision_follows_the_input(dtype, expected):
    assert parse("a + 1").evaluate({"a": np.ones(3, dtype)}).dtype == np.dtype(expected)


@pytest.mark.parametrize(
    ("text", "a", "expected"),
    [
        ("2*a - 1", 3.0, 5.0),
        ("-a ** 2", 3.0, -9.0),
        ("2 ** -1 * a", 3.0, 1.5),
        ("(a)", 3.0, 3.0),
        ("abs(-a) + sqrt(a)", 4.0, 6.0),
        ("log10(a)", 100.0, 2.0),
        ("min(a, 2, 1)", 3.0, 1.0),
        ("max(a, 2)", 3.0, 3.0),
        (" + a ", 3.0, 3.0),
        ("1e1 * a", 3.0, 30.0),
    ],
)
def test_arithmetic_follows_the_usual_precedence(text, a, expected):
    assert parse(text).evaluate({"a": np.array([a])})[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "a"),
    [
        ("1 / a", 0.0),
        ("a / a", 0.0),
        ("sqrt(a)", -1.0),
        ("a ** 0.5", -1.0),
        ("log10(a)", 0.0),
        ("log10(a)", -3.0),
        ("1 / (1 / a)", 0.0),
        ("(a ** 16) ** 16", 1e30),
        ("min(a, 1)", np.nan),
        ("max(1, a)", np.nan),
        ("a - a", np.inf),
        ("1 / a", np.inf),
    ],
)
def test_what_is_not_defined_is_nan_and_never_infinite(text, a):
    assert np.isnan(parse(text).evaluate({"a": np.array([a])})[0])


def test_names_come_in_order_of_first_use():
    assert parse("b8a - red + b8a * swir16").names == ("b8a", "red", "swir16")


def test_numbers_may_stand_for_names():
    value = parse("(1 + L) * a").evaluate({"a": np.array([2.0, 4.0]), "L": 0.5})
    np.testing.assert_array_equal(value, [3.0, 6.0])


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "is empty", "for example"),
        ("   ", "is empty", "for example"),
        ("1 + 2", "names no band", "allowed"),
        ("red ^ 2", "'^' at character 5", r"write ** instead"),
        ("red × 2", "'×' at character 5", "write * instead"),
        ("red − nir", "'−' at character 5", "write - instead"),
        ("nir > 0.3", "'>' at character 5", "threshold tool"),
        ("红 - nir", "'红' at character 1", "allowed"),
        ("red\n+ nir", r"'\n' at character 4", "allowed"),
        ("red.mean()", "'red.mean()' at character 1 is not arithmetic", "allowed"),
        ("2 + exp(red)", "'exp(red)' at character 5 is not arithmetic", "abs, sqrt"),
        ("red[0]", "'red[0]' at character 1", "allowed"),
        ("__import__('os')", '"\'" at character 12', "allowed"),
        ("__import__(os)", "not arithmetic over bands", "allowed"),
        ("lambda: red", "not arithmetic over bands", "allowed"),
        ("[red for red in nir]", "not arithmetic over bands", "allowed"),
        ("(lambda: red)()", "not arithmetic over bands", "allowed"),
        ("red if nir else blue", "not arithmetic over bands", "allowed"),
        ("red // nir", "'red // nir' at character 1", "allowed"),
        ("red @ nir", "not arithmetic", "allowed"),
        ("red + ...", "'...' at character 7 is not a real number", "allowed"),
        ("red + True", "'True' at character 7 is not a real number", "allowed"),
        ("red + 2j", "'2' at character 7 runs into a letter", "2*red"),
        ("red * 1e999", "larger than 1e30", "allowed"),
        ("sqrt + red", "'sqrt' at character 1 is a function and wants parentheses", "allowed"),
        ("sqrt(red, nir)", "sqrt at character 1 has 2 arguments and takes 1", "allowed"),
        ("min(red)", "min at character 1 has 1 arguments and takes 2 to 8", "allowed"),
        ("max(red, nir, key=blue)", "'=' at character 18", "threshold tool"),
        ("2red + nir", "the number '2' at character 1 runs into a letter", "2*red"),
        ("nir + 1or red", "the number '1' at character 7 runs into a letter", "2*red"),
        ("red or nir", "not arithmetic over bands", "allowed"),
        ("min(*red)", "min at character 1", "allowed"),
        ("red ** nir", "exponent at character 8 is not a number", "plain number"),
        ("red ** 17", "exponent at character 8 is not a number up to 16", "plain number"),
        ("red ** 9 ** 9", "exponent at character 8", "plain number"),
        ("red +", "breaks off at character", "allowed"),
        ("(red", "breaks off at character 1", "allowed"),
        ("red nir", "breaks off at character", "allowed"),
    ],
)
def test_refusals_name_the_position_and_say_what_is_allowed(text, message, hint):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "red + " * 200 + "red",
        "-" * 300 + "red",
        "(" * 240 + "red" + ")" * 240,
        "red" + "**2" * 45,
        "abs(" * 60 + "red" + ")" * 60,
    ],
)
def test_long_and_deep_expressions_are_refused(text):
    with pytest.raises(InputError):
        parse(text)


def test_parentheses_alone_nest_nothing():
    assert parse("(" * 100 + "red" + ")" * 100).names == ("red",)


def test_length_is_named():
    with pytest.raises(InputError, match=f"{MAX_LENGTH + 1} characters, more than {MAX_LENGTH}"):
        parse("a" * (MAX_LENGTH + 1))


def test_a_missing_band_is_named_with_what_is_there():
    with pytest.raises(InputError, match="needs nir, which the raster does not have") as caught:
        parse("red - nir").evaluate({"red": np.ones(2), "blue": np.ones(2)})
    assert caught.value.hint == "bands there: blue, red"


def test_different_shapes_are_refused():
    with pytest.raises(InputError, match=r"red \(2,\), nir \(3,\)"):
        parse("red - nir").evaluate({"red": np.ones(2), "nir": np.ones(3)})


def test_text_is_no_number():
    with pytest.raises(InputError, match="'red' holds <U1 values"):
        parse("red + 1").evaluate({"red": np.array(["a"])})


def test_expressions_compare_by_their_text():
    assert parse("red - nir") == parse(" red - nir ")

"""The algebra of units against a table of factors and dimensions written here."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.units import (
    BASE_UNITS,
    convert,
    display_unit,
    format_number,
    is_unit,
    product,
    same_kind,
)

_SIZES = {
    "m": ("m", 1, 1.0),
    "km": ("m", 1, 1000.0),
    "m2": ("m", 2, 1.0),
    "ha": ("m", 2, 10_000.0),
    "km2": ("m", 2, 1_000_000.0),
    "m3": ("m", 3, 1.0),
    "deg": ("deg", 1, 1.0),
    "px": ("px", 1, 1.0),
    "px2": ("px2", 1, 1.0),
    "count": ("count", 1, 1.0),
    "yr": ("yr", 1, 1.0),
    "K": ("K", 1, 1.0),
    "percent": ("", 0, 0.01),
    "1": ("", 0, 1.0),
}
_NAMES = st.sampled_from(sorted(BASE_UNITS))
_PLAIN = st.sampled_from(sorted(_SIZES))
_VALUES = st.floats(-1e9, 1e9, allow_nan=False)


def test_the_base_names_are_those_of_the_contract():
    listed = "m km m2 ha km2 m3 deg px px2 percent 1 count yr K dB choice"
    assert list(BASE_UNITS) == listed.split()


@pytest.mark.parametrize("unit", ["km2/yr", "1/yr", "count/ha", "m*m", "m2*m2/yr", "percent/yr"])
def test_products_and_quotients_of_base_names_are_units(unit):
    assert is_unit(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "*",
        "/",
        "m/",
        "/m",
        "m**2",
        "m//yr",
        "m m",
        " m",
        "m ",
        "M",
        "KM2",
        "km²",
        "hectare",
        "m^2",
        "2",
        "-m",
        "m*m*m*m*m",
        "m" * 500,
        "m\n",
    ],
)
def test_anything_else_is_no_unit(unit):
    assert not is_unit(unit)


def test_an_unknown_name_is_told_with_those_that_are_known():
    with pytest.raises(InputError, match="unit 'km2/day' is not known: 'day' is no base name") as e:
        convert(1.0, "km2/day", "km2/yr")
    assert e.value.hint.startswith("base names: m, km, m2, ha, km2")


def test_too_many_factors_are_refused():
    with pytest.raises(InputError, match="more than 4 factors"):
        same_kind("*".join(["m"] * 5), "m")


@given(_PLAIN, _PLAIN)
def test_units_are_of_one_kind_where_their_dimension_is_one(first, second):
    wanted = _SIZES[first][:2] == _SIZES[second][:2]
    assert same_kind(first, second) == wanted


@given(_VALUES, _PLAIN, _PLAIN)
def test_a_conversion_is_the_ratio_of_the_sizes_and_can_be_undone(value, unit, to):
    if _SIZES[unit][:2] != _SIZES[to][:2]:
        with pytest.raises(InputError, match="they measure different things"):
            convert(value, unit, to)
        return
    there = convert(value, unit, to)
    assert there == pytest.approx(value * _SIZES[unit][2] / _SIZES[to][2], rel=1e-12)
    assert convert(there, to, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "to", "wanted"),
    [
        (1.0, "km2", "ha", 100.0),
        (2500.0, "m2", "ha", 0.25),
        (3.0, "km2/yr", "ha/yr", 300.0),
        (50.0, "percent", "1", 0.5),
        (4.0, "count/km2", "count/ha", 0.04),
        (2.0, "km*km", "km2", 2.0),
        (1.0, "km2/km", "m", 1000.0),
    ],
)
def test_known_conversions(value, unit, to, wanted):
    assert convert(value, unit, to) == pytest.approx(wanted)


@given(_VALUES, _NAMES)
def test_a_conversion_to_the_same_unit_changes_nothing(value, unit):
    assert convert(value, unit, unit) == value


@given(_PLAIN, _PLAIN, st.booleans())
def test_a_product_has_the_dimension_and_the_size_of_its_factors(first, second, divide):
    try:
        unit, factor = product(first, second, divide=divide)
    except InputError:
        joined = f"{first}{'/' if divide else '*'}{second}"
        assert not any(same_kind(joined, name) for name in BASE_UNITS), joined
        return
    joined = f"{first}{'/' if divide else '*'}{second}"
    assert is_unit(unit)
    assert same_kind(joined, unit)
    assert convert(1.0, joined, unit) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("first", "second", "divide", "wanted"),
    [
        ("km2", "yr", True, ("m2/yr", 1e6)),
        ("m", "km", False, ("m2", 1000.0)),
        ("percent", "m2", False, ("m2", 0.01)),
        ("ha", "km2", True, ("1", 0.01)),
        ("count", "km2", True, ("count/m2", 1e-6)),
        ("1", "yr", True, ("1/yr", 1.0)),
    ],
)
def test_known_products(first, second, divide, wanted):
    unit, factor = product(first, second, divide=divide)
    assert (unit, factor) == (wanted[0], pytest.approx(wanted[1]))


def test_a_product_without_a_name_is_refused_with_both_units():
    with pytest.raises(InputError, match=r"m2 \* km2 has no unit here") as caught:
        product("m2", "km2")
    assert caught.value.hint == "combine lengths, areas, counts, pixels and years"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0, "m2", "m2"),
        (9_999.0, "m2", "m2"),
        (10_000.0, "m2", "ha"),
        (999_999.0, "m2", "ha"),
        (1e6, "m2", "km2"),
        (-3e6, "m2", "km2"),
        (999.0, "m", "m"),
        (-1000.0, "m", "km"),
        (5e9, "count", "count"),
        (5e9, "ha", "ha"),
        (5e9, "m2/yr", "km2/yr"),
        (-3e4, "m2/yr", "ha/yr"),
        (0.5, "1/yr", "1/yr"),
    ],
)
def test_areas_and_lengths_are_shown_in_the_unit_that_fits(value, unit, shown):
    assert display_unit(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (30.8454, None, "30.85"),
        (0.708813, None, "0.7088"),
        (1234567.0, None, "1,234,567"),
        (1234567.891, None, "1,234,568"),
        (12345.6, None, "12,346"),
        (9999.96, None, "10,000"),
        (-0.25, None, "-0.2500"),
        (0.0, None, "0"),
        (30.8454, 0.2134, "30.85"),
        (30.8454, 2.134, "30.8"),
        (30.8454, 21.34, "31"),
        (2.0, 0.5, "2.00"),
        (-0.00004, 0.1, "0.00"),
        (1e15, None, "1.000e+15"),
        (2.5e-12, None, "2.500e-12"),
        (math.nan, None, "no value"),
        (math.inf, None, "no value"),
    ],
)
def test_a_number_is_rounded_to_its_error_or_to_four_digits(value, error, text):
    assert format_number(value, error=error) == text


@given(st.floats(-1e14, 1e14, allow_nan=False))
def test_a_shown_number_can_be_read_back_to_four_digits(value):
    assume(value == 0 or abs(value) > 1e-9)
    shown = float(format_number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=6e-4)


@given(_VALUES, st.floats(1e-6, 1e6))
def test_a_shown_number_is_as_near_as_its_error_demands(value, error):
    shown = float(format_number(value, error=error).replace(",", ""))
    assert abs(shown - value) <= max(0.05 * error, 5e-4 * abs(value)) + 1e-12 or (
        abs(shown - value) <= 0.5 and error >= 5
    )

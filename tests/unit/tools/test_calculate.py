"""`calculate` against formulas written out by hand."""

from __future__ import annotations

import math

import pytest

from eoagent.contracts.errors import InputError


@pytest.fixture
def reckon(bench, figure):
    """Calculate over figures a, b, c given as (value, unit, error)."""

    def run(expression, unit=None, **given):
        made = {f"f{n}": figure(n, *args) for n, args in enumerate(given.values(), 1)}
        values = dict(zip(given, made, strict=True))
        used = bench.using(figures=made)
        found = used.figures("calculate", expression=expression, values=values, unit=unit)
        return found["value"]

    return run


def test_a_difference_of_areas_adds_errors_in_quadrature(reckon):
    value, unit, error = reckon("a - b", a=(5e6, "m2", 3e4), b=(2e6, "m2", 4e4))
    assert (value, unit) == (3e6, "m2")
    assert error == pytest.approx(5e4)


def test_a_product_adds_relative_errors_in_quadrature(reckon):
    value, unit, error = reckon("a * b", a=(200.0, "m", 2.0), b=(50.0, "m", 1.0))
    assert (value, unit) == (10000.0, "m2")
    assert error == pytest.approx(10000 * math.hypot(0.01, 0.02))


def test_a_quotient_adds_relative_errors_in_quadrature(reckon):
    value, unit, error = reckon("a / b", a=(-200.0, "m2", 2.0), b=(50.0, "m2", 1.0))
    assert (value, unit) == (-4.0, "1")
    assert error == pytest.approx(4 * math.hypot(0.01, 0.02))


def test_a_figure_that_stands_twice_counts_with_both_slopes(reckon):
    a, b, ea, eb = 8.0, 5.0, 0.3, 0.2
    value, unit, error = reckon("(a - b) / a", "percent", a=(a, "km2", ea), b=(b, "km2", eb))
    assert (value, unit) == (pytest.approx(37.5), "percent")
    assert error == pytest.approx(100 * math.hypot(b / a**2 * ea, eb / a))


def test_a_figure_less_itself_is_exactly_nothing(reckon):
    assert reckon("a - a", a=(8.0, "m", 0.3)) == (0.0, "m", 0.0)


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [(8.0, 5.0, "decreased"), (5.0, 8.0, "increased"), (5.0, 5.0, "unchanged")],
)
def test_a_change_tells_its_direction(bench, figure, before, after, word):
    used = bench.using(
        figures={"f1": figure(1, before, "m2", 0.1), "f2": figure(2, after, "m2", 0.1)}
    )
    values = {"before": "f1", "after": "f2"}
    found = used.figures(
        "calculate", expression="after - before", values=values, is_change=True, label="change"
    )
    assert found["value"][0] == after - before
    assert found["direction"][:2] == (word, "choice")
    assert "direction" not in used.figures("calculate", expression="after", values=values)


def test_two_names_of_one_figure_are_one_figure(bench, figure):
    used = bench.using(figures={"f1": figure(1, 8.0, "m", 0.3)})
    found = used.figures("calculate", expression="a + b", values={"a": "f1", "b": "figure:f1"})
    assert found["value"] == (16.0, "m", pytest.approx(0.6))


def test_units_are_brought_together_before_they_are_added(reckon):
    value, unit, error = reckon("a + b", a=(1.0, "km2", None), b=(50.0, "ha", 2.0))
    assert (value, unit) == (pytest.approx(1.5), "km2")
    assert error == pytest.approx(0.02)


def test_percent_of_an_area_is_an_area(reckon):
    value, unit, error = reckon("s * a", s=(25.0, "percent", None), a=(8.0, "km2", 0.4))
    assert (value, unit) == (pytest.approx(2e6), "m2")
    assert error == pytest.approx(1e5)


def test_one_and_a_percentage_add_up(reckon):
    assert reckon("1 + s", s=(25.0, "percent", None)) == (pytest.approx(1.25), "1", None)


def test_a_rate_has_the_unit_of_a_rate(reckon):
    value, unit, _ = reckon(
        "(a - b) / t", a=(3.0, "km2", None), b=(1.0, "km2", None), t=(4, "yr", None)
    )
    assert (value, unit) == (pytest.approx(5e5), "m2/yr")


def test_signs_and_numbers_are_arithmetic(reckon):
    assert reckon("-a * 2 + 1", a=(3.0, "1", 0.5)) == (-5.0, "1", pytest.approx(1.0))


def test_without_errors_none_is_stated(reckon):
    assert reckon("a / 2", a=(3, "count", None)) == (1.5, "count", None)


def test_label_method_and_sources_come_along(bench, figure):
    used = bench.using(figures={"f1": figure(1, 8.0, "m")})
    made = used("calculate", expression="a / 2", values={"a": "f1"}, label="half").figures[0]
    assert made.label == "half"
    assert made.method == "a / 2 with a = quantity 1 (f1)"


@pytest.mark.parametrize(
    ("expression", "given", "said"),
    [
        ("a + b", {"a": (1, "m", None)}, "'b' is not in values"),
        ("a + b", {"a": (1, "m", None), "b": (1, "m2", None)}, "m and m2 cannot be added"),
        ("a / b", {"a": (1, "m", None), "b": (0, "m", None)}, "divides by zero"),
        ("a *", {"a": (1, "m", None)}, "is no arithmetic expression"),
        ("a\0", {"a": (1, "m", None)}, "is no arithmetic expression"),
        ("a ** 2", {"a": (1, "m", None)}, "'a ** 2' is not allowed"),
        ("__import__('os')", {"a": (1, "m", None)}, "not allowed"),
        ("a.real", {"a": (1, "m", None)}, "'a.real' is not allowed"),
        ("a + True", {"a": (1, "m", None)}, "'True' is not allowed"),
        ("a * a * a * a", {"a": (1, "m", None)}, "has no unit here"),
        ("a * 1e999", {"a": (1, "m", None)}, "has no finite value"),
        ("a * a / a", {"a": (1e200, "1", 1.0)}, "has no finite value"),
        ("1 / a", {"a": (1e-320, "1", 1.0)}, "has no finite value"),
        ("-" * 30 + "a", {"a": (1, "m", None)}, "nested deeper than 20"),
        ("(" * 150 + "a" + ")" * 40, {"a": (1, "m", None)}, "is no arithmetic expression"),
        ("a", {"a": ("yes", "choice", None)}, "f1 is the choice 'yes'"),
    ],
)
def test_what_cannot_be_reckoned_is_refused(reckon, expression, given, said):
    with pytest.raises(InputError, match=".+") as caught:
        reckon(expression, **given)
    assert said in str(caught.value)
    assert caught.value.hint


def test_small_and_large_divisors_do_not_break_it(reckon):
    value, _, error = reckon("a / b", a=(1e10, "1", 1e5), b=(1e200, "1", 1e190))
    assert value == pytest.approx(1e-190)
    assert error == pytest.approx(1e-195, rel=1e-3)


def test_a_result_in_another_kind_of_unit_is_refused(reckon):
    with pytest.raises(InputError, match="m cannot be converted to m2"):
        reckon("a", "m2", a=(1, "m", None))
    with pytest.raises(InputError, match="unit 'acre' is not known"):
        reckon("a", "acre", a=(1, "m2", None))


def test_a_name_that_is_no_figure_is_refused_with_those_there_are(bench, figure):
    used = bench.using(figures={"f1": figure(1, 8.0, "m")})
    with pytest.raises(InputError, match="'f9' is no figure of this run") as caught:
        used("calculate", expression="a", values={"a": "f9"})
    assert caught.value.hint == "figures: f1"
    with pytest.raises(InputError) as caught:
        bench("calculate", expression="a", values={"a": "f1"})
    assert caught.value.hint == "figures: none yet"


def test_bare_numbers_are_no_figures(bench):
    assert "values.a" in bench.refused("calculate", expression="a", values={"a": 3.0})
    assert "expression" in bench.refused("calculate", expression="", values={"a": "f1"})

"""Prices: adding them up, and how a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eoagent.contracts.price import Price

PRICES = st.builds(
    Price,
    scenes=st.integers(0, 1000),
    bytes=st.integers(0, 10**15),
    seconds=st.integers(0, 10**6).map(float),
    tokens=st.integers(0, 10**9),
    outward=st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(tuple),
    is_upper_bound=st.booleans(),
)


@given(PRICES, PRICES, PRICES)
def test_adding_does_not_depend_on_how_it_is_grouped(first, second, third):
    assert (first + second) + third == first + (second + third)
    assert Price.total([first, second, third]) == first + second + third


@given(PRICES, st.integers(0, 5))
def test_a_price_times_a_count_is_that_many_added_up(price, count):
    assert price.times(count) == Price.total([price] * count)


@given(PRICES)
def test_nothing_added_changes_nothing(price):
    assert price + Price() == price


@given(PRICES)
def test_a_price_survives_being_written_down(price):
    assert Price.model_validate(price.to_dict()) == price


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price(), "nothing"),
        (Price(is_upper_bound=True), "nothing"),
        (Price(scenes=1), "1 scene"),
        (Price(scenes=1200), "1,200 scenes"),
        (
            Price(scenes=24, bytes=1_300_000_000, seconds=40, is_upper_bound=True),
            "24 scenes, at most 1.3 GB to read, about 40 s",
        ),
        (Price(bytes=1), "1 B to read"),
        (Price(bytes=999), "999 B to read"),
        (Price(bytes=1000), "1 kB to read"),
        (Price(bytes=9_950_001), "10 MB to read"),
        (Price(bytes=482_253_120, is_upper_bound=True), "at most 483 MB to read"),
        (Price(bytes=999_000_001, is_upper_bound=True), "at most 1 GB to read"),
        (Price(seconds=0.2), "about 1 s"),
        (Price(seconds=150), "about 2 min"),
        (Price(seconds=9000), "about 2.5 h"),
        (Price(tokens=12_000), "about 12,000 tokens"),
        (Price(tokens=1), "about 1 token"),
        (Price(outward=("export writes 'a.tif'",)), "export writes 'a.tif'"),
        (Price(outward=tuple("abcde")), "a, b, c, and 2 more of this kind"),
    ],
)
def test_a_price_reads_like_this(price, text):
    assert price.text == text


@given(st.integers(1, 10**17))
def test_the_size_shown_is_never_smaller_than_the_size(count):
    number, unit = Price(bytes=count).text.split()[:2]
    factor = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB"].index(unit)
    assert count <= float(number) * factor * (1 + 1e-12)
    assert float(number) * factor <= count * 1.11


@pytest.mark.parametrize("field", ["scenes", "bytes", "seconds", "tokens"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_price_is_a_finite_number_above_zero(field, value):
    with pytest.raises(ValidationError, match=field):
        Price(**{field: value})

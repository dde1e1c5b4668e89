"""Properties of band arithmetic: Python's own float arithmetic is the oracle."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.spectral.expression import parse
from eoagent.spectral.index_table import INDICES
from eoagent.spectral.indices import evaluate_index

_LEAVES = st.one_of(
    st.sampled_from(["red", "nir", "b8a"]), st.integers(0, 9).map(str), st.just("0.5")
)
_TEXTS = st.recursive(
    _LEAVES,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/"]), part).map(
            lambda triple: f"({triple[0]} {triple[1]} {triple[2]})"
        ),
        part.map(lambda text: f"(-{text})"),
        part.map(lambda text: f"abs({text})"),
        st.tuples(part, part).map(lambda pair: f"min({pair[0]}, {pair[1]})"),
        st.tuples(part, part).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
    ),
    max_leaves=12,
)
_VALUES = st.floats(-1e3, 1e3)


@given(text=_TEXTS, red=_VALUES, nir=_VALUES, b8a=_VALUES)
def test_arithmetic_equals_that_of_python(text, red, nir, b8a):
    values = {"red": red, "nir": nir, "b8a": b8a}
    scope = {"__builtins__": {}, "abs": abs, "min": min, "max": max, **values}
    try:
        expected = float(eval(text, scope))
    except ZeroDivisionError:
        expected = math.nan
    full = f"{text} + 0 * red"
    found = parse(full).evaluate({name: np.array([value]) for name, value in values.items()})
    assert found.shape == (1,)
    if math.isfinite(expected):
        np.testing.assert_allclose(found, [expected], rtol=1e-9, atol=1e-9)
    else:
        assert np.isnan(found[0])


@given(st.text(max_size=60) | st.text("redni+-*/()., 0123.eE[]:{}@%_abs", max_size=60))
def test_any_text_is_parsed_or_refused_with_a_hint(text):
    parsed, refusal = None, None
    try:
        parsed = parse(text)
    except InputError as error:
        refusal = error
    if parsed is None:
        assert refusal.hint
    else:
        values = {name: np.array([0.0, 1.0, np.nan, np.inf]) for name in parsed.names}
        assert not np.isinf(parsed.evaluate(values)).any()


@given(st.lists(st.integers(0, 255), min_size=7, max_size=7))
def test_every_index_of_bytes_is_finite_or_nan_and_a_ratio_stays_in_range(numbers):
    names = ("blue", "green", "red", "rededge071", "nir", "swir16", "swir22")
    bands = {name: np.array([n], np.uint8) for name, n in zip(names, numbers, strict=True)}
    for spec in INDICES.values():
        value = float(evaluate_index(spec, bands)[0])
        assert not math.isinf(value)
        if spec.valid_range and not math.isnan(value):
            assert spec.valid_range[0] - 1e-6 <= value <= spec.valid_range[1] + 1e-6


@given(
    first=st.integers(0, 65535), second=st.integers(0, 65535), factor=st.sampled_from([1e-4, 2.0])
)
def test_normalised_difference_does_not_depend_on_the_scale(first, second, factor):
    bands = {"nir": np.array([first], np.uint16), "red": np.array([second], np.uint16)}
    scaled = {name: array * factor for name, array in bands.items()}
    np.testing.assert_allclose(
        evaluate_index(INDICES["ndvi"], bands),
        evaluate_index(INDICES["ndvi"], scaled),
        rtol=1e-5,
        atol=1e-6,
    )

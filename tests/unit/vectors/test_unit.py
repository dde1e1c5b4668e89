"""Vectors that cannot be compared are refused with the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import norms_of, require_labels, require_unit, unit_vectors


def test_unit_vectors_point_where_the_given_ones_do():
    given = np.array([[3.0, 4.0], [0.0, -2.0]])
    assert np.allclose(unit_vectors(given, "rows"), [[0.6, 0.8], [0, -1]])
    assert unit_vectors(given, "rows").dtype == np.float32


def test_float16_rounding_passes_as_unit_length():
    rows = np.random.default_rng(0).normal(size=(50, 512))
    half = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    assert np.array_equal(require_unit(half, "rows"), half.astype(np.float32))


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.zeros((0, 4)), "rows: there is no vector"),
        (np.ones(4), r"rows of numbers, and this is float64 of shape \(4,\)"),
        (np.array([["a"]]), "rows of numbers, and this is <U1"),
        (np.array([[1.0, 0], [3, 4]]), "1 of 2 vectors are not of unit length; row 1 has 5"),
        (np.array([[np.nan, 0.0]]), "row 0 has nan"),
        (np.array([[1.0, 0, 0]]), "vectors of 2 dimensions are needed, and these have 3"),
    ],
)
def test_what_is_no_unit_vector_is_refused(vectors, said):
    with pytest.raises(InputError, match=said):
        require_unit(vectors, "rows", dimensions=0 if vectors.shape[-1] != 3 else 2)


@pytest.mark.parametrize("bad", [np.zeros(3), np.array([np.nan, 1, 1]), np.array([np.inf, 1, 1])])
def test_a_vector_without_direction_is_refused(bad):
    rows = np.stack([np.ones(3), bad])
    with pytest.raises(InputError, match=r"1 of 2 vectors have no direction; the first is row 1"):
        unit_vectors(rows, "rows")


def test_lengths_are_those_of_numpy():
    rows = np.random.default_rng(1).normal(size=(20, 7)).astype(np.float32)
    assert np.allclose(norms_of(rows), np.linalg.norm(rows.astype(np.float64), axis=1))


def test_labels_must_fit_rows_and_classes():
    assert require_labels(np.array([0, 2]), "x", rows=2, classes=3).tolist() == [0, 2]
    with pytest.raises(InputError, match=r"x: 3 labels are needed"):
        require_labels(np.array([0, 2]), "x", rows=3, classes=3)
    with pytest.raises(InputError, match=r"as whole numbers; there are float64"):
        require_labels(np.array([0.0]), "x", rows=1, classes=3)
    with pytest.raises(InputError, match=r"label 3 of row 1 is none of the 3 classes"):
        require_labels(np.array([0, 3]), "x", rows=2, classes=3)

"""Sorted ids find what a dictionary finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent_indexes.ids import ID_BYTES, SortedIds, id_words

# Few upper and lower halves, so that ids share one or the other.
HALF = st.sampled_from(["0" * 16, "f" * 16, "00000000000000ff", "8" * 16])
ID = st.builds(str.__add__, HALF, HALF)


@settings(max_examples=150, deadline=None)
@given(st.lists(ID, min_size=1, max_size=12, unique=True), st.lists(ID, max_size=16))
def test_a_look_up_finds_the_row_that_a_dictionary_finds(there, asked):
    rows = {name: row for row, name in enumerate(there)}
    found = SortedIds.of(id_words(there)).find(id_words(asked))
    assert found.tolist() == [rows.get(name, -1) for name in asked]


def test_the_file_gives_back_ids_in_row_order(made):
    names = made.ids_of(4, 100)
    data = SortedIds.of(id_words(names)).to_bytes()
    assert len(data) == 100 * ID_BYTES
    upper, lower = SortedIds.over(data, 100).words_in_row_order()
    assert [
        f"{a:016x}{b:016x}" for a, b in zip(upper.tolist(), lower.tolist(), strict=True)
    ] == names


def test_ids_in_two_rows_are_told():
    assert SortedIds.of(id_words(["a" * 32, "b" * 32, "a" * 32])).has_twins()
    assert not SortedIds.of(id_words(["a" * 32, "b" * 32])).has_twins()


@pytest.mark.parametrize("name", ["", "a" * 31, "A" * 32, "g" * 32, "a" * 32 + "\n", "x" * 100])
def test_what_is_no_tile_id_is_refused(name):
    with pytest.raises(InputError, match="is no tile id") as caught:
        id_words([name])
    assert caught.value.hint == "a tile id is 32 digits of 0-9 and a-f"


def test_no_ids_find_nothing():
    assert SortedIds.of(id_words(["a" * 32])).find(id_words([])).tolist() == []
    assert id_words([])[0].dtype == np.uint64

"""Masks in run lengths: read strictly, and written back cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from eoagent.dialogue.grammars.runlengths import decode_mask, encode_mask

GRIDS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


def written_out(text: str) -> list[list[int]]:
    """The slow way: run by run, cell by cell."""
    rows = [row for row in text.split(";") if row]
    return [
        [int(v) for run in row.split(",") for v in run.split("*")[0] * int(run.split("*")[1])]
        for row in rows
    ]


@settings(max_examples=50, deadline=None)
@given(GRIDS)
def test_masks_come_back_as_they_were_written(grid):
    text = encode_mask(grid)
    assert written_out(text.removeprefix("<seg>").removesuffix("</seg>")) == grid.tolist()
    found = decode_mask(text)
    assert found.grid is not None
    np.testing.assert_array_equal(found.grid, grid)
    assert found.status == ("found" if grid.any() else "none")


def test_a_mask_is_written_as_the_checkpoint_is_told_to():
    assert encode_mask(np.array([[0, 1, 1], [0, 0, 0]], bool)) == "<seg>0*1,1*2;0*3;</seg>"


@pytest.mark.parametrize(
    "answer",
    [
        "<seg>0*1,1*2;0*3;</seg>",
        "Here it is: <seg>0*1,1*2;0*3;</seg> Done.",
        "<SEG>0*1,1*2;0*3</SEG>",
        "<seg>\n0 * 1, 1 * 2;\n0*3;\n</seg>",
        "0*1,1*2;0*3;",
        "<seg>0*1,1*1,1*1;0*3;</seg>",
    ],
)
def test_shapes_of_masks(answer):
    found = decode_mask(answer)
    assert found.status == "found"
    assert found.grid is not None
    assert found.grid.tolist() == [[False, True, True], [False, False, False]]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "a mask",
        "<seg></seg>",
        "<seg>;</seg>",
        "<seg>0*1,1*2;0*4;</seg>",
        "<seg>0*1,2*2;</seg>",
        "<seg>0*-1;</seg>",
        "<seg>0*0;</seg>",
        "<seg>0*1,,1*2;</seg>",
        "<seg>0*1;;0*1;</seg>",
        "<seg>0*99999999;</seg>",
        "<seg>" + "0*99999;" * 50 + "</seg>",
        "<seg>[[1,2,3,4]]</seg>",
        "5;",
        "[[1,2,3,4]]",
    ],
)
def test_what_is_no_mask_is_unparseable(answer):
    found = decode_mask(answer)
    assert found.status == "unparseable"
    assert found.grid is None


def test_of_a_mask_that_is_broken_off_the_whole_rows_are_kept():
    found = decode_mask("<seg>0*1,1*2;0*3;1*2,0")
    assert found.status == "truncated"
    assert found.grid is not None
    assert found.grid.tolist() == [[False, True, True], [False, False, False]]
    nothing = decode_mask("<seg>0*1,1")
    assert (nothing.status, nothing.grid) == ("truncated", None)

"""Components of masks in strips: what they refuse, and what an empty mask gives."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.geometry import Window
from eoagent.geo.area import PixelAreas
from eoagent.geo.components import Components


def window(height, width, row=0, col=0):
    return Window(row=row, col=col, height=height, width=width)


def test_a_u_shape_is_one_region_though_its_arms_meet_last():
    found = Components(4)
    arms = np.array([[True, False, True]])
    for row in range(3):
        found.add(window(1, 3, row), arms)
    found.add(window(1, 3, 3), np.ones((1, 3), bool))
    table = found.finish()
    assert table.pixels.tolist() == [9]
    assert found.relabel(window(1, 3, 1), arms).tolist() == [[1, 0, 1]]


def test_rows_and_columns_are_those_of_the_grid():
    found = Components()
    found.add(window(2, 2, row=10, col=20), np.array([[False, True], [False, True]]))
    table = found.finish()
    assert (table.row_start[0], table.row_stop[0]) == (10, 12)
    assert (table.col_start[0], table.col_stop[0]) == (21, 22)
    assert (table.centroid_row[0], table.centroid_col[0]) == (11.0, 21.5)
    assert (table.area_m2, table.edge_error_m2) == (None, None)


def test_a_mask_without_yes_has_no_regions():
    found = Components()
    no = np.zeros((2, 3), bool)
    found.add(window(2, 3), no)
    table = found.finish()
    assert len(table) == 0
    assert table.centroid_row.shape == (0,)
    assert found.relabel(window(2, 3), no).tolist() == [[0, 0, 0]] * 2


def test_no_strip_at_all_has_no_regions():
    assert len(Components().finish()) == 0


def test_a_gap_between_strips_parts_regions():
    found = Components()
    for row in (0, 2):
        found.add(window(1, 2, row), np.ones((1, 2), bool))
    assert found.finish().pixels.tolist() == [2, 2]


def test_a_strip_after_the_end_is_a_fault():
    found = Components()
    found.finish()
    with pytest.raises(InternalError, match="components that are finished"):
        found.add(window(1, 1), np.ones((1, 1), bool))


def test_labels_before_the_end_are_a_fault():
    found = Components()
    found.add(window(1, 1), np.ones((1, 1), bool))
    with pytest.raises(InternalError, match="before the end"):
        found.relabel(window(1, 1), np.ones((1, 1), bool))


@pytest.mark.parametrize(("row", "yes"), [(1, [[True, False, True]]), (0, [[True, True, True]])])
def test_labels_of_another_strip_are_a_fault(row, yes):
    found = Components()
    found.add(window(1, 3), np.array([[True, False, True]]))
    found.finish()
    with pytest.raises(InternalError, match="not the strip that was added"):
        found.relabel(window(1, 3, row), np.array(yes))


def test_strips_out_of_order_are_a_fault():
    found = Components()
    found.add(window(1, 1, 5), np.ones((1, 1), bool))
    with pytest.raises(InternalError, match="follow each other downward"):
        found.add(window(1, 1, 4), np.ones((1, 1), bool))


def test_regions_off_the_map_are_refused_and_invalid_pixels_do_no_harm():
    areas = PixelAreas(method="", source=lambda _: np.array([[2.0, np.nan]]))
    found = Components(areas=areas)
    yes = np.ones((1, 2), bool)
    found.add(window(1, 2), yes, np.array([[True, False]]))
    with pytest.raises(InputError, match="reach off the map") as caught:
        found.add(window(1, 2, 1), yes)
    assert "not valid" in caught.value.hint
    assert found.finish().area_m2.tolist() == [2.0]

"""Components joined across strips are those of scipy on the whole mask."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo import components
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.components import Components

SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))


@st.composite
def cut_masks(draw):
    yes = draw(hnp.arrays(bool, SHAPES))
    if draw(st.booleans()):
        yes = np.repeat(yes, draw(st.integers(1, 3)), axis=0)
    heights = draw(st.lists(st.integers(1, 6), min_size=len(yes), max_size=len(yes)))
    starts = np.cumsum([0, *heights])
    return yes, [
        Window(row=int(a), col=0, height=int(min(b, len(yes)) - a), width=yes.shape[1])
        for a, b in pairwise(starts)
        if a < len(yes)
    ]


def whole(yes, connectivity):
    return ndimage.label(yes, ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2))


def rows_of(array, window):
    return array[window.row : window.row + window.height]


@settings(max_examples=200, deadline=None)
@given(cut_masks(), st.sampled_from([4, 8]))
def test_labels_are_those_of_scipy_whatever_the_strips(cut, connectivity):
    yes, windows = cut
    found = Components(connectivity)
    for window in windows:
        found.add(window, rows_of(yes, window))
    table = found.finish()
    labels = np.vstack([found.relabel(w, rows_of(yes, w)) for w in windows])
    wanted, count = whole(yes, connectivity)
    assert len(table) == count
    np.testing.assert_array_equal(labels, wanted)
    np.testing.assert_array_equal(
        table.pixels, np.bincount(wanted.ravel(), minlength=count + 1)[1:]
    )
    for i, (rows, cols) in enumerate(ndimage.find_objects(wanted)):
        assert (table.row_start[i], table.row_stop[i]) == (rows.start, rows.stop)
        assert (table.col_start[i], table.col_stop[i]) == (cols.start, cols.stop)
    centres = ndimage.center_of_mass(yes, wanted, range(1, count + 1))
    found_centres = np.column_stack([table.centroid_row, table.centroid_col])
    np.testing.assert_allclose(found_centres, np.reshape(centres, (-1, 2)) + 0.5, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(cut_masks(), st.sampled_from([4, 8]), st.booleans(), st.randoms(use_true_random=False))
def test_areas_and_errors_add_up_to_those_of_the_mask(cut, connectivity, in_rows, random):
    yes, windows = cut
    valid = np.random.default_rng(random.getrandbits(32)).random(yes.shape) > 0.2
    crs, size, x, y = ("EPSG:4326", 0.1, 10.0, 60.0) if in_rows else ("EPSG:32633", 1e3, 3e5, 6e6)
    height, width = yes.shape
    grid = Grid(width=width, height=height, crs=crs, transform=(size, 0, x, 0, -size, y))
    areas = pixel_areas(grid)
    found, mask = Components(connectivity, areas=areas), MaskArea(areas)
    for window in windows:
        found.add(window, rows_of(yes, window), rows_of(valid, window))
        mask.add(window, rows_of(yes, window), rows_of(valid, window))
    table = found.finish()
    assert table.area_m2.sum() == pytest.approx(mask.area_m2, rel=1e-12)
    assert table.edge_error_m2.sum() == pytest.approx(mask.error_m2, rel=1e-12)
    assert table.edges.sum() == mask.edges
    wanted, count = whole(yes & valid, connectivity)
    each = np.broadcast_to(areas.block(grid.window), yes.shape)
    per_label = ndimage.sum_labels(each, wanted, range(1, count + 1))
    np.testing.assert_allclose(table.area_m2, per_label, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(cut_masks(), st.sampled_from([4, 8]))
def test_collapsing_on_the_way_changes_nothing(cut, connectivity):
    yes, windows = cut
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "_FIRST_COLLAPSE", 1)
        found = Components(connectivity)
        for window in windows:
            found.add(window, rows_of(yes, window))
        table = found.finish()
        labels = np.vstack([found.relabel(w, rows_of(yes, w)) for w in windows])
    wanted, count = whole(yes, connectivity)
    np.testing.assert_array_equal(labels, wanted)
    np.testing.assert_array_equal(
        table.pixels, np.bincount(wanted.ravel(), minlength=count + 1)[1:]
    )

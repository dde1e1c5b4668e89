"""Masks become polygons and come back unchanged."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.polygons import estimate_vertices, mask_to_polygons, polygons_to_mask

SHAPES = st.tuples(st.integers(1, 16), st.integers(1, 16))
PLACES = {
    "utm": {"crs": "EPSG:32633", "transform": (10, 0, 5e5, 0, -10, 5e6)},
    "turned": {"crs": "EPSG:32633", "transform": (8, 6, 5e5, 6, -8, 5e6)},
    "degrees": {"crs": "EPSG:4326", "transform": (1e-4, 0, 179.999, 0, -1e-4, -17.0)},
    "none": {},
    "points": {
        "crs": "EPSG:4326",
        "gcps": tuple(
            Gcp(row=r, col=c, x=10 + 1e-3 * c + 2e-6 * r * c, y=50 - 1e-3 * r + 1e-6 * c * c)
            for r in (0, 20, 40)
            for c in (0, 25, 50)
        ),
    },
}


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(bool, SHAPES),
    st.sampled_from(sorted(PLACES)),
    st.sampled_from([4, 8]),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_mask_to_polygons_to_mask_is_the_identity(yes, place, connectivity, row, col):
    grid = Grid(width=50, height=40, **PLACES[place])
    window = Window(row=row, col=col, height=yes.shape[0], width=yes.shape[1])
    found = mask_to_polygons(yes, grid, window, connectivity=connectivity)
    assert all(g.is_valid for g in found)
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    assert len(found) == ndimage.label(yes, structure)[1]
    np.testing.assert_array_equal(polygons_to_mask(found, grid, window), yes)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(bool, SHAPES))
def test_polygons_in_pixels_have_the_area_of_the_mask(yes):
    grid = Grid(width=yes.shape[1], height=yes.shape[0])
    found = mask_to_polygons(yes, grid, grid.window)
    assert sum(g.area for g in found) == np.count_nonzero(yes)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(bool, SHAPES))
def test_vertices_are_counted_beforehand(yes):
    grid = Grid(width=yes.shape[1], height=yes.shape[0])
    found = mask_to_polygons(yes, grid, grid.window)
    rings = [r for g in found for p in getattr(g, "geoms", [g]) for r in (p.exterior, *p.interiors)]
    assert estimate_vertices(yes) == sum(len(r.coords) - 1 for r in rings)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(bool, SHAPES), st.integers(2, 5))
def test_a_coarse_outline_stays_inside_the_window(yes, step):
    height, width = yes.shape
    grid = Grid(width=width, height=height)
    for outline in mask_to_polygons(yes, grid, grid.window, step):
        west, south, east, north = outline.bounds
        assert west >= 0
        assert south >= 0
        assert east <= width
        assert north <= height

"""Views of scenes: from the pixels of a picture to those of the scene and back, and their grids."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.grid import pixel_to_crs
from eoagent.geo.sceneview import view_whole, view_window

TURNED = Affine.translation(5e5, 4.9e6) @ Affine.rotation(30) @ Affine.scale(2, -3)
SIZES = st.integers(1, 3000)


def grid(height, width, **more):
    return Grid(height=height, width=width, **more)


def placed(height, width):
    return grid(height, width, crs="EPSG:32633", transform=tuple(TURNED)[:6])


@given(SIZES, SIZES, st.integers(1, 1_000_000))
def test_a_view_has_no_more_pixels_than_allowed_nor_more_than_the_scene(height, width, most):
    view = view_whole(grid(height, width), most_pixels=most)
    assert view.height * view.width <= most
    assert 1 <= view.height <= height
    assert 1 <= view.width <= width
    assert view.is_own == (height * width <= most)


@given(SIZES, SIZES)
def test_its_shape_is_that_of_the_scene_within_a_pixel(height, width):
    view = view_whole(grid(height, width), most_pixels=90_000)
    if view.is_own or min(view.height, view.width) < 2:
        return
    assert abs(view.height - height * (90_000 / (height * width)) ** 0.5) <= 1
    assert abs(view.width - width * (90_000 / (height * width)) ** 0.5) <= 1


@given(st.data())
def test_points_come_back_from_the_scene_where_they_were(data):
    height, width = data.draw(SIZES), data.draw(SIZES)
    row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(
        row=row,
        col=col,
        height=data.draw(st.integers(1, height - row)),
        width=data.draw(st.integers(1, width - col)),
    )
    view = view_window(grid(height, width), window, most_pixels=data.draw(st.integers(1, 10_000)))
    points = np.array([[0.0, 0.0], [view.width, view.height], [view.width / 3, 0.5]])
    there = view.to_scene(points)
    np.testing.assert_allclose(view.from_scene(there), points, atol=1e-9)
    np.testing.assert_allclose(there[0], [col, row])
    np.testing.assert_allclose(there[1], [col + window.width, row + window.height])
    box = np.array([[0.0, 0.0, view.width, view.height]])
    np.testing.assert_allclose(view.boxes_to_scene(box)[0], np.concatenate([there[0], there[1]]))


def test_the_grid_of_a_view_puts_its_pixels_where_the_scene_has_them():
    scene = placed(90, 70)
    view = view_window(scene, Window(row=10, col=20, height=60, width=40), most_pixels=500)
    rows, cols = np.array([0.0, 3.5, view.height]), np.array([0.0, 7.25, view.width])
    own = np.column_stack(pixel_to_crs(view.grid, rows, cols))
    there = view.to_scene(np.column_stack([cols, rows]))
    np.testing.assert_allclose(own, np.column_stack(pixel_to_crs(scene, there[:, 1], there[:, 0])))
    assert view.gsd_m == pytest.approx(max(2 * view.cols_per_px, 3 * view.rows_per_px), rel=2e-3)


def test_control_points_lie_on_the_same_ground_in_a_view():
    at = [(0, 0), (0, 80), (60, 0), (60, 80)]
    points = tuple(Gcp(row=r, col=c, x=5e5 + 2 * c, y=5e6 - 2 * r) for r, c in at)
    scene = grid(60, 80, crs="EPSG:32633", gcps=points)
    view = view_window(scene, Window(row=20, col=10, height=40, width=60), most_pixels=600)
    x, y = pixel_to_crs(view.grid, [view.height / 2], [view.width / 2])
    np.testing.assert_allclose([x[0], y[0]], [5e5 + 2 * 40, 5e6 - 2 * 40], atol=1e-6)


def test_the_area_of_a_view_is_that_of_its_window_on_the_map_and_where_pixels_are_stated():
    for scene in (placed(90, 70), grid(90, 70, gsd_m=0.5)):
        view = view_whole(scene, most_pixels=777)
        areas = []
        for lattice in (scene, view.grid):
            total = MaskArea(pixel_areas(lattice))
            every = np.ones((lattice.height, lattice.width), bool)
            total.add(lattice.window, every, every)
            areas.append(total.area_m2)
        assert areas[1] == pytest.approx(areas[0], rel=1e-6)


@given(SIZES, st.integers(1, 3000), st.integers(0, 50))
def test_each_pixel_of_the_scene_is_as_the_one_at_its_middle_by_counting(size, most, first):
    scene = grid(size + first, 1)
    window = Window(row=first, col=0, height=size, width=1)
    view = view_window(scene, window, most_pixels=most)
    rows = np.arange(first, first + size)
    expected = [int((2 * n + 1) * view.height / (2 * size)) for n in range(size)]
    np.testing.assert_array_equal(view.nearest_rows(rows), expected)
    assert (view.nearest_rows(np.array([first - 1, first + size])) == -1).all()


def test_a_part_beyond_the_scene_and_a_picture_without_pixels_are_refused():
    scene = grid(20, 30)
    with pytest.raises(InputError, match="the image has 20 x 30"):
        view_window(scene, Window(row=5, col=0, height=16, width=3), most_pixels=9)
    with pytest.raises(InputError, match="a picture of 0 pixels"):
        view_whole(scene, most_pixels=0)


def test_a_scene_of_unknown_scale_has_none_in_a_view():
    view = view_whole(grid(20, 30), most_pixels=60)
    assert view.gsd_m is None
    assert view.grid.gsd_m is None
    assert not view.grid.is_georeferenced

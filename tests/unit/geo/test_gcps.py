"""Polynomials through ground control points."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import GCPTransformer

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Gcp
from eoagent.geo.gcps import fit_gcps


def points(shape, bend=0.0):
    return tuple(
        Gcp(row=float(r), col=float(c), x=10 + 0.1 * c + bend * r * c, y=50 - 0.1 * r)
        for r in shape[0]
        for c in shape[1]
    )


def gdal_xy(gcps, rows, cols):
    found = [GroundControlPoint(row=p.row, col=p.col, x=p.x, y=p.y) for p in gcps]
    with GCPTransformer(found) as way:
        return way.xy(rows, cols, offset="ul")


@pytest.mark.parametrize(
    "shape", [((0, 9), (0, 9)), ((0, 5, 9), (0, 5, 9)), ((0, 3, 6, 9), (0, 4, 9))]
)
def test_the_fit_is_that_of_gdal(shape):
    gcps = points(shape, bend=1e-3)
    rows, cols = np.array([0, 2.5, 9, 4]), np.array([1, 7.5, 9, 4])
    np.testing.assert_allclose(
        fit_gcps(gcps).forward(rows, cols), gdal_xy(gcps, rows, cols), atol=1e-9
    )


def test_the_fit_of_a_real_file_is_that_of_gdal(shared_data):
    with rasterio.open(shared_data / "edge_cases" / "cog_gcps_ovr.tif") as source:
        found, _ = source.gcps
    gcps = tuple(Gcp(row=p.row, col=p.col, x=p.x, y=p.y) for p in found)
    rows, cols = np.array([0, 400, 837]), np.array([0, 700, 1280])
    np.testing.assert_allclose(
        fit_gcps(gcps).forward(rows, cols), gdal_xy(gcps, rows, cols), atol=1e-8
    )


def test_the_jacobian_is_the_derivative():
    fitted = fit_gcps(points(((0, 5, 9), (0, 5, 9)), bend=1e-3))
    step = 1e-4
    along = np.subtract(fitted.forward(3, 4 + step), fitted.forward(3, 4 - step)) / (2 * step)
    down = np.subtract(fitted.forward(3 + step, 4), fitted.forward(3 - step, 4)) / (2 * step)
    np.testing.assert_allclose(fitted.jacobian(3, 4), np.column_stack([along, down]), atol=1e-9)


def test_points_on_both_sides_of_the_antimeridian_are_brought_together():
    near = tuple(
        p.model_copy(update={"x": (p.x - 10 + 179.5 + 180) % 360 - 180})
        for p in points(((0, 9), (0, 9)))
    )
    x, _ = fit_gcps(near, 360.0).forward(0, [0, 9])
    np.testing.assert_allclose(x, [179.5, 180.4], atol=1e-9)


def test_a_poor_pattern_falls_back_to_the_first_order():
    assert len(fit_gcps(points(((0, 9), (0, 5, 9)))).coefficients) == 3


@pytest.mark.parametrize("shape", [((0,), (0, 5, 9)), ((0,), (0, 9)), ((3,), (4,))])
def test_points_on_a_line_are_refused(shape):
    with pytest.raises(InputError, match="at least three are needed") as caught:
        fit_gcps(points(shape))
    assert "--gsd" in caught.value.hint


def test_a_place_that_no_pixel_maps_to_is_nan():
    gcps = tuple(
        Gcp(row=float(r), col=float(c), x=float(c * c), y=float(r))
        for r in (1, 2, 3)
        for c in (1, 2, 3)
    )
    rows, cols = fit_gcps(gcps).inverse([4.0, -100.0], [2.0, 2.0])
    np.testing.assert_allclose([rows[0], cols[0]], 2)
    assert np.isnan([rows[1], cols[1]]).all()

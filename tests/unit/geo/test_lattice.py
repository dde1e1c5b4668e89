"""Pixel areas by interpolation, against the same areas computed one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.grid import pixel_density_m2
from eoagent.geo.lattice import DensityLattice

TURNED = (math.cos(0.4), math.sin(0.4))
GRIDS = {
    "utm": Grid(width=10980, height=10980, crs="EPSG:32633", transform=(10, 0, 3e5, 0, -10, 5e6)),
    "polar": Grid(width=700, height=700, crs="EPSG:3413", transform=(1900, 0, -6e5, 0, -1900, 6e5)),
    "web": Grid(
        width=4096, height=4096, crs="EPSG:3857", transform=(1900, 0, 16e6, 0, -1900, 15e6)
    ),
    "modis": Grid(
        width=2400,
        height=2400,
        crs="+proj=sinu +R=6371007.181",
        transform=(463.3127, 0, 8895604.2, 0, -463.3127, 6671703.1),
    ),
    "points": Grid(
        width=300,
        height=200,
        crs="EPSG:4326",
        gcps=tuple(
            Gcp(row=r, col=c, x=10 + 1e-3 * c + 1e-6 * r * c, y=50 - 1e-3 * r + 1e-6 * r * r)
            for r in (0, 100, 200)
            for c in (0, 150, 300)
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_interpolated_areas_are_those_of_each_pixel_to_a_millionth(name):
    grid = GRIDS[name]
    lattice = DensityLattice(grid)
    rng = np.random.default_rng(1)
    for row, col in rng.integers(0, [grid.height - 9, grid.width - 9], (40, 2)):
        window = Window(row=int(row), col=int(col), height=9, width=9)
        rows, cols = np.mgrid[row : row + 9, col : col + 9] + 0.5
        np.testing.assert_allclose(
            lattice.block(window), pixel_density_m2(grid, rows, cols), rtol=2e-6
        )


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2)])
def test_grids_of_one_row_or_column_have_areas(shape):
    grid = Grid(
        width=shape[1], height=shape[0], crs="EPSG:3035", transform=(100, 0, 4e6, 0, -100, 3e6)
    )
    block = DensityLattice(grid).block(grid.window)
    assert block.shape == shape
    # an equal-area projection: every pixel has the area it has on the map
    np.testing.assert_allclose(block, 1e4, rtol=1e-7)


def test_coarse_pixels_are_averaged_over():
    size = 1.0
    grid = Grid(
        width=4,
        height=4,
        crs="EPSG:4326",
        transform=(size * TURNED[0], size * TURNED[1], 10, size * TURNED[1], -size * TURNED[0], 60),
    )
    k = (np.arange(100) + 0.5) / 100
    rows, cols = np.meshgrid(k, k, indexing="ij")
    wanted = pixel_density_m2(grid, rows, cols).mean()
    got = DensityLattice(grid).block(Window(row=0, col=0, height=1, width=1))
    assert got[0, 0] == pytest.approx(wanted, rel=1e-6)


def test_pixels_off_the_map_have_no_area_and_their_neighbours_keep_theirs():
    grid = Grid(
        width=100,
        height=100,
        crs="+proj=geos +h=35785831 +lon_0=0 +sweep=y",
        transform=(1.1e5, 0, -5.5e6, 0, -1.1e5, 5.5e6),
    )
    block = DensityLattice(grid).block(grid.window)
    assert np.isnan(block[0, 0])
    assert block[50, 50] == pytest.approx(1.21e10, rel=0.01)
    half_earth = 2.55e14
    assert 0.7 * half_earth < np.nansum(block) < half_earth

"""Areas, shares and statistics that tools hand back agree with rasterio, numpy and pyproj.

The oracle reads the file with rasterio, applies the rule with numpy, and gives each pixel the
geodesic area of its polygon on the ellipsoid, its sides cut into steps.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import scipy.ndimage
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from eoagent import plugins
from eoagent.contracts.errors import InputError
from eoagent.contracts.tool import Services
from eoagent.io.features import load_features
from eoagent.io.featureset import feature_set
from eoagent.io.stored_features import store_features

WGS84 = Geod(ellps="WGS84")
SINUSOIDAL = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs"
NODATA = -9999
PERMILLE = 1e-3
FEW = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("geographic", "utm", "sinusoidal", "rotated")
COMPARE = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}
FULL = scipy.ndimage.generate_binary_structure(2, 2)
CROSS = scipy.ndimage.generate_binary_structure(2, 1)


def grid_of(kind, rng):
    """Return (CRS, transform) of a random grid of a kind, pixels of 5 m to 60 km."""
    wide, high = rng.uniform(0.6, 1.6, 2)
    if kind == "geographic":
        size = 10 ** rng.uniform(-4, -0.3)
        west, north = rng.uniform(-178, 160), rng.uniform(-60, 80)
        return "EPSG:4326", Affine(size * wide, 0, west, 0, -size * high, north)
    size = 10 ** rng.uniform(0.7, 3.3)
    if kind == "sinusoidal":
        x, y = rng.uniform(-6e6, 6e6), rng.uniform(-6e6, 6e6)
        return SINUSOIDAL, Affine(size * wide, 0, x, 0, -size * high, y)
    zone = int(rng.integers(1, 61))
    corner = Affine.translation(rng.uniform(2e5, 8e5), rng.uniform(5e5, 8e6))
    turn = Affine.rotation(rng.uniform(5, 355)) if kind == "rotated" else Affine.identity()
    return f"EPSG:{32600 + zone}", corner @ turn @ Affine.scale(size * wide, -size * high)


def values_of(rng):
    """Return a few patches with noise, and some pixels without data."""
    shape = tuple(rng.integers(2, 22, 2))
    patches = scipy.ndimage.gaussian_filter(rng.normal(size=shape), 1.5, mode="wrap")
    values = np.rint(1000 * patches + 20 * rng.normal(size=shape)).astype("int16")
    values[rng.random(shape) < rng.choice([0.0, 0.1, 0.5])] = NODATA
    return values


@dataclass
class Case:
    """A random raster in a file, opened by a tool, and the same read by rasterio."""

    services: Services
    path: Path
    rng: np.random.Generator

    def __post_init__(self):
        with rasterio.open(self.path) as file:
            stored = file.read(1, masked=True)
            self.crs, self.transform = file.crs, file.transform
        self.values, self.valid = stored.data, ~np.ma.getmaskarray(stored)
        self.raster = self.run("open_image", hrefs=[str(self.path)]).artifacts["raster"].handle

    def run(self, name, **arguments):
        """Return the result of a tool."""
        tool = plugins.load("eoagent.tools", name)
        return tool(tool.arguments.model_validate(arguments), self.services)

    def figures(self, name, **arguments):
        """Return {name: value} of a tool's figures."""
        return {f.name: f.value for f in self.run(name, **arguments).figures}

    def rule(self):
        """Return a mask handle by a random comparison, and the same pixels by numpy."""
        sign = str(self.rng.choice(list(COMPARE)))
        level = int(np.median(self.values[self.valid])) + int(self.rng.integers(-200, 200))
        mask = self.run("threshold", raster=self.raster, operator=sign, value=level)
        return mask.artifacts["mask"].handle, COMPARE[sign](self.values, level) & self.valid

    def areas(self, steps=8):
        """Return the geodesic area of every pixel's polygon, m2."""
        k = np.arange(steps) / steps
        around = np.concatenate([0 * k, k, 0 * k + 1, 1 - k])
        along = np.concatenate([k, 0 * k + 1, 1 - k, 0 * k])
        rows, cols = np.indices(self.values.shape)
        x, y = self.transform @ (cols[..., None] + along, rows[..., None] + around)
        lon, lat = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True).transform(x, y)
        found = np.empty(self.values.shape)
        for place in np.ndindex(*self.values.shape):
            found[place] = abs(WGS84.polygon_area_perimeter(lon[place], lat[place])[0])
        return found


@pytest.fixture
def case(services, tmp_path):
    """Make a case of a kind from a seed; rasters are read in random small strips."""
    numbers = itertools.count()

    def make(kind, seed):
        rng = np.random.default_rng(seed)
        crs, transform = grid_of(kind, rng)
        values = values_of(rng)
        path = tmp_path / f"{next(numbers)}.tif"
        profile = {"dtype": "int16", "nodata": NODATA, "count": 1, "transform": transform}
        height, width = values.shape
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, crs=CRS(crs).to_wkt(), **profile
        ) as file:
            file.write(values, 1)
        strip = int(rng.choice([1, 40, 8_000_000]))
        options = replace(services.options, block_pixels=strip)
        return Case(replace(services, options=options), path, rng)

    return make


def close(value):
    return pytest.approx(value, rel=PERMILLE)


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=SEEDS)
def test_area_and_share_of_a_threshold_are_those_of_its_pixels(case, kind, seed):
    here = case(kind, seed)
    if not here.valid.any():
        return
    mask, yes = here.rule()
    areas = here.areas()
    found = here.figures(
        "measure", target=mask, quantities=["area", "valid_area", "share", "pixels"]
    )
    area, valid_area = areas[yes].sum(), areas[here.valid].sum()
    assert found["area"] == close(area)
    assert found["valid_area"] == close(valid_area)
    assert found["share"] == close(100 * area / valid_area)
    assert found["pixels"] == yes.sum()


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=SEEDS, connectivity=st.sampled_from([4, 8]))
def test_regions_are_as_many_and_as_large_as_those_of_scipy(case, kind, seed, connectivity):
    here = case(kind, seed)
    if not here.valid.any():
        return
    mask, yes = here.rule()
    labels, count = scipy.ndimage.label(yes, CROSS if connectivity == 4 else FULL)
    if not count:
        with pytest.raises(InputError, match="marks no pixel"):
            here.run("regions", mask=mask, connectivity=connectivity)
        return
    result = here.run("regions", mask=mask, connectivity=connectivity)
    wanted = np.sort(scipy.ndimage.sum_labels(here.areas(), labels, range(1, count + 1)))[::-1]
    found = {f.name: f.value for f in result.figures}
    assert found["count"] == count
    assert found["largest"] == close(wanted[0])
    store, handle = here.services.store, result.artifacts["features"].handle
    features = load_features(store.locate(store.get(handle).path))
    np.testing.assert_allclose(features.values("area_m2"), wanted, rtol=PERMILLE)
    outlined = here.figures("measure", target=handle, quantities=["area"])["area"]
    assert outlined == close(wanted.sum())


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=SEEDS)
def test_statistics_under_a_mask_are_those_of_numpy(case, kind, seed):
    here = case(kind, seed)
    if not here.valid.any():
        return
    shown = here.figures("describe_data", target=here.raster)
    assert shown["valid_share"] == close(100 * here.valid.mean())
    assert (shown["height_px"], shown["width_px"]) == here.values.shape
    mask, yes = here.rule()
    for side, picked in (("inside", yes), ("outside", here.valid & ~yes)):
        agree(here, here.values[picked].astype(float), zones=mask, side=side)


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=SEEDS)
def test_statistics_in_a_polygon_are_those_of_the_pixels_whose_centre_it_holds(case, kind, seed):
    here = case(kind, seed)
    height, width = here.values.shape
    turn = 2 * math.pi * np.sort(here.rng.random(5))
    corners = np.column_stack([np.cos(turn) * width * 0.6, np.sin(turn) * height * 0.6])
    zone = shapely.Polygon(corners + np.array([width, height]) / 2)
    outline = shapely.transform(
        zone, lambda xy: np.column_stack(here.transform @ (xy[:, 0], xy[:, 1]))
    )
    features = feature_set([outline], {}, crs=here.crs.to_wkt(), label="zone")
    handle = store_features(here.services.store, features).handle
    rows, cols = np.indices(here.values.shape) + 0.5
    inside = shapely.contains_xy(zone, cols, rows)
    for side, picked in (("inside", inside), ("outside", ~inside)):
        agree(here, here.values[picked & here.valid].astype(float), zones=handle, side=side)


def agree(here, wanted, **arguments):
    """Check all statistics of `zonal_stats` against the pixels wanted."""
    names = ["mean", "std", "minimum", "maximum", "median", "sum", "count"]
    if not wanted.size:
        with pytest.raises(InputError, match="has no valid pixel"):
            here.run("zonal_stats", raster=here.raster, statistics=names, **arguments)
        return
    found = here.figures("zonal_stats", raster=here.raster, statistics=names, **arguments)
    assert found == {
        "mean": close(wanted.mean()),
        "std": close(wanted.std()),
        "minimum": wanted.min(),
        "maximum": wanted.max(),
        "median": np.median(wanted),
        "sum": close(wanted.sum()),
        "count": wanted.size,
    }

"""Speed of the functions in which large images spend their time; `pytest --benchmark-only`."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from scipy import ndimage

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.components import Components
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
from eoagent.spectral.expression import parse
from eoagent.spectral.indices import find_index

SIZE = 1024
WINDOW = Window(row=0, col=0, height=SIZE, width=SIZE)


@pytest.fixture(scope="module")
def lakes():
    """Smooth blobs, shape (SIZE, SIZE), and where they are valid."""
    height = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((SIZE, SIZE)), 8)
    valid = np.ones((SIZE, SIZE), bool)
    valid[:100, :100] = False
    return height > 0.5 * height.std(), valid


@pytest.fixture(
    scope="module",
    params=[
        ("EPSG:32633", (10.0, 0.0, 300_000.0, 0.0, -10.0, 5_100_000.0)),
        ("EPSG:4326", (1e-4, 0.0, 12.0, 0.0, -1e-4, 46.0)),
    ],
    ids=["utm", "lonlat"],
)
def grid(request):
    crs, transform = request.param
    return Grid(width=SIZE, height=SIZE, crs=crs, transform=transform)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A two-band deflate GeoTIFF, opened as a reference, with the guard that lets it through."""
    path = tmp_path_factory.mktemp("bench") / "scene.tif"
    random = np.random.default_rng(4)
    profile = {
        "driver": "GTiff",
        "width": SIZE,
        "height": SIZE,
        "count": 2,
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "transform": Affine(10, 0, 300_000, 0, -10, 5_100_000),
        "nodata": 0,
        "tiled": True,
        "compress": "deflate",
        "predictor": 2,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(random.integers(900, 1100, (2, SIZE, SIZE)).astype(np.uint16))
    origins = OriginGuard()
    origins.type_in(str(path))
    return open_raster([str(path)], origins, bands=["green", "swir16"]), origins


def test_adding_up_the_area_of_a_strip(benchmark, grid, lakes):
    yes, valid = lakes
    areas = pixel_areas(grid)
    areas.block(WINDOW)

    def add():
        total = MaskArea(areas)
        total.add(WINDOW, yes, valid)
        return total.yes_pixels

    assert benchmark(add) == np.count_nonzero(yes & valid)


def test_labelling_a_strip(benchmark, grid, lakes):
    yes, valid = lakes
    areas = pixel_areas(grid)
    areas.block(WINDOW)

    def label():
        components = Components(8, areas=areas)
        components.add(WINDOW, yes, valid)
        return len(components.finish())

    assert benchmark(label) == ndimage.label(yes & valid, structure=np.ones((3, 3)))[1]


@pytest.mark.parametrize("name", ["NDWI", "EVI"])
def test_evaluating_an_index(benchmark, name):
    random = np.random.default_rng(5)
    formula = parse(find_index(name).formula)
    bands = {n: random.random((SIZE, SIZE), dtype=np.float32) for n in formula.names}
    values = {n: bands.get(n, np.float32(1)) for n in formula.names}
    assert benchmark(formula.evaluate, values).shape == (SIZE, SIZE)


def test_reading_two_bands_of_a_file(benchmark, scene):
    ref, origins = scene

    def read():
        with RasterReader(ref, origins) as reader:
            return reader.read(["green", "swir16"], WINDOW)

    values, valid = benchmark(read)
    assert values.shape == (2, SIZE, SIZE)
    assert valid.all()

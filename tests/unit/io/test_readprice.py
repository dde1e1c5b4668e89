"""What reading costs: pixels times the size of a value, of what lies on the network."""

from __future__ import annotations

import pytest

from eoagent.contracts.price import Price
from eoagent.contracts.raster import BandRef, Grid, QaRule, RasterRef
from eoagent.io.readprice import is_remote, reading_price

PIXELS = 300 * 200
GRID = Grid(width=300, height=200)


def _ref(*bands, **more):
    made = [
        BandRef(name=name, href=href, index=n, dtype=dtype)
        for n, (name, href, dtype) in enumerate(bands, 1)
    ]
    return RasterRef(grid=GRID, bands=tuple(made), **more)


SEPARATE = _ref(
    ("red", "https://h.example/B04.tif", "uint16"),
    ("nir", "https://h.example/B08.tif", "uint16"),
    ("height", "HTTPS://h.example/dem.tif", "float32"),
)


@pytest.mark.parametrize(
    ("names", "depth"), [(None, 8), (("red",), 2), (("red", "height"), 6), ((), 0)]
)
def test_bands_in_files_of_their_own_cost_what_they_hold(names, depth):
    price = reading_price(SEPARATE, names)
    assert price == Price(bytes=PIXELS * depth, is_upper_bound=depth > 0)


def test_a_band_brings_the_others_of_its_file():
    href = "http://h.example/naip.tif"
    ref = _ref(*((name, href, "uint8") for name in ("red", "green", "blue", "nir")))
    assert reading_price(ref, ("red",)).bytes == reading_price(ref).bytes == PIXELS * 4


@pytest.mark.parametrize("href", ["/data/a.tif", "", "C:/a.tif", "httpdata/a.tif"])
def test_what_lies_here_costs_nothing(href):
    assert not is_remote(href)
    assert reading_price(_ref(("red", href, "float64"))) == Price()


def test_quality_and_alpha_bands_are_counted():
    qa = QaRule(href="https://h.example/qa.tif", kind="landsat_qa_pixel", exclude=("cloud",))
    ref = SEPARATE.model_copy(update={"qa": qa, "alpha": ("https://h.example/a.tif", 4)})
    assert reading_price(ref, ("red",)).bytes == PIXELS * (2 + 2 + 1)
    scl = qa.model_copy(update={"kind": "sentinel2_scl"})
    ref = SEPARATE.model_copy(update={"qa": scl, "alpha": ("/a.tif", 4)})
    assert reading_price(ref, ("red",)).bytes == PIXELS * (2 + 1)


@pytest.mark.parametrize(("dtype", "size"), [("", 8), ("CInt16", 8), ("int8", 1), ("float64", 8)])
def test_a_type_that_is_not_known_counts_as_the_widest(dtype, size):
    assert reading_price(_ref(("a", "https://h.example/a", dtype))).bytes == PIXELS * size


def test_a_picture_takes_an_overview_and_is_no_bound():
    price = reading_price(SEPARATE, ("red",), side=150)
    assert price == Price(bytes=150 * 100 * 2)
    assert reading_price(SEPARATE, ("red",), side=3000) == reading_price(SEPARATE, ("red",))

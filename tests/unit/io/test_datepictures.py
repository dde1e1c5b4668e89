"""Two dates of one ground come as two pictures of one size and place."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange
from eoagent.io.datepictures import date_pictures
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster

_HERE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def _write(path, values, *, transform=_HERE, crs="EPSG:32633", nodata=None):
    count, height, width = values.shape
    size = {"count": count, "height": height, "width": width, "dtype": "uint8", "nodata": nodata}
    placed = {"crs": crs, "transform": transform} if crs else {}
    with rasterio.open(path, "w", driver="GTiff", **size, **placed) as out:
        out.write(values)
    return path


def _day(text):
    return TimeRange.model_validate({"start": f"{text}T00:00:00Z", "end": f"{text}T23:59:59Z"})


@pytest.fixture
def show():
    def run(first, second, *, times=(None, None), most_pixels=10_000):
        guard = OriginGuard(typed=[str(first), str(second)])
        refs = [
            open_raster([str(path)], guard, bands=["red", "green", "blue"]).model_copy(
                update={"time": time}
            )
            for path, time in zip((first, second), times, strict=True)
        ]
        with RasterReader(refs[0], guard) as one, RasterReader(refs[1], guard) as two:
            return date_pictures(one, two, most_pixels=most_pixels)

    return run


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(1, 256, (3, 40, 60)).astype(np.uint8)


def test_pictures_of_one_grid_are_the_stored_colours(tmp_path, show, values):
    before = _write(tmp_path / "a.tif", values)
    after = _write(tmp_path / "b.tif", 255 - values // 2)
    made = show(before, after, times=(_day("2011-05-01"), _day("2011-06-01")))
    assert (np.moveaxis(made.before, -1, 0) == values).all()
    assert (np.moveaxis(made.after, -1, 0) == 255 - values // 2).all()
    assert made.legend == (
        "Picture 1 shows the ground before, picture 2 the same ground after, pixel for pixel. "
        "Picture 1 was taken 2011-05-01. Picture 2 was taken 2011-06-01. "
        "Black is without data in either."
    )


def test_the_later_image_is_brought_to_the_place_of_the_earlier(tmp_path, show, values):
    before = _write(tmp_path / "a.tif", values)
    moved = _HERE @ Affine.translation(-5, -7)  # starts 7 rows above and 5 columns to the left
    large = np.random.default_rng(1).integers(1, 256, (3, 60, 80)).astype(np.uint8)
    made = show(before, _write(tmp_path / "b.tif", large, transform=moved))
    assert (np.moveaxis(made.after, -1, 0) == large[:, 7:47, 5:65]).all()
    assert "b.tif was read on the grid of a.tif by nearest neighbour" in made.notes


def test_what_either_lacks_is_black_in_both(tmp_path, show, values):
    before = _write(tmp_path / "a.tif", values)
    holed = values.copy()
    holed[:, :10] = 0
    made = show(before, _write(tmp_path / "b.tif", holed, nodata=0))
    assert not made.before[:10].any()
    assert not made.after[:10].any()
    assert made.before[10:].any()


def test_large_images_come_within_the_pixels_allowed(tmp_path, show, values):
    path = _write(tmp_path / "a.tif", values)
    made = show(path, _write(tmp_path / "b.tif", values), most_pixels=600)
    assert made.before.shape == made.after.shape == (20, 30, 3)
    assert made.view.rows_per_px == 2


def test_images_in_the_wrong_order_are_refused(tmp_path, show, values):
    one, two = _write(tmp_path / "a.tif", values), _write(tmp_path / "b.tif", values)
    with pytest.raises(InputError) as caught:
        show(one, two, times=(_day("2020-01-02"), _day("2019-01-02")))
    assert str(caught.value) == "'a.tif' was taken 2020-01-02, after 'b.tif' (2019-01-02)"
    assert caught.value.hint == "give the earlier image first"


def test_pictures_of_two_sizes_without_georeference_are_refused(tmp_path, show, values):
    one = _write(tmp_path / "a.tif", values, crs="")
    two = _write(tmp_path / "b.tif", values[:, :30], crs="")
    with pytest.raises(InputError) as caught:
        show(one, two)
    assert str(caught.value) == (
        "'a.tif' and 'b.tif' cannot be laid over each other: without georeference both must have "
        "one size, and they have 60 x 40 and 60 x 30 pixels"
    )


def test_images_of_two_places_are_refused(tmp_path, show, values):
    one = _write(tmp_path / "a.tif", values)
    far = _write(tmp_path / "b.tif", values, transform=_HERE @ Affine.translation(500, 0))
    with pytest.raises(InputError, match="no valid pixel"):
        show(one, far)

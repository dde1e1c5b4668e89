"""Writing and reading masks and rasters: COG layout, equal bytes, full disks."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.grid import strips
from eoagent.io.mask import GridWriter, MaskReader, MaskWriter

GRID = Grid(width=700, height=900, crs="EPSG:32632", transform=(10, 0, 5e5, 0, -10, 5e6))


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    rough = rng.random((90, 70)) > 0.5
    yes = np.kron(rough, np.ones((10, 10), dtype=bool))
    return yes, rng.random(yes.shape) > 0.1


def write_mask(path, yes, valid, *, grid=GRID, rows=100):
    with MaskWriter(path, grid, label="water") as writer:
        for window in strips(grid, rows * grid.width):
            cut = slice(window.row, window.row + window.height)
            writer.add(window, yes[cut], valid[cut])
        return writer.finish()


def test_a_mask_reads_back_as_it_was_written(tmp_path, arrays):
    yes, valid = arrays
    path = write_mask(tmp_path / "m.tif", yes, valid)
    with MaskReader(path) as reader:
        found, found_valid = reader.read()
        part, _ = reader.read(Window(row=500, col=30, height=20, width=40))
        assert reader.grid == GRID
        assert sum(window.pixels for window in reader.windows()) == GRID.window.pixels
    np.testing.assert_array_equal(found, yes & valid)
    np.testing.assert_array_equal(found_valid, valid)
    np.testing.assert_array_equal(part, (yes & valid)[500:520, 30:70])


def test_the_file_is_a_tiled_geotiff_with_overviews_that_rasterio_reads(tmp_path, arrays):
    yes, valid = arrays
    path = write_mask(tmp_path / "m.tif", yes, valid)
    with rasterio.open(path) as truth:
        stored = truth.read(1)
        assert truth.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert truth.overviews(1) == [2]
        assert truth.block_shapes == [(512, 512)]
        assert (truth.nodata, truth.descriptions) == (255, ("water",))
        assert truth.crs.to_epsg() == 32632
        assert truth.transform == Affine(*GRID.transform)
    np.testing.assert_array_equal(stored, np.where(valid, yes, 255))


def test_the_same_content_gives_the_same_bytes_whatever_the_strips(tmp_path, arrays):
    first = write_mask(tmp_path / "a.tif", *arrays, rows=100).read_bytes()
    assert write_mask(tmp_path / "b.tif", *arrays, rows=37).read_bytes() == first


@pytest.mark.parametrize(
    "grid",
    [
        Grid(width=40, height=30),
        Grid(width=40, height=30, crs="EPSG:4326", transform=(1e-3, 0, 13, 0, -2e-3, 46)),
        Grid(width=40, height=30, crs="EPSG:32632", transform=(8, 6, 5e5, 6, -8, 5e6)),
        Grid(
            width=40,
            height=30,
            crs="EPSG:4326",
            gcps=tuple(
                Gcp(row=r, col=c, x=13 + c / 1000, y=46 - r / 1000)
                for r in (0.0, 30.0)
                for c in (0.0, 40.0)
            ),
        ),
        Grid(
            width=40,
            height=30,
            crs='PROJCS["s",GEOGCS["g",DATUM["d",SPHEROID["s",6371007.181,0]],PRIMEM["Greenwich",0],'
            'UNIT["degree",0.0174532925199433]],PROJECTION["Sinusoidal"],UNIT["metre",1]]',
            transform=(463.3, 0, 0, 0, -463.3, 5e6),
        ),
    ],
    ids=["none", "geographic", "rotated", "gcps", "sinusoidal"],
)
def test_every_kind_of_grid_survives(tmp_path, grid):
    some = np.zeros((30, 40), dtype=bool)
    some[3:9] = True
    path = write_mask(tmp_path / "m.tif", some, ~some[::-1], grid=grid)
    with MaskReader(path, grid=grid) as reader:
        found = reader.grid
        yes, _ = reader.read(grid=grid)
    assert found.transform == grid.transform
    assert found.gcps == grid.gcps
    np.testing.assert_array_equal(yes, some & ~some[::-1])


def test_a_mask_reads_on_another_grid(tmp_path, arrays):
    yes, valid = arrays
    path = write_mask(tmp_path / "m.tif", yes, valid)
    coarse = Grid(width=30, height=40, crs="EPSG:32632", transform=(30, 0, 5e5, 0, -30, 5e6))
    with MaskReader(path) as reader:
        found, found_valid = reader.read(grid=coarse)
    np.testing.assert_array_equal(found, (yes & valid)[1:120:3, 1:90:3])
    np.testing.assert_array_equal(found_valid, valid[1:120:3, 1:90:3])


def test_a_raster_of_floats_keeps_nan_and_names(tmp_path):
    values = np.random.default_rng(0).random((2, 900, 700), dtype=np.float32)
    values[:, 10:20] = np.nan
    with GridWriter(
        tmp_path / "v.tif", GRID, dtype="float32", count=2, nodata=np.nan, names=["ndvi", "ndwi"]
    ) as writer:
        for window in strips(GRID, 70_000):
            writer.add(window, values[:, window.row : window.row + window.height])
        path = writer.finish()
    with rasterio.open(path) as truth:
        np.testing.assert_array_equal(truth.read(), values)
        assert truth.descriptions == ("ndvi", "ndwi")
        assert np.isnan(truth.nodata)


def test_what_is_not_finished_leaves_nothing(tmp_path, arrays):
    with MaskWriter(tmp_path / "m.tif", GRID) as writer:
        writer.add(Window(row=0, col=0, height=900, width=700), *arrays)
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_grid_is_refused(tmp_path, arrays):
    yes, valid = arrays
    with MaskWriter(tmp_path / "m.tif", GRID) as writer:
        writer.add(Window(row=0, col=0, height=100, width=700), yes[:100], valid[:100])
        with pytest.raises(InputError, match="560,000 of its pixels were not added"):
            writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_does_not_fit_is_refused(tmp_path):
    with (
        GridWriter(tmp_path / "m.tif", GRID, dtype="uint8") as writer,
        pytest.raises(InputError, match=r"an array \(5, 5\) of float64 .* 1 bands of 5 x 6 uint8"),
    ):
        writer.add(Window(row=0, col=0, height=5, width=6), np.zeros((5, 5)))


def test_an_older_file_is_replaced_only_by_a_finished_one(tmp_path, arrays):
    path = tmp_path / "m.tif"
    path.write_bytes(b"old")
    with MaskWriter(path, GRID):
        pass
    assert path.read_bytes() == b"old"
    write_mask(path, *arrays)
    assert path.read_bytes()[:2] == b"II"


def test_a_folder_that_is_not_there_is_a_typed_error(tmp_path):
    with pytest.raises(SourceError, match="cannot be written: No such file or directory"):
        MaskWriter(tmp_path / "none" / "m.tif", GRID)


def test_a_raster_that_is_no_mask_is_refused(tmp_path):
    with GridWriter(tmp_path / "v.tif", GRID, dtype="int16") as writer:
        writer.add(GRID.window, np.zeros((900, 700), dtype=np.int16))
        path = writer.finish()
    with pytest.raises(SourceError, match="is no mask: it has 1 bands of int16") as caught:
        MaskReader(path)
    assert "1 yes, 0 no, 255 not valid" in caught.value.hint


_FULL = """
import json, os, resource, sys
from pathlib import Path
import numpy as np
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import strips
from eoagent.io.mask import GridWriter
folder = Path(sys.argv[1])
grid = Grid(width=1000, height=1000, crs="EPSG:32632", transform=(10, 0, 5e5, 0, -10, 5e6))
noise = np.random.default_rng(0).integers(0, 255, (1000, 1000), dtype=np.uint8)
lines = []
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with GridWriter(folder / "m.tif", grid, dtype="uint8") as writer:
            for window in strips(grid, 100_000):
                writer.add(window, noise[window.row : window.row + window.height])
            writer.finish()
        said = "written"
    except EoAgentError as error:
        said = f"{type(error).__name__}: {error}"
    lines.append([limit, said, sorted(os.listdir(folder))])
    (folder / "m.tif").unlink(missing_ok=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(lines))
"""


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(tmp_path):
    limits = [0, 200, 5_000, 100_000, 500_000, 900_000, 999_000, 1_000_100, 1_002_000, 1_100_000]
    limits += [1_300_000, 1_340_000, 5_000_000]
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path), *map(str, limits)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout)
    for limit, said, left in rows:
        if said == "written":
            assert limit > 1_100_000
            assert left == ["m.tif"]
        else:
            assert said.startswith("SourceError: no space left to write"), (limit, said)
            assert left == []
    assert rows[-1][1] == "written"

"""An encoder, images and surroundings for builds in a folder of the test."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from eoagent.contracts.index import Surroundings
from eoagent.io.origin import OriginGuard

_TESTS = Path(__file__).resolve().parents[3]


def _toy():
    name = "eoagent_test_toy_encoder"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _TESTS / "toy_encoder.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory):
    return _toy().install(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def toy(toy_folder, monkeypatch):
    """The module `tests/toy_encoder.py`, its plugin found by this process."""
    monkeypatch.syspath_prepend(str(toy_folder))
    return _toy()


@pytest.fixture
def around(toy, toy_folder, tmp_path):
    """Surroundings of a build: a guard that trusts the folder of the test, and the toy encoder."""

    def make(*, typed=(), max_batch=8, **fields):
        return Surroundings(
            origins=OriginGuard([str(tmp_path), *map(str, typed)]),
            encoder_source=toy.source(toy_folder, max_batch=max_batch, **fields),
        )

    return make


def noise(height, width, bands=3, *, seed=0, dtype="uint8", top=256):
    """Smooth random colours."""
    random = np.random.default_rng(seed)
    small = random.random((bands, height // 8 + 2, width // 8 + 2))
    large = small.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (large * (top - 1)).astype(dtype)


@pytest.fixture
def write_raster():
    def write(path, values, *, gsd_m=10.0, origin=(500_000.0, 5_100_000.0), names=None, **profile):
        bands, height, width = values.shape
        placed = (
            {}
            if gsd_m is None
            else {
                "crs": "EPSG:32633",
                "transform": Affine(gsd_m, 0, origin[0], 0, -gsd_m, origin[1]),
            }
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        settings = {"driver": "GTiff", "photometric": "RGB"} if bands >= 3 else {"driver": "GTiff"}
        if path.suffix in {".png", ".jpg"}:
            settings = {"driver": {".png": "PNG", ".jpg": "JPEG"}[path.suffix]}
            placed = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            file = rasterio.open(
                path,
                "w",
                width=width,
                height=height,
                count=bands,
                dtype=values.dtype,
                **(settings | placed | profile),
            )
            with file:
                file.write(values)
                if names:
                    file.descriptions = names
        return path

    return write


@pytest.fixture
def pictures(tmp_path, write_raster):
    """A folder of three georeferenced pictures of 100 x 70 pixels: 12 tiles each."""
    folder = tmp_path / "pictures"
    for number in range(3):
        origin = (500_000.0 + 5_000 * number, 5_100_000.0)
        path = folder / f"scene_{number}_2024060{number + 1}.tif"
        write_raster(path, noise(70, 100, seed=number), origin=origin)
    return folder


@pytest.fixture
def write_item():
    """Write a STAC item beside its files."""

    def write(path, assets, *, collection="c", identity="", **properties):
        ring = [[15.0, 46.0], [15.1, 46.0], [15.1, 46.1], [15.0, 46.1], [15.0, 46.0]]
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": identity or path.stem,
            "collection": collection,
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": [15.0, 46.0, 15.1, 46.1],
            "properties": {"datetime": "2024-07-01T10:00:00Z"} | properties,
            "links": [],
            "assets": assets,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(item))
        return path

    return write

"""Make a scene to measure on: smooth lakes in a landscape, Sentinel-2-like, strip by strip.

Run as `scene.py FILE --size PIXELS --bands N`; it prints what it made as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.windows import Window

__all__ = ["make_scene"]

_BANDS = {
    "blue": (600, 500),
    "green": (900, 700),
    "red": (1000, 400),
    "nir": (3000, 250),
    "swir16": (2200, 150),
    "swir22": (1300, 100),
}
"""Usual stored value of (land, water) in each band of a surface reflectance scene."""
_SPACINGS = ((512, 1.0), (128, 0.5), (48, 0.2), (20, 0.12))
"""Pixels between the knots of each layer of the landscape, and its height."""
_LEVEL = 0.35
_ROWS = 512
_NOISE = 0.04


def make_scene(path: Path, size: int, bands: tuple[str, ...], *, seed: int = 7) -> float:
    """Write a square scene as a COG with at most a few strips in memory; return its water share.

    Args:
        path: file to make.
        size: pixels along each side.
        bands: which of the six bands it has.
        seed: of landscape and noise.
    """
    rough = path.with_suffix(".rough.tif")
    profile = {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": len(bands),
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "transform": Affine(10, 0, 300_000, 0, -10, 5_100_000),
        "nodata": 0,
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 2,
        "interleave": "band",
        "bigtiff": "if_safer",
        "num_threads": 2,
    }
    noise = np.random.default_rng(seed + 1)
    wet = 0
    with rasterio.Env(GDAL_CACHEMAX=256 << 20), rasterio.open(rough, "w", **profile) as file:
        for index, name in enumerate(bands, 1):
            file.set_band_description(index, name)
        for row, height in _landscape(size, seed):
            water = height > _LEVEL
            wet += int(np.count_nonzero(water))
            window = Window(0, row, size, len(height))
            for index, name in enumerate(bands, 1):
                land, lake = _BANDS[name]
                grain = noise.standard_normal(water.shape, dtype=np.float32)
                values = np.where(water, np.float32(lake), np.float32(land) * (1 + height / 8))
                values *= 1 + np.float32(_NOISE) * grain
                file.write(np.clip(values, 1, 10_000).astype(np.uint16), index, window=window)
    with rasterio.Env(GDAL_CACHEMAX=256 << 20):
        rasterio.shutil.copy(
            rough, path, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", LEVEL=1, NUM_THREADS=2
        )
    rough.unlink()
    return wet / size**2


def _landscape(size: int, seed: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first row, heights) strip by strip: cubic splines through random knots."""
    random = np.random.default_rng(seed)
    layers = []
    for spacing, tall in _SPACINGS:
        count = size // spacing + 4
        knots = random.standard_normal((count, count)).astype(np.float32) * np.float32(tall)
        across = _weights(np.arange(size), spacing, count)
        layers.append((spacing, count, (knots @ across.T).astype(np.float32)))
    for row in range(0, size, _ROWS):
        rows = np.arange(row, min(row + _ROWS, size))
        height = np.zeros((len(rows), size), np.float32)
        for spacing, count, columns in layers:
            first = row // spacing
            last = min(first + _ROWS // spacing + 5, count)
            down = _weights(rows, spacing, count)[:, first:last]
            height += down @ columns[first:last]
        yield row, height


def _weights(places: NDArray[np.int64], spacing: int, count: int) -> NDArray[np.float32]:
    """Return the weight of each knot at each place: uniform cubic B-splines, scaled to 1."""
    at = places / spacing
    whole = at.astype(np.int64)
    t = (at - whole)[:, np.newaxis]
    pieces = np.hstack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1])
    four = np.hstack([pieces, t**3]) / 4
    weights = np.zeros((len(places), count), np.float32)
    for n in range(4):
        weights[np.arange(len(places)), whole + n] = four[:, n]
    return weights


def main() -> None:
    """Make the scene that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--bands", type=int, default=6, choices=(2, 6))
    asked = parser.parse_args()
    bands = ("green", "swir16") if asked.bands == 2 else tuple(_BANDS)
    share = make_scene(asked.path, asked.size, bands)
    made = {"bytes": asked.path.stat().st_size, "water_percent": 100 * share}
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()

"""Fault row B3: rasters that declare more than they hold are refused before memory is taken."""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from eoagent.contracts.raster import Grid
from eoagent.geo.grid import strips
from eoagent.io.gridwriter import GridWriter
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster

_spec = importlib.util.spec_from_file_location("bombs", Path(__file__).with_name("bombs.py"))
assert _spec is not None
assert _spec.loader is not None
bombs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bombs)

CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "sparse 200k x 200k": (
        lambda p: bombs.write_sparse(p, 200_000, "float64", 512),
        "without overviews",
    ),
    "900 MB from 115 KB": (
        lambda p: bombs.write_sparse(p, 30_000, "uint8", 256),
        "are not there",
    ),
    "65535 bands": (lambda p: bombs.write_tiff(p, 16, 16, bands=65_535), "bands"),
    "5000 bands": (lambda p: bombs.write_tiff(p, 64, 64, bands=5_000), "bands"),
    "1 GB tile": (lambda p: bombs.write_tiff(p, 32_768, 32_768, tile=32_768), "MiB"),
    "1.6 GB strip": (lambda p: bombs.write_tiff(p, 40_000, 40_000), "1,600 MB"),
    "too many strips": (
        lambda p: bombs.write_tiff(p, 16, 20_000_000, rows_per_strip=1),
        "blocks",
    ),
    "2 billion square": (
        lambda p: bombs.write_tiff(p, 2_000_000_000, 2_000_000_000, tile=4096),
        "",
    ),
    "thousand bytes a pixel": (
        lambda p: bombs.write_tiff(p, 4_096, 4_096, bands=4_000, bits=16, tile=512),
        "MiB",
    ),
    "PNG 20k x 20k": (lambda p: bombs.write_png(p, 20_000, 8), "200,000,000 pixels"),
    "PNG of one bit": (lambda p: bombs.write_png(p, 30_000, 1), "200,000,000 pixels"),
    "PNG of packed texts": (lambda p: bombs.write_png_texts(p, 200), "packed texts"),
    "JPEG 60k x 60k": (lambda p: bombs.write_jpeg(p, 60_000), "200,000,000 pixels"),
    "JPEG 2000 200k x 200k": (lambda p: bombs.write_jp2(p, 200_000), ""),
}


def _suffix(name: str) -> str:
    return "jp2" if name.startswith("JPEG 2000") else "bin"


_CHILD = """
import json, resource, sys, time
from eoagent.contracts.errors import EoAgentError
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
good, paths = sys.argv[1], sys.argv[2:]
guard = OriginGuard(typed=[good, *paths])
with RasterReader(open_raster([good], guard), guard) as reader:
    reader.preview(64)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in paths:
    start = time.monotonic()
    try:
        ref = open_raster([path], guard)
        with RasterReader(ref, guard) as reader:
            reader.preview(512)
        kind, said, hint = "opened", "", ""
    except EoAgentError as error:
        kind, said, hint = type(error).__name__, str(error), error.hint
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    print(json.dumps([path, kind, said, hint, time.monotonic() - start, grown]), flush=True)
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Open every bomb in one child process: error class, message, hint, seconds, MB grown."""
    folder = tmp_path_factory.mktemp("bombs")
    good = folder / "good.tif"
    paths = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            good, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint8"
        ) as out:
            out.write(np.ones((1, 64, 64), dtype=np.uint8))
        for number, (name, (make, _)) in enumerate(CASES.items()):
            paths[str(make(folder / f"bomb{number}.{_suffix(name)}"))] = name
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(good), *paths],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {paths[row[0]]: row[1:] for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_a_bomb_is_refused_with_its_reason_fast_and_without_memory(
    name: str, verdicts: dict[str, list[object]]
) -> None:
    kind, said, _, seconds, grown_mb = verdicts[name]
    assert kind == "SourceError", f"{kind}: {said}"
    assert CASES[name][1] in str(said)
    assert float(str(seconds)) < 1
    assert float(str(grown_mb)) < 200


def test_refusals_say_what_is_declared_and_what_to_do(verdicts: dict[str, list[object]]) -> None:
    _, said, hint, *_ = verdicts["1 GB tile"]
    assert "blocks of 32768 x 32768 pixels, 1,024 MiB each" in str(said)
    assert "cloud-optimised" in str(hint)
    _, said, hint, *_ = verdicts["sparse 200k x 200k"]
    assert "declares 200000 x 200000 pixels without overviews" in str(said)
    assert "overviews" in str(hint)
    _, said, *_ = verdicts["900 MB from 115 KB"]
    assert "900 MB of pixels in a file of 0.1" in str(said)


def _large_cog(path: Path, side: int, rows: int) -> Path:
    grid = Grid(width=side, height=side, crs="EPSG:32632", transform=(10, 0, 3e5, 0, -10, 5.5e6))
    with GridWriter(path, grid, dtype="uint8", nodata=255) as writer:
        for window in strips(grid, rows * side):
            block = np.full((window.height, window.width), window.row // rows % 200, np.uint8)
            writer.add(window, block)
        return writer.finish()


@pytest.mark.full
def test_an_honest_tiled_image_of_20000_square_is_read_in_blocks(tmp_path: Path) -> None:
    path = _large_cog(tmp_path / "large.tif", 20_000, 500)
    guard = OriginGuard(typed=[str(path)])
    ref = open_raster([str(path)], guard)
    total, before = 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with RasterReader(ref, guard) as reader:
        for window in reader.windows():
            values, valid = reader.read(["b1"], window)
            assert valid.all()
            total += float(values.sum(dtype=np.float64))
        preview, _ = reader.preview(500)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert total == sum(500 * 20_000 * n for n in range(40))
    assert preview.shape == (1, 500, 500)
    assert grown_mb < 600


@pytest.mark.full
def test_an_image_of_100000_square_with_overviews_is_described_and_previewed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "huge.tif"
    rng = np.random.default_rng(1)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=100_000,
        height=100_000,
        count=1,
        dtype="uint8",
        crs="EPSG:32632",
        transform=Affine(1, 0, 0, 0, -1, 5e6),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="deflate",
        SPARSE_OK="TRUE",
    ) as out:
        for at in range(0, 100_000, 5_120):
            out.write(
                rng.integers(1, 9, (1, 512, 512), dtype=np.uint8), window=((at, at + 512),) * 2
            )
        out.build_overviews([64, 256])
    guard = OriginGuard(typed=[str(path)])
    ref = open_raster([str(path)], guard)
    with RasterReader(ref, guard) as reader:
        preview, _ = reader.preview(390)
    assert (ref.grid.width, ref.grid.height) == (100_000, 100_000)
    assert preview.max() > 0

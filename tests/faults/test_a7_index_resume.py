"""Fault row A7: a build that is killed anywhere and run again gives the index of one that was not.

The same tiles with the same vectors, none lost, none double, and no more than one batch embedded
twice per kill.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildRequest
from eoagent.io.origin import OriginGuard
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep

HERE = Path(__file__).resolve().parent
BATCH = 4
QUICK = ("encode:2", "embedded:5", "rename:4", "rename:31", "synced:40", "embedded:16")
FULL = [f"{point}:{n}" for point in ("encode", "embedded") for n in range(1, 16)]
FULL += [f"rename:{n}" for n in range(1, 42, 4)] + [f"synced:{n}" for n in range(1, 90, 8)]


def _toy():
    name = "eoagent_test_toy_encoder"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE.parent / "toy_encoder.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory):
    return _toy().install(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Large and small scenes: 12, 1, 4, 30, 1 and 16 tiles."""
    folder = tmp_path_factory.mktemp("scenes")
    sizes = [(70, 100), (20, 30), (64, 64), (160, 192), (32, 32), (128, 128)]
    for number, (height, width) in enumerate(sizes):
        values = np.random.default_rng(number).integers(1, 255, (3, height, width)).astype("uint8")
        with rasterio.open(
            folder / f"s{number}.tif",
            "w",
            driver="GTiff",
            photometric="RGB",
            width=width,
            height=height,
            count=3,
            dtype="uint8",
            crs="EPSG:32633",
            transform=Affine(10, 0, 5e5 + 1e4 * number, 0, -10, 51e5),
        ) as file:
            file.write(values)
    return folder


def build(index, scenes, toy_folder):
    around = Surroundings(
        origins=OriginGuard([str(scenes)]),
        encoder_source=_toy().source(toy_folder, max_batch=BATCH),
    )
    upkeep = TileUpkeep(index, around)
    report = upkeep.build(BuildRequest(source=str(scenes)))
    assert upkeep.verify() == ()
    return report


def held(index):
    with Snapshot.open(index) as snapshot:
        pairs = [
            (tile, vector.tobytes())
            for segment in snapshot.segments
            for rows in [np.flatnonzero(segment.live)]
            for tile, vector in zip(
                segment.table(rows, ["tile_id"]).column(0).to_pylist(),
                segment.vectors(rows),
                strict=True,
            )
        ]
    assert len(dict(pairs)) == len(pairs), "a tile is there twice"
    return dict(pairs)


@pytest.fixture(scope="module")
def whole(scenes, toy_folder, tmp_path_factory):
    """The tiles of a build that nothing interrupts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy_folder))
        index = tmp_path_factory.mktemp("whole") / "index"
        report = build(index, scenes, toy_folder)
    assert report.added == report.embedded == 64
    return held(index)


def killed(index, scenes, toy_folder, at, log):
    ended = subprocess.run(
        [sys.executable, str(HERE / "killed_index.py"), str(index), str(scenes), str(toy_folder)],
        env=os.environ | {"KILL_AT": at, "TOY_LOG": str(log)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr.decode()
    return ended.returncode == -signal.SIGKILL


def check(at, places, whole, monkeypatch):
    """Kill a build at each of some points in turn, end it, and compare."""
    index, scenes, toy_folder, log = places
    kills = sum(killed(index, scenes, toy_folder, point, log) for point in at)
    assert kills, "nothing was killed"
    monkeypatch.setenv("TOY_LOG", str(log))
    monkeypatch.syspath_prepend(str(toy_folder))
    report = build(index, scenes, toy_folder)
    assert held(index) == whole
    assert report.embedded <= len(whole)
    embedded = len(log.read_text().split())
    assert embedded - len(whole) <= kills * BATCH
    assert not (index / "spool").exists()


@pytest.fixture
def places(tmp_path, scenes, toy_folder):
    return tmp_path / "index", scenes, toy_folder, tmp_path / "embedded.log"


@pytest.mark.parametrize("at", QUICK)
def test_a_build_that_was_killed_goes_on_and_ends_the_same(at, places, whole, monkeypatch):
    check([at], places, whole, monkeypatch)


@pytest.mark.full
@pytest.mark.parametrize("at", FULL)
def test_a_build_that_was_killed_at_any_point_ends_the_same(at, places, whole, monkeypatch):
    check([at], places, whole, monkeypatch)


@pytest.mark.full
def test_a_build_that_is_killed_again_and_again_ends_the_same(places, whole, monkeypatch):
    check(["embedded:3"] * 5 + ["rename:9", "synced:20"], places, whole, monkeypatch)

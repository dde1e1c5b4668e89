"""Ray gives the index that one process gives, with a node less in the middle too."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time

import numpy as np
import pytest

from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.indexing import BuildRequest
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep

pytestmark = [
    # what Ray says of itself in its own code
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def held(folder):
    with Snapshot.open(folder) as snapshot:
        found = {}
        for segment in snapshot.segments:
            rows = np.flatnonzero(segment.live)
            ids = segment.table(rows, ["tile_id"]).column(0).to_pylist()
            found |= dict(zip(ids, segment.vectors(rows).tolist(), strict=True))
    return found


@pytest.fixture
def ray(toy_folder, monkeypatch, tmp_path):
    """Ray, whose workers find the toy encoder, and which keeps its token in the test's folder."""
    found = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(toy_folder))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    yield found
    found.shutdown()


def test_actors_give_the_index_of_one_process(ray, around, pictures, tmp_path):
    whole, many = tmp_path / "one", tmp_path / "many"
    TileUpkeep(whole, around()).build(BuildRequest(source=str(pictures)))
    request = BuildRequest(source=str(pictures), engine="ray", workers=1)
    report = TileUpkeep(many, around()).build(request)
    assert held(many) == held(whole)
    assert report.added == report.embedded == 36
    assert not ray.is_initialized(), "a cluster that was begun for a build ends with it"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0", "Ray would send statistics"


def test_without_ray_the_command_that_installs_it_is_said(around, pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelMissing) as caught:
        TileUpkeep(tmp_path / "many", around()).build(
            BuildRequest(source=str(pictures), engine="ray")
        )
    assert caught.value.command == "pip install 'eoagent[ray]'"


@pytest.mark.full
def test_two_nodes_of_which_one_dies_give_the_index_of_one_process(
    ray, around, tmp_path, write_raster, monkeypatch, caplog
):
    monkeypatch.setenv("TOY_PAUSE", "0.2")
    folder = tmp_path / "pictures"
    for number in range(24):
        values = np.random.default_rng(number).integers(1, 255, (3, 96, 96)).astype("uint8")
        write_raster(folder / f"s{number:02}.tif", values)
    cluster_of = importlib.import_module("ray.cluster_utils").Cluster
    cluster = cluster_of(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    spool = tmp_path / "many" / "spool"

    def kill() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and len(list(spool.glob("*.batch"))) < 12:
            time.sleep(0.02)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        request = BuildRequest(source=str(folder), engine="ray", workers=2)
        report = TileUpkeep(tmp_path / "many", around(max_batch=4)).build(request)
        killer.join()
    finally:
        ray.shutdown()
        cluster.shutdown()
    monkeypatch.delenv("TOY_PAUSE")
    TileUpkeep(tmp_path / "one", around()).build(BuildRequest(source=str(folder)))
    assert "a worker of Ray died" in caplog.text
    assert report.added == 24 * 9
    assert held(tmp_path / "many") == held(tmp_path / "one")

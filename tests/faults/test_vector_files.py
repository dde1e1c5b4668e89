"""Vector files cut short or with flipped bytes: features or one typed error, never anything else."""

from __future__ import annotations

import random

import pyarrow as pa
import pyogrio.raw
import pytest
import shapely

from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.store import Admitted
from eoagent.io.features import read_features
from eoagent.io.features_write import write_features
from eoagent.io.featureset import feature_set

FORMATS = (".parquet", ".gpkg", ".geojson", ".csv", ".shp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module", params=FORMATS)
def whole(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("vector") / f"f{request.param}"
    boxes = [shapely.box(n, n, n + 1, n + 1) for n in range(20)]
    names = [f"field {n}" for n in range(20)]
    if request.param == ".shp":
        table = pa.table({"name": names, "geometry": shapely.to_wkb(boxes)})
        pyogrio.raw.write_arrow(
            table, path, geometry_name="geometry", geometry_type="Polygon", crs="EPSG:4326"
        )
    else:
        write_features(path, feature_set(boxes, {"name": names}, crs="EPSG:4326"))
    return path


def damage(data: bytes, seed: int) -> bytes:
    """Return the bytes cut short (even seeds) or with three of them changed (odd seeds)."""
    chance = random.Random(seed)
    if seed % 2 == 0:
        return data[: chance.randrange(len(data))]
    broken = bytearray(data)
    for _ in range(3):
        broken[chance.randrange(len(broken))] ^= chance.randrange(1, 256)
    return bytes(broken)


def read_damaged(whole, folder, seeds):
    outcomes = []
    for seed in seeds:
        path = folder / whole.name
        for part in whole.parent.glob("f.*"):
            (folder / part.name).write_bytes(part.read_bytes())
        path.write_bytes(damage(whole.read_bytes(), seed))
        outcomes.append(outcome(path))
    return outcomes


def outcome(path):
    """Return whether the file was read, or the message of the typed error."""
    try:
        found = read_features(Admitted(scheme="file", href=str(path), typed=True))
    except EoAgentError as error:
        return str(error)
    return "read" if shapely.is_valid(found.geometries).all() else "invalid"


def test_a_damaged_file_is_read_or_refused_by_name(whole, tmp_path):
    outcomes = read_damaged(whole, tmp_path, range(30))
    assert all(said == "read" or whole.name in said for said in outcomes)


@pytest.mark.full
def test_many_damaged_files_are_read_or_refused_by_name(whole, tmp_path):
    outcomes = read_damaged(whole, tmp_path, range(1000, 1400))
    assert all(said == "read" or whole.name in said for said in outcomes)

"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from eoagent.contracts.tool import Options, Services
from eoagent.io.origin import OriginGuard
from eoagent.io.store import FileStore

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real imagery, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("EOAGENT_SHARED_DATA", _ROOT.parent / "shared" / "data"))
    if not (folder / "qa_multistep.jsonl").is_file():
        pytest.skip(f"no shared imagery at {folder}; set EOAGENT_SHARED_DATA")
    return folder.resolve()  # hrefs are compared after links are followed


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"eoagent_test_{name}", _ROOT / f"tests/{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def servers() -> ModuleType:
    """The module `tests/servers.py`: web servers on 127.0.0.1 that can answer badly."""
    return _module("servers")


@pytest.fixture(scope="session")
def stac_server(servers: ModuleType) -> ModuleType:
    """The module `tests/stac_server.py`: a STAC API on 127.0.0.1 that behaves, unless told to."""
    assert servers is not None
    return _module("stac_server")


@pytest.fixture(scope="session")
def chatmodels() -> ModuleType:
    """The module `tests/chatmodels.py`: a chat model that follows a script."""
    return _module("chatmodels")


@pytest.fixture(scope="session")
def chatreplies() -> ModuleType:
    """The module `tests/chatreplies.py`: what a served model answers, well or badly."""
    return _module("chatreplies")


@pytest.fixture(scope="session")
def reasoning() -> ModuleType:
    """The module `tests/reasoning.py`: models that answer and outline as they were told."""
    return _module("reasoning")


@pytest.fixture(scope="session")
def tiny_reasoner() -> ModuleType:
    """The module `tests/tiny_reasoner.py`: a tiny Qwen2.5-VL that says what it was made to say."""
    return _module("tiny_reasoner")


@pytest.fixture(scope="session")
def tiny_sam2() -> ModuleType:
    """The module `tests/tiny_sam2.py`: a tiny SAM 2 with random weights, as it is published."""
    return _module("tiny_sam2")


@pytest.fixture(scope="session")
def meaning() -> ModuleType:
    """The module `tests/meaning.py`: a model that sees colours, and an index without files."""
    return _module("meaning")


class NoDeadline:
    """A deadline that never comes."""

    remaining_s = math.inf

    def check(self) -> None:
        """Let the tool go on."""


def no_progress(done: float, what: str) -> None:
    """Take a report and forget it."""
    assert 0 <= done <= 1
    assert what


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """What tools are given: a store in a folder of this test, which is the only place to read."""
    store = FileStore(tmp_path / "store")
    yield Services(
        store=store,
        origins=OriginGuard(typed=[str(tmp_path)]),
        figures={},
        deadline=NoDeadline(),
        progress=no_progress,
        options=Options(),
    )
    store.close()


@pytest.fixture(scope="session")
def write_scene() -> Callable[..., Path]:
    """Write a small reflectance scene, 40 x 60 pixels of 10 m: `water` columns of water, then land.

    The bands are blue, green, red, nir; of the land every second row is green.
    """

    def write(path: Path, *, water: int = 20, **profile: object) -> Path:
        values = np.empty((4, 40, 60), "float32")
        values[:, ::2] = np.array([0.05, 0.08, 0.06, 0.45], "float32")[:, None, None]
        values[:, 1::2] = np.array([0.12, 0.15, 0.20, 0.25], "float32")[:, None, None]
        values[:, :, :water] = np.array([0.06, 0.05, 0.03, 0.01], "float32")[:, None, None]
        settings = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 51e5)} | profile
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            file = rasterio.open(
                path, "w", driver="GTiff", width=60, height=40, count=4, dtype="float32", **settings
            )
        with file:
            file.write(values)
            file.descriptions = ("blue", "green", "red", "nir")
        return path

    return write


@pytest.fixture
def scene(tmp_path: Path, write_scene: Callable[..., Path]) -> Path:
    """A small scene on the disk of this test."""
    return write_scene(tmp_path / "scene.tif")

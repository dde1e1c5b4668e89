"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real imagery, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("EOAGENT_SHARED_DATA", _ROOT.parent / "shared" / "data"))
    if not (folder / "qa_multistep.jsonl").is_file():
        pytest.skip(f"no shared imagery at {folder}; set EOAGENT_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def servers() -> ModuleType:
    """The module `tests/servers.py`: web servers on 127.0.0.1 that can answer badly."""
    spec = importlib.util.spec_from_file_location(
        "eoagent_test_servers", _ROOT / "tests/servers.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

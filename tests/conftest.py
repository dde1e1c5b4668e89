"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real imagery, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("EOAGENT_SHARED_DATA", _ROOT.parent / "shared" / "data"))
    if not (folder / "qa_multistep.jsonl").is_file():
        pytest.skip(f"no shared imagery at {folder}; set EOAGENT_SHARED_DATA")
    return folder

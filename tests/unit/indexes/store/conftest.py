"""Made-up tiles for the tests of the store."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "faults" / "index_tiles.py"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Bring nothing to the disk, which takes long; the fault tests see to that it is asked for."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def made():
    """The module `tests/faults/index_tiles.py`."""
    spec = importlib.util.spec_from_file_location("index_tiles", _SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def index(tmp_path, made):
    """An index of two segments, one of them with deleted rows, a ledger and a quarantine."""
    from datetime import UTC, datetime

    from eoagent_indexes.parts import QuarantineRecord, UnitRecord
    from eoagent_indexes.writer import IndexWriter

    folder = tmp_path / "coast"
    with IndexWriter(folder, encoder=made.ENCODER, recipe={"source": "catalog"}) as writer:
        writer.commit(
            add=[made.write(folder, 1, 60)],
            ledger=[UnitRecord(unit="one", state="done", tiles=60)],
            quarantine=[
                QuarantineRecord(
                    unit="bad",
                    reason="damaged",
                    href="a.tif",
                    when=datetime(2026, 1, 1, tzinfo=UTC),
                )
            ],
        )
        writer.commit(
            add=[made.write(folder, 2, 40)],
            drop_tiles=made.ids_of(1, 60)[:7],
            ledger=[UnitRecord(unit="two", state="done", tiles=40)],
        )
    return folder

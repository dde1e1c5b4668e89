"""Shared pieces of the tests of reading and writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from eoagent.contracts.store import Admitted
from eoagent.io.features import read_features


@pytest.fixture
def read():
    """Read a local vector file as if the guard had admitted it."""

    def read_local(path: Path, **options):
        return read_features(
            Admitted(scheme="file", href=str(path.resolve()), typed=True), **options
        )

    return read_local

"""Files of embeddings as others publish them, made by pyarrow and shapely."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent.contracts.index import Surroundings
from eoagent.io.origin import OriginGuard
from eoagent_indexes.exchange.tile_exchange import TileExchange

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write columns and footer keys as a Parquet file."""

    def write(
        columns: dict[str, Any], name: str = "made.parquet", *, rows: int = 7, **keys: Any
    ) -> Path:
        table = pa.table(columns)
        table = table.replace_schema_metadata({k: json.dumps(v) for k, v in keys.items()})
        pq.write_table(table, tmp_path / name, row_group_size=rows)
        return tmp_path / name

    return write


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    """What an exchange may ask for: files of this test only."""
    return Surroundings(origins=OriginGuard(typed=[str(tmp_path)]))


@pytest.fixture
def exchange(tmp_path: Path, around: Surroundings) -> Callable[..., TileExchange]:
    """Make the exchange of an index by name."""
    return lambda name="made": TileExchange(tmp_path / "indexes" / name, around, now=lambda: NOW)

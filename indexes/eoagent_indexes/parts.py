"""The ledger of work units and the quarantine: immutable Parquet parts that a manifest lists."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from eoagent.contracts.record import Record
from eoagent_indexes.checked import map_checked
from eoagent_indexes.durable import DurableFile, Sink
from eoagent_indexes.manifest import PartEntry
from eoagent_indexes.refusals import damaged
from eoagent_indexes.schema import TIME_TYPE

__all__ = [
    "QuarantineRecord",
    "UnitRecord",
    "read_ledger",
    "read_quarantine",
    "write_ledger",
    "write_quarantine",
]


class UnitRecord(Record):
    """What became of a work unit; of several records of a unit, the last one holds."""

    unit: str = Field(min_length=1)
    """Key of the unit: item, state of its asset, recipe and encoder."""
    state: Literal["done", "failed", "gone"]
    """`done` once its tiles are in a committed version, `gone` once they were dropped."""
    collection: str = ""
    """Collection id, or empty."""
    item_id: str = ""
    """Item."""
    asset_key: str = ""
    """Asset."""
    href: str = ""
    """File that was read."""
    asset_version: str = ""
    """What changes with the file's bytes."""
    tiles: int = Field(default=0, ge=0)
    """Tiles that it gave."""
    skipped: int = Field(default=0, ge=0)
    """Tiles that were left out."""
    error: str = ""
    """Why it failed."""
    note: str = ""
    """JSON that the builder keeps with it."""


class QuarantineRecord(Record):
    """An asset that could not be read."""

    unit: str = Field(min_length=1)
    """Key of the work unit."""
    collection: str = ""
    """Collection id, or empty."""
    item_id: str = ""
    """Item."""
    asset_key: str = ""
    """Asset."""
    href: str = ""
    """File that could not be read."""
    reason: str
    """What was wrong."""
    when: datetime
    """When it was found, UTC."""


_LEDGER: Final = pa.schema(
    [
        (name, pa.int64() if name in {"tiles", "skipped"} else pa.string())
        for name in UnitRecord.model_fields
    ]
)
_QUARANTINE: Final = pa.schema(
    [(name, TIME_TYPE if name == "when" else pa.string()) for name in QuarantineRecord.model_fields]
)


def write_ledger(root: Path, records: Sequence[UnitRecord]) -> PartEntry:
    """Write a part of the ledger.

    Raises:
        OSError: if the disk refuses.
    """
    return _write(root, "ledger", pa.Table.from_pylist([dict(r) for r in records], _LEDGER))


def write_quarantine(root: Path, records: Sequence[QuarantineRecord]) -> PartEntry:
    """Write a part of the quarantine.

    Raises:
        OSError: if the disk refuses.
    """
    table = pa.Table.from_pylist([dict(r) for r in records], _QUARANTINE)
    return _write(root, "quarantine", table)


def read_ledger(root: Path, parts: Iterable[PartEntry]) -> dict[str, UnitRecord]:
    """Return the last record of each unit.

    Raises:
        SourceError: if a part is missing or damaged.
    """
    rows = (row for part in parts for row in _read(root, part, _LEDGER))
    return {row["unit"]: UnitRecord.model_construct(**row) for row in rows}


def read_quarantine(root: Path, parts: Iterable[PartEntry]) -> tuple[QuarantineRecord, ...]:
    """Return the last record of each unit and file.

    Raises:
        SourceError: if a part is missing or damaged.
    """
    rows = (row for part in parts for row in _read(root, part, _QUARANTINE))
    last = {(row["unit"], row["href"]): row for row in rows}
    return tuple(QuarantineRecord.model_construct(**row) for row in last.values())


def _write(root: Path, folder: str, table: pa.Table) -> PartEntry:
    with DurableFile(root, f"{folder}/{secrets.token_hex(16)}.parquet") as file:
        sink = pa.PythonFile(Sink(file), mode="w")
        pq.write_table(table, sink, compression="zstd")
        return PartEntry(file=file.finish(), rows=table.num_rows)


def _read(root: Path, part: PartEntry, schema: pa.Schema) -> list[dict[str, Any]]:
    path = root / part.file.path
    try:
        table = pq.read_table(pa.BufferReader(pa.py_buffer(map_checked(root, part.file))))
    except (pa.ArrowException, ValueError) as error:
        raise damaged(root, path, f"is no Parquet file: {str(error)[:200]}") from error
    if table.num_rows != part.rows or table.schema.names != schema.names:
        raise damaged(root, path, f"holds {table.num_rows} records, {part.rows} were written")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows

"""Keep every embedded batch until it is committed: one file each, whole or not there.

A build that is killed goes on behind the last of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.io.atomic import disk_errors, write_atomic
from eoagent_indexes.build.job import Span
from eoagent_indexes.schema import TILE_SCHEMA

__all__ = ["Spool", "covered"]

_LOG: Final = logging.getLogger(__name__)
_MAGIC: Final = b"eoagent-batch-1\n"
_SUFFIX: Final = ".batch"
_UNFINISHED: Final = ".*.part"
_SPANS: Final = b"spans"
_VECTOR: Final = "vector"


class Spool:
    """A folder of batches; several processes may write into it."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made with the first batch."""
        self.folder = folder
        """The folder."""
        self._token = secrets.token_hex(8)
        self._count = 0

    def write(
        self, table: pa.Table, vectors: NDArray[np.float16], spans: Sequence[Span]
    ) -> tuple[Span, ...]:
        """Make a batch durable and return its spans with the name of the file.

        Args:
            table: tiles, with the columns of `TILE_SCHEMA`.
            vectors: (rows, dimensions).
            spans: the windows that it settles.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        name = f"{self._token}-{self._count:08d}{_SUFFIX}"
        self._count += 1
        named = tuple(span.model_copy(update={"file": name}) for span in spans)
        write_atomic(self.folder / name, _pack(table, vectors, named))
        return named

    def scan(self) -> dict[str, tuple[Span, ...]]:
        """Return the spans of all batches by unit; damaged files are removed.

        Raises:
            SourceError: if the folder cannot be read.
        """
        found: dict[str, list[Span]] = defaultdict(list)
        for path in self._paths():
            batch = self._unpack(path)
            if batch is None:
                _LOG.warning("removing the damaged batch %s; its tiles are embedded again", path)
                with disk_errors(path):
                    path.unlink(missing_ok=True)
                continue
            for span in batch[1]:
                found[span.unit].append(span)
        return {unit: tuple(sorted(spans, key=_order)) for unit, spans in found.items()}

    def collect(
        self, files: Iterable[str], units: frozenset[str]
    ) -> tuple[pa.Table, NDArray[np.float16]] | None:
        """Return the tiles of some units from some batches; None where there are none.

        Raises:
            SourceError: if a batch cannot be read.
        """
        tables, vectors = [], []
        for name in sorted(set(files)):
            batch = self._unpack(self.folder / name)
            if batch is None:
                continue
            table, _, part = batch
            mine = np.isin(table.column("unit").to_numpy(zero_copy_only=False), list(units))
            if mine.any():
                tables.append(table.filter(pa.array(mine)))
                vectors.append(part[mine])
        if not tables:
            return None
        return pa.concat_tables(tables), np.concatenate(vectors)

    def drop(self, files: Iterable[str]) -> None:
        """Remove batches whose tiles are committed or no longer wanted.

        Raises:
            SourceError: if the folder cannot be written.
        """
        for name in files:
            path = self.folder / name
            with disk_errors(path):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all batches.

        Raises:
            SourceError: if the folder cannot be written.
        """
        self.drop(path.name for path in self._paths())
        with disk_errors(self.folder):
            for path in self.folder.glob(_UNFINISHED):  # of writers that were killed
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder if it is empty."""
        with disk_errors(self.folder):
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _paths(self) -> list[Path]:
        with disk_errors(self.folder):
            return sorted(self.folder.glob(f"*{_SUFFIX}")) if self.folder.is_dir() else []

    def _unpack(self, path: Path) -> tuple[pa.Table, list[Span], NDArray[np.float16]] | None:
        """Return what a batch holds, or None where its bytes are not those that were written."""
        with disk_errors(path):
            data = path.read_bytes()
        head, body = data[: len(_MAGIC) + 32], memoryview(data)[len(_MAGIC) + 32 :]
        if head != _MAGIC + hashlib.sha256(body).digest():
            return None
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            table = reader.read_all()
        spans = [Span.model_validate(row) for row in json.loads(table.schema.metadata[_SPANS])]
        width = table.schema.field(_VECTOR).type.byte_width // 2
        raw = b"".join(table.column(_VECTOR).to_pylist())
        vectors = np.frombuffer(raw, dtype="<f2").reshape(table.num_rows, width)
        return table.drop_columns([_VECTOR]), spans, vectors


def covered(spans: Iterable[Span]) -> int:
    """Return up to which window, from the first, spans of one unit settle it without a gap."""
    at = 0
    for span in sorted(spans, key=_order):
        if span.start > at:
            break
        at = max(at, span.stop)
    return at


def _order(span: Span) -> tuple[int, int]:
    return span.start, span.stop


def _pack(table: pa.Table, vectors: NDArray[np.float16], spans: Sequence[Span]) -> bytes:
    rows = np.ascontiguousarray(vectors, dtype="<f2")
    kind = pa.binary(rows.shape[1] * 2)
    column = pa.array([row.tobytes() for row in rows], type=kind)
    said: Mapping[bytes, bytes] = {
        _SPANS: json.dumps([span.to_dict() for span in spans]).encode(),
    }
    schema: Any = pa.schema([*TILE_SCHEMA, pa.field(_VECTOR, kind)], metadata=said)
    whole = pa.Table.from_arrays([*table.select(TILE_SCHEMA.names).columns, column], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(whole)
    body: bytes = sink.getvalue().to_pybytes()
    return _MAGIC + hashlib.sha256(body).digest() + body

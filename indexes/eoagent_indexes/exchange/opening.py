"""Open a Parquet file of a stranger: through the guard, hashed first, with bounded reading."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.store import Origins

__all__ = ["OpenedFile", "batches", "opened"]

_THRIFT_LIMIT: Final = 64 << 20
_MOST_COLUMNS: Final = 2_000
_MOST_GROUP_BYTES: Final = 4 << 30
_BATCH_BYTES: Final = 16 << 20
_MOST_BATCH_ROWS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """A Parquet file whose bytes were hashed before any parser saw them."""

    href: str
    """Its real path."""
    sha256: str
    """Hash of its bytes."""
    bytes: int
    """Size."""
    parquet: Any
    """The open `pyarrow.parquet.ParquetFile`."""


@contextlib.contextmanager
def opened(file: Path, origins: Origins) -> Iterator[OpenedFile]:
    """Open a Parquet file; what the block reads is what was hashed, or it ends with an error.

    Raises:
        NotFound: if it is not there.
        InputError: if it is no local file, or too wide.
        SourceError: if the guard refuses it, it is damaged, or it changed while it was read.
    """
    admitted = origins.admit(str(file))
    href = admitted.href
    if admitted.scheme != "file" or not Path(href).is_file():
        raise InputError(f"{href} is no file of this machine", hint="download it first")
    with contextlib.ExitStack() as stack:
        with _typed(href):
            handle = stack.enter_context(Path(href).open("rb"))
            before = _state(handle)
            sha = hashlib.file_digest(handle, "sha256").hexdigest()
            handle.seek(0)
            parquet = pq.ParquetFile(
                handle,
                thrift_string_size_limit=_THRIFT_LIMIT,
                thrift_container_size_limit=_THRIFT_LIMIT,
            )
        _refuse_unfit(parquet.metadata, href)
        yield OpenedFile(href=href, sha256=sha, bytes=before[0], parquet=parquet)
        if _state(handle) != before:
            raise SourceError(
                f"{href} changed while it was read", href=href, hint="wait until it is written"
            )


def batches(file: OpenedFile, columns: list[str], dimensions: int) -> Iterator[Any]:
    """Yield record batches that hold some 16 MB of numbers at most, a row group at a time.

    Args:
        file: the file.
        columns: columns that are read.
        dimensions: numbers in a row.

    Raises:
        SourceError: if the file is damaged.
    """
    rows = max(1, min(_MOST_BATCH_ROWS, _BATCH_BYTES // (8 * max(1, dimensions))))
    with _typed(file.href):
        yield from file.parquet.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def _refuse_unfit(metadata: Any, href: str) -> None:
    if metadata.num_columns > _MOST_COLUMNS:
        raise InputError(
            f"{href} holds {metadata.num_columns} columns, more than {_MOST_COLUMNS}",
            hint="keep the columns that matter",
        )
    sizes = [metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)]
    if max(sizes, default=0) > _MOST_GROUP_BYTES:
        raise InputError(
            f"{href} has a row group of {max(sizes)} bytes, more than {_MOST_GROUP_BYTES}",
            hint="write it with smaller row groups",
        )


@contextlib.contextmanager
def _typed(href: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{href} is not a sound Parquet file: {str(error)[:200]}", href=href
        ) from error


def _state(handle: BinaryIO) -> tuple[int, int]:
    found = os.fstat(handle.fileno())
    return found.st_size, found.st_mtime_ns

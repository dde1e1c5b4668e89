"""The columns that filters look at, in one file that is mapped into memory.

The file holds, one after the other without a header: west, south, east, north (float32, degrees),
start, end (int64, microseconds since 1970 UTC), cloud (float32, percent), collection (int32).
Boxes are rounded outward, so a test on them finds every tile and, within 1e-5 degrees of an edge,
some that the exact box of the Parquet file rules out. What is not known is NaN, or NaT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["NO_TIME", "ROW_BYTES", "HotColumns", "boxes_of", "hot_from_table", "times_of"]

NO_TIME: Final = np.iinfo(np.int64).min
"""What stands for a missing time; as datetime64 it is NaT."""
_FIELDS: Final = (
    ("start", "<i8"),
    ("end", "<i8"),
    ("west", "<f4"),
    ("south", "<f4"),
    ("east", "<f4"),
    ("north", "<f4"),
    ("cloud_pct", "<f4"),
    ("collection", "<i4"),
)
ROW_BYTES: Final = sum(np.dtype(kind).itemsize for _, kind in _FIELDS)
"""Bytes of a row over all columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotColumns:
    """Filter columns of some tiles, each (n,); those of a segment are read-only."""

    start: NDArray[np.int64]
    """First instant, microseconds since 1970 UTC; `NO_TIME` where unknown."""
    end: NDArray[np.int64]
    """Last instant, likewise."""
    west: NDArray[np.float32]
    """Western edge, degrees, rounded outward; NaN where unknown."""
    south: NDArray[np.float32]
    """Southern edge, likewise."""
    east: NDArray[np.float32]
    """Eastern edge, likewise; less than `west` over the antimeridian."""
    north: NDArray[np.float32]
    """Northern edge, likewise."""
    cloud_pct: NDArray[np.float32]
    """Cloud, percent; NaN where unknown."""
    collection: NDArray[np.int32]
    """Position in the segment's `collections`."""

    @classmethod
    def over(cls, buffer: Any, rows: int) -> HotColumns:
        """Return the columns that lie in a buffer of `rows * ROW_BYTES` bytes."""
        found, at = {}, 0
        for name, kind in _FIELDS:
            found[name] = np.frombuffer(buffer, dtype=kind, count=rows, offset=at)
            at += found[name].nbytes
        return cls(**found)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return b"".join(getattr(self, name).astype(kind).tobytes() for name, kind in _FIELDS)


def boxes_of(table: pa.Table) -> NDArray[np.float64]:
    """Return the boxes of a tile table, (n, 4): west, south, east, north; NaN where unknown."""
    column = table.column("bbox").combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # no chunk at all
        return np.empty((0, 4))
    fields = column.flatten()  # nulls of the struct are nulls of its fields
    return np.stack([field.to_numpy(zero_copy_only=False) for field in fields], axis=1)


def times_of(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a time column of a tile table in microseconds since 1970; `NO_TIME` where null."""
    whole = table.column(name).cast(pa.int64()).fill_null(int(NO_TIME))
    return np.asarray(whole.to_numpy(), dtype=np.int64)


def hot_from_table(table: pa.Table, collections: tuple[str, ...]) -> HotColumns:
    """Return the filter columns of a tile table.

    Args:
        table: the tiles.
        collections: ids of the collections, which the column counts by position.
    """
    west, south, east, north = boxes_of(table).T
    codes = {name: code for code, name in enumerate(collections)}
    encoded = table.column("collection").combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    by_word = np.array([codes[word] for word in encoded.dictionary.to_pylist()], dtype=np.int32)
    cloud = table.column("cloud_pct").to_numpy().astype(np.float32)
    return HotColumns(
        start=times_of(table, "start"),
        end=times_of(table, "end"),
        west=_down(west),
        south=_down(south),
        east=_up(east),
        north=_up(north),
        cloud_pct=cloud,
        collection=by_word[encoded.indices.to_numpy()],
    )


def _down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


def _up(values: NDArray[np.float64]) -> NDArray[np.float32]:
    near = values.astype(np.float32)
    return np.where(near < values, np.nextafter(near, np.float32(np.inf)), near)

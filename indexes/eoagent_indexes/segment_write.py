"""Write a segment: tiles and vectors, row by row the same, each file whole before SEG.json says so.

A segment that no manifest names is no part of the index; any process may write one.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError
from eoagent.contracts.record import canonical_json
from eoagent.io.atomic import disk_errors
from eoagent_indexes.durable import DurableFile, Sink, store_bytes
from eoagent_indexes.extent import centres
from eoagent_indexes.hilbert import hilbert_keys
from eoagent_indexes.hot import boxes_of, times_of
from eoagent_indexes.ids import id_words
from eoagent_indexes.layout import BLOCKS, COLUMNS, IDS, SEAL, TILES, VECTORS
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.npyfile import npy_header
from eoagent_indexes.schema import TILE_SCHEMA, conform, footers
from eoagent_indexes.segment_facts import SegmentFacts

__all__ = [
    "BLOCK_BYTES",
    "GROUP_ROWS",
    "seal_bytes",
    "sort_order",
    "stream_segment",
    "write_segment",
]

BLOCK_BYTES: Final = 64 << 10
"""Bytes of a vector file that share a hash: 64 vectors of 512 numbers."""
GROUP_ROWS: Final = 2048
"""Rows of a row group: what must be decoded to show one tile, 0.6 ms on one core. Half as many
take half as long, but the footer of an open file then takes 24 bytes of memory a row, not 12."""


def write_segment(
    folder: Path,
    table: pa.Table,
    vectors: NDArray[Any],
    *,
    encoder: EncoderFingerprint,
    segment_id: str | None = None,
) -> SegmentEntry:
    """Write tiles and their vectors as a new segment of an index, and return its entry.

    Rows are put in order of collection, Hilbert position of the centre, start and id, whatever
    order they come in. A tile id that stands in several rows is written once.

    Args:
        folder: the index folder.
        table: tiles, with the columns of `TILE_SCHEMA`.
        vectors: (rows, dimensions), of length 1.
        encoder: what made the vectors.
        segment_id: 32 hex digits; random by default.

    Raises:
        InputError: if table and vectors do not fit each other or the encoder.
        SourceError: if the disk is full or cannot be written.
    """
    rows = conform(table)
    _refuse_misfits(rows, vectors, encoder)
    order = sort_order(rows)
    chunks = (
        (rows.take(pa.array(part)), vectors[part])
        for part in np.array_split(order, range(GROUP_ROWS, len(order), GROUP_ROWS))
    )
    return stream_segment(folder, chunks, rows=len(order), encoder=encoder, segment_id=segment_id)


def stream_segment(
    folder: Path,
    chunks: Iterator[tuple[pa.Table, NDArray[Any]]],
    *,
    rows: int,
    encoder: EncoderFingerprint,
    segment_id: str | None = None,
) -> SegmentEntry:
    """Write a segment from pieces that come in their final order, holding one at a time.

    Args:
        folder: the index folder.
        chunks: tiles with their vectors; each is a row group.
        rows: how many they are together.
        encoder: what made the vectors.
        segment_id: 32 hex digits; random by default.

    Raises:
        InputError: if a piece is no tile table, or its vectors are not of length 1.
        SourceError: if the disk is full or cannot be written.
    """
    name = segment_id or secrets.token_hex(16)
    at = f"segments/{name}"
    facts = SegmentFacts()
    with disk_errors(folder / at), contextlib.ExitStack() as stack:
        tiles = stack.enter_context(DurableFile(folder, f"{at}/{TILES}"))
        stored = stack.enter_context(
            DurableFile(folder, f"{at}/{VECTORS}", block_bytes=BLOCK_BYTES)
        )
        stored.write(npy_header("<f2", (rows, encoder.dimensions)))
        sink = pa.PythonFile(Sink(tiles), mode="w")
        with pq.ParquetWriter(
            sink,
            TILE_SCHEMA,
            # zstd takes 35 bytes a row where lz4 takes 58, and twice the time to show a tile.
            compression="lz4",
            use_dictionary=False,  # the same rows are quicker to decode
            # Without a stored Arrow schema, readers find the footers in the schema they infer.
            store_schema=False,
        ) as parquet:
            for table, vectors in chunks:
                with np.errstate(over="ignore"):  # its length tells
                    half = np.ascontiguousarray(vectors, dtype="<f2")
                facts.add(table, half)
                parquet.write_table(table, row_group_size=GROUP_ROWS)
                stored.write(half.data)
            assert facts.rows == rows
            parquet.add_key_value_metadata(
                footers(encoder, facts.bbox, sorted(facts.kinds), facts.collections)
            )
        files = (
            tiles.finish(),
            stored.finish(),
            store_bytes(folder, f"{at}/{BLOCKS}", stored.digests),
            store_bytes(folder, f"{at}/{COLUMNS}", facts.columns().to_bytes()),
            store_bytes(folder, f"{at}/{IDS}", facts.ids().to_bytes()),
        )
        entry = facts.entry(name, files, dimensions=encoder.dimensions, block_bytes=BLOCK_BYTES)
        store_bytes(folder, f"{at}/{SEAL}", seal_bytes(entry))
    return entry


def seal_bytes(entry: SegmentEntry) -> bytes:
    """Return the content of SEG.json for a segment."""
    return canonical_json(entry.to_dict()).encode()


def sort_order(table: pa.Table) -> NDArray[np.int64]:
    """Return the rows of a tile table in the order they are stored in, each tile id once.

    Raises:
        InputError: if a tile id is not 32 hex digits, or a box is none.
    """
    upper, lower = id_words(table.column("tile_id").to_pylist())
    boxes = boxes_of(table)
    _refuse_boxes(boxes)
    words = table.column("collection").to_pylist()
    codes = {word: code for code, word in enumerate(sorted(set(words)))}
    collection = np.array([codes[word] for word in words], dtype=np.int32)
    hilbert = hilbert_keys(*centres(boxes))
    order = np.lexsort((lower, upper, times_of(table, "start"), hilbert, collection))
    _, first = np.unique(np.stack([upper[order], lower[order]]), axis=1, return_index=True)
    return order[np.sort(first)]


def _refuse_misfits(table: pa.Table, vectors: NDArray[Any], encoder: EncoderFingerprint) -> None:
    expected = (table.num_rows, encoder.dimensions)
    if vectors.shape != expected:
        raise InputError(
            f"{table.num_rows} tiles came with vectors of {vectors.shape}, "
            f"where {expected} was expected"
        )
    if table.num_rows == 0:
        raise InputError("a segment of no tiles was to be written")
    if not np.issubdtype(vectors.dtype, np.floating):
        raise InputError(f"vectors are {vectors.dtype}, no floating-point numbers")


def _refuse_boxes(boxes: NDArray[np.float64]) -> None:
    known = boxes[~np.isnan(boxes).all(axis=1)]
    west, south, east, north = known.T
    sound = (np.abs(west) <= 180) & (np.abs(east) <= 180)
    sound &= (south >= -90) & (north <= 90) & (south <= north)
    if not sound.all():
        wrong = known[np.argmin(sound)].tolist()
        raise InputError(
            f"a tile has the box {wrong}, which is not west, south, east, north in degrees"
        )

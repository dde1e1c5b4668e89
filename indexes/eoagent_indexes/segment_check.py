"""Compare the rows of a segment with its vectors, its derived files and its entry."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import EoAgentError
from eoagent_indexes.hot import HotColumns, hot_from_table
from eoagent_indexes.ids import id_words
from eoagent_indexes.schema import footers
from eoagent_indexes.segment import Segment
from eoagent_indexes.segment_facts import SegmentFacts

__all__ = ["segment_problems"]


def segment_problems(segment: Segment, encoder: EncoderFingerprint) -> list[str]:
    """Return what contradicts what in a segment whose bytes are sound, each a sentence.

    Args:
        segment: the segment.
        encoder: what made the vectors of the index.
    """
    name = f"segment {segment.entry.id}"
    try:
        return [f"{name}: {found}" for found in _problems(segment, encoder)]
    except EoAgentError as error:
        return [f"{name}: {error}"]


def _problems(segment: Segment, encoder: EncoderFingerprint) -> Iterator[str]:
    facts = SegmentFacts()
    ids = segment.files.ids.words_in_row_order()
    wrong_ids, wrong_columns = 0, 0
    for start, stop in segment.files.tiles.group_rows:
        rows = np.arange(start, stop)
        table = segment.table(rows)
        facts.add(table, segment.vector_range(start, stop))
        words = id_words(table.column("tile_id").to_pylist())
        wrong_ids += int(((words[0] != ids[0][rows]) | (words[1] != ids[1][rows])).sum())
        wrong_columns += _differing(segment, table, rows)
    if wrong_ids:
        yield f"{wrong_ids} rows of ids.bin name another tile than tiles.parquet"
    if wrong_columns:
        yield f"{wrong_columns} rows of columns.bin differ from tiles.parquet"
    if segment.files.ids.has_twins():
        yield "a tile id stands in two rows"
    entry = segment.entry
    made = facts.entry(
        entry.id, entry.files, dimensions=entry.dimensions, block_bytes=entry.block_bytes
    )
    for field in type(entry).model_fields:
        stated, found = getattr(entry, field), getattr(made, field)
        if stated != found:
            yield f"its {field} is stated as {stated}, its rows give {found}"
    expected = footers(encoder, facts.bbox, sorted(facts.kinds), facts.collections)
    there = segment.files.tiles.schema.metadata or {}
    for key, value in expected.items():
        if json.loads(there.get(key, b"null")) != json.loads(value):
            yield f"the footer {key.decode()} of tiles.parquet does not agree with its rows"


def _differing(segment: Segment, table: pa.Table, rows: NDArray[np.int64]) -> int:
    made = hot_from_table(table, segment.entry.collections)
    wrong = np.zeros(len(rows), dtype=np.bool_)
    for name in HotColumns.__dataclass_fields__:
        stored, found = getattr(segment.columns, name)[rows], getattr(made, name)
        wrong |= ~((stored == found) | (np.isnan(stored) & np.isnan(found)))
    return int(wrong.sum())

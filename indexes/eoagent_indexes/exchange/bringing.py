"""Bring embeddings that were made elsewhere into an index: all that is sound, in one commit."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildReport
from eoagent_indexes.exchange.counting import Tally
from eoagent_indexes.exchange.footer import MOST_DIMENSIONS, Quantization, read_footer
from eoagent_indexes.exchange.layouts import Layout, recognise
from eoagent_indexes.exchange.naming import encoder_of, installed_card, refuse_another
from eoagent_indexes.exchange.numbers import check_type, decode, longest_of
from eoagent_indexes.exchange.opening import OpenedFile, batches, opened
from eoagent_indexes.exchange.placing import crs_of_file, place
from eoagent_indexes.exchange.tabling import Source, ids_of, tile_table
from eoagent_indexes.exchange.timing import time_of_file, times
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.parts import UnitRecord
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.writer import IndexWriter

__all__ = ["bring_in"]

_SEGMENT_ROWS: Final = 65_536
_SEGMENT_BYTES: Final = 64 << 20
_PROBED: Final = 4096
"""Length that vectors are thought to have until the first one is seen."""


def bring_in(
    folder: Path, around: Surroundings, file: Path, *, card: str, now: Callable[[], datetime]
) -> BuildReport:
    """Make or extend an index from a file of embeddings; it takes all sound rows or none.

    Rows are read a row group at a time; a segment's worth is held at most. Of rows with one id the
    first is taken, and what the index holds already stays as it is.

    Args:
        folder: the index folder.
        around: the guard, progress and deadline.
        file: the file.
        card: card of the model, where the file does not say.
        now: the clock.

    Raises:
        InputError: if the file lacks a column, or its vectors do not fit.
        SourceError: if it cannot be read, or the index cannot be written.
        NotFound: if it is not there.
    """
    began = time.perf_counter()
    with opened(file, around.origins) as found:
        source, said = _source(found, card)
        tally = Tally(source.unit, source.href, now())
        with (
            IndexWriter(folder, encoder=source.encoder, recipe=_recipe(source, found)) as writer,
            contextlib.ExitStack() as undo,
        ):
            before = 0
            if writer.snapshot is not None:
                before = writer.snapshot.manifest.live
                refuse_another(writer.snapshot.manifest.encoder, source.encoder, source.href)
            entries: list[SegmentEntry] = []
            for table, vectors in _pieces(found, source, tally, around):
                _count_there(writer, table, tally)
                entry = write_segment(folder, table, vectors, encoder=source.encoder)
                undo.callback(shutil.rmtree, writer.layout.segment(entry.id), ignore_errors=True)
                entries.append(entry)
            if not entries:
                raise _nothing(source, tally)
            undo.pop_all()  # a commit that fails late may stand, and then needs its segments
            manifest = writer.commit(
                add=entries,
                ledger=[_record(source, found, tally)],
                quarantine=tally.records,
            )
    added = manifest.live - before
    tally.repeated += tally.sound - added - tally.there
    return tally.report(
        manifest.version, added=added, seconds=time.perf_counter() - began, said=said
    )


def _source(found: OpenedFile, card: str) -> tuple[Source, tuple[str, ...]]:
    """Return what is known of the whole file, and what was assumed."""
    schema, href = found.parquet.schema_arrow, found.href
    footer = read_footer(found.parquet.metadata.metadata, href)
    layout = recognise(schema.names, footer, href)
    check_type(schema.field(layout.embedding).type, footer.quantization, href)
    dimensions = _dimensions(found, layout, footer.dimensions, footer.quantization)
    encoder, said = encoder_of(footer, dimensions, card=card, lookup=installed_card, href=href)
    kind = schema.field(layout.geometry).type if layout.geometry else None
    source = Source(
        href=href,
        unit=f"import:{found.sha256[:32]}",
        layout=layout,
        footer=footer,
        encoder=encoder,
        crs=crs_of_file(layout, footer, kind, href),
        time=time_of_file(footer),
    )
    read = f"{href} was read as {layout.name}: {', '.join(layout.columns)}"
    geo = layout.geometry and "geo" not in footer.keys
    plain = (f"its column {layout.geometry} is taken as longitude and latitude",) if geo else ()
    return source, (read, *plain, *said)


def _dimensions(
    found: OpenedFile, layout: Layout, stated: int, quantization: Quantization | None
) -> int:
    """Return the length of the vectors: what the first one has, which must be what is stated."""
    first = 0
    for batch in batches(found, [layout.embedding], _PROBED):
        first = longest_of(batch.column(0))
        if first:
            break
    if not first:
        raise InputError(f"{found.href} holds no vector")
    if first > MOST_DIMENSIONS:
        raise InputError(
            f"{found.href} holds vectors of {first} numbers; {MOST_DIMENSIONS} is most"
        )
    if stated and stated != first:
        raise InputError(
            f"{found.href} states vectors of {stated} numbers, and its first one has {first}"
        )
    sizes = (
        {quantization.scale.size, quantization.offset.size} if quantization is not None else set()
    )
    if sizes - {1, first}:
        raise InputError(f"{found.href} states {max(sizes)} scales or offsets for {first} numbers")
    return first


def _pieces(
    found: OpenedFile, source: Source, tally: Tally, around: Surroundings
) -> Iterator[tuple[pa.Table, NDArray[np.float16]]]:
    """Yield the sound rows, a segment at a time."""
    dimensions = source.encoder.dimensions
    most = max(1, min(_SEGMENT_ROWS, _SEGMENT_BYTES // (2 * dimensions)))
    total = max(1, found.parquet.metadata.num_rows)
    tables: list[pa.Table] = []
    vectors: list[NDArray[np.float16]] = []
    for batch in batches(found, source.layout.columns, dimensions):
        if around.deadline is not None:
            around.deadline.check()
        table, halves = _read(batch, source, tally)
        tables.append(table)
        vectors.append(halves)
        if around.progress is not None:
            around.progress(min(1.0, tally.rows / total), f"{tally.rows} of {total} rows")
        if sum(map(len, vectors)) >= most:
            yield from _joined(tables, vectors, tally)
            tables, vectors = [], []
    yield from _joined(tables, vectors, tally)


def _read(batch: Any, source: Source, tally: Tally) -> tuple[pa.Table, NDArray[np.float16]]:
    """Return the sound rows of a batch as tiles with their vectors."""
    decoded = decode(
        batch.column(source.layout.embedding),
        source.encoder.dimensions,
        source.footer.quantization,
    )
    placed = place(batch, source.layout, source.crs)
    timed = times(batch, source.layout, source.time)
    ids, nameless = ids_of(batch, source)
    refused = placed.refused | decoded.refused | nameless
    for row in sorted(refused):
        tally.refuse(tally.rows + row, ids[row][:200], refused[row])
    tally.note(decoded, timed.unread)
    tally.rows += batch.num_rows
    table = tile_table(batch, ids, source, placed=placed, timed=timed)
    is_sound = ~np.isin(decoded.rows, list(refused))
    return table.take(pa.array(decoded.rows[is_sound])), decoded.halves[is_sound]


def _joined(
    tables: list[pa.Table], vectors: list[NDArray[np.float16]], tally: Tally
) -> Iterator[tuple[pa.Table, NDArray[np.float16]]]:
    """Yield the rows together, the first of each id; nothing if there is none."""
    if not sum(map(len, vectors)):
        return
    table, halves = pa.concat_tables(tables), np.concatenate(vectors)
    _, first = np.unique(np.array(table.column("tile_id").to_pylist()), return_index=True)
    kept = np.sort(first)
    tally.repeated += len(halves) - len(kept)
    table, halves = table.take(pa.array(kept)), halves[kept]
    tally.sound += len(halves)
    tally.without_place += table.column("bbox").null_count
    yield table, halves


def _count_there(writer: IndexWriter, table: pa.Table, tally: Tally) -> None:
    if writer.snapshot is not None:
        found = writer.snapshot.find(table.column("tile_id").to_pylist())
        tally.there += int(found.is_there.sum())


def _nothing(source: Source, tally: Tally) -> InputError:
    reasons = "; ".join(f"{count} times {why}" for why, count in tally.skipped().items())
    return InputError(
        f"none of the {tally.rows} rows of {source.href} can be taken: {reasons[:300]}"
    )


def _recipe(source: Source, found: OpenedFile) -> dict[str, str]:
    return {
        "kind": "import",
        "source": source.href,
        "sha256": found.sha256,
        "layout": source.layout.name,
    }


def _record(source: Source, found: OpenedFile, tally: Tally) -> UnitRecord:
    return UnitRecord(
        unit=source.unit,
        state="done",
        href=source.href,
        asset_version=f"sha256:{found.sha256}",
        tiles=tally.sound,
        skipped=tally.refused,
        note=json.dumps({"layout": source.layout.name, "bytes": found.bytes}),
    )

"""Write an index as one GeoParquet file of tiles and embeddings that others can read.

Vectors are written as float32 numbers, which every reader of Parquet knows; they hold what is
stored, to the last bit, and a byte-wise encoding packs the bits that are always zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eoagent.contracts.index import Surroundings
from eoagent.io.atomic import disk_errors
from eoagent_indexes.durable import DurableFile, Sink
from eoagent_indexes.exchange.footer import OWN_LAYOUT
from eoagent_indexes.extent import hull
from eoagent_indexes.hot import boxes_of
from eoagent_indexes.schema import TILE_SCHEMA, footers, geometry_kinds
from eoagent_indexes.snapshot import Snapshot

__all__ = ["write_out"]

_GROUP_BYTES: Final = 32 << 20
_MOST_GROUP_ROWS: Final = 65_536
_NAMES: Final = {"tile_id": "id", "start": "start_datetime", "end": "end_datetime"}


def write_out(folder: Path, around: Surroundings, file: Path) -> int:
    """Write the live tiles of an index, in the order they are stored, and return how many.

    The file appears whole or not at all; one that is there is replaced.

    Raises:
        NotFound: if there is no index.
        SourceError: if a file of the index is damaged, or the new one cannot be written.
    """
    target = file.expanduser().absolute()
    with Snapshot.open(folder) as snapshot, disk_errors(target, hint="name another file"):
        schema = _schema(snapshot)
        done, total = 0, max(1, snapshot.manifest.live)
        with DurableFile(target.parent, target.name) as made:
            sink = pa.PythonFile(Sink(made), mode="w")
            with pq.ParquetWriter(
                sink,
                schema,
                compression="zstd",
                use_dictionary=[name for name in schema.names if name != "embedding"],
                use_byte_stream_split=["embedding.list.element"],
            ) as parquet:
                for table in _groups(snapshot, schema, around):
                    parquet.write_table(table, row_group_size=table.num_rows)
                    done += table.num_rows
                    if around.progress is not None:
                        around.progress(min(1.0, done / total), f"{done} of {total} tiles")
            made.finish()
    return done


def _groups(snapshot: Snapshot, schema: pa.Schema, around: Surroundings) -> Iterator[pa.Table]:
    """Yield the live tiles, a row group at a time."""
    dimensions = snapshot.manifest.encoder.dimensions
    most = max(1, min(_MOST_GROUP_ROWS, _GROUP_BYTES // (4 * dimensions)))
    for segment in snapshot.segments:
        live = np.flatnonzero(segment.live)
        for start in range(0, len(live), most):
            if around.deadline is not None:
                around.deadline.check()
            rows = live[start : start + most]
            vectors = segment.vectors(rows).astype(np.float32)
            column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimensions)
            tiles = segment.table(rows).rename_columns(
                [_NAMES.get(name, name) for name in TILE_SCHEMA.names]
            )
            whole = tiles.append_column("embedding", column)
            yield whole.select(schema.names).replace_schema_metadata(None).cast(schema)


def _schema(snapshot: Snapshot) -> pa.Schema:
    """Return columns and footer; readers of Arrow and of Parquet find the keys there alike."""
    encoder = snapshot.manifest.encoder
    vector = pa.list_(pa.float32(), encoder.dimensions)
    tiles = [field.with_name(_NAMES.get(field.name, field.name)) for field in TILE_SCHEMA]
    fields = [tiles[0], pa.field("embedding", vector, nullable=False), *tiles[1:]]
    return pa.schema(fields, metadata=_footers(snapshot))


def _footers(snapshot: Snapshot) -> dict[bytes, bytes]:
    encoder = snapshot.manifest.encoder
    boxes: list[Any] = []
    kinds: set[str] = set()
    for segment in snapshot.segments:
        table = segment.table(np.flatnonzero(segment.live), ["geometry", "bbox"])
        boxes.append(boxes_of(table))
        kinds |= geometry_kinds(table.column("geometry"))
    whole = hull(np.concatenate(boxes)) if boxes else None
    made = footers(encoder, whole, sorted(kinds), ())
    emb = json.loads(made[b"emb"])
    emb |= {
        "layout": OWN_LAYOUT,
        "dimensions": encoder.dimensions,
        "quantization": {"method": "none", "original_dtype": "float16"},
        "embedding": {"dim": encoder.dimensions, "data_type": "float32", "metric": "cosine"},
    }
    return {b"geo": made[b"geo"], b"emb": json.dumps(emb).encode()}

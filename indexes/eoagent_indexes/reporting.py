"""What an index holds, told from its manifest and its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.indexing import IndexInfo
from eoagent_indexes.ann import ANN_ROWS
from eoagent_indexes.extent import hull
from eoagent_indexes.manifest import AnnEntry
from eoagent_indexes.segment import Segment
from eoagent_indexes.snapshot import Snapshot

__all__ = ["describe"]


def describe(snapshot: Snapshot) -> IndexInfo:
    """Return what a version of an index holds.

    Raises:
        SourceError: if a file of it is damaged.
    """
    manifest = snapshot.manifest
    items = [_items(segment) for segment in snapshot.segments]
    names = pa.concat_tables(items) if items else None
    distinct = 0 if names is None else names.group_by(names.column_names).aggregate([]).num_rows
    return IndexInfo(
        name=snapshot.folder.name,
        version=snapshot.version,
        created=manifest.created,
        tiles=manifest.live,
        deleted=manifest.deleted,
        segments=len(manifest.segments),
        without_place=sum(
            int((np.isnan(s.columns.west) & s.live).sum())
            for s in snapshot.segments
            if s.entry.without_place
        ),
        items=distinct,
        quarantined=len(snapshot.quarantine()),
        bbox=_bbox(snapshot),
        time=_time(snapshot),
        collections=tuple(sorted({c for s in manifest.segments for c in s.collections})),
        encoder=manifest.encoder,
        recipe=manifest.recipe,
        bytes=sum(file.bytes for file in manifest.files()),
        ann=tuple(_ann(entry) for entry in manifest.ann),
        notes=_notes(snapshot),
    )


def _items(segment: Segment) -> Any:
    """Return collections and items of live tiles, each pair once."""
    table = segment.table(np.flatnonzero(segment.live), ["collection", "item_id"])
    return table.group_by(["collection", "item_id"]).aggregate([])


def _bbox(snapshot: Snapshot) -> BBox | None:
    boxes = [s.bbox for s in snapshot.manifest.segments if s.bbox is not None]
    return hull(np.array([(b.west, b.south, b.east, b.north) for b in boxes]).reshape(-1, 4))


def _time(snapshot: Snapshot) -> TimeRange | None:
    spans = [s.time for s in snapshot.manifest.segments if s.time is not None]
    starts = [span.start for span in spans if span.start is not None]
    ends = [span.end for span in spans if span.end is not None]
    if not starts or not ends:
        return None
    return TimeRange(start=min(starts), end=max(ends))


def _ann(entry: AnnEntry) -> dict[str, Any]:
    """Return what is told of a structure: the best setting that was measured, and its size."""
    return {
        "segment": entry.segment,
        "kind": entry.kind,
        "rows": entry.rows,
        "bytes": entry.file.bytes,
        "recall": entry.recall,
        "cpu_ms": entry.cpu_ms,
    }


def _notes(snapshot: Snapshot) -> tuple[str, ...]:
    notes = []
    unknown = snapshot.manifest.encoder.unknowns
    if unknown:
        notes.append(f"not known of the encoder that made it: {', '.join(unknown)}")
    bare = sum(s.live_rows > ANN_ROWS and s.ann is None for s in snapshot.segments)
    if bare:
        notes.append(
            f"{bare} segments of more than {ANN_ROWS:,} tiles have no approximate structure and "
            "are compared exactly, which takes longer; eoagent index update makes it"
        )
    return tuple(notes)

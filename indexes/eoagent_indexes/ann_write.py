"""Write a derived search structure beside the segment it was made from."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eoagent.io.atomic import disk_errors
from eoagent_indexes.durable import store_bytes
from eoagent_indexes.manifest import AnnEntry, SegmentEntry

__all__ = ["write_ann"]


def write_ann(
    folder: Path,
    segment: SegmentEntry,
    data: bytes | memoryview,
    *,
    kind: str,
    calibration: Mapping[str, Any],
    generation: str | None = None,
) -> AnnEntry:
    """Write a search structure and return its entry, which a commit makes part of the index.

    Args:
        folder: the index folder.
        segment: what it finds rows of.
        data: its bytes.
        kind: how it was made (`IVF2048,SQ8`).
        calibration: recall and seconds by setting, as measured on this segment.
        generation: name of what was trained together, 32 hex digits; random by default.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    name = generation or secrets.token_hex(16)
    path = f"ann/{name}/{segment.id}.faiss"
    with disk_errors(folder / path):
        file = store_bytes(folder, path, data)
    return AnnEntry(
        segment=segment.id,
        generation=name,
        kind=kind,
        rows=segment.rows,
        file=file,
        calibration=dict(calibration),
    )

"""Write a derived search structure, and beside it what was measured of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eoagent.contracts.record import canonical_json
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
    path = f"ann/{name}/{segment.id}"
    with disk_errors(folder / path):
        file = store_bytes(folder, f"{path}.faiss", data)
        curve = store_bytes(folder, f"{path}.json", canonical_json(dict(calibration)).encode())
    points = [point for point in calibration.get("curve", ()) if point["share"] == 1.0]
    best: dict[str, float] = max(points, key=lambda point: point["recall"], default={})
    return AnnEntry(
        segment=segment.id,
        generation=name,
        kind=kind,
        rows=segment.rows,
        file=file,
        curve=curve,
        recall=best.get("recall"),
        cpu_ms=best.get("cpu_ms"),
    )

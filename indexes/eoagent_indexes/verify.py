"""Read every byte of an index again and compare it with what the manifest says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.errors import SourceError
from eoagent.contracts.progress import Deadline, Progress
from eoagent.io.atomic import disk_errors, hash_file
from eoagent_indexes.checked import check_size
from eoagent_indexes.layout import BLOCKS, SEAL, VECTORS, IndexLayout
from eoagent_indexes.manifest import FileEntry
from eoagent_indexes.orphans import orphans
from eoagent_indexes.parts import read_ledger, read_quarantine
from eoagent_indexes.pointer import load_current
from eoagent_indexes.segment_check import segment_problems
from eoagent_indexes.segment_write import seal_bytes
from eoagent_indexes.snapshot import Snapshot

__all__ = ["Resample", "Verification", "verify"]

Resample = Callable[[pa.Table, NDArray[np.float16]], Iterable[str]]
"""Makes the vectors of some tiles again and tells, a sentence each, which differ from these."""
_SLICES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of an index found."""

    problems: tuple[str, ...]
    """What is wrong, each a sentence; none if all is well."""
    version: int = 0
    """Version that was checked."""
    files: int = 0
    """Files that were read."""
    bytes: int = 0
    """Bytes that were read."""
    rows: int = 0
    """Tiles that were checked, the deleted ones too."""
    orphans: int = 0
    """Files that this version does not need: older versions, or what was interrupted."""
    orphan_bytes: int = 0
    """Their size."""


def verify(
    folder: Path,
    *,
    samples: int = 0,
    resample: Resample | None = None,
    seed: int = 0,
    deadline: Deadline | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check the version that stands: every byte, and every row against its neighbours.

    Args:
        folder: the index folder.
        samples: live tiles, taken at random, whose vectors are made again.
        resample: makes them.
        seed: decides which.
        deadline: checked before each segment.
        progress: told after each.

    Raises:
        NotFound: if no version was committed there.
        BudgetExceeded: if the deadline passes.
    """
    layout = IndexLayout(folder.absolute())
    try:
        pointer, manifest = load_current(layout)
    except SourceError as error:
        return Verification(problems=(str(error),))
    snapshot = Snapshot(layout, pointer, manifest)
    problems = list(_records(snapshot))
    for number, segment in enumerate(snapshot.segments, 1):
        if deadline is not None:
            deadline.check()
        found = list(_sealed(snapshot, number - 1))
        problems += found or segment_problems(segment, manifest.encoder)
        if progress is not None:
            progress(number / len(snapshot.segments), f"{number} segments checked")
    if not problems:
        problems += _twins(snapshot)
        problems += _sampled(snapshot, samples, resample, seed)
    left = orphans(layout, [manifest])
    return Verification(
        problems=tuple(problems),
        version=manifest.version,
        files=len(manifest.files()),
        bytes=sum(file.bytes for file in manifest.files()),
        rows=manifest.rows,
        orphans=len(left),
        orphan_bytes=sum(file.bytes for file in left),
    )


def _records(snapshot: Snapshot) -> Iterator[str]:
    manifest, root = snapshot.manifest, snapshot.folder
    entries = [entry.file for entry in (*manifest.ledger, *manifest.quarantine)]
    entries += [entry.file for entry in manifest.tombstones]
    entries += [file for entry in manifest.ann for file in (entry.file, entry.curve)]
    found = list(itertools.chain.from_iterable(_changed(root, file) for file in entries))
    yield from found
    if found:
        return
    try:
        read_ledger(root, manifest.ledger)
        read_quarantine(root, manifest.quarantine)
        for segment in snapshot.segments:
            assert segment.live.sum() == segment.live_rows
    except SourceError as error:
        yield str(error)
    rows = {entry.id: entry.rows for entry in manifest.segments}
    for ann in manifest.ann:
        if ann.rows != rows[ann.segment]:
            yield f"{ann.file.path} holds {ann.rows} vectors, its segment {rows[ann.segment]}"


def _sealed(snapshot: Snapshot, number: int) -> Iterator[str]:
    segment = snapshot.segments[number]
    seal = snapshot.layout.segment(segment.entry.id) / SEAL
    try:
        if seal.read_bytes() != seal_bytes(segment.entry):
            yield f"{seal} does not agree with the manifest"
    except OSError as error:
        yield f"{seal} cannot be read: {error.strerror}"
    vectors, hashes = segment.entry.file(VECTORS), segment.entry.file(BLOCKS)
    for file in segment.entry.files:
        if file not in {vectors, hashes}:
            yield from _changed(snapshot.folder, file)
    changed = list(_changed(snapshot.folder, hashes))
    if changed:  # without the hashes of its blocks, that of the whole file tells
        yield from (*changed, *_changed(snapshot.folder, vectors))
        return
    try:
        wrong = segment.files.vectors.damaged_blocks()
    except SourceError as error:
        yield str(error)
        return
    if len(wrong):
        size = segment.entry.block_bytes
        at = ", ".join(str(block * size) for block in wrong[:5].tolist())
        path = snapshot.folder / vectors.path
        yield f"{path} has other bytes than were written in {len(wrong)} blocks, at bytes {at}"


def _changed(root: Path, file: FileEntry) -> Iterator[str]:
    try:
        check_size(root, file)
        with disk_errors(root / file.path):
            sha256, _ = hash_file(root / file.path)
    except SourceError as error:
        yield str(error)
        return
    if sha256 != file.sha256:
        yield f"{root / file.path} has other bytes than were written"


def _twins(snapshot: Snapshot) -> Iterator[str]:
    """Tell of tile ids that are live twice, holding a slice of the ids at a time."""
    ids = [segment.files.ids for segment in snapshot.segments]
    live = [segment.live for segment in snapshot.segments]
    count = 0
    for number in range(_SLICES):
        low, high = np.uint64(number << 56), np.uint64((number << 56) | ((1 << 56) - 1))
        parts = []
        for one, alive in zip(ids, live, strict=True):
            start = np.searchsorted(one.upper, low)
            stop = np.searchsorted(one.upper, high, side="right")
            inside = alive[one.rows[start:stop]]
            parts.append(np.stack([one.upper[start:stop], one.lower[start:stop]])[:, inside])
        if parts:
            words = np.concatenate(parts, axis=1)
            words = words[:, np.lexsort(words)]
            count += int((words[:, 1:] == words[:, :-1]).all(axis=0).sum())
    if count:
        yield f"{count} tiles are there twice"


def _sampled(
    snapshot: Snapshot, samples: int, resample: Resample | None, seed: int
) -> Iterator[str]:
    if resample is None or samples < 1 or not snapshot.manifest.live:
        return
    wanted = min(samples, snapshot.manifest.live)
    chosen = np.random.default_rng(seed).choice(snapshot.manifest.live, wanted, replace=False)
    first = 0
    for segment in snapshot.segments:
        mine = np.sort(chosen[(chosen >= first) & (chosen < first + segment.live_rows)]) - first
        first += segment.live_rows
        if len(mine):
            rows = np.flatnonzero(segment.live)[mine]
            yield from resample(segment.table(rows), segment.vectors(rows))

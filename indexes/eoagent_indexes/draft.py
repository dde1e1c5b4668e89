"""A version that is being made: its files are removed again unless it comes to stand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from types import TracebackType
from typing import Any, Final, Self

from pydantic import ValidationError

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError
from eoagent.io.atomic import make_folder
from eoagent_indexes.changes import Outcome
from eoagent_indexes.checked import check_size
from eoagent_indexes.layout import SEAL, IndexLayout
from eoagent_indexes.manifest import AnnEntry, FileEntry, Manifest, PartEntry, SegmentEntry
from eoagent_indexes.parts import (
    QuarantineRecord,
    UnitRecord,
    read_ledger,
    read_quarantine,
    write_ledger,
    write_quarantine,
)
from eoagent_indexes.refusals import damaged
from eoagent_indexes.segment_write import seal_bytes
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.tombstones import write_tombstones

__all__ = ["MOST_PARTS", "Draft"]

MOST_PARTS: Final = 64
"""Parts of the ledger, and of the quarantine, before they are written anew as one."""
_MANIFEST: Final = re.compile(r"([0-9]{8,10})\.json")


class Draft:
    """Writes what a new version needs besides its segments, and describes it."""

    def __init__(self, layout: IndexLayout, base: Snapshot | None) -> None:
        self._layout, self._base = layout, base
        self._written: list[FileEntry] = []
        self._pieces: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was written, unless it is to be kept."""
        for file in self._written:
            with contextlib.suppress(OSError):  # what stays is garbage that a vacuum takes
                (self._layout.root / file.path).unlink()

    def keep(self) -> None:
        """Leave the files where they are."""
        self._written.clear()

    def admit(self, entry: SegmentEntry) -> None:
        """Make sure that a segment that is to come was finished.

        Raises:
            SourceError: if a file of it is missing, or is not what its entry says.
        """
        root = self._layout.root
        seal = self._layout.segment(entry.id) / SEAL
        try:
            found = seal.read_bytes()
        except OSError as error:
            raise damaged(root, seal, "is missing: the segment was not finished") from error
        if found != seal_bytes(entry):
            raise damaged(root, seal, "is not what the segment's entry says")
        for file in entry.files:
            check_size(root, file)

    def take(
        self,
        outcome: Outcome,
        *,
        ledger: Sequence[UnitRecord],
        quarantine: Sequence[QuarantineRecord],
        ann: Mapping[str, AnnEntry | None],
    ) -> None:
        """Write deleted rows and records.

        Raises:
            OSError: if the disk refuses.
            SourceError: if a part or a search structure is missing or damaged.
        """
        tombstones = list(outcome.kept)
        for segment, rows in outcome.fresh.items():
            entry = write_tombstones(self._layout.root, segment, rows)
            self._written.append(entry.file)
            tombstones.append(entry)
        self._pieces = {
            "segments": tuple(files.entry for files in outcome.segments),
            "tombstones": tuple(tombstones),
            "ann": self._ann(outcome, ann),
            "ledger": self._ledger(ledger),
            "quarantine": self._quarantine(quarantine),
        }

    def manifest(
        self,
        *,
        encoder: EncoderFingerprint,
        recipe: dict[str, Any],
        state: dict[str, Any],
        fence: int,
        created: datetime,
    ) -> Manifest:
        """Return the manifest of the new version.

        Raises:
            InputError: if a segment does not fit the index.
            OSError: if the disk refuses.
        """
        base = self._base
        make_folder(self._layout.manifests)
        try:
            return Manifest(
                version=self._next_version(),
                parent=base.version if base else 0,
                parent_sha256=base.pointer.sha256 if base else "",
                created=created,
                fence=fence,
                tool=f"eoagent {metadata.version('eoagent')}",
                encoder=encoder,
                recipe=recipe,
                state=state,
                **self._pieces,
            )
        except ValidationError as error:
            raise InputError(
                f"what was to be committed does not fit index '{self._layout.root.name}': "
                f"{error.errors()[0]['msg']}"
            ) from error

    def _next_version(self) -> int:
        names = [_MANIFEST.fullmatch(path.name) for path in self._layout.manifests.iterdir()]
        taken = [int(match[1]) for match in names if match]  # a killed writer's among them
        return max(taken, default=0) + 1

    def _ann(self, outcome: Outcome, ann: Mapping[str, AnnEntry | None]) -> tuple[AnnEntry, ...]:
        there = {entry.segment: entry for entry in (self._base.manifest.ann if self._base else ())}
        merged: dict[str, AnnEntry | None] = {**there, **ann}
        names = {files.entry.id for files in outcome.segments}
        for entry in ann.values():
            if entry is not None:
                check_size(self._layout.root, entry.file)
                check_size(self._layout.root, entry.curve)
        return tuple(e for name, e in merged.items() if e is not None and name in names)

    def _ledger(self, records: Sequence[UnitRecord]) -> tuple[PartEntry, ...]:
        parts = self._base.manifest.ledger if self._base else ()
        if records:
            parts = (*parts, self._noted(write_ledger(self._layout.root, records)))
        if len(parts) > MOST_PARTS:
            units = read_ledger(self._layout.root, parts)
            parts = (self._noted(write_ledger(self._layout.root, tuple(units.values()))),)
        return parts

    def _quarantine(self, records: Sequence[QuarantineRecord]) -> tuple[PartEntry, ...]:
        parts = self._base.manifest.quarantine if self._base else ()
        if records:
            parts = (*parts, self._noted(write_quarantine(self._layout.root, records)))
        if len(parts) > MOST_PARTS:
            whole = read_quarantine(self._layout.root, parts)
            parts = (self._noted(write_quarantine(self._layout.root, whole)),)
        return parts

    def _noted(self, part: PartEntry) -> PartEntry:
        self._written.append(part.file)
        return part

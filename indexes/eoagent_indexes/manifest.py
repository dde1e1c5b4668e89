"""What a version of an index consists of: each file with its size and hash."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.record import Record

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "AnnEntry",
    "FileEntry",
    "Manifest",
    "PartEntry",
    "SegmentEntry",
    "TombstoneEntry",
]

FORMAT: Final = "eoagent-tiles"
"""What a manifest calls itself."""
FORMAT_VERSION: Final = 1
"""Layout of the files; another one is refused, never guessed at."""

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
# No part starts with a dot, so that no path leads out of the index.
_Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*){0,3}$")]


class FileEntry(Record):
    """One file."""

    path: _Path
    """Path below the index folder, with `/`."""
    bytes: int = Field(ge=0)
    """Size."""
    sha256: _Sha256
    """Hash of its bytes."""


class SegmentEntry(Record):
    """A segment: tiles and their vectors, written once; also the text of its SEG.json."""

    id: _Id
    """Name of its folder."""
    rows: int = Field(ge=1)
    """Tiles, the deleted ones too."""
    dimensions: int = Field(gt=0)
    """Length of a vector."""
    block_bytes: int = Field(gt=0)
    """Bytes of a block of the vector file that has a hash of its own."""
    files: tuple[FileEntry, ...]
    """Its files, except SEG.json."""
    bbox: BBox | None
    """Box around its tiles; None if none has a place."""
    time: TimeRange | None
    """Span of its tiles; None if none has a time."""
    collections: tuple[str, ...]
    """Collections of its tiles, sorted; the filter column holds positions in it."""
    without_place: int = Field(ge=0)
    """Tiles without georeference."""
    without_time: int = Field(ge=0)
    """Tiles without a time."""
    months: tuple[int, int]
    """Month of the earliest tile of the first collection and of the latest one of the last: twelve
    times the year, and 0 to 11; -1 for a tile without a time, which is the earliest."""
    curve: tuple[int, int]
    """Least and greatest place of a tile's centre on the Hilbert curve."""
    norms: tuple[float, float]
    """Least and greatest length of its vectors as stored."""

    def file(self, name: str) -> FileEntry:
        """Return the entry of a file by the last part of its path.

        Raises:
            KeyError: if the segment has none of this name.
        """
        for entry in self.files:
            if entry.path.rpartition("/")[2] == name:
                return entry
        raise KeyError(name)


class TombstoneEntry(Record):
    """The deleted rows of a segment."""

    segment: _Id
    """The segment."""
    rows: int = Field(ge=1)
    """How many."""
    file: FileEntry
    """Their numbers, ascending."""


class AnnEntry(Record):
    """A derived search structure over a segment; a search works without it, slower."""

    segment: _Id
    """The segment."""
    generation: _Id
    """Structures trained together."""
    kind: str
    """How it was made (`IVF2048,SQ8`)."""
    rows: int = Field(ge=1)
    """Vectors in it."""
    file: FileEntry
    """Its bytes."""
    curve: FileEntry
    """Recall and seconds by setting, as measured on this segment (JSON)."""
    recall: float | None = None
    """Best recall that was measured without a filter; None if none was."""
    cpu_ms: float | None = None
    """Time that it took there, milliseconds of one core."""


class PartEntry(Record):
    """A part of the ledger or of the quarantine."""

    file: FileEntry
    """A Parquet file."""
    rows: int = Field(ge=1)
    """Its records."""


class Manifest(Record):
    """A version of an index."""

    format: Literal["eoagent-tiles"] = "eoagent-tiles"
    """What this is."""
    format_version: Literal[1] = 1
    """Layout of the files."""
    version: int = Field(ge=1)
    """Number of this version; later ones are greater, not all numbers are used."""
    parent: int = Field(ge=0)
    """Version that it was made from; 0 for the first."""
    parent_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Hash of the manifest of that version; empty for the first."""
    created: datetime
    """When it was committed, UTC."""
    fence: int = Field(ge=1)
    """Number of its writer; later writers have greater ones."""
    tool: str
    """Program and version that wrote it."""
    encoder: EncoderFingerprint
    """What made the vectors."""
    metric: Literal["cosine"] = "cosine"
    """How vectors are compared; they have length 1, so it is their inner product."""
    dtype: Literal["float16"] = "float16"
    """Type of the vectors as stored."""
    recipe: dict[str, Any]
    """What the index was built from."""
    state: dict[str, Any] = Field(default_factory=dict)
    """Where a build that was interrupted goes on, as the builder wrote it."""
    segments: tuple[SegmentEntry, ...] = ()
    """Segments."""
    tombstones: tuple[TombstoneEntry, ...] = ()
    """Deleted rows, one entry a segment at most."""
    ann: tuple[AnnEntry, ...] = ()
    """Derived search structures, one a segment at most."""
    ledger: tuple[PartEntry, ...] = ()
    """Parts of the ledger, oldest first."""
    quarantine: tuple[PartEntry, ...] = ()
    """Parts of the quarantine, oldest first."""

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        rows = {entry.id: entry.rows for entry in self.segments}
        if len(rows) != len(self.segments):
            msg = "a segment is listed twice"
            raise ValueError(msg)
        for names in ([e.segment for e in self.tombstones], [e.segment for e in self.ann]):
            if len(set(names)) != len(names) or not set(names) <= set(rows):
                msg = "tombstones or search structures name no segment, or one twice"
                raise ValueError(msg)
        if any(entry.rows > rows[entry.segment] for entry in self.tombstones):
            msg = "more rows are deleted than there are"
            raise ValueError(msg)
        if any(entry.dimensions != self.encoder.dimensions for entry in self.segments):
            msg = f"a segment has not the {self.encoder.dimensions} dimensions of the encoder"
            raise ValueError(msg)
        return self

    @property
    def rows(self) -> int:
        """Tiles, the deleted ones too."""
        return sum(entry.rows for entry in self.segments)

    @property
    def deleted(self) -> int:
        """Tiles that are marked as deleted."""
        return sum(entry.rows for entry in self.tombstones)

    @property
    def live(self) -> int:
        """Tiles that a search may find."""
        return self.rows - self.deleted

    def files(self) -> tuple[FileEntry, ...]:
        """Return every file that this version needs, except manifest and SEG.json."""
        own = [file for segment in self.segments for file in segment.files]
        deleted = [entry.file for entry in self.tombstones]
        derived = [file for entry in self.ann for file in (entry.file, entry.curve)]
        records = [entry.file for entry in (*self.ledger, *self.quarantine)]
        return (*own, *deleted, *derived, *records)

"""The words between the driver of a build and its workers: what is wanted, and what came of it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.indexing import BuildRequest, EncoderSource
from eoagent.contracts.record import Record
from eoagent.io.scene import Scene

__all__ = ["Job", "Receipt", "Skipped", "Span", "Task", "Tick"]

Skipped = Literal["cloud", "nodata"]
"""Why a tile is left out: it is under clouds, or holds too few pixels with data."""
_READERS: Final = 2


class Job(Record):
    """What every worker of a build is told."""

    folder: str
    """Folder of the index, which all workers see under this path."""
    request: BuildRequest
    """What is built."""
    encoder: EncoderSource
    """How the encoder is made."""
    fingerprint: EncoderFingerprint
    """What its vectors are known by."""
    readers: int = Field(default=_READERS, ge=1)
    """Threads that read ahead of the encoder."""

    @property
    def tile_px(self) -> int:
        """Edge of a tile, pixels as it is read."""
        return self.request.tile_px or self.encoder.card.input_px

    @property
    def stride_px(self) -> int:
        """Pixels from tile to tile."""
        return self.request.stride_px or self.tile_px


class Task(Record):
    """One scene that is to be indexed."""

    scene: Scene
    """The scene."""
    known: str = ""
    """Key of the unit that the index already holds of it, or empty."""


class Tick(Record):
    """A sign of life: a batch is durable."""

    tiles: int = Field(ge=0)
    """Tiles of it that went through the encoder."""
    file: str
    """Name of the batch's file."""
    units: tuple[str, ...]
    """Units whose windows it settles."""


class Span(Record):
    """A run of windows of one unit that a durable batch settles."""

    unit: str
    """Key of the unit."""
    start: int = Field(ge=0)
    """First window."""
    stop: int = Field(ge=0)
    """The window after the last."""
    of: int = Field(ge=1)
    """Windows of the unit."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """Windows among them that were left out, by reason."""
    file: str = ""
    """Name of the batch's file."""


class Receipt(Record):
    """What became of one scene."""

    collection: str
    """Collection id, or empty."""
    item_id: str
    """Item id."""
    item_href: str
    """Document that describes it."""
    state: Literal["done", "kept", "refused"]
    """All its windows are durable; it has not changed; or it could not be read or shown."""
    unit: str = ""
    """Key of its unit; empty where it was refused."""
    tiles: int = 0
    """Tiles of the unit."""
    embedded: int = 0
    """How many of them went through the encoder in this run."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """Windows left out, by reason."""
    files: tuple[str, ...] = ()
    """Batches that hold the tiles."""
    has_place: bool = True
    """Whether its tiles have a place."""
    reason: str = ""
    """Why it was refused."""
    recipe: str = ""
    """Recipe that it was shown by."""
    notes: tuple[str, ...] = ()
    """Choices that were made, each a sentence."""

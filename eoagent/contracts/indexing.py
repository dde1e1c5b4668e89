"""What an index is built from, what a build did, and what an index holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.record import Record
from eoagent.contracts.runner import Placement

__all__ = ["BuildReport", "BuildRequest", "EncoderSource", "IndexInfo"]


class EncoderSource(Record):
    """How any process makes the encoder of a build."""

    card: ModelCard
    """The model."""
    weights: str
    """Path of its weights file."""
    placement: Placement
    """Where and how it runs."""


class BuildRequest(Record):
    """What an index is built from."""

    source: str
    """STAC API, catalog, item collection, folder or file."""
    collections: tuple[str, ...] = ()
    """Collections; all by default."""
    bbox: BBox | None = None
    """Items that meet this box."""
    time: TimeRange | None = None
    """Items that overlap this span."""
    max_cloud_pct: float | None = Field(default=None, ge=0, le=100)
    """Items with at most this much cloud."""
    recipe: str = "auto"
    """Render recipe by name; `auto` takes the one of the sensor."""
    tile_px: int = Field(default=0, ge=0)
    """Edge of a tile, pixels at `gsd_m`; 0 takes the encoder's own."""
    stride_px: int = Field(default=0, ge=0)
    """Pixels from tile to tile; 0 takes the edge: no overlap."""
    gsd_m: float | None = Field(default=None, gt=0)
    """Ground sampling distance that tiles are read at, metres; None takes the file's own."""
    max_tile_cloud_pct: float = Field(default=20.0, ge=0, le=100)
    """Tiles with more cloud, by the mask of the product, are left out."""
    max_nodata_pct: float = Field(default=20.0, ge=0, le=100)
    """Tiles with more pixels without data are left out."""
    limit: int | None = Field(default=None, ge=1)
    """Most items."""
    engine: Literal["local", "ray"] = "local"
    """Where the work runs."""
    workers: int = Field(default=1, ge=1)
    """Processes, each with an encoder of its own."""


class BuildReport(Record):
    """What a build, an update or an import did."""

    version: int
    """Version that it committed last."""
    items: int = 0
    """Items that were looked at."""
    added: int = 0
    """Tiles added."""
    removed: int = 0
    """Tiles marked as deleted."""
    kept: int = 0
    """Items that were there already and had not changed."""
    embedded: int = 0
    """Tiles that went through the encoder; the rest of `added` came from an interrupted build."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """Tiles left out, by reason."""
    quarantined: tuple[str, ...] = ()
    """Assets that could not be read, each with its reason."""
    without_place: int = 0
    """Tiles added without georeference."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds by stage."""
    is_partial: bool = False
    """Whether the source could not be read to its end; the next build goes on."""
    assumptions: tuple[str, ...] = ()
    """Choices that were made."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""


class IndexInfo(Record):
    """What an index holds."""

    name: str
    """Name of the index."""
    version: int
    """Committed version."""
    created: datetime
    """When this version was committed, UTC."""
    tiles: int
    """Live tiles."""
    deleted: int
    """Tiles that are marked as deleted and not yet vacuumed away."""
    segments: int
    """Segments."""
    without_place: int
    """Live tiles without georeference."""
    items: int
    """Items that they were cut from."""
    quarantined: int
    """Assets that could not be read; `info --json` lists the reasons."""
    bbox: BBox | None
    """Box around all tiles."""
    time: TimeRange | None
    """Span of all tiles."""
    collections: tuple[str, ...]
    """Collections."""
    encoder: EncoderFingerprint
    """What made the vectors."""
    recipe: dict[str, Any]
    """What it was built from: source, conditions, render recipe, tile size, ground sampling."""
    bytes: int
    """Size on the disk of what this version needs."""
    ann: tuple[dict[str, Any], ...] = ()
    """Approximate structures with their measured recall."""
    notes: tuple[str, ...] = ()
    """What the reader should know."""

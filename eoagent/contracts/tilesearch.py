"""What tiles are searched by, and what a search hands back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.record import Record

__all__ = ["SearchResult", "SearchWords", "TileFilter", "TileHit", "TileQuery", "search_words"]

_FILE: Final = re.compile(
    r"\.(tiff?|jpe?g|png|jp2|webp|gif|bmp)\Z|^([a-z0-9+]{2,9}://|/\S+/\S)", re.IGNORECASE
)


def search_words(text: str) -> str:
    """Return words to search by; the name of a file would be compared letter by letter.

    Raises:
        ValueError: if they are empty, or read like a path or an address.
    """
    said = text.strip()
    if not said:
        raise ValueError("there are no words in it")
    if _FILE.search(said):
        raise ValueError(
            f"'{said[:80]}' reads like the name of a file and would be taken for words; "
            "hand the picture itself over"
        )
    return said


SearchWords = Annotated[str, AfterValidator(search_words)]
"""Words for what is looked for."""


class TileFilter(Record):
    """Which tiles are ranked at all; a condition that is not stated holds for every tile."""

    bbox: BBox | None = None
    """The tile's footprint meets this box."""
    area: dict[str, Any] | None = None
    """The tile's footprint meets this GeoJSON (multi)polygon in WGS84 longitude and latitude."""
    time: TimeRange | None = None
    """The time of the tile overlaps this span."""
    max_cloud_pct: float | None = Field(default=None, ge=0, le=100)
    """Cloud of the tile, or else of its scene, is at most this, percent."""
    collections: tuple[str, ...] = ()
    """The collection is one of these."""
    items: tuple[str, ...] = ()
    """The item is one of these."""
    tile_ids: tuple[str, ...] | None = None
    """The tile is one of these: a search within an earlier result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileQuery:
    """What is looked for: the mean of what it is to be like, less half of what it is not."""

    texts: tuple[str, ...] = ()
    """Words for what is looked for."""
    pictures: tuple[NDArray[np.uint8], ...] = ()
    """Pictures of it, each (height, width, 3)."""
    tile_ids: tuple[str, ...] = ()
    """Tiles of the index that look like it."""
    vectors: NDArray[np.float32] | None = None
    """Vectors of it, (n, d)."""
    unlike_texts: tuple[str, ...] = ()
    """Words for what it is not."""
    unlike_tile_ids: tuple[str, ...] = ()
    """Tiles that it does not look like."""
    where: TileFilter = field(default_factory=TileFilter)
    """Which tiles are ranked."""
    k: int = 10
    """Most tiles returned, 1 to 10,000."""
    plan: Literal["auto", "exact", "ann"] = "auto"
    """How tiles are ranked; `exact` compares every one that meets the conditions."""
    merge: bool = False
    """Whether overlapping and touching tiles become one place, shown by its best tile."""


class TileHit(Record):
    """One tile that was found."""

    rank: int = Field(ge=1)
    """1 is the best."""
    tile_id: str
    """Id of the tile: 32 hex digits made from its content."""
    score: float
    """Cosine of tile and query; no probability, and comparable within one query only."""
    z: float | None
    """How many standard deviations the score is above that of a random tile of the index."""
    collection: str = ""
    """Collection id, or empty."""
    item_id: str
    """STAC item id, or name of the file."""
    href: str
    """File that the tile was cut from."""
    item_href: str = ""
    """Document that describes the item; the guard takes it as the base of `href`."""
    window: tuple[int, int, int, int]
    """Column, row, width and height in pixels of that file at full resolution."""
    bbox: BBox | None = None
    """Box around the footprint; None for a picture without georeference."""
    footprint: dict[str, Any] | None = None
    """Footprint as GeoJSON in WGS84 longitude and latitude."""
    start: datetime | None = None
    """First instant, UTC."""
    end: datetime | None = None
    """Last instant, UTC."""
    gsd_m: float | None = None
    """Ground sampling distance of the tile, metres per pixel of what the encoder saw."""
    cloud_pct: float | None = None
    """Cloud, percent of the tile, or else of its scene as the item states it."""
    nodata_pct: float | None = None
    """Pixels without data, percent of the tile."""
    merged: int = Field(default=1, ge=1)
    """Tiles that this place stands for."""


class SearchResult(Record):
    """What a search found: always the smaller of `k` and `matched` tiles, best first."""

    hits: tuple[TileHit, ...]
    """The tiles."""
    matched: int = Field(ge=0)
    """Tiles that met the conditions and were ranked."""
    total: int = Field(ge=0)
    """Tiles of the index."""
    without_place: int = Field(default=0, ge=0)
    """Tiles without georeference that a condition on place left out."""
    without_time: int = Field(default=0, ge=0)
    """Tiles without a time that a condition on time left out."""
    without_cloud: int = Field(default=0, ge=0)
    """Tiles without a cloud share that a condition on clouds left out."""
    exact: bool
    """Whether every matching tile was compared."""
    recall: float | None = None
    """Measured share of the true best ten that such a search finds; None for an exact one."""
    plan: str
    """How it was ranked: `exact`, `ann`, or both by segment."""
    index: str
    """Name of the index."""
    version: int
    """Committed version of the index that was searched."""
    encoder: EncoderFingerprint
    """What made the vectors."""
    texts_as: tuple[str, ...] = ()
    """Prompts that the texts were put into."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds by stage."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""

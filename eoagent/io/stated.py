"""What is said of a raster besides its files, and how its files are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eoagent.contracts.geometry import TimeRange
from eoagent.io.declared import RasterLimits
from eoagent.io.remote import Wires
from eoagent.io.scene_bands import BandHint

__all__ = ["Reading", "Stated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a user or an item says of a raster besides its files."""

    bands: tuple[str, ...] = ()
    """Names of all bands, over all files, in order."""
    scale: float | None = None
    """value = stored * scale + offset, for all bands."""
    offset: float | None = None
    """value = stored * scale + offset, for all bands."""
    gsd_m: float | None = None
    """Ground sampling distance for files without georeference, metres."""
    qa: tuple[str, ...] | None = None
    """Classes that the quality band leaves out; none of them applies none, and None those of
    clouds, their shadows and defects, where there is such a band beside others."""
    sensor: str = ""
    """Sensor preset id; empty lets the file names speak."""
    item_id: str = ""
    """STAC item id."""
    time: TimeRange | None = None
    """When it was taken; None lets the file name speak."""
    title: str = ""
    """Short name to show; empty takes the first file's name."""
    listed: Mapping[str, Sequence[BandHint]] = field(default_factory=dict)
    """Bands that a STAC item offers, per href as it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are read."""

    limits: RasterLimits = field(default_factory=RasterLimits)
    """What a file may declare."""
    cache_mb: int = 256
    """GDAL's block cache, MB."""
    timeout_s: float = 60.0
    """Longest time for one remote read, seconds."""
    block_pixels: int = 8_000_000
    """Most pixels per band that are held at a time when a raster is brought to another grid."""
    wires: Wires | None = None
    """Connections to share between remote files."""

"""Rasters as references: which bands of which files, on which grid, and which pixels count.

Arrays are (bands, height, width) or (height, width); masks are True = valid. Nothing here reads.
"""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import TimeRange, Window
from eoagent.contracts.record import Record

__all__ = ["BandRef", "Gcp", "Grid", "MaskRef", "QaRule", "RasterRef", "ValueKind"]

ValueKind = Literal[
    "reflectance",
    "counts",
    "index",
    "height",
    "backscatter_db",
    "backscatter_power",
    "temperature",
    "quality",
    "picture",
    "unknown",
]
"""What the numbers of a raster are after scale and offset."""


class Gcp(Record):
    """A ground control point: a pixel position and its place in the grid's CRS."""

    row: float
    """Row of the point, pixels from the upper edge."""
    col: float
    """Column of the point, pixels from the left edge."""
    x: float
    """Easting or longitude in the CRS."""
    y: float
    """Northing or latitude in the CRS."""


class Grid(Record):
    """The lattice of a raster: size, CRS, and how a pixel finds its place on Earth."""

    width: int = Field(ge=1)
    """Columns."""
    height: int = Field(ge=1)
    """Rows."""
    crs: str = ""
    """`EPSG:n` where the CRS has that code, else WKT; empty without georeference."""
    transform: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """Affine (a, b, c, d, e, f): x = a*col + b*row + c, y = d*col + e*row + f; col, row count from
    the outer corner of the upper left pixel."""
    gcps: tuple[Gcp, ...] = ()
    """Control points, used instead of the transform when there are any."""
    gsd_m: float | None = Field(default=None, gt=0)
    """Ground sampling distance stated by the user for a picture without georeference, metres."""

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        a, b, _, d, e, _ = self.transform
        if not all(math.isfinite(v) for v in self.transform) or a * e - b * d == 0:
            msg = f"grid transform {self.transform} is not finite or has no area"
            raise ValueError(msg)
        return self

    @property
    def is_georeferenced(self) -> bool:
        """Whether the grid knows its place on Earth."""
        return bool(self.crs)

    @property
    def is_north_up(self) -> bool:
        """Whether rows run along the y axis and columns along the x axis, without GCPs."""
        return not self.gcps and self.transform[1] == 0 and self.transform[3] == 0

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(row=0, col=0, height=self.height, width=self.width)


class BandRef(Record):
    """One band of one file, with what turns its stored numbers into values."""

    name: str
    """Name inside the raster: the STAC common name where there is one (`red`, `nir`, `swir16`),
    else the file's own or `b1`, `b2`, ..."""
    href: str
    """Path or URL of the file."""
    index: int = Field(ge=1)
    """Band number in the file, from 1."""
    dtype: str = ""
    """Stored data type (`uint16`)."""
    scale: float = 1.0
    """value = stored * scale + offset."""
    offset: float = 0.0
    """value = stored * scale + offset."""
    nodata: float | None = None
    """Stored value that means no data; may be NaN; None when there is none."""
    description: str = ""
    """What the file or the item says of the band."""


class QaRule(Record):
    """A quality band and which of its codes are left out."""

    href: str
    """Path or URL of the quality band's file."""
    index: int = Field(default=1, ge=1)
    """Band number in that file."""
    kind: Literal["landsat_qa_pixel", "sentinel2_scl"]
    """How the codes are read."""
    exclude: tuple[str, ...]
    """Named classes left out: fill, cloud, cloud_shadow, cirrus, snow, water, saturated, ..."""


class RasterRef(Record):
    """A raster that can be read: bands on one grid, with the rule for valid pixels."""

    grid: Grid
    """The lattice on which the raster is read; bands on other grids are brought to it."""
    bands: tuple[BandRef, ...] = Field(min_length=1)
    """The bands, in order; names are unique."""
    values: ValueKind = "unknown"
    """What the numbers are after scale and offset."""
    alpha: tuple[str, int] | None = None
    """(href, band number) of an alpha band whose zeros are invalid."""
    dataset_mask: bool = False
    """Whether the file's own mask band counts."""
    qa: QaRule | None = None
    """Quality mask, if one is applied."""
    time: TimeRange | None = None
    """When the scene was taken, if known."""
    sensor: str = ""
    """Sensor preset id (`sentinel-2`, `landsat-7`, ...), if known."""
    item_id: str = ""
    """STAC item id, or empty."""
    title: str = ""
    """Short name to show: the item's title or the file's name."""
    sources: tuple[Source, ...] = ()
    """Files behind the raster, with fingerprints."""
    path: str | None = None
    """File inside the store that holds the bands whose href is empty; None for opened files."""
    method: str = ""
    """How a computed raster was made; empty for opened files."""

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [band.name for band in self.bands]
        if len(set(names)) != len(names):
            msg = f"band names are not unique: {names}"
            raise ValueError(msg)
        return self

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(band.name for band in self.bands)


class MaskRef(Record):
    """A computed mask: a one-band byte raster with 1 = yes, 0 = no, 255 = not valid."""

    grid: Grid
    """The mask's lattice."""
    path: str
    """File inside the store."""
    label: str
    """What the mask shows, in words (`water: NDWI > 0`)."""
    rule: str
    """The rule that made it, with its source when it is a named one."""
    time: TimeRange | None = None
    """When the scene was taken, if known."""
    item_id: str = ""
    """STAC item id, or empty."""
    sources: tuple[Source, ...] = ()
    """Files behind the mask."""
    title: str = ""
    """Short name to show, which may hold that of the scene."""

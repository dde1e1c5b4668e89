"""Open the part of a file that a tile was cut from: a raster, and a window of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.contracts.store import Origins
from eoagent.contracts.tilesearch import TileHit
from eoagent.geo.grid import crs_to_pixel, pixel_to_crs
from eoagent.io.describe import describe_files
from eoagent.io.opening import open_described
from eoagent.io.stac_item import names_item
from eoagent.io.stated import Reading, Stated

__all__ = ["TilePart", "note_places", "open_tile", "open_tile_colours", "part_of"]

_COLOURS: Final = frozenset({"red", "green", "blue"})


def note_places(hits: Iterable[TileHit], origins: Origins) -> None:
    """Note the files of tiles, which an index named, at the guard.

    Each is held against the rules when it is opened: remote ones may be public https hosts or
    hosts that the user typed, local ones regular files that an allowed driver reads.
    """
    for hit in hits:
        for href in (hit.item_href, hit.href):
            if href:
                origins.remember((href,), base=href if href.startswith("/") else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePart:
    """A window of a raster: where a tile was cut from."""

    ref: RasterRef
    """The whole raster."""
    window: Window
    """The tile's pixels in it."""
    assumptions: tuple[str, ...] = ()
    """Choices made in opening it."""

    @property
    def is_whole(self) -> bool:
        """Whether the tile is all of the raster."""
        return self.window == self.ref.grid.window


def open_tile_colours(
    hit: TileHit, origins: Origins, *, reading: Reading | None = None
) -> TilePart:
    """Return what shows a tile in colour: its file, or its item's bands where that has no colour.

    Raises:
        NotFound: if a local file has gone.
        InputError: if the file is smaller than the window of the tile.
        SourceError: if a file is refused, damaged or out of reach.
    """
    own = _file(hit, origins, reading)
    if set(own.ref.band_names) >= _COLOURS or not _is_item(hit):
        return own
    return _of_item(hit, own, origins, reading)


def open_tile(
    hit: TileHit, origins: Origins, *, stated: Stated | None = None, reading: Reading | None = None
) -> TilePart:
    """Return the raster behind a tile: all bands of its item, or else those of its file.

    Raises:
        NotFound: if a local file has gone.
        InputError: if the file is smaller than the window of the tile, or is not what was stated.
        SourceError: if a file is refused, damaged or out of reach.
    """
    own = _file(hit, origins, reading, stated)
    return _of_item(hit, own, origins, reading, stated) if _is_item(hit) else own


def part_of(ref: RasterRef, window: Window) -> RasterRef:
    """Return the reference to a window of a raster; the whole of it as it stands.

    Raises:
        InputError: if the raster has no georeference to cut along.
    """
    grid = ref.grid
    if window == grid.window:
        return ref
    if not grid.is_georeferenced:
        raise InputError(
            f"'{ref.title}' has no georeference, and a part of it cannot be a reference",
            hint="copy the part out of it",
        )
    sources = tuple(s.model_copy(update={"window": window}) for s in ref.sources)
    return ref.model_copy(update={"grid": _shifted(grid, window), "sources": sources})


def _file(
    hit: TileHit, origins: Origins, reading: Reading | None, stated: Stated | None = None
) -> TilePart:
    base = hit.item_href if hit.item_href != hit.href else ""
    said = stated or Stated()
    gsd = said.gsd_m or (None if hit.bbox is not None else hit.gsd_m)
    settled = replace(said, gsd_m=gsd, item_id=hit.item_id)
    found = describe_files([hit.href], origins, base=base, stated=settled, reading=reading)
    col, row, width, height = hit.window
    grid = found.ref.grid
    if row + height > grid.height or col + width > grid.width:
        raise InputError(
            f"the tile ends at row {row + height} and column {col + width} of "
            f"'{found.ref.title}', which has {grid.height} rows and {grid.width} columns",
            hint="the file has changed since it was indexed: eoagent index update looks again",
        )
    window = Window(row=row, col=col, height=height, width=width)
    return TilePart(ref=found.ref, window=window, assumptions=found.assumptions)


def _is_item(hit: TileHit) -> bool:
    return bool(hit.item_href) and names_item(hit.item_href)


def _of_item(
    hit: TileHit,
    own: TilePart,
    origins: Origins,
    reading: Reading | None,
    stated: Stated | None = None,
) -> TilePart:
    """Return the item's bands on the ground of the tile; the file's own where they lie apart."""
    whole = open_described([hit.item_href], origins, stated=stated or Stated(), reading=reading)
    same = whole.ref.grid == own.ref.grid
    window = own.window if same else _same_ground(own.ref.grid, whole.ref.grid, own.window)
    if window is None:
        return own
    return TilePart(ref=whole.ref, window=window, assumptions=whole.assumptions)


def _same_ground(own: Grid, other: Grid, window: Window) -> Window | None:
    """Return the window of another grid in the same CRS on the same ground, to the whole pixel."""
    if not own.is_georeferenced or own.crs != other.crs:
        return None
    rows = np.array([window.row, window.row + window.height], dtype=np.float64)
    cols = np.array([window.col, window.col + window.width], dtype=np.float64)
    at_rows, at_cols = crs_to_pixel(other, *pixel_to_crs(own, rows, cols))
    top, bottom = (round(float(v)) for v in at_rows)
    left, right = (round(float(v)) for v in at_cols)
    top, left = max(0, min(top, other.height - 1)), max(0, min(left, other.width - 1))
    bottom, right = min(bottom, other.height), min(right, other.width)
    if bottom <= top or right <= left:
        return None
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def _shifted(grid: Grid, window: Window) -> Grid:
    a, b, c, d, e, f = grid.transform
    x, y = a * window.col + b * window.row + c, d * window.col + e * window.row + f
    gcps = tuple(
        g.model_copy(update={"row": g.row - window.row, "col": g.col - window.col})
        for g in grid.gcps
    )
    return grid.model_copy(
        update={
            "width": window.width,
            "height": window.height,
            "transform": grid.transform if grid.gcps else (a, b, x, d, e, y),
            "gcps": gcps,
        }
    )

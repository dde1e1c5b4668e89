"""Grids from open rasters: what a file says of its place on Earth, and what is not believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rasterio.transform import Affine

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.grid import crs_text
from eoagent.io.dataset import RasterFile

__all__ = ["Placed", "read_grid"]

_FEWEST_GCPS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A grid, and what was decided about it."""

    grid: Grid
    """The lattice of the file."""
    notes: tuple[str, ...] = ()
    """What the file says of its place that is not used, each a sentence."""


def read_grid(file: RasterFile, *, gsd_m: float | None = None) -> Placed:
    """Return the grid of an open raster.

    An affine transform counts before control points. A CRS without either, an affine without a
    CRS, and a local CRS that is tied to no place on Earth leave the grid without a georeference.

    Args:
        file: an open raster.
        gsd_m: ground sampling distance stated by the user; used where there is no georeference.

    Raises:
        SourceError: if the header is damaged.
    """
    with file.faults("its place on Earth could not be read"):
        raw = file.raw
        size = {"width": raw.width, "height": raw.height}
        points, points_crs = raw.gcps
        has_affine = raw.transform != Affine.identity()
        if raw.crs and has_affine:
            crs, note = _crs(raw.crs)
            if crs:
                grid = Grid(**size, crs=crs, transform=tuple(raw.transform)[:6])
                return Placed(grid=grid, notes=_unused_gsd(gsd_m))
        elif points_crs and len(points) >= _FEWEST_GCPS:
            crs, note = _crs(points_crs)
            if crs:
                grid = Grid(**size, crs=crs, gcps=tuple(_gcp(point) for point in points))
                return Placed(grid=grid, notes=_unused_gsd(gsd_m))
        else:
            note = _why_without(raw, has_affine=has_affine, points=len(points))
        return Placed(grid=Grid(**size, gsd_m=gsd_m), notes=(note,) if note else ())


def _crs(crs: Any) -> tuple[str, str]:
    """Return the CRS as text, or empty with the reason why it is not used."""
    try:
        return crs_text(crs), ""
    except InputError as error:
        return "", f"the file's coordinate system is not used: {error}"


def _gcp(point: Any) -> Gcp:
    return Gcp(row=point.row, col=point.col, x=point.x, y=point.y)


def _why_without(raw: Any, *, has_affine: bool, points: int) -> str:
    if raw.crs:
        return "the file names a coordinate system but not where its pixels lie in it"
    if raw.rpcs is not None:
        return "the file is placed by rational polynomials (RPC), which are not used"
    if has_affine or points:
        return "the file places its pixels in coordinates, but names no coordinate system"
    return ""


def _unused_gsd(gsd_m: float | None) -> tuple[str, ...]:
    if gsd_m is None:
        return ()
    return (f"the stated pixel size of {gsd_m:g} m is not used: the file has a georeference",)

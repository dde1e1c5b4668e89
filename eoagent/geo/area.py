"""Areas of pixels on the ellipsoid, and of masks as they stream by in strips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.lattice import DensityLattice
from eoagent.geo.projection import WGS84, Floats, crs_of, is_lonlat

__all__ = ["Bools", "MaskArea", "PixelAreas", "StripOrder", "pixel_areas", "transitions"]

Bools = NDArray[np.bool_]
"""An array of bool."""

_GAUSS: Final = 5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PixelAreas:
    """The area on the ground of each pixel of a grid; make it with `pixel_areas`."""

    method: str
    """How the areas come about, in words for a figure's method."""
    source: Callable[[Window], Floats]
    """What gives the areas of a window."""

    def block(self, window: Window) -> Floats:
        """Return the areas of a window's pixels in square metres.

        Returns:
            An array that broadcasts to (height, width): (height, 1) where only the row counts,
            (1, 1) where all are equal. NaN where a pixel lies off the map.
        """
        return self.source(window)


def pixel_areas(grid: Grid) -> PixelAreas:
    """Return the areas of a grid's pixels on the ellipsoid.

    North-up longitude/latitude grids: exact per row on the CRS's own ellipsoid (WGS84 for a
    sphere, whose latitudes are by custom those of WGS84). Others: the areal scale of the map to
    WGS84 on a lattice, to 1e-6. Without georeference: the square of the stated ground sampling
    distance. Building costs nothing; the lattice is computed at the first block.

    Raises:
        InputError: if there is neither a georeference nor a ground sampling distance.
    """
    if not grid.is_georeferenced:
        if grid.gsd_m is None:
            raise InputError(
                "an area on the ground was asked for, but the image has no georeference",
                hint="state --gsd (metres per pixel), or ask in pixels",
            )
        square = np.array([[grid.gsd_m**2]])
        return PixelAreas(
            method=f"pixels of {grid.gsd_m:g} m as stated, no georeference",
            source=lambda _window: square,
        )
    if is_lonlat(grid.crs) and grid.is_north_up:
        rows = _row_areas(grid)
        return PixelAreas(
            method="geodesic, exact per row",
            source=lambda window: rows[window.row : window.row + window.height, np.newaxis],
        )
    return PixelAreas(
        method="geodesic, per pixel from the scale of the projection",
        source=DensityLattice(grid).block,
    )


class StripOrder:
    """Checks that strips of one mask come from top to bottom, each as wide as the last."""

    def __init__(self) -> None:
        self._last: Window | None = None

    def follow(self, window: Window, *arrays: Bools) -> bool:
        """Take the next strip; return whether it touches the one before.

        A gap between strips means that the rows between hold no valid pixel.

        Raises:
            InternalError: if the strip is out of order or the arrays do not have its shape.
        """
        for array in arrays:
            if array.shape != (window.height, window.width):
                raise InternalError(
                    f"a strip of {window.height} x {window.width} pixels came with an array of "
                    f"shape {array.shape}"
                )
        last, self._last = self._last, window
        if last is None:
            return False
        end = last.row + last.height
        if window.row < end or (window.col, window.width) != (last.col, last.width):
            raise InternalError(
                f"strips must follow each other downward: after row {end} came row {window.row}, "
                f"columns {window.col}+{window.width} after {last.col}+{last.width}"
            )
        return window.row == end


def transitions(yes: Bools, no: Bools) -> NDArray[np.uint8]:
    """Return for each yes pixel how many of its four neighbours are no; 0 for other pixels."""
    edges = np.zeros(yes.shape, dtype=np.uint8)
    edges[1:] += yes[1:] & no[:-1]
    edges[:-1] += yes[:-1] & no[1:]
    edges[:, 1:] += yes[:, 1:] & no[:, :-1]
    edges[:, :-1] += yes[:, :-1] & no[:, 1:]
    return edges


class MaskArea:
    """Adds up the area of a mask that comes in strips.

    The error is that of an outline known to half a pixel: half a pixel's area for each side that
    a yes pixel shares with a valid no pixel.

    Args:
        areas: areas of the pixels, or None to count pixels only.
    """

    def __init__(self, areas: PixelAreas | None) -> None:
        self._areas = areas
        self._order = StripOrder()
        self._border: tuple[Bools, Bools, Floats] | None = None
        self._sums = np.zeros(3)
        self.yes_pixels = 0
        """Valid pixels that are yes."""
        self.valid_pixels = 0
        """Valid pixels."""
        self.edges = 0
        """Sides between a yes pixel and a valid no pixel."""

    def add(self, window: Window, yes: Bools, valid: Bools) -> None:
        """Add the next strip.

        Args:
            window: where it lies; strips come from top to bottom, equally wide.
            yes: shape (height, width); counts only where valid.
            valid: shape (height, width), True = valid.

        Raises:
            InputError: if a valid pixel lies off the map and so has no area.
            InternalError: if strips come out of order.
        """
        touches = self._order.follow(window, yes, valid)
        yes, no = yes & valid, valid & ~yes
        area = np.ones((1, 1)) if self._areas is None else self._areas.block(window)
        edges = transitions(yes, no)
        self.yes_pixels += int(np.count_nonzero(yes))
        self.valid_pixels += int(np.count_nonzero(valid))
        self.edges += int(edges.sum(dtype=np.int64))
        sums = [_weigh(yes, area), _weigh(valid, area), _weigh(edges, area)]
        rim = np.broadcast_to(area, yes.shape)
        if touches and self._border is not None:
            above_yes, above_no, above_area = self._border
            down, up = above_yes & no[0], yes[0] & above_no
            self.edges += int(np.count_nonzero(down)) + int(np.count_nonzero(up))
            sums[2] += float(above_area[down].sum() + rim[0][up].sum())
        if not np.isfinite(sums).all():
            raise InputError(
                f"valid pixels in rows {window.row} to {window.row + window.height - 1} lie off "
                "the map of the image's coordinate system and have no area",
                hint="mark them as not valid, or check the coordinate system",
            )
        self._sums += sums
        self._border = yes[-1].copy(), no[-1].copy(), rim[-1].copy()

    @property
    def area_m2(self) -> float | None:
        """Area of the yes pixels, square metres; None when only pixels are counted."""
        return None if self._areas is None else float(self._sums[0])

    @property
    def valid_area_m2(self) -> float | None:
        """Area of the valid pixels, square metres; None when only pixels are counted."""
        return None if self._areas is None else float(self._sums[1])

    @property
    def error_m2(self) -> float | None:
        """Area in doubt along the outline, square metres; None when only pixels are counted."""
        return None if self._areas is None else float(self._sums[2]) / 2

    @property
    def error_pixels(self) -> float:
        """Pixels in doubt along the outline."""
        return self.edges / 2


def _weigh(counts: Bools | NDArray[np.uint8], area: Floats) -> float:
    """Return the sum of counts times areas, where an area counts only if its count is not 0."""
    if area.shape[1] == 1:
        per_row = counts.sum(axis=1, dtype=np.int64)
        per_row = per_row if len(area) > 1 else per_row.sum(keepdims=True)
        used = per_row > 0
        return float(per_row[used] @ area[:, 0][used])
    used = counts != 0
    total = float(area.sum(where=used))
    if counts.dtype == np.bool_:
        return total
    more = np.flatnonzero(counts > 1)
    return total + float((counts.ravel()[more] - 1.0) @ area.ravel()[more])


def _row_areas(grid: Grid) -> Floats:
    """Return the area of one pixel in each row of a north-up longitude/latitude grid.

    The strip between two parallels is the integral of M N cos(latitude) over latitude, with M and
    N the radii of curvature in the meridian and the prime vertical; Gauss-Legendre quadrature
    with five nodes is exact to 1e-13 for rows up to 10 degrees and, unlike the closed form, does
    not cancel for small ones. Rows are cut at the poles.

    Source: J. P. Snyder, Map Projections - A Working Manual (USGS 1395), p. 24-25, radii of
    curvature, eqs. 4-18 and 4-20.
    """
    crs = crs_of(grid.crs)
    ellipsoid = crs.get_geod()
    if ellipsoid is None or ellipsoid.sphere:
        ellipsoid = WGS84
    unit = float(crs.axis_info[0].unit_conversion_factor)
    a, _, _, _, e, y0 = grid.transform
    quarter = np.pi / 2
    edges = np.clip((y0 + e * np.arange(grid.height + 1)) * unit, -quarter, quarter)
    inside = np.abs(edges) < quarter
    tall = np.where(inside[:-1] & inside[1:], abs(e) * unit, np.abs(np.diff(edges)))
    nodes, weights = np.polynomial.legendre.leggauss(_GAUSS)
    phi = (edges[:-1] + edges[1:])[:, np.newaxis] / 2 + tall[:, np.newaxis] / 2 * nodes
    bent = 1 - ellipsoid.es * np.sin(phi) ** 2
    element = ellipsoid.a**2 * (1 - ellipsoid.es) * np.cos(phi) / bent**2
    areas: Floats = abs(a) * unit * tall / 2 * (element @ weights)
    return areas

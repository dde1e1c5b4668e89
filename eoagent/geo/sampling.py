"""The ground sampling distance at which a model looks at a scene, and means over its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_size_m

__all__ = ["Sampling", "choose_sampling", "mean_over", "scale_grid"]

_SAME: Final = 0.005
"""Ground sampling distances this close, as a share, are one: maps stretch that much."""
_SQUARE: Final = 0.02
"""Pixels whose sides differ by no more count as square."""
_MOST_FINER: Final = 4.0
"""Pixels are divided into at most this many along a side."""
_MOST_COARSER: Final = 100.0
"""At most this many along a side are taken together; all of them are read."""
_WHOLE: Final = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a scene is looked at."""

    grid: Grid
    """The lattice: it begins at the file's corner and may end up to a pixel beyond it."""
    rows_per_px: float
    """Rows of the file in a row of the lattice."""
    cols_per_px: float
    """Columns of the file in a column of the lattice."""
    gsd_m: float | None
    """Coarser side of its pixels on the ground, metres; None where nobody knows."""
    notes: tuple[str, ...] = ()
    """How the pixels come about, each a sentence; none where they are the file's."""

    @property
    def is_own(self) -> bool:
        """Whether the pixels are the file's."""
        return self.rows_per_px == 1 and self.cols_per_px == 1


def choose_sampling(grid: Grid, card: ModelCard, *, gsd_m: float | None = None) -> Sampling:
    """Return how a model looks at a scene.

    Without a wish the pixels are the file's own, or coarser where the model wants that, or where
    they are not square on the ground. A ratio within 0.5 % of a whole number is that number.

    Args:
        grid: the file's lattice.
        card: what the model can do.
        gsd_m: metres per pixel that are wanted.

    Raises:
        InputError: if the model is of no use at that distance or on this file, the file is too
            coarse for it, or nobody knows the size of its pixels.
    """
    if gsd_m is None and not grid.is_georeferenced and grid.gsd_m is None:
        return Sampling(grid=grid, rows_per_px=1.0, cols_per_px=1.0, gsd_m=None)
    wide, high = pixel_size_m(grid)
    own_m = max(wide, high)
    _refuse(card, own_m, gsd_m)
    wanted = gsd_m
    if wanted is None and own_m < card.gsd_min_m * (1 - _SAME):
        wanted = card.gsd_min_m
    if wanted is None and abs(wide - high) <= _SQUARE * own_m:
        return Sampling(grid=grid, rows_per_px=1.0, cols_per_px=1.0, gsd_m=own_m)
    wanted = wanted or own_m
    across, down = _whole(wanted / wide), _whole(wanted / high)
    if min(across, down) < 1 / _MOST_FINER:
        raise InputError(
            f"pixels of {wanted:g} m were asked for, and the image has pixels of {own_m:.4g} m",
            hint=f"ask for {own_m / _MOST_FINER:.3g} m or coarser: finer ones show nothing more",
        )
    if max(across, down) > _MOST_COARSER:
        raise InputError(
            f"pixels of {wanted:g} m were asked for, and the image has pixels of {own_m:.4g} m",
            hint=f"ask for {own_m * _MOST_COARSER:.3g} m or finer, or take a coarser image",
        )
    scaled = scale_grid(grid, rows_per_px=down, cols_per_px=across)
    is_own = across == 1 and down == 1
    note = (
        f"the image was looked at in pixels of {wanted:.4g} m, each the mean of {across:.4g} x "
        f"{down:.4g} of its own, which are {wide:.4g} x {high:.4g} m"
    )
    return Sampling(
        grid=grid if is_own else scaled,
        rows_per_px=down,
        cols_per_px=across,
        gsd_m=max(wide * across, high * down),
        notes=() if is_own else (note,),
    )


def scale_grid(grid: Grid, *, rows_per_px: float, cols_per_px: float) -> Grid:
    """Return the lattice from the same corner whose pixels hold so many of a grid's.

    It covers the grid; its last row and column may reach beyond.
    """
    a, b, c, d, e, f = grid.transform
    across, down = cols_per_px, rows_per_px
    update: dict[str, Any] = {
        "width": max(1, math.ceil(grid.width / across - _WHOLE)),
        "height": max(1, math.ceil(grid.height / down - _WHOLE)),
        "transform": (a * across, b * down, c, d * across, e * down, f)
        if grid.is_georeferenced
        else grid.transform,
        "gcps": tuple(
            p.model_copy(update={"row": p.row / down, "col": p.col / across}) for p in grid.gcps
        ),
        "gsd_m": None if grid.gsd_m is None else grid.gsd_m * max(across, down),
    }
    return grid.model_copy(update=update)


def mean_over(
    values: NDArray[np.floating[Any]],
    valid: NDArray[np.bool_],
    *,
    rows: Floats,
    cols: Floats,
) -> tuple[NDArray[np.float32], Floats]:
    """Return the mean of the valid pixels in each cell of a coarser or finer lattice.

    Pixels count by the area that lies in the cell, so that the mean is exact for any ratio.

    Args:
        values: (bands, height, width).
        valid: (height, width), True = valid; the values of other pixels do not matter.
        rows: edges of the cells in pixels, ascending, (n + 1,); outside, nothing is valid.
        cols: likewise, (m + 1,).

    Returns:
        Means (bands, n, m), 0 where nothing is valid; and the valid share of each cell (n, m).
    """
    areas = np.diff(rows)[:, np.newaxis] * np.diff(cols)
    weight = _cells(valid.astype(np.float64), rows, cols)
    means = np.zeros((len(values), *weight.shape), np.float32)
    for mean, band in zip(means, values, strict=True):
        total = _cells(np.where(valid, band, 0.0), rows, cols)
        mean[:] = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return means, weight / areas


def _cells(band: Floats, rows: Floats, cols: Floats) -> Floats:
    """Return the integral of a band (height, width) over each cell, (n, m)."""
    return _along(_along(band, rows).T, cols).T


def _along(band: Floats, edges: Floats) -> Floats:
    """Return the integrals between edges along the first axis."""
    sums = np.zeros((len(band) + 1, band.shape[1]))
    np.cumsum(band, axis=0, out=sums[1:])
    at = np.clip(edges, 0, len(band))
    near = np.round(at)
    at = np.where(np.abs(at - near) < _WHOLE, near, at)
    below = np.minimum(at.astype(np.intp), max(len(band) - 1, 0))
    share = (at - below)[:, np.newaxis]
    found: Floats = np.diff(sums[below] + share * (sums[below + 1] - sums[below]), axis=0)
    return found


def _refuse(card: ModelCard, own_m: float, gsd_m: float | None) -> None:
    """Refuse what the model is of no use for; a file finer than it wants can be made coarser."""
    if own_m > card.gsd_max_m * (1 + _SAME):
        raise InputError(
            card.refusal(own_m), hint="take an image of finer pixels, or another model"
        )
    if gsd_m is None or not (why := card.refusal(gsd_m)):
        return
    limits = (card.gsd_min_m, card.gsd_max_m)
    if any(abs(gsd_m - limit) <= _SAME * limit for limit in limits if math.isfinite(limit)):
        return
    raise InputError(why, hint="ask for another ground sampling distance, or take another model")


def _whole(ratio: float) -> float:
    """Return a ratio, or the whole number or part of one that it nearly is."""
    number = max(1, round(ratio if ratio >= 1 else 1 / ratio))
    near = float(number) if ratio >= 1 else 1 / number
    return near if abs(ratio - near) <= _SAME * near else ratio

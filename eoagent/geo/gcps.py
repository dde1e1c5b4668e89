"""Ground control points: the polynomial from pixels to a CRS and its inverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Gcp
from eoagent.geo.projection import Floats

__all__ = ["GcpPolynomial", "fit_gcps"]

_NEWTON_STEPS: Final = 30
_NEWTON_STOP_PX: Final = 1e-9
_NEWTON_FAILED_PX: Final = 1e-4
_TERMS: Final = (3, 6)
_SECOND_ORDER_FROM: Final = 6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GcpPolynomial:
    """A polynomial of first or second order from pixel positions to CRS coordinates."""

    centre: tuple[float, float]
    """(row, col) that the polynomial counts from."""
    scale: tuple[float, float]
    """(rows, cols) that it takes as one."""
    coefficients: Floats
    """Shape (terms, 2): columns x and y; terms 1, c, r, and for second order c*c, c*r, r*r."""

    def forward(self, rows: ArrayLike, cols: ArrayLike) -> tuple[Floats, Floats]:
        """Return the x and y of pixel positions."""
        r, c = self._scaled(rows, cols)
        xy = _terms(r, c, len(self.coefficients)) @ self.coefficients
        return xy[..., 0], xy[..., 1]

    def jacobian(self, rows: ArrayLike, cols: ArrayLike) -> Floats:
        """Return the derivatives, shape (..., 2, 2): rows x and y, columns by col and by row."""
        r, c = self._scaled(rows, cols)
        one, zero = np.ones_like(r), np.zeros_like(r)
        by_col = np.stack([zero, one, zero, 2 * c, r, zero], axis=-1)
        by_row = np.stack([zero, zero, one, zero, c, 2 * r], axis=-1)
        size = len(self.coefficients)
        along = by_col[..., :size] @ self.coefficients / self.scale[1]
        down = by_row[..., :size] @ self.coefficients / self.scale[0]
        return np.stack([along, down], axis=-1)

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return the row and column of CRS coordinates by Newton's method; NaN where it fails.

        It starts from the linear part, so points on and near the image converge; far ones may not.
        """
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        rows = np.full(x.shape, self.centre[0])
        cols = np.full(x.shape, self.centre[1])
        moved = np.full(x.shape, np.inf)
        for _ in range(_NEWTON_STEPS):
            at_x, at_y = self.forward(rows, cols)
            matrix = self.jacobian(rows, cols)
            miss = np.stack([x - at_x, y - at_y], axis=-1)
            det = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
            det = np.where(det == 0, np.nan, det)
            d_col = (matrix[..., 1, 1] * miss[..., 0] - matrix[..., 0, 1] * miss[..., 1]) / det
            d_row = (matrix[..., 0, 0] * miss[..., 1] - matrix[..., 1, 0] * miss[..., 0]) / det
            rows, cols = rows + d_row, cols + d_col
            moved = np.hypot(d_row, d_col)
            if not np.any(moved > _NEWTON_STOP_PX):
                break
        failed = ~(moved <= _NEWTON_FAILED_PX)
        return np.where(failed, np.nan, rows), np.where(failed, np.nan, cols)

    def _scaled(self, rows: ArrayLike, cols: ArrayLike) -> tuple[Floats, Floats]:
        r, c = np.broadcast_arrays(np.asarray(rows, np.float64), np.asarray(cols, np.float64))
        return (r - self.centre[0]) / self.scale[0], (c - self.centre[1]) / self.scale[1]


@lru_cache(maxsize=32)
def fit_gcps(gcps: tuple[Gcp, ...], turn: float | None = None) -> GcpPolynomial:
    """Return the least-squares polynomial through control points.

    The order follows GDAL (`GDALCreateGCPTransformer` with order 0): second from six points on,
    else first. Points in a pattern too poor for the second order get the first.

    Args:
        gcps: at least three points that do not lie on one line.
        turn: full turn of x in a geographic CRS, so that points on both sides of the
            antimeridian are brought together; None on a projected one.

    Raises:
        InputError: if the points fix no polynomial.
    """
    place = np.array([[p.row, p.col, p.x, p.y] for p in gcps])
    if turn is not None:
        place[:, 2] -= turn * np.round((place[:, 2] - place[0, 2]) / turn)
    centre = place[:, :2].mean(axis=0)
    scale = np.maximum(np.abs(place[:, :2] - centre).max(axis=0), 1e-9)
    r, c = ((place[:, :2] - centre) / scale).T
    sizes = _TERMS[::-1] if len(gcps) >= _SECOND_ORDER_FROM else _TERMS[:1]
    for size in sizes:
        design = _terms(r, c, size)
        if np.linalg.matrix_rank(design, tol=1e-6) == size:
            return GcpPolynomial(
                centre=(float(centre[0]), float(centre[1])),
                scale=(float(scale[0]), float(scale[1])),
                coefficients=np.linalg.lstsq(design, place[:, 2:], rcond=None)[0],
            )
    raise InputError(
        f"the {len(gcps)} ground control points do not fix the image on the ground: "
        "at least three are needed that do not lie on one line",
        hint="georeference the file anew, or state --gsd to measure in its own pixels",
    )


def _terms(r: Floats, c: Floats, size: int) -> Floats:
    terms = [np.ones_like(r), c, r]
    if size > len(terms):
        terms += [c * c, c * r, r * r]
    return np.stack(terms, axis=-1)

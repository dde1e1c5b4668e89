"""Grow organic shapes from seeded noise: fractal fields, blobs, and lines drawn on the lattice.

Positions are unit coordinates: (u, v) = (east, south) as fractions of the world's side, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

__all__ = ["Field", "blob", "bump", "draw_line", "fractal", "hillshade", "meander", "unit_axes"]

Field = NDArray[np.float64]
"""A value per pixel, (side, side) float64."""


def unit_axes(side: int) -> tuple[Field, Field]:
    """Return the (u, v) of the pixel centres, each broadcastable to (side, side)."""
    centres = (np.arange(side) + 0.5) / side
    return centres[None, :], centres[:, None]


def fractal(
    rng: np.random.Generator, side: int, *, coarsest: float, finest: float, slope: float = 1.0
) -> Field:
    """Return a random field of mean 0 and standard deviation 1.

    Args:
        rng: source of randomness.
        side: pixels per side.
        coarsest: longest wavelength, as a fraction of the side.
        finest: shortest wavelength, as a fraction of the side.
        slope: power by which amplitude falls with frequency; larger is smoother.
    """
    cycles_v = np.fft.fftfreq(side)[:, None] * side
    cycles_u = np.fft.rfftfreq(side)[None, :] * side
    squared = cycles_v**2 + cycles_u**2
    kept = (squared >= coarsest**-2) & (squared <= finest**-2)
    gain = np.zeros_like(squared)
    gain[kept] = squared[kept] ** (-0.5 * (slope + 1.0))
    spectrum = fft.rfft2(rng.standard_normal((side, side))) * gain
    values: Field = fft.irfft2(spectrum, s=(side, side), overwrite_x=True)
    standard: Field = (values - values.mean()) / values.std()
    return standard


def bump(side: int, at: tuple[float, float], spread: tuple[float, float]) -> Field:
    """Return a bell of height 1 at a position, with its spread along u and v."""
    u, v = unit_axes(side)
    bell: Field = np.exp(-(((u - at[0]) / spread[0]) ** 2) - ((v - at[1]) / spread[1]) ** 2)
    return bell


def blob(
    side: int,
    at: tuple[float, float],
    radius: tuple[float, float],
    *,
    lobes: Sequence[tuple[int, float, float]] = (),
) -> Field:
    """Return a field that is 0 at a centre and 1 on a lobed outline, growing outward.

    Args:
        side: pixels per side.
        at: centre (u, v).
        radius: mean radius along u and v, as fractions of the side.
        lobes: (number of lobes, relative height, phase in radians) of each harmonic.
    """
    u, v = unit_axes(side)
    across, down = (u - at[0]) / radius[0], (v - at[1]) / radius[1]
    angle = np.arctan2(down, across)
    outline = 1.0 + sum(height * np.sin(n * angle + phase) for n, height, phase in lobes)
    distance: Field = np.hypot(across, down) / outline
    return distance


def meander(
    points: Sequence[tuple[float, float]], *, swing: float, waves: float, phase: float = 0.0
) -> NDArray[np.float64]:
    """Return a winding line (n, 2) of (u, v) that follows a few points.

    The swing is the greatest sideways step, as a fraction of the side; it dies out at both ends.
    """
    knots = np.asarray(points, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    place = np.linspace(0.0, along[-1], 400)
    line = np.stack([np.interp(place, along, knots[:, i]) for i in (0, 1)], axis=1)
    line = ndimage.gaussian_filter1d(line, 12, axis=0, mode="nearest")
    line[0], line[-1] = knots[0], knots[-1]
    share = place / along[-1]
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.hypot(*step.T)[:, None]
    wave = np.sin(2 * np.pi * waves * share + phase) + 0.5 * np.sin(5.3 * np.pi * waves * share)
    side_step = swing * wave * np.sin(np.pi * share) ** 0.6
    wound: NDArray[np.float64] = line + normal * side_step[:, None]
    return wound


def draw_line(side: int, line: NDArray[np.float64], width_px: float) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies within half a width of a line of (u, v) points."""
    steps = np.hypot(*np.diff(line, axis=0).T) * side
    along = np.concatenate([[0.0], np.cumsum(steps)])
    place = np.arange(0.0, along[-1], 0.4)
    cols = np.interp(place, along, line[:, 0]) * side - 0.5
    rows = np.interp(place, along, line[:, 1]) * side - 0.5
    reach = int(np.ceil(width_px / 2 + 1))
    drawn = np.zeros((side, side), dtype=np.bool_)
    for row_step in range(-reach, reach + 1):
        for col_step in range(-reach, reach + 1):
            row, col = np.rint(rows) + row_step, np.rint(cols) + col_step
            near = (row - rows) ** 2 + (col - cols) ** 2 <= (width_px / 2) ** 2
            near &= (row >= 0) & (row < side) & (col >= 0) & (col < side)
            drawn[row[near].astype(np.intp), col[near].astype(np.intp)] = True
    return drawn


def hillshade(
    height_m: Field, pixel_m: float, *, azimuth_deg: float, elevation_deg: float
) -> Field:
    """Return how brightly slopes are lit: 1 on flat ground, more toward the sun.

    Source: cosine of the angle between the slope's normal and the sun (Lambert), divided by that
    of flat ground.
    """
    down, right = np.gradient(height_m, pixel_m)
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    east, north = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
    up = np.sin(elevation)
    cosine = (up - right * east + down * north) / np.sqrt(1.0 + right**2 + down**2)
    lit: Field = cosine / up
    return lit

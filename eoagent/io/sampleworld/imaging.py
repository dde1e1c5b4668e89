"""Turn covers into what a sensor would store: light, texture and noise, then whole numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.io.sampleworld.covers import BANDS, COVERS, LOOKS, look_code, spectra
from eoagent.io.sampleworld.farmland import Farmland
from eoagent.io.sampleworld.relief import Field, hillshade
from eoagent.io.sampleworld.seasons import Dressed
from eoagent.io.sampleworld.terrain import PIXEL_M, Terrain

__all__ = ["LANDSAT", "SENTINEL", "Encoding", "brightness", "reflectance", "store"]

_NOISE = 0.012
_CLOUD = (0.58, 0.58, 0.58, 0.60, 0.42, 0.34)
_SHADOW = 0.42


class Encoding:
    """How reflectance becomes whole numbers: value = stored * scale + offset, 0 = no data."""

    def __init__(self, scale: float, offset: float, step: int) -> None:
        self.scale = scale
        """Reflectance per stored unit."""
        self.offset = offset
        """Reflectance of stored 0."""
        self.step = step
        """Stored numbers are multiples of this, which makes files small."""


SENTINEL: Final = Encoding(0.0001, 0.0, 5)
"""Reflectance times 10 000, as Sentinel-2 level 2A stores it (before its offset of 2022)."""

LANDSAT: Final = Encoding(0.0000275, -0.2, 16)
"""Landsat Collection 2 level 2 surface reflectance."""


def brightness(terrain: Terrain, farmland: Farmland) -> Field:
    """Return what no season changes: the light on slopes times each parcel's tone."""
    light = hillshade(terrain.height_m, PIXEL_M, azimuth_deg=150.0, elevation_deg=52.0)
    light = np.clip(0.35 + 0.65 * light, 0.45, 1.3)
    lit: Field = np.where(terrain.land, light, 1.0)
    lit[farmland.is_field] *= farmland.tone[farmland.is_field]
    return lit


def reflectance(
    rng: np.random.Generator, dressed: Dressed, terrain: Terrain, lit: Field
) -> NDArray[np.float32]:
    """Return surface reflectance (bands, side, side).

    Light, texture and shadow scale all bands of a pixel alike, so normalised differences keep the
    value of the pure cover up to noise of 1.2 percent per band. Clouds mix; nothing else does.

    Args:
        rng: source of the noise.
        dressed: the world on a date.
        terrain: the natural world.
        lit: brightness per pixel.
    """
    table = spectra()
    values = table[:, dressed.look]
    sea = dressed.look == look_code("sea")
    share = np.where(sea, np.exp(-terrain.offshore_px / (0.016 * terrain.side)), 0.0)
    share = (share * np.clip(0.75 + 0.12 * terrain.grain, 0.0, 1.0)).astype(np.float32)
    extra = table[:, look_code("shallows")] - table[:, look_code("sea")]
    values += extra[:, None, None] * share
    texture = np.array([look.texture for look in LOOKS])
    common = lit * np.clip(1.0 + texture[dressed.look] * terrain.grain, 0.4, 1.8)
    common = np.where(dressed.seen == COVERS.index("cloud_shadow"), _SHADOW * common, common)
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    values *= common.astype(np.float32) * (1.0 + _NOISE * noise)
    opacity = (dressed.cloud * (1.0 + 0.04 * terrain.grain)).astype(np.float32)
    cloudy = dressed.cloud > 0
    white = np.array(_CLOUD, dtype=np.float32)[:, None]
    hidden = np.clip(opacity[cloudy], 0.0, 1.0)
    values[:, cloudy] = values[:, cloudy] * (1.0 - hidden) + white * (0.7 + 0.6 * hidden) * hidden
    return values


def store(
    values: NDArray[np.float32], inside: NDArray[np.bool_], how: Encoding
) -> NDArray[np.uint16]:
    """Return stored numbers (bands, h, w): at least one step where inside, 0 elsewhere."""
    if values.shape[0] != len(BANDS):
        msg = f"{values.shape[0]} bands where {len(BANDS)} are known"
        raise ValueError(msg)
    steps = np.rint((values - how.offset) / (how.scale * how.step))
    stored = np.clip(steps, 1, 65535 // how.step) * how.step
    return np.where(inside, stored, 0).astype(np.uint16)

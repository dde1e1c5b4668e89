"""Say what covers the ground of the sample world, and how each cover looks in six bands.

The reflectances are assumptions: round numbers in the range that surface reflectance products and
spectral libraries (USGS Spectral Library Version 7; ECOSTRESS) show for such covers, chosen so
that the index rules of `truth` part pure pixels without doubt. They are not measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BANDS",
    "COVERS",
    "LOOKS",
    "WATER",
    "Band",
    "Look",
    "cover_of_look",
    "look_code",
    "spectra",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A spectral band as the sample scenes carry it."""

    name: str
    """STAC common name at 10 m."""
    title: str
    """The band in words."""
    wavelength_um: float
    """Centre wavelength, micrometres (Sentinel-2 MSI)."""
    width_um: float
    """Full width at half maximum, micrometres."""


BANDS: Final = (
    Band(name="blue", title="blue, 0.49 um", wavelength_um=0.49, width_um=0.098),
    Band(name="green", title="green, 0.56 um", wavelength_um=0.56, width_um=0.045),
    Band(name="red", title="red, 0.665 um", wavelength_um=0.665, width_um=0.038),
    Band(name="nir", title="near infrared, 0.842 um", wavelength_um=0.842, width_um=0.145),
    Band(name="swir16", title="short-wave infrared, 1.61 um", wavelength_um=1.61, width_um=0.143),
    Band(name="swir22", title="short-wave infrared, 2.19 um", wavelength_um=2.19, width_um=0.242),
)
"""Bands of every scene, in file order."""

COVERS: Final = (
    "no_data",
    "sea",
    "lake",
    "river",
    "beach",
    "forest",
    "crop",
    "bare_field",
    "meadow",
    "lakebed",
    "road",
    "building",
    "town_ground",
    "burned",
    "regrowth",
    "snow",
    "cloud",
    "cloud_shadow",
)
"""Cover classes; the position is the code in cover arrays."""

WATER: Final = ("sea", "lake", "river")
"""Covers that are open water."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One appearance of a cover class: forest in summer, forest in winter, a tiled roof."""

    name: str
    """Name, unique among the looks."""
    cover: str
    """Class that it belongs to."""
    reflectance: tuple[float, float, float, float, float, float]
    """Typical reflectance in the order of `BANDS`, 0 to 1 (assumed)."""
    texture: float
    """Relative spread of the brightness that all bands share."""


def _look(name: str, cover: str, texture: float, *reflectance: float) -> Look:
    blue, green, red, nir, swir16, swir22 = reflectance
    values = (blue, green, red, nir, swir16, swir22)
    return Look(name=name, cover=cover, reflectance=values, texture=texture)


LOOKS: Final = (
    _look("nothing", "no_data", 0.0, 0, 0, 0, 0, 0, 0),
    _look("sea", "sea", 0.03, 0.042, 0.036, 0.017, 0.010, 0.006, 0.004),
    # Over pale sand and shallow water green comes back strongest; infrared is absorbed.
    _look("shallows", "sea", 0.05, 0.088, 0.102, 0.056, 0.026, 0.012, 0.008),
    _look("lake", "lake", 0.03, 0.034, 0.046, 0.026, 0.014, 0.008, 0.005),
    _look("river", "river", 0.04, 0.048, 0.066, 0.050, 0.030, 0.015, 0.010),
    _look("beach", "beach", 0.06, 0.210, 0.270, 0.320, 0.380, 0.410, 0.370),
    _look("forest_summer", "forest", 0.17, 0.022, 0.044, 0.030, 0.290, 0.130, 0.060),
    _look("forest_spring", "forest", 0.15, 0.022, 0.050, 0.032, 0.310, 0.140, 0.065),
    _look("forest_winter", "forest", 0.14, 0.029, 0.044, 0.042, 0.190, 0.130, 0.075),
    _look("pine", "forest", 0.15, 0.021, 0.041, 0.029, 0.230, 0.100, 0.045),
    _look("crop_full", "crop", 0.035, 0.028, 0.070, 0.036, 0.430, 0.190, 0.090),
    _look("crop_pale", "crop", 0.035, 0.044, 0.098, 0.072, 0.360, 0.210, 0.115),
    _look("crop_young", "crop", 0.06, 0.050, 0.084, 0.082, 0.280, 0.210, 0.130),
    _look("vines", "crop", 0.08, 0.046, 0.074, 0.072, 0.260, 0.190, 0.115),
    _look("soil", "bare_field", 0.035, 0.070, 0.100, 0.140, 0.200, 0.260, 0.215),
    _look("stubble", "bare_field", 0.035, 0.094, 0.148, 0.196, 0.300, 0.330, 0.250),
    _look("meadow_summer", "meadow", 0.07, 0.050, 0.084, 0.088, 0.290, 0.220, 0.130),
    _look("meadow_spring", "meadow", 0.07, 0.034, 0.078, 0.048, 0.370, 0.200, 0.100),
    _look("meadow_winter", "meadow", 0.08, 0.048, 0.072, 0.072, 0.240, 0.200, 0.120),
    _look("lakebed", "lakebed", 0.06, 0.095, 0.125, 0.158, 0.205, 0.245, 0.225),
    _look("asphalt", "road", 0.04, 0.088, 0.108, 0.124, 0.148, 0.182, 0.165),
    _look("concrete", "road", 0.04, 0.220, 0.250, 0.272, 0.300, 0.330, 0.310),
    _look("roof_tile", "building", 0.08, 0.090, 0.125, 0.215, 0.260, 0.310, 0.275),
    _look("roof_grey", "building", 0.08, 0.180, 0.195, 0.205, 0.235, 0.270, 0.250),
    _look("roof_white", "building", 0.06, 0.360, 0.380, 0.395, 0.430, 0.440, 0.415),
    _look("yards", "town_ground", 0.13, 0.068, 0.096, 0.116, 0.195, 0.205, 0.165),
    _look("ash", "burned", 0.15, 0.036, 0.042, 0.052, 0.085, 0.170, 0.180),
    _look("char_weathered", "burned", 0.14, 0.050, 0.062, 0.080, 0.125, 0.215, 0.210),
    _look("scrub", "regrowth", 0.14, 0.046, 0.066, 0.088, 0.165, 0.205, 0.160),
    _look("snow", "snow", 0.05, 0.820, 0.800, 0.780, 0.700, 0.100, 0.075),
)
"""Appearances; the position is the code in look arrays."""

_CODES: Final = {look.name: code for code, look in enumerate(LOOKS)}


def look_code(name: str) -> int:
    """Return the code of a look in look arrays."""
    return _CODES[name]


def cover_of_look() -> NDArray[np.uint8]:
    """Return the table (looks,) that turns look codes into cover codes."""
    return np.array([COVERS.index(look.cover) for look in LOOKS], dtype=np.uint8)


def spectra() -> NDArray[np.float32]:
    """Return the reflectances as a table (bands, looks)."""
    return np.array([look.reflectance for look in LOOKS], dtype=np.float32).T

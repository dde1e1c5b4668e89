"""How the counts of a product's file become reflectance or temperature, read from its name.

A scale and offset that the file itself, a STAC item or the user states comes first; the callers
keep that order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.raster import ValueKind
from eoagent.spectral.sensors import band_from_name, base_name, sensor_from_name

__all__ = ["Scaling", "scaling_from_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How stored counts become values: value = stored * scale + offset."""

    scale: float
    """Factor."""
    offset: float
    """Added after the factor."""
    values: ValueKind
    """What the values are: `reflectance`, or `temperature` in kelvin."""
    note: str
    """The rule in words, with its source, to be stated with the result."""


_LANDSAT_L2: Final = re.compile(r"^l[cotem]0[4-9]_l2s[pr]_\d{6}_\d{8}_\d{8}_02_")
_S2_GRANULE: Final = re.compile(r"^t\d{2}[a-z]{3}_(\d{8})t\d{6}_")
_S2_BASELINE: Final = re.compile(r"s2[abcd]_msil[12][ac]_\d{8}t\d{6}_n(\d{2})(\d{2})_")
_S2_OFFSET_SINCE: Final = "20220125"


def scaling_from_name(filename: str) -> Scaling | None:
    """Return how a product's single-band file becomes values, or None where the name does not say.

    Landsat Collection 2 Level 2, HLS, and Sentinel-2 granule files are known. The offset of
    Sentinel-2 follows the processing baseline when a `.SAFE` name with it is in the path, else
    the date of the image; older images that were processed again also have it.

    Args:
        filename: Path, URL or bare name.

    Source: USGS Landsat Collection 2 Level-2 Science Product Guide (surface reflectance
    0.0000275, -0.2; surface temperature 0.00341802, 149.0 K); ESA Sentinel-2 processing baseline
    04.00 of 25 January 2022 (quantification 10000, additive offset -1000); HLS v2.0 user guide
    (0.0001; thermal 0.01 degrees Celsius).
    """
    sensor = sensor_from_name(filename)
    band = None if sensor is None else band_from_name(sensor, filename)
    if sensor is None or band is None:
        return None
    thermal = band.name.startswith("lwir")
    kind: ValueKind = "temperature" if thermal else "reflectance"
    if sensor.startswith("hls-"):
        scale, offset = (0.01, 273.15) if thermal else (0.0001, 0.0)
        note = f"HLS v2.0: scale {scale:g}, offset {offset:g}{' (to kelvin)' if thermal else ''}"
        return Scaling(scale=scale, offset=offset, values=kind, note=note)
    if sensor == "sentinel-2":
        return _sentinel2(filename)
    if sensor.startswith("landsat-") and _LANDSAT_L2.match(base_name(filename)):
        scale, offset = (0.00341802, 149.0) if thermal else (0.0000275, -0.2)
        note = f"Landsat Collection 2 Level 2: scale {scale:.8f}, offset {offset:g}"
        return Scaling(scale=scale, offset=offset, values=kind, note=note)
    return None


def _sentinel2(filename: str) -> Scaling | None:
    product = _S2_BASELINE.search(filename.casefold())
    granule = _S2_GRANULE.match(base_name(filename))
    if product is not None:
        shifted = int(product.group(1)) >= 4
        reason = f"processing baseline {product.group(1)}.{product.group(2)}"
    elif granule is not None:
        shifted = granule.group(1) >= _S2_OFFSET_SINCE
        reason = f"image of {granule.group(1)}, processing baseline not in the name"
    else:
        return None
    offset = -0.1 if shifted else 0.0
    note = f"Sentinel-2: scale 0.0001, offset {offset:g} ({reason})"
    return Scaling(scale=0.0001, offset=offset, values="reflectance", note=note)

"""Write scenes as Cloud Optimized GeoTIFFs: bands with names and scale, and quality bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.errors
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from eoagent.contracts.errors import SourceError
from eoagent.contracts.raster import Grid
from eoagent.io.sampleworld.covers import COVERS
from eoagent.io.sampleworld.imaging import Encoding

__all__ = ["LANDSAT_QA", "SCL", "Layer", "quality_codes", "write_cog"]

SCL = {
    "no_data": 0,
    "cloud_shadow": 3,
    "vegetation": 4,
    "not_vegetated": 5,
    "water": 6,
    "cloud_medium_probability": 8,
    "cloud_high_probability": 9,
    "snow": 11,
}
"""Codes of the scene classification of Sentinel-2 level 2A that occur here."""

LANDSAT_QA = {
    # Landsat Collection 2 QA_PIXEL: fill 1; clear 64 with low confidences 21760; water 128.
    "fill": 1,
    "clear": 21824,
    "water": 21952,
}
"""Values of QA_PIXEL that occur here."""

_GREEN = ("forest", "crop", "meadow")
_WET = ("sea", "lake", "river")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A band to be written."""

    name: str
    """Description in the file."""
    values: NDArray[np.uint16] | NDArray[np.uint8]
    """Stored numbers (h, w)."""
    tags: Mapping[str, str]
    """Further tags of the band."""


def quality_codes(
    seen: NDArray[np.uint8], opacity: NDArray[np.float64], kind: str
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the quality band of what is seen.

    Args:
        seen: cover codes as seen from above.
        opacity: of the clouds, 0 to 1.
        kind: `scl` or `qa_pixel`.
    """
    if kind == "qa_pixel":
        table = [LANDSAT_QA["water" if name in _WET else "clear"] for name in COVERS]
        table[0] = LANDSAT_QA["fill"]
        return np.array(table, dtype=np.uint16)[seen]
    names = ["not_vegetated"] * len(COVERS)
    for code, name in enumerate(COVERS):
        if name in SCL:
            names[code] = name
        elif name in _GREEN:
            names[code] = "vegetation"
        elif name in _WET:
            names[code] = "water"
    names[COVERS.index("cloud")] = "cloud_medium_probability"
    codes = np.array([SCL[name] for name in names], dtype=np.uint8)[seen]
    thick = (seen == COVERS.index("cloud")) & (opacity > 0.6)
    codes[thick] = SCL["cloud_high_probability"]
    return codes


def write_cog(
    path: Path,
    layers: Sequence[Layer],
    grid: Grid,
    *,
    encoding: Encoding | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write bands as a Cloud Optimized GeoTIFF with nodata 0.

    Args:
        path: file to write; an existing one is replaced.
        layers: the bands, in order, all of the grid's size.
        grid: place on Earth.
        encoding: scale and offset of the stored numbers; None for codes.
        tags: tags of the file.

    Raises:
        SourceError: if the file cannot be written.
    """
    stack = np.stack([layer.values for layer in layers])
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": len(layers),
        "dtype": stack.dtype.name,
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform),
        "nodata": 0,
        "interleave": "band",
    }
    try:
        with MemoryFile() as memory, memory.open(**profile) as raw:
            raw.write(stack)
            raw.colorinterp = _colours(layers)
            raw.update_tags(**(tags or {}))
            for number, layer in enumerate(layers, start=1):
                raw.set_band_description(number, layer.name)
                raw.update_tags(number, **layer.tags)
            if encoding is not None:
                raw.scales = [encoding.scale] * len(layers)
                raw.offsets = [encoding.offset] * len(layers)
            rasterio.shutil.copy(
                raw,
                path,
                driver="COG",
                BLOCKSIZE=256,
                COMPRESS="DEFLATE",
                LEVEL=1,
                PREDICTOR="NO" if encoding is None else "STANDARD",
                OVERVIEW_RESAMPLING="NEAREST" if encoding is None else "AVERAGE",
            )
    except (rasterio.errors.RasterioError, OSError) as error:
        msg = f"the sample scene {path.name} could not be written: {error}"
        raise SourceError(msg, href=str(path), hint="is there room, and may we write?") from error


def _colours(layers: Sequence[Layer]) -> list[ColorInterp]:
    known = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}
    return [known.get(layer.name, ColorInterp.undefined) for layer in layers]

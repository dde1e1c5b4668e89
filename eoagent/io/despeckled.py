"""A radar band with its speckle smoothed, kept as a raster of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import BandRef, RasterRef
from eoagent.contracts.tool import Services
from eoagent.io.blockwise import open_reader
from eoagent.io.gridwriter import GridWriter
from eoagent.io.haloed import haloed_strips
from eoagent.io.raster import RasterReader
from eoagent.spectral.backscatter import from_power, to_power
from eoagent.spectral.speckle import LookCounter, check_window, lee

__all__ = ["despeckle"]

_GEOTIFF: Final = "image/tiff; application=geotiff; profile=cloud-optimized"


def despeckle(
    services: Services, ref: RasterRef, band: str, *, size: int = 7, looks: float | None = None
) -> tuple[Artifact, str]:
    """Return a band filtered in linear power, in the unit it has, and in words how.

    Args:
        services: store, guard, deadline and progress.
        ref: the raster, whose values are backscatter.
        band: which of its bands.
        size: side of the filter's window, pixels, odd.
        looks: equivalent number of looks; None estimates it from the image.

    Raises:
        InputError: if the values are no backscatter, the window makes no sense, or the looks
            cannot be estimated.
    """
    if not ref.values.startswith("backscatter"):
        raise InputError(
            f"{ref.title} holds {ref.values}, and speckle is filtered in radar backscatter",
            hint="leave the speckle filter out",
        )
    check_window(size)
    is_db, half = ref.values == "backscatter_db", size // 2
    file = services.store.scratch(".tif")
    with open_reader(services, ref) as reader:
        origin = "as given"
        if looks is None:
            looks = _counted(services, ref, band, size, reader)
            origin = "estimated from the image (Anfinsen 2009)"
        with GridWriter(file, ref.grid, dtype="float32", nodata=float("nan")) as writer:
            what = "smoothing speckle"
            parts = haloed_strips(services, ref, band, halo=half, what=what, reader=reader)
            for window, around in parts:
                smooth = lee(to_power(around, is_db=is_db), size=size, looks=looks)
                inner = smooth[half : half + window.height, half : half + window.width]
                writer.add(window, from_power(inner, to_db=is_db).astype(np.float32))
            writer.finish()
    how = (
        f"speckle smoothed by the Lee filter (Lee 1980) in linear power, {size} x {size} pixels, "
        f"{looks:.3g} looks {origin}"
    )
    return _kept(services, ref, band, file, how), how


def _kept(services: Services, ref: RasterRef, band: str, file: Path, how: str) -> Artifact:
    nodata = float("nan")
    computed = ref.model_copy(
        update={
            "bands": (BandRef(name=band, href="", index=1, dtype="float32", nodata=nodata),),
            "alpha": None,
            "dataset_mask": False,
            "qa": None,
            "path": "",
            "method": f"{ref.method}; {how}"[:600] if ref.method else how,
        }
    )
    return services.store.put(
        "raster",
        title=f"{ref.title}, speckle smoothed"[:120],
        payload=computed.to_dict(),
        preview={"bands": [band], "values": ref.values},
        file=file,
        media_type=_GEOTIFF,
    )


def _counted(
    services: Services, ref: RasterRef, band: str, size: int, reader: RasterReader
) -> float:
    """Return the number of looks of a band."""
    counter = LookCounter(size)
    half, is_db = size // 2, ref.values == "backscatter_db"
    for _, around in haloed_strips(
        services, ref, band, halo=half, what="counting looks", reader=reader
    ):
        counter.add(to_power(around, is_db=is_db))
    return counter.looks

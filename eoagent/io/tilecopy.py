"""Copy the part of a picture that a tile covers into the store, where no reference can say it."""

from __future__ import annotations

import numpy as np

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.tool import Services
from eoagent.io.blockwise import open_reader
from eoagent.io.gridwriter import GridWriter
from eoagent.io.tilepart import TilePart

__all__ = ["copy_part"]

_GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"


def copy_part(part: TilePart, services: Services) -> Artifact:
    """Return a raster of the store with the pixels of a tile, as they are stored.

    Raises:
        SourceError: if pixels could not be had, or the copy could not be kept.
    """
    ref, window = part.ref, part.window
    grid = ref.grid.model_copy(update={"width": window.width, "height": window.height})
    file = services.store.scratch(".tif")
    with open_reader(services, ref) as reader:
        values, _ = reader.read(ref.band_names, window)
    names = ref.band_names
    writer = GridWriter(
        file, grid, dtype="float32", count=len(names), nodata=float("nan"), names=names
    )
    with writer:
        writer.add(grid.window, values.astype(np.float32, copy=False))
        writer.finish()
    sources = tuple(s.model_copy(update={"window": window}) for s in ref.sources)
    bands = tuple(
        band.model_copy(
            update={
                "href": "",
                "index": number,
                "dtype": "float32",
                "scale": 1.0,
                "offset": 0.0,
                "nodata": float("nan"),
            }
        )
        for number, band in enumerate(ref.bands, 1)
    )
    made = {"grid": grid, "bands": bands, "sources": sources, "path": "", "alpha": None}
    whole = ref.model_copy(update={**made, "dataset_mask": False, "qa": None})
    return services.store.put(
        "raster",
        title=ref.title,
        payload=whole.to_dict(),
        preview={"bands": list(names), "size": [grid.width, grid.height]},
        file=file,
        media_type=_GEOTIFF,
    )

"""Read the tiles of a unit: pixels, clouds, missing data, and the colours that the encoder sees."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import BandRef
from eoagent.contracts.store import Origins
from eoagent.contracts.tool import Options
from eoagent.io.raster import RasterReader
from eoagent.spectral.qa import decode
from eoagent_indexes.build.job import Skipped
from eoagent_indexes.build.recipe import render
from eoagent_indexes.build.unit import Unit

__all__ = ["CLOUDS", "Tile", "TileReader"]

CLOUDS: Final = {
    "landsat_qa_pixel": ("dilated_cloud", "cirrus", "cloud"),
    "sentinel2_scl": ("cloud", "cirrus"),
}
"""Classes that count as cloud; shadows do not."""
_CODES: Final = "codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One window as it was read."""

    number: int
    """Which window of the unit."""
    picture: NDArray[np.uint8] | None
    """(height, width, 3); None where it is left out."""
    skipped: Skipped | None
    """Why it is left out."""
    cloud_pct: float | None
    """Cloud, percent of the pixels with data; None where nothing tells."""
    nodata_pct: float
    """Pixels without data, percent."""


class TileReader:
    """Reads the tiles of one unit; each thread reads through files of its own.

    A file is closed by the thread that opened it: rasterio keeps what stands behind a remote file
    in the context of that thread, and GDAL falls over where it is let go in another.
    """

    def __init__(self, unit: Unit, origins: Origins, options: Options | None = None) -> None:
        """Make a reader; files are opened when first read."""
        self._unit = unit
        self._origins = origins
        self._options = options or Options()
        self._mine = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files that this thread has opened."""
        files: ExitStack | None = self._mine.__dict__.pop("files", None)
        if files is not None:
            files.close()

    def read(
        self,
        windows: Sequence[tuple[int, Window]],
        *,
        out_shape: tuple[int, int] | None,
        max_cloud_pct: float,
        max_nodata_pct: float,
    ) -> list[Tile]:
        """Return tiles in the order of the windows; those over a limit come without a picture.

        Args:
            windows: numbers and windows.
            out_shape: (height, width) to read at; None is the window's own.
            max_cloud_pct: most cloud.
            max_nodata_pct: most pixels without data.

        Raises:
            SourceError: if pixels could not be had.
            InputError: if the quality band holds no codes.
        """
        values, codes = self._open()
        return [
            self._tile(
                number,
                _pixels(values, self._unit.bands, window, out_shape),
                None if codes is None else _pixels(codes, (_CODES,), window, out_shape),
                limits=(max_cloud_pct, max_nodata_pct),
            )
            for number, window in windows
        ]

    def _tile(
        self,
        number: int,
        pixels: tuple[NDArray[Any], NDArray[np.bool_]],
        codes: tuple[NDArray[Any], NDArray[np.bool_]] | None,
        *,
        limits: tuple[float, float],
    ) -> Tile:
        picture, valid = render(self._unit.recipe, *pixels)
        cloud_pct = self._unit.cloud_pct
        if codes is not None and self._unit.qa is not None:
            kind, known = self._unit.qa.kind, codes[1]
            stored = np.where(known, codes[0][0], 0)
            valid = valid & known & ~decode(kind, stored, ("fill",))
            filled = int(np.count_nonzero(valid))
            under = int(np.count_nonzero(decode(kind, stored, CLOUDS[kind]) & valid))
            cloud_pct = 100.0 * under / filled if filled else None
        nodata_pct = 100.0 * (1.0 - float(valid.mean()))
        skipped: Skipped | None = None
        if nodata_pct > limits[1]:
            skipped = "nodata"
        elif codes is not None and cloud_pct is not None and cloud_pct > limits[0]:
            skipped = "cloud"
        return Tile(
            number=number,
            picture=None if skipped else picture,
            skipped=skipped,
            cloud_pct=cloud_pct,
            nodata_pct=nodata_pct,
        )

    def _open(self) -> tuple[RasterReader, RasterReader | None]:
        """Return the readers of this thread: of the values, and of the quality codes."""
        if "files" not in self._mine.__dict__:
            unit, files = self._unit, ExitStack()
            values = files.enter_context(RasterReader(unit.ref, self._origins, self._options))
            codes = None
            if unit.qa is not None:
                band = BandRef(name=_CODES, href=unit.qa.href, index=unit.qa.index)
                plain = {"bands": (band,), "alpha": None, "dataset_mask": False, "qa": None}
                ref = unit.ref.model_copy(update=plain)
                codes = files.enter_context(RasterReader(ref, self._origins, self._options))
            self._mine.files, self._mine.readers = files, (values, codes)
        readers: tuple[RasterReader, RasterReader | None] = self._mine.readers
        return readers


def _pixels(
    reader: RasterReader,
    bands: Sequence[str],
    window: Window,
    out_shape: tuple[int, int] | None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return values and validity; read smaller, colours are averaged and codes are picked."""
    is_codes = tuple(bands) == (_CODES,)
    return reader.read(
        bands,
        window,
        out_shape=out_shape,
        resampling="nearest" if is_codes or out_shape is None else "average",
    )

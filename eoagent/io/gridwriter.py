"""Write rasters strip by strip as cloud-optimised GeoTIFFs, or leave nothing behind.

Strips go to an uncompressed file beside the target first, so that memory stays bounded. From it the
final file is made with tiles and overviews, read back against checksums of what was added, and
moved into place: GDAL can lose the error of a write to a full disk. The same content gives the same
bytes.
"""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import strips
from eoagent.io.atomic import disk_error
from eoagent.io.gdal import GDAL_FAULTS, gdal_env, opening, rasterio_window, root_cause

__all__ = ["GridWriter"]

_STRIP_ROWS: Final = 16
_MARGIN_BYTES: Final = 1 << 20
"""Room for headers, beside half of the plain size again for overviews."""
_LAYOUT: Final = {
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "YES",
    "BLOCKSIZE": "512",
    "BIGTIFF": "IF_SAFER",
    "NUM_THREADS": "1",
}


class GridWriter:
    """Writes one raster; a context manager that removes what is not finished."""

    def __init__(
        self,
        path: Path,
        grid: Grid,
        *,
        dtype: str,
        count: int = 1,
        nodata: float | None = None,
        names: Sequence[str] = (),
        cache_mb: int = 128,
    ) -> None:
        """Begin a file; nothing is at `path` before `finish`.

        Args:
            path: file to make; an older one is replaced.
            grid: its lattice.
            dtype: stored type.
            count: number of bands.
            nodata: stored value that means no data.
            names: band names, kept as descriptions.
            cache_mb: GDAL's block cache, MB.

        Raises:
            SourceError: if there is no room, or the place cannot be written.
        """
        self.path = path
        """The file that `finish` makes."""
        self.grid = grid
        """Its lattice."""
        self._count = count
        self._dtype = np.dtype(dtype)
        self._nodata = nodata
        self._cache_mb = cache_mb
        self._raw_path = path.with_name(f"{path.name}.part.tif")
        self._cog_path = path.with_name(f"{path.name}.cog.tif")
        self._added: list[tuple[Window, int]] = []
        self._closing = ExitStack()
        with self._writing():
            self._check_room()
            self._raw = self._closing.enter_context(self._create())
            for index, name in enumerate(names, 1):
                self._raw.set_band_description(index, name)

    def add(self, window: Window, array: NDArray[Any]) -> None:
        """Write a part of the grid; every pixel has to be added once.

        Args:
            window: where it lies.
            array: (height, width), or (bands, height, width).

        Raises:
            InputError: if the array has another shape or type than the window and the file.
            SourceError: if it could not be written; the unfinished file is removed.
        """
        bands = array[None] if array.ndim == 2 else array
        if bands.shape != (self._count, window.height, window.width) or bands.dtype != self._dtype:
            raise InputError(
                f"an array {array.shape} of {array.dtype} was to be written to {self._count} bands "
                f"of {window.height} x {window.width} {self._dtype}",
                hint="give (bands, height, width) of the window, in the type of the file",
            )
        with self._writing():
            self._raw.write(bands, window=rasterio_window(window))
        self._added.append((window, _crc(bands)))

    def finish(self) -> Path:
        """Make the final file with overviews, check it, move it into place; return its path.

        Raises:
            InputError: if not every pixel was added; the unfinished file is removed.
            SourceError: if it could not be written; nothing is left behind.
        """
        missing = self.grid.window.pixels - sum(window.pixels for window, _ in self._added)
        if missing:
            self.discard()
            raise InputError(
                f"{self.path.name} cannot be finished: {missing:,} of its pixels were not added, "
                "or some more than once",
                hint="add every strip of the grid once",
            )
        with self._writing():
            self._closing.close()
            with opening():
                rasterio.shutil.copy(
                    self._raw_path,
                    self._cog_path,
                    driver="COG",
                    OVERVIEW_RESAMPLING="NEAREST" if self._dtype.kind in "iu" else "AVERAGE",
                    **_LAYOUT,
                )
            self._check_written()
            self._cog_path.replace(self.path)
        self.discard()
        return self.path

    def discard(self) -> None:
        """Remove what is unfinished; nothing happens after `finish`."""
        with gdal_env(self._cache_mb), suppress(*GDAL_FAULTS):
            self._closing.close()  # what it says no longer matters
        stems = (self._raw_path.name, self._cog_path.name)
        with suppress(OSError):
            for left in self.path.parent.iterdir():
                if left.name.startswith(stems):
                    left.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def _create(self) -> Any:
        grid = self.grid
        place: dict[str, Any] = {"crs": grid.crs} if grid.is_georeferenced else {}
        if grid.is_georeferenced and grid.gcps:
            place["gcps"] = [
                GroundControlPoint(row=p.row, col=p.col, x=p.x, y=p.y) for p in grid.gcps
            ]
        elif grid.is_georeferenced:
            place["transform"] = Affine(*grid.transform)
        with opening():
            return rasterio.open(
                self._raw_path,
                "w",
                driver="GTiff",
                width=grid.width,
                height=grid.height,
                count=self._count,
                dtype=self._dtype.name,
                nodata=self._nodata,
                blockysize=_STRIP_ROWS,
                interleave="band",
                BIGTIFF="IF_SAFER",
                **place,
            )

    @property
    def _plain_bytes(self) -> int:
        return self.grid.window.pixels * self._count * self._dtype.itemsize

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if free < self._plain_bytes:
            said = f"{self._plain_bytes:,} bytes are wanted, {free:,} are free"
            raise OSError(errno.ENOSPC, said)

    def _check_written(self) -> None:
        """Refuse a final file that does not read back as it was added, overviews included."""
        with opening():
            raw = rasterio.open(self._cog_path, driver="GTiff")
        with raw:
            for window, crc in self._added:
                if _crc(raw.read(window=rasterio_window(window))) != crc:
                    raise ValueError(f"rows from {window.row} do not read back as they were")
            levels = len(raw.overviews(1))
        for level in range(levels):
            with opening():
                raw = rasterio.open(self._cog_path, driver="GTiff", OVERVIEW_LEVEL=level)
            with raw:
                for window in strips((raw.height, raw.width), align=_STRIP_ROWS):
                    raw.read(window=rasterio_window(window))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write; on a fault remove what is unfinished and say why in one typed error."""
        try:
            with gdal_env(self._cache_mb):
                yield
        except GDAL_FAULTS as error:
            self.discard()
            raise self._explained(error) from error

    def _explained(self, error: BaseException) -> SourceError:
        """Return the error in words; where the disk is full it says so, whatever GDAL said."""
        error = root_cause(error)
        if isinstance(error, OSError) and error.errno:
            return disk_error(error, self.path)
        try:
            with self._raw_path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._plain_bytes * 3 // 2 + _MARGIN_BYTES)
        except OSError as full:
            return disk_error(full, self.path)
        finally:
            self._raw_path.unlink(missing_ok=True)
        said = " ".join(str(error).split())[:200]
        return SourceError(f"{str(self.path)!r} could not be written: {said}", href=str(self.path))


def _crc(bands: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(bands).tobytes())

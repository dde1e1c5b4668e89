"""Read rasters: values and valid pixels of named bands, block by block, on any grid.

Arrays are (bands, height, width); masks are (height, width) with True = valid. A pixel is valid
where every band asked for has data there, the file's mask or alpha band lets it through, and the
quality rule of the reference, if there is one, does not leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import NotFound
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import BandRef, Grid, RasterRef
from eoagent.contracts.store import Origins
from eoagent.contracts.tool import Options
from eoagent.geo.grid import strips
from eoagent.io.dataset import open_dataset
from eoagent.io.declared import RasterLimits
from eoagent.io.describe import describe_files
from eoagent.io.pixels import is_stored_valid, to_values, value_dtype
from eoagent.io.remote import Wires
from eoagent.io.source import FileSource, Place, make_place
from eoagent.io.stated import Stated
from eoagent.spectral.qa import decode

__all__ = ["RasterReader", "open_raster"]

_SIDE_MASK: Final = ".msk"


def open_raster(
    hrefs: Sequence[str],
    origins: Origins,
    *,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    gsd_m: float | None = None,
    qa: Sequence[str] | None = None,
) -> RasterRef:
    """Return the reference to one file, or to several files of one scene.

    `eoagent.io.describe.describe_files` does the same, takes what an item says, and also returns
    the choices that were made.

    Args:
        hrefs: paths or URLs.
        origins: the guard.
        bands: names of all bands, over all files, in order.
        scale: value = stored * scale + offset, for all bands.
        offset: likewise.
        gsd_m: ground sampling distance of files without georeference, metres.
        qa: classes that the quality band among them leaves out; () applies none, None those of
            clouds, their shadows and defects.

    Raises:
        InputError: if what was stated does not fit, or the files do not belong together.
        NotFound: if a local file does not exist.
        SourceError: if a file is refused, damaged or out of reach.
    """
    stated = Stated(
        bands=tuple(bands or ()),
        scale=scale,
        offset=offset,
        gsd_m=gsd_m,
        qa=None if qa is None else tuple(qa),
    )
    return describe_files(hrefs, origins, stated=stated).ref


class RasterReader:
    """Reads one raster; a context manager that holds its files open, for one thread at a time."""

    def __init__(
        self,
        ref: RasterRef,
        origins: Origins,
        options: Options | None = None,
        *,
        limits: RasterLimits | None = None,
        wires: Wires | None = None,
    ) -> None:
        """Make a reader; files are opened when first read.

        Args:
            ref: the raster.
            origins: the guard; every file is put before it again.
            options: block cache, block size and deadline of remote reads.
            limits: what a file may declare.
            wires: connections to share between remote files.
        """
        self.ref = ref
        """The raster that is read."""
        self._origins = origins
        self._options = options or Options()
        self._limits = limits
        self._wires = wires
        self._sources: dict[str, FileSource] = {}
        self._closing = ExitStack()

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
        """Close the files."""
        self._sources.clear()
        self._closing.close()

    def windows(self, *, grid: Grid | None = None) -> Iterator[Window]:
        """Yield full-width strips of the raster's grid, or of another, cut along file blocks."""
        block_rows = self._source(self.ref.bands[0].href).block_rows if grid is None else 1
        width = (grid or self.ref.grid).width
        aligned = block_rows if block_rows * width <= self._options.block_pixels else 1
        yield from strips(grid or self.ref.grid, self._options.block_pixels, aligned)

    def read(
        self,
        names: Sequence[str],
        window: Window | None = None,
        *,
        grid: Grid | None = None,
        out_shape: tuple[int, int] | None = None,
        resampling: str = "nearest",
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
        """Return values of named bands, and which pixels are valid.

        Args:
            names: bands, in the order wanted.
            window: part of the grid; None is the whole.
            grid: grid to read on, by nearest pixel; None is the raster's own.
            out_shape: (height, width) to give instead of the window's; made from overviews.
            resampling: how a smaller `out_shape` comes about: nearest, average, bilinear, mode.

        Returns:
            Values (bands, height, width), float32 (float64 where float32 would lose digits), NaN
            where not valid; and True (height, width) where valid.

        Raises:
            NotFound: if there is no such band.
            InputError: if the window lies outside the grid, more is asked for than fits in memory,
                or the raster cannot be brought to the grid.
            SourceError: if pixels could not be had.
        """
        bands = self._bands(names)
        place = make_place(
            grid or self.ref.grid,
            window,
            out_shape=out_shape,
            resampling=resampling,
            count=len(bands),
        )
        dtype = value_dtype([band.dtype for band in bands])
        values = np.empty((len(bands), *place.shape), dtype=dtype)
        valid = self._common_valid(place, bands)
        for href in dict.fromkeys(band.href for band in bands):
            own = [n for n, band in enumerate(bands) if band.href == href]
            stored, inside = self._source(href).stored([bands[n].index for n in own], place)
            if inside is not None:
                valid &= inside
            for n, pixels in zip(own, stored, strict=True):
                band = bands[n]
                valid &= is_stored_valid(pixels, band.nodata)
                values[n] = to_values(pixels, scale=band.scale, offset=band.offset, dtype=dtype)
        if not valid.all():
            values[:, ~valid] = np.nan
        return values, valid

    def read_stored(
        self, name: str, window: Window | None = None, *, grid: Grid | None = None
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return stored numbers (height, width) of one band, such as quality codes, and validity.

        Raises:
            NotFound: if there is no such band.
            InputError: likewise as `read`.
            SourceError: if pixels could not be had.
        """
        (band,) = self._bands([name])
        place = make_place(grid or self.ref.grid, window)
        valid = self._common_valid(place, [band])
        stored, inside = self._source(band.href).stored([band.index], place)
        valid &= is_stored_valid(stored[0], band.nodata)
        return stored[0], valid if inside is None else valid & inside

    def read_valid(
        self, names: Sequence[str], window: Window | None = None, *, grid: Grid | None = None
    ) -> NDArray[np.bool_]:
        """Return which pixels are valid in all of some bands; no pixel is read where none can fail.

        Raises:
            NotFound: if there is no such band.
            InputError: likewise as `read`.
            SourceError: if pixels could not be had.
        """
        bands = self._bands(names)
        place = make_place(grid or self.ref.grid, window)
        valid = self._common_valid(place, bands)
        for band in bands:
            source = self._source(band.href)
            if source.is_on(place.grid) and band.nodata is None and band.dtype[:1] in "iu":
                continue
            stored, inside = source.stored([band.index], place)
            valid &= is_stored_valid(stored[0], band.nodata)
            if inside is not None:
                valid &= inside
        return valid

    def preview(
        self, max_px: int = 1024, names: Sequence[str] | None = None, *, resampling: str = "nearest"
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
        """Return the whole raster with at most `max_px` pixels along its longer side.

        Raises:
            NotFound: if there is no such band.
            SourceError: if pixels could not be had.
        """
        height, width = self.ref.grid.height, self.ref.grid.width
        share = min(1.0, max_px / max(height, width))
        out_shape = max(1, round(height * share)), max(1, round(width * share))
        wanted = self.ref.band_names if names is None else names
        return self.read(wanted, out_shape=out_shape, resampling=resampling)

    def _bands(self, names: Sequence[str]) -> list[BandRef]:
        known = {band.name: band for band in self.ref.bands}
        missing = [name for name in names if name not in known]
        if missing or not names:
            raise NotFound(
                f"{self.ref.title!r} has no band {', '.join(missing)}"
                if missing
                else "values of no band were asked for",
                hint=f"its bands: {', '.join(known)}",
            )
        return [known[name] for name in names]

    def _common_valid(self, place: Place, bands: Sequence[BandRef]) -> NDArray[np.bool_]:
        """Return what alpha, file masks and the quality rule let through.

        The rule does not hide the codes that it rests on: the quality band by itself is whole.
        """
        valid = np.ones(place.shape, dtype=np.bool_)
        if self.ref.alpha is not None:
            href, index = self.ref.alpha
            stored, inside = self._source(href).stored([index], place)
            valid &= stored[0] > 0
            if inside is not None:
                valid &= inside
        for href in dict.fromkeys(b.href for b in bands) if self.ref.dataset_mask else ():
            source = self._source(href)
            if source.has_mask:
                valid &= source.mask(place)[0]
        rule = self.ref.qa
        if rule is not None and {(b.href, b.index) for b in bands} != {(rule.href, rule.index)}:
            codes, inside = self._source(rule.href).stored([rule.index], place)
            valid &= ~decode(rule.kind, codes[0], rule.exclude)
            if inside is not None:
                valid &= inside
        return valid

    def _source(self, href: str) -> FileSource:
        if href not in self._sources:
            file = open_dataset(
                self._origins.admit(href),
                origins=self._origins,
                limits=self._limits,
                cache_mb=self._options.gdal_cache_mb,
                timeout_s=self._options.request_timeout_s,
                wires=self._wires,
            )
            self._closing.callback(file.close)
            owner = href.removesuffix(_SIDE_MASK)
            is_side_mask = owner != href and any(band.href == owner for band in self.ref.bands)
            self._sources[href] = FileSource(
                file,
                max_pixels=self._options.block_pixels,
                grid=self._source(owner).grid if is_side_mask else None,
            )
        return self._sources[href]

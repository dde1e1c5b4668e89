"""Open rasters through GDAL with one allowed driver each, and type all that goes wrong.

Only GeoTIFF, JPEG 2000, PNG and JPEG are opened, each by its first bytes and by the one driver for
them. Files beside a raster (`.aux.xml`, `.ovr`, world files) are not looked at, and a raster that
names other files as its overviews is refused. Remote bytes come through `eoagent.io.remote` alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Fingerprint
from eoagent.contracts.geometry import Window
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.blocksum import BlockSums, has_sums
from eoagent.io.declared import RasterLimits, check_declared
from eoagent.io.fingerprint import fingerprint_file, fingerprint_remote
from eoagent.io.gdal import CACHE_MB, gdal_env, opening, rasterio_window, typed_faults
from eoagent.io.href import redact
from eoagent.io.pnghead import check_png_texts
from eoagent.io.remote import RangeFile, RemoteLimits, Wires, open_remote

__all__ = ["RasterFile", "open_dataset", "sniff"]

_MAGIC: Final = (
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "GTiff"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JP2OpenJPEG"),
)
_HEAD: Final = 16


def sniff(head: bytes) -> str | None:
    """Return the GDAL driver for a file by its first bytes, or None where it is not allowed."""
    return next((driver for magic, driver in _MAGIC if magic.match(head)), None)


class RasterFile:
    """An open raster; a context manager, for one thread at a time."""

    def __init__(
        self,
        raw: Any,
        *,
        href: str,
        remote: RangeFile | None,
        sums: BlockSums | None,
        cache_mb: int,
        closing: ExitStack,
    ) -> None:
        """Take over an open rasterio dataset; `open_dataset` makes these."""
        self.raw = raw
        """The rasterio dataset; used directly, it raises rasterio's errors."""
        self.href = href
        """Absolute path, or URL without credentials and query."""
        self.remote = remote
        """The remote file that the bytes come from, or None."""
        self._cache_mb = cache_mb
        self._closing = closing
        self._sums = sums

    def read(
        self,
        indexes: Sequence[int],
        window: Window | None = None,
        *,
        out_shape: tuple[int, int] | None = None,
        resampling: str = "nearest",
    ) -> NDArray[Any]:
        """Return stored numbers (bands, height, width) of some bands.

        Args:
            indexes: band numbers from 1.
            window: part of the file; None is the whole.
            out_shape: (height, width) to read at; smaller ones come from overviews.
            resampling: name of a GDAL resampling for a smaller `out_shape`.

        Raises:
            SourceError: if the pixels could not be had.
        """
        asked = f"bands {list(indexes)[:8]} of {_place(window)}"
        with self.faults(f"{asked} could not be read"):
            if self._sums is not None and _is_full(window, out_shape):
                self._sums.check(indexes, window)
            pixels: NDArray[Any] = self.raw.read(
                list(indexes),
                window=rasterio_window(window),
                out_shape=None if out_shape is None else (len(indexes), *out_shape),
                resampling=Resampling[resampling],
            )
        return pixels

    def read_mask(
        self, window: Window | None = None, *, out_shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Return the file's own mask (height, width), True = valid.

        Raises:
            SourceError: if it could not be had.
        """
        with self.faults(f"the mask of {_place(window)} could not be read"):
            mask = self.raw.read_masks(1, window=rasterio_window(window), out_shape=out_shape)
        return np.asarray(mask) > 0

    def fingerprint(self) -> Fingerprint:
        """Return what identifies the file's bytes.

        Raises:
            SourceError: if they could not be read.
        """
        return fingerprint_remote(self.remote) if self.remote else fingerprint_file(self.href)

    @contextmanager
    def faults(self, what: str) -> Iterator[None]:
        """Do GDAL work; turn what goes wrong into `SourceError`: the file's name, then `what`.

        Raises:
            SourceError: the remote file's own error where that is the cause.
        """
        with _faults(f"{self.href!r}: {what}", self.href, self.remote), gdal_env(self._cache_mb):
            yield

    def close(self) -> None:
        """Close the dataset and the connection behind it."""
        with gdal_env(self._cache_mb):
            self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_dataset(
    admitted: Admitted,
    *,
    origins: Origins | None = None,
    limits: RasterLimits | None = None,
    cache_mb: int = CACHE_MB,
    timeout_s: float = 60.0,
    wires: Wires | None = None,
) -> RasterFile:
    """Open a raster that the guard admitted; its declared size is checked, no pixel is read.

    Args:
        admitted: where it lies.
        origins: the guard, which redirects of a remote file are put before.
        limits: what it may declare.
        cache_mb: GDAL's block cache, MB.
        timeout_s: longest time for one remote read, seconds.
        wires: connections to share between remote files.

    Raises:
        SourceError: if it is no raster of an allowed format, is damaged, declares too much, or
            could not be reached.
    """
    limits = limits or RasterLimits()
    shown = admitted.href if admitted.scheme == "file" else redact(admitted.href)
    with ExitStack() as stack:
        remote = None
        if admitted.scheme != "file":
            reading = RemoteLimits(deadline_s=timeout_s)
            remote = stack.enter_context(
                open_remote(admitted, origins, limits=reading, wires=wires)
            )
        driver, stored_bytes = _look(shown, remote)
        with _faults(f"{shown!r} could not be opened as {driver}", shown, remote):
            raw = _open_raw(shown, driver, remote, cache_mb, limits.max_bands)
            stack.callback(raw.close)
            with gdal_env(cache_mb):
                _check_own_overviews(raw, shown)
                check_declared(raw, shown, stored_bytes=stored_bytes, limits=limits)
            sums = None
            if has_sums(raw):
                sums = BlockSums(raw, remote or stack.enter_context(Path(shown).open("rb")))
        return RasterFile(
            raw,
            href=shown,
            remote=remote,
            sums=sums,
            cache_mb=cache_mb,
            closing=stack.pop_all(),
        )


def _look(shown: str, remote: RangeFile | None) -> tuple[str, int]:
    """Return the driver that a file's first bytes call for, and its size."""
    with ExitStack() as stack:
        try:
            file = remote or stack.enter_context(Path(shown).open("rb"))
            size = file.seek(0, os.SEEK_END)

            def read_at(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            head = read_at(0, _HEAD)
            driver = sniff(head)
            if driver == "PNG":
                check_png_texts(read_at, shown)
        except (OSError, ValueError) as error:
            raise SourceError(f"{shown!r} could not be read: {error}", href=shown) from error
    if driver is None:
        raise SourceError(
            f"{shown!r} is no raster that is opened here: it begins with {head[:12]!r}",
            href=shown,
            hint="GeoTIFF, JPEG 2000, PNG and JPEG are read; convert other formats to GeoTIFF",
        )
    return driver, size


def _open_raw(
    shown: str, driver: str, remote: RangeFile | None, cache_mb: int, max_bands: int
) -> Any:
    if remote is None and (not Path(shown).is_absolute() or shown.startswith("/vsi")):
        raise SourceError(f"{shown!r} is refused: it is no absolute path of a file", href=shown)
    name, opener = (shown, None) if remote is None else (remote.gdal_name, remote.opener)
    with gdal_env(cache_mb, GDAL_MAX_BAND_COUNT=max_bands), opening():
        return rasterio.open(name, driver=driver, opener=opener)


def _check_own_overviews(raw: Any, shown: str) -> None:
    """Refuse a raster that names another file as its overviews: GDAL would open it unasked."""
    named = raw.tags(ns="OVERVIEWS")
    if named:
        raise SourceError(
            f"{shown!r} is refused: it names other files as its overviews "
            f"({redact(str(next(iter(named.values()))))!r})",
            href=shown,
            hint="write it anew with its overviews inside",
        )


@contextmanager
def _faults(what: str, shown: str, remote: RangeFile | None) -> Iterator[None]:
    """Type what goes wrong; where a remote file failed, its own error comes first."""
    try:
        with typed_faults(what, shown):
            yield
    except SourceError:
        if remote is not None:
            remote.raise_error()
        raise
    if remote is not None:
        remote.raise_error()


def _place(window: Window | None) -> str:
    if window is None:
        return "the whole file"
    return (
        f"rows {window.row} to {window.row + window.height}, "
        f"columns {window.col} to {window.col + window.width}"
    )


def _is_full(window: Window | None, out_shape: tuple[int, int] | None) -> bool:
    return out_shape is None or (window is not None and out_shape == (window.height, window.width))

"""Headers: what one raster file says of itself, read once and kept as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.contracts.store import Origins
from eoagent.io.dataset import RasterFile
from eoagent.io.georeference import read_grid
from eoagent.io.pixels import is_stored_valid

__all__ = ["RasterHeader", "read_header", "sample_values", "side_mask"]

_SAMPLE_PX: Final = 128
_IGNORED: Final = (".aux.xml", ".ovr")
_WORLD_FILES: Final = (".tfw", ".tifw", ".jgw", ".jpgw", ".pgw", ".pngw", ".j2w", ".wld")


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """One file: its grid, and per band its type, nodata, scale and descriptions."""

    href: str
    """Absolute path, or normalised URL as it was admitted."""
    grid: Grid
    """The lattice."""
    dtypes: tuple[str, ...]
    """Stored type per band."""
    nodata: tuple[float | None, ...]
    """Stored value that means no data, per band; may be NaN."""
    scales: tuple[float, ...]
    """Scale tag per band, 1 where there is none."""
    offsets: tuple[float, ...]
    """Offset tag per band, 0 where there is none."""
    descriptions: tuple[str, ...]
    """Description per band, or empty."""
    colours: tuple[str, ...]
    """Colour interpretation per band."""
    has_mask: bool
    """Whether the file has a mask band of its own besides alpha and nodata."""
    source: Source
    """The file with its fingerprint."""
    notes: tuple[str, ...] = ()
    """What the file says that is not used."""


def read_header(file: RasterFile, href: str, *, gsd_m: float | None = None) -> RasterHeader:
    """Return the header of an open raster.

    Args:
        file: an open raster.
        href: how it is named in references: the admitted path or URL.
        gsd_m: ground sampling distance stated by the user.

    Raises:
        SourceError: if the header is damaged.
    """
    placed = read_grid(file, gsd_m=gsd_m)
    raw = file.raw
    with file.faults("its header could not be read"):
        flags = raw.mask_flag_enums[0]
        return RasterHeader(
            href=href,
            grid=placed.grid,
            dtypes=tuple(raw.dtypes),
            nodata=tuple(raw.nodatavals),
            scales=tuple(float(scale) for scale in raw.scales),
            offsets=tuple(float(offset) for offset in raw.offsets),
            descriptions=tuple(text or "" for text in raw.descriptions),
            colours=tuple(colour.name for colour in raw.colorinterp),
            has_mask=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
            source=Source(href=file.href, fingerprint=file.fingerprint()),
            notes=placed.notes + _ignored(file),
        )


def side_mask(file: RasterFile, origins: Origins) -> tuple[str | None, str]:
    """Return the mask file beside a local raster (`NAME.msk`) where the guard admits it.

    Returns:
        Its path, or None, and a note where there is one that is not used.
    """
    if file.remote is not None or not Path(f"{file.href}.msk").is_file():
        return None, ""
    try:
        return origins.admit(f"{file.href}.msk", base=file.href).href, ""
    except (SourceError, NotFound) as error:
        return None, f"the mask file beside the image is not used: {error}"


def sample_values(
    file: RasterFile, index: int, *, nodata: float | None, scale: float, offset: float
) -> Callable[[], NDArray[Any]]:
    """Return a function that reads values of one band in five small windows, valid ones only."""

    def read() -> NDArray[Any]:
        parts = []
        for row, col in ((0.5, 0.5), (0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
            stored = file.read([index], _window_at(file, row, col))[0]
            parts.append(stored[is_stored_valid(stored, nodata)].astype(np.float64))
        return np.concatenate(parts) * scale + offset

    return read


def _window_at(file: RasterFile, row: float, col: float) -> Window:
    height, width = min(_SAMPLE_PX, file.raw.height), min(_SAMPLE_PX, file.raw.width)
    return Window(
        row=int((file.raw.height - height) * row),
        col=int((file.raw.width - width) * col),
        height=height,
        width=width,
    )


def _ignored(file: RasterFile) -> tuple[str, ...]:
    """Return a note on files beside a local raster that other programs would read."""
    if file.remote is not None:
        return ()
    path = Path(file.href)
    beside = [Path(f"{path}{suffix}") for suffix in _IGNORED]
    world: Sequence[Path] = [path.with_suffix(suffix) for suffix in _WORLD_FILES]
    found = [p.name for p in (*beside, *world) if p.is_file()]
    return (f"files beside the image are not read: {', '.join(found)}",) if found else ()

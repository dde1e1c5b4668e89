"""The way GDAL is used here: guarded options, a bounded cache, and its faults as typed errors."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.session import DummySession

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import Window

__all__ = [
    "CACHE_MB",
    "GDAL_FAULTS",
    "gdal_env",
    "opening",
    "rasterio_window",
    "root_cause",
    "typed_faults",
]

CACHE_MB: Final = 256
"""GDAL's block cache unless a caller says otherwise, MB."""

_OWN_FAULTS: Final = (OSError, ValueError, ArithmeticError, MemoryError)
GDAL_FAULTS: Final = (RasterioError, CPLE_BaseError, *_OWN_FAULTS)
"""What GDAL work raises, damaged files included."""

_GDAL: Final = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
}
_OPENING = threading.Lock()  # `warnings.catch_warnings` is not made for several threads


def gdal_env(cache_mb: int = CACHE_MB, **options: Any) -> Any:
    """Return the context in which all GDAL work is done: guarded options, a bounded block cache."""
    return rasterio.Env(
        session=DummySession(), GDAL_CACHEMAX=cache_mb * 1024 * 1024, **(_GDAL | options)
    )


@contextmanager
def opening() -> Iterator[None]:
    """Open a raster without a warning for one that has no georeference; one thread at a time."""
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def typed_faults(what: str, shown: str) -> Iterator[None]:
    """Turn what GDAL work raises into `SourceError`: `what`, and what GDAL said.

    Raises:
        SourceError: in place of any of `GDAL_FAULTS`.
    """
    try:
        yield
    except GDAL_FAULTS as error:
        said = " ".join(str(root_cause(error)).split()) or type(error).__name__
        said = re.sub(r"/vsiriopener_[0-9a-f]+/", "", said).replace(shown, Path(shown).name)
        said = said if len(said) <= 300 else said[:299] + "…"
        raise SourceError(f"{what}: {said}", href=shown) from error


def root_cause(error: BaseException) -> BaseException:
    """Return the error at the start of a chain of GDAL's: what it said first."""
    while isinstance(error, (RasterioError, CPLE_BaseError)) and error.__cause__ is not None:
        error = error.__cause__
    return error


def rasterio_window(window: Window | None) -> Any:
    """Return a window as rasterio wants it."""
    if window is None:
        return None
    return rasterio.windows.Window(window.col, window.row, window.width, window.height)

"""Let a raster whose bands lie in the artifact store be read like any other."""

from __future__ import annotations

from collections.abc import Iterable

from eoagent.contracts.raster import BandRef, MaskRef, RasterRef
from eoagent.contracts.store import Admitted, ArtifactStore, Origins

__all__ = ["StoreOrigins", "mask_as_raster", "place_in_store"]


def place_in_store(ref: RasterRef, store: ArtifactStore) -> RasterRef:
    """Return a raster with the empty hrefs of its bands replaced by its file in the store.

    Raises:
        NotFound: if the file has gone.
    """
    if ref.path is None:
        return ref
    path = str(store.locate(ref.path))
    bands = tuple(b if b.href else b.model_copy(update={"href": path}) for b in ref.bands)
    return ref.model_copy(update={"bands": bands})


def mask_as_raster(ref: MaskRef) -> RasterRef:
    """Return a stored mask as a raster of one band `mask`: 1 yes, 0 no, invalid where unknown."""
    band = BandRef(name="mask", href="", index=1, dtype="uint8", nodata=255.0)
    return RasterRef(grid=ref.grid, bands=(band,), values="quality", path=ref.path, title=ref.label)


class StoreOrigins:
    """A guard that also lets through the one store file behind a handle, and nothing else there."""

    def __init__(self, origins: Origins, placed: RasterRef, ref: RasterRef) -> None:
        self._origins = origins
        own = zip(placed.bands, ref.bands, strict=True)
        self._stored = {p.href for p, r in own if not r.href}

    def admit(self, href: str, *, base: str = "") -> Admitted:
        """Return a source cleared for reading.

        Raises:
            NotFound: if a local file does not exist.
            SourceError: if the place is refused.
        """
        if href in self._stored:
            return Admitted(scheme="file", href=href, typed=True)
        return self._origins.admit(href, base=base)

    def type_in(self, href: str) -> None:
        """Note a place that the user typed."""
        self._origins.type_in(href)

    def remember(self, hrefs: Iterable[str], *, base: str = "") -> None:
        """Note places that a document named."""
        self._origins.remember(hrefs, base=base)

    def require(self, href: str) -> None:
        """Check that a place may be named by itself.

        Raises:
            SourceError: if it was neither typed nor listed nor reached.
        """
        if href not in self._stored:
            self._origins.require(href)

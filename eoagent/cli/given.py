"""What comes with a message besides its words: files, places, band names, a pixel size."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from eoagent.app.inputs import classify
from eoagent.app.request import Request
from eoagent.app.workshop import Workshop
from eoagent.io.href import redact
from eoagent.io.origin import OriginGuard

__all__ = ["Given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes with a message; each field is that of `Request` with its name."""

    images: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    aoi: str | None = None
    catalog: str | None = None
    index: str | None = None
    places: str | None = None
    bands: tuple[str, ...] = ()
    gsd_m: float | None = None

    def to_request(self) -> dict[str, Any]:
        """Return the fields that say something."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in held.items() if value not in {None, ()}}

    def check(self, shop: Workshop) -> None:
        """Check it as a message with it would be checked, so that a slip shows at once.

        Raises:
            NotFound: if a file does not exist.
            SourceError: if a place is refused.
            InputError: if something is out of range or of the wrong kind.
        """
        request = Request(question="", **self.to_request())
        guard = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)
        classify(request, guard)
        if self.index is not None:
            shop.indexes(guard).existing(self.index)

    @property
    def text(self) -> str:
        """What it holds, as a reader sees it; empty if nothing."""
        parts = [f"image {redact(href)}" for href in self.images]
        parts += [f"features {redact(href)}" for href in self.features]
        parts += [f"area of interest {redact(self.aoi)}"] if self.aoi else []
        parts += [f"catalog {redact(self.catalog)}"] if self.catalog else []
        parts += [f"index {self.index}"] if self.index else []
        parts += [f"places {redact(self.places)}"] if self.places else []
        parts += [f"bands {', '.join(self.bands)}"] if self.bands else []
        parts += [f"{self.gsd_m:g} m a pixel"] if self.gsd_m else []
        return "; ".join(parts)

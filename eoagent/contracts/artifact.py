"""Artifacts: the typed handles that tools exchange, and the records behind them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from eoagent.contracts.figure import Source
from eoagent.contracts.record import Record, canonical_json
from eoagent.contracts.text import plain_values

__all__ = [
    "KINDS",
    "PREVIEW_CHARS",
    "AnyHandle",
    "Artifact",
    "ArtifactKind",
    "FeaturesHandle",
    "FeaturesRef",
    "MaskHandle",
    "RasterHandle",
    "ScenesHandle",
    "TableRef",
    "handle_kind",
    "handle_of",
    "shorten_preview",
]

ArtifactKind = Literal[
    "raster", "mask", "boxes", "features", "aoi", "scenes", "tiles", "table", "picture", "figure"
]
KINDS: Final[tuple[str, ...]] = get_args(ArtifactKind)
PREVIEW_CHARS: Final = 600
"""Most characters of a preview that state, prompts and checkpoints may hold."""

_HANDLE = re.compile(rf"^({'|'.join(KINDS)}):([0-9a-f]{{12}})\Z")


def handle_kind(handle: str) -> str | None:
    """Return the kind of a well-formed handle, or None."""
    match = _HANDLE.match(handle)
    return match.group(1) if match else None


def handle_of(*kinds: str) -> Any:
    """Return the argument type of a handle of one of these kinds, for pydantic models.

    A handle of another kind fails validation with a hint that says which tool makes the right one.
    """

    def check(handle: str) -> str:
        kind = handle_kind(handle)
        if kind is None:
            wanted = " or ".join(kinds)
            raise ValueError(f"'{handle[:80]}' is no handle; give {wanted}:ID or a reference ($1)")
        if kind not in kinds:
            repair = _REPAIR.get(kinds[0], "")
            msg = f"{handle} is a {kind}, and a {' or '.join(kinds)} is wanted; {repair}"
            raise ValueError(msg.rstrip("; "))
        return handle

    schema = {
        "type": "string",
        "pattern": rf"^({'|'.join(kinds)}):[0-9a-f]{{12}}$",
        "x-kinds": list(kinds),
    }
    return Annotated[str, AfterValidator(check), WithJsonSchema(schema)]


_REPAIR: Final = {
    "raster": "open_image opens a file, spectral_index and band_math compute one",
    "mask": "threshold makes one from a raster",
    "features": "open_features opens a file, regions makes them from a mask",
    "aoi": "regions turns a mask into areas",
}

RasterHandle = handle_of("raster")
MaskHandle = handle_of("mask")
FeaturesHandle = handle_of("features", "boxes", "aoi")
ScenesHandle = handle_of("scenes")
AnyHandle = handle_of(*KINDS)


class FeaturesRef(Record):
    """A set of features kept as GeoParquet in the store."""

    path: str
    """File inside the store; geometry column `geometry` (WKB), CRS in the `geo` metadata."""
    count: int = Field(ge=0)
    """Number of features."""
    crs: str
    """`EPSG:n` or WKT; empty when the coordinates are pixels."""
    geometry_types: tuple[str, ...]
    """Types present (`Polygon`, `MultiPolygon`, ...)."""
    columns: tuple[str, ...]
    """Attribute columns."""
    label: str
    """What they are, in words."""
    sources: tuple[Source, ...] = ()
    """Files behind them."""
    pixel_edge_m: float | None = None
    """Pixel size of the mask they were traced from, metres; None for surveyed features."""


class TableRef(Record):
    """A small table kept as JSON in the store: columns and rows."""

    path: str
    """File inside the store: {"columns": [...], "rows": [[...], ...]}."""
    columns: tuple[str, ...]
    """Column names."""
    rows: int = Field(ge=0)
    """Number of rows."""
    label: str
    """What it is, in words."""


class Artifact(Record):
    """A handle with what stands behind it."""

    kind: ArtifactKind
    """What it is."""
    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    """First twelve hex digits of the sha256 of its content and payload."""
    title: str
    """Short name to show."""
    path: str | None = None
    """Main file, relative to the store's root; None for a pure reference."""
    media_type: str = "application/json"
    """Type of the main file."""
    sha256: str | None = None
    """Hash of the main file."""
    payload: dict[str, Any] = Field(default_factory=dict)
    """RasterRef, MaskRef, FeaturesRef or TableRef as JSON, by kind."""
    preview: dict[str, Any] = Field(default_factory=dict)
    """A few facts for planner and reader; at most 600 characters as JSON."""

    @field_validator("preview")
    @classmethod
    def _bounded(cls, preview: dict[str, Any]) -> dict[str, Any]:
        return shorten_preview(preview)

    @property
    def handle(self) -> str:
        """`kind:id`."""
        return f"{self.kind}:{self.id}"


def shorten_preview(preview: dict[str, Any]) -> dict[str, Any]:
    """Return a preview cut to `PREVIEW_CHARS` characters of JSON: long lists first, then keys.

    A list that was cut ends in "+n" for the n entries left out; texts are cut with an ellipsis.
    Characters that cannot be seen become spaces: titles and names are a stranger's.
    """
    limit = 16
    plain: dict[str, Any] = plain_values(preview)
    short = dict(plain)
    while len(canonical_json(short)) > PREVIEW_CHARS and limit >= 1:
        short = {key: _cut(value, limit) for key, value in plain.items()}
        limit //= 2
    while len(canonical_json(short)) > PREVIEW_CHARS:
        short.popitem()
    return short


def _cut(value: object, limit: int) -> object:
    if isinstance(value, list) and len(value) > limit:
        return [*value[:limit], f"+{len(value) - limit}"]
    if isinstance(value, str) and len(value) > 8 * limit:
        return value[: 8 * limit] + "…"
    return value

"""What the footer of an embedding file says of the model, the numbers and the geometries.

The key `emb` follows the STAC embeddings extension 0.0.1 (proposal) and what Earth Index writes,
whose names differ: fields are looked for under both, and what is not there stays unknown.

Sources: https://github.com/geo-embeddings/embeddings-stac-specification;
https://github.com/cloudnativegeo/geo-embeddings-survey (Earth Index);
GeoParquet 1.1.0, https://geoparquet.org/releases/v1.1.0/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError

__all__ = ["MOST_DIMENSIONS", "OWN_LAYOUT", "Footer", "Quantization", "read_footer"]

OWN_LAYOUT: Final = "eoagent-tiles"
"""What our own exports call their layout."""
_MAX_CHARS: Final = 1 << 22
MOST_DIMENSIONS: Final = 65_536
"""Longest vector that is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How whole numbers stand for the numbers of a vector: value * scale + offset."""

    scale: NDArray[np.float64]
    """One number, or one for each dimension."""
    offset: NDArray[np.float64]
    """Likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What the footer says, as far as it says it."""

    model: str = ""
    """Id or name of the model."""
    fingerprint: EncoderFingerprint | None = None
    """What made the vectors, in a file that we wrote."""
    dimensions: int = 0
    """Length of the vectors."""
    quantization: Quantization | None = None
    """How whole numbers are to be read."""
    chip_px: tuple[int, int] = (0, 0)
    """Height and width of the picture that was encoded, pixels."""
    gsd_m: float | None = None
    """Ground sampling distance of the pictures, metres."""
    times: tuple[str, str] = ("", "")
    """Start and end of all tiles, ISO 8601."""
    collection: str = ""
    """The one collection that the file names."""
    is_own: bool = False
    """Whether eoagent wrote the file, so that its ids are tile ids."""
    geometry: str = ""
    """Primary geometry column."""
    crs: Any = "OGC:CRS84"
    """CRS of that column as the file states it; None where it says that it is unknown."""
    encoding: str = "WKB"
    """Encoding of that column."""
    keys: tuple[str, ...] = field(default=())
    """Keys that the file has (`geo`, `emb`, `stac-geoparquet`)."""


def read_footer(metadata: Mapping[bytes, bytes] | None, href: str) -> Footer:
    """Return what the key-value metadata of a Parquet file says.

    Raises:
        InputError: if a key holds no JSON object, or a number that makes no sense.
    """
    found = {
        name: _document(metadata or {}, name, href) for name in ("geo", "emb", "stac-geoparquet")
    }
    emb, geo = found["emb"], found["geo"]
    inner = _mapping(emb.get("embedding"))
    model = emb.get("model")
    named = model if isinstance(model, str) else _text(_mapping(model), "id", "name", "card")
    layout = _mapping(emb.get("chip_layout"))
    columns = _mapping(geo.get("columns"))
    primary = str(geo.get("primary_column", "")) if geo else ""
    column = _mapping(columns.get(primary))
    collections = list(_mapping(found["stac-geoparquet"].get("collections")))
    moment = _text(emb, "datetime")
    return Footer(
        model=named[:200],
        fingerprint=_fingerprint(model),
        dimensions=_dimensions(emb, inner, href),
        quantization=_quantization(emb.get("quantization") or inner.get("quantization"), href),
        chip_px=_chip(layout.get("chip_size")),
        gsd_m=_positive(emb.get("gsd")),
        times=(_text(emb, "start_datetime") or moment, _text(emb, "end_datetime") or moment),
        collection=str(collections[0]) if len(collections) == 1 else "",
        is_own=emb.get("layout") == OWN_LAYOUT,
        geometry=primary,
        crs=column.get("crs", "OGC:CRS84"),
        encoding=str(column.get("encoding", "WKB")),
        keys=tuple(name for name, own in found.items() if own),
    )


def _document(metadata: Mapping[bytes, bytes], name: str, href: str) -> dict[str, Any]:
    text = metadata.get(name.encode())
    if text is None:
        return {}
    try:
        if len(text) > _MAX_CHARS:
            raise ValueError(f"{len(text)} bytes")  # noqa: TRY301  told like a fault of the parser
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{href}: its `{name}` metadata is not JSON: {str(error)[:80]}") from error
    if not isinstance(value, dict):
        raise InputError(f"{href}: its `{name}` metadata is {type(value).__name__}, not an object")
    # The extension prefixes its fields; in a footer of its own some writers keep the prefix.
    return {str(key).removeprefix("emb:"): own for key, own in value.items()}


def _fingerprint(model: Any) -> EncoderFingerprint | None:
    if not isinstance(model, dict) or not {"card", "dimensions"} <= set(model):
        return None
    try:
        return EncoderFingerprint.model_validate(model)
    except ValidationError:
        return None


def _dimensions(emb: Mapping[str, Any], inner: Mapping[str, Any], href: str) -> int:
    stated = (
        emb.get("dimensions"), emb.get("embedding_dim"), inner.get("dim"),
        inner.get("dimensions"), inner.get("embeddings_dim"),
    )  # fmt: skip
    found = next((own for own in stated if own is not None), 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= MOST_DIMENSIONS:
        raise InputError(f"{href}: its `emb` metadata states {str(found)[:40]} dimensions")
    return found


def _quantization(stated: Any, href: str) -> Quantization | None:
    """Return how numbers are to be read; a text such as `None` says nothing that can be used."""
    own = _mapping(stated)
    if "scale" not in own:
        return None
    try:
        scale = np.asarray(own["scale"], dtype=np.float64)
        offset = np.asarray(own.get("offset", 0.0), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{href}: scale or offset in its `emb` metadata is no number") from error
    is_sound = scale.ndim <= 1 and offset.ndim <= 1 and np.isfinite(scale).all()
    if not (is_sound and np.isfinite(offset).all() and (scale != 0).all()):
        raise InputError(f"{href}: scale or offset in its `emb` metadata is zero or not finite")
    return Quantization(scale=scale, offset=offset)


def _chip(size: Any) -> tuple[int, int]:
    numbers = size if isinstance(size, list) else [size, size]
    if len(numbers) == 2 and all(type(n) is int and 0 < n < 1 << 20 for n in numbers):
        return numbers[0], numbers[1]
    return (0, 0)


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e7 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Mapping[str, Any], *names: str) -> str:
    return next((own for name in names if isinstance(own := value.get(name), str) and own), "")

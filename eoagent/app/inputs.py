"""Tell what the user handed over: an image, features, or something that is neither."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from eoagent.contracts.errors import InputError
from eoagent.contracts.planner import Input
from eoagent.contracts.store import Origins

__all__ = ["classify"]

_VECTOR_SUFFIXES: Final = frozenset(
    {".geojson", ".gpkg", ".parquet", ".geoparquet", ".shp", ".csv"}
)
_PEEK_BYTES: Final = 65_536


def classify(
    images: Iterable[str | Path], features: Iterable[str | Path], origins: Origins
) -> tuple[Input, ...]:
    """Return the inputs in the order given, images first; each passes the guard as typed.

    A vector file among the images is taken as features, a STAC item as an image.

    Raises:
        NotFound: if a file does not exist.
        SourceError: if a place is refused.
        InputError: if a JSON document is a catalog or of no known kind.
    """
    inputs = [_one(str(href), "image", origins) for href in images]
    inputs += [_one(str(href), "features", origins) for href in features]
    return tuple(inputs)


def _one(href: str, said: str, origins: Origins) -> Input:
    origins.type_in(href)
    admitted = origins.admit(href)
    suffix = Path(admitted.href.split("?", 1)[0]).suffix.lower()
    if said == "features" or suffix in _VECTOR_SUFFIXES:
        return Input(kind="features", href=admitted.href)
    if suffix == ".json" and admitted.scheme == "file":
        return Input(kind=_kind_of_json(admitted.href), href=admitted.href)
    return Input(kind="image", href=admitted.href)


def _kind_of_json(path: str) -> Literal["image", "features"]:
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        head = file.read(_PEEK_BYTES)
    if '"stac_version"' in head and '"Feature"' in head:
        return "image"
    if '"FeatureCollection"' in head or '"Feature"' in head:
        return "features"
    try:
        found = json.loads(head).get("type", "nothing known")
    except (ValueError, AttributeError):
        found = "no JSON object"
    raise InputError(
        f"{path} holds {found}: neither a STAC item nor GeoJSON features",
        hint="pass an item, a raster or a vector file",
    )

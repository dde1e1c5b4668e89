"""Tell what the user handed over: an image, features, or something that is neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Literal

from eoagent.app.indexes import check_index_name
from eoagent.app.request import Request
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.contracts.planner import Input
from eoagent.contracts.store import Origins

__all__ = ["classify"]

_VECTOR_SUFFIXES: Final = frozenset(
    {".geojson", ".gpkg", ".parquet", ".geoparquet", ".shp", ".csv"}
)
_BOX_SIDES: Final = 4
_PEEK_BYTES: Final = 65_536


def classify(request: Request, origins: Origins) -> tuple[Input, ...]:
    """Return what came with a request, images first; each passes the guard as typed.

    A vector file among the images is taken as features, a STAC item as an image.

    Raises:
        NotFound: if a file does not exist.
        SourceError: if a place is refused.
        InputError: if a JSON document is a catalog or of no known kind, a box is none, or a text
            cannot name an index.
    """
    inputs = [_one(str(href), "image", origins) for href in request.images]
    inputs += [_one(str(href), "features", origins) for href in request.features]
    if request.aoi is not None:
        box = _box(str(request.aoi))
        inputs.append(Input(kind="aoi", href=box or _place(str(request.aoi), origins)))
    if request.catalog is not None:
        inputs.append(Input(kind="catalog", href=_place(str(request.catalog), origins)))
    if request.places is not None:
        inputs.append(Input(kind="places", href=_place(str(request.places), origins)))
    if request.index is not None:
        inputs.append(Input(kind="index", href=_index_name(request.index)))
    return tuple(inputs)


def _index_name(name: str) -> str:
    check_index_name(name)
    return name


def _place(href: str, origins: Origins) -> str:
    origins.type_in(href)
    return origins.admit(href).href


def _box(text: str) -> str:
    """Return `W,S,E,N` in degrees if the text is a box, or an empty text if it names a file."""
    parts = text.split(",")
    if len(parts) != _BOX_SIDES or Path(text).exists():
        return ""
    try:
        west, south, east, north = (float(part) for part in parts)
        BBox(west=west, south=south, east=east, north=north)
    except ValueError as error:
        raise InputError(
            f"'{text}' is no box of longitudes and latitudes",
            hint="write west,south,east,north in degrees",
        ) from error
    return ",".join(f"{side:.12g}" for side in (west, south, east, north))


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

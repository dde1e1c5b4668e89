"""Turn one STAC item, as JSON, into a scene: what is unsound is left out and noted.

STAC 0.7 to 1.1 are read. Nothing is opened: hrefs of assets are resolved as texts, and the guard
decides about each when it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

import shapely
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.io.dates import day_of, parse_instant
from eoagent.io.footprint import box_around, read_bbox, read_geometry
from eoagent.io.scene import Scene, SceneAsset
from eoagent.io.stac_bands import clean_text, number, read_bands
from eoagent.spectral.sensors import sensor_from_platform

__all__ = [
    "is_item",
    "member_href",
    "names_item",
    "resolve_href",
    "scene_from_item",
    "split_member",
]

_MAX_ASSETS: Final = 1_000
_ID_CHARS: Final = 200
_HREF_CHARS: Final = 4_000
_ITEM_ENDINGS: Final = (".json", ".geojson")
_TABLE_ENDINGS: Final = (".parquet", ".geoparquet")
_ITEM_PATH: Final = re.compile(r"https?://.+/collections/[^/?#]+/items/[^/?#]+", re.IGNORECASE)
"""Where an API keeps an item. Source: OGC API Features 1.0, section 7.16."""


def is_item(document: Any) -> bool:
    """Return whether a JSON value is a STAC item rather than some other GeoJSON feature."""
    return (
        isinstance(document, dict)
        and document.get("type") == "Feature"
        and ("stac_version" in document or isinstance(document.get("assets"), dict))
    )


def names_item(href: str) -> bool:
    """Return whether a path or URL is by its form that of a document with items, not of a raster.

    That is a JSON file, an item of a STAC API, or a member of a stac-geoparquet file.
    """
    document, member = split_member(href)
    bare = _bare(document)
    is_item = bare.lower().endswith(_ITEM_ENDINGS) or bool(_ITEM_PATH.fullmatch(bare))
    return is_item or (bool(member) and bare.lower().endswith(_TABLE_ENDINGS))


def _bare(document: str) -> str:
    """Return a URL without its query; in a path a question mark is a letter like any other."""
    return document.partition("?")[0] if "://" in document else document


def member_href(document: str, identity: str) -> str:
    """Return the name of one item in a document of many: the document, `#` and the id."""
    return f"{document}#{quote(identity, safe='')}"


def split_member(href: str) -> tuple[str, str]:
    """Return the document and the id in the name of one of its items; the id may be empty.

    A `#` in the name of a folder or file is no mark: an id stands at the end, behind the name of a
    document of items.
    """
    document, mark, member = href.rpartition("#")
    endings = (*_ITEM_ENDINGS, *_TABLE_ENDINGS)
    if not mark or "/" in member or not _bare(document).lower().endswith(endings):
        return href, ""
    return document, unquote(member)


def resolve_href(href: str, base: str) -> str:
    """Return a link of a document as an absolute path or URL; texts only, nothing is read.

    A path in a document from the network stays on its host.

    Raises:
        ValueError: if the link is no address.
    """
    if urlsplit(base).scheme in ("http", "https"):
        return urljoin(base, href)
    if urlsplit(href).scheme or href.startswith("/"):
        return href
    folder = PurePosixPath(base).parent
    parts: list[str] = []
    for part in (folder / href).parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return str(PurePosixPath(*parts))


def scene_from_item(item: Mapping[str, Any], href: str) -> Scene:
    """Return the scene that an item describes.

    Args:
        item: the item's JSON.
        href: absolute path or URL of the document that holds it.

    Raises:
        SourceError: if it has no id, no properties or no assets.
    """
    identity = clean_text(item.get("id"), _ID_CHARS)
    properties = item.get("properties")
    assets = item.get("assets", {})
    if not identity:
        raise SourceError(f"an item of {href} has no id", href=href)
    if not isinstance(properties, dict) or not isinstance(assets, dict):
        raise SourceError(f"item {identity} of {href} has no properties or assets", href=href)
    notes: list[str] = []
    bbox, geometry = _place(item, notes)
    platform = clean_text(properties.get("platform") or properties.get("eo:platform"))
    constellation = clean_text(
        properties.get("constellation") or properties.get("eo:constellation")
    )
    collection = clean_text(item.get("collection") or properties.get("collection"), _ID_CHARS)
    cloud = number(properties.get("eo:cloud_cover"))
    if cloud is not None and not 0 <= cloud <= 100:
        notes.append(f"its cloud cover of {cloud:g} percent is not used")
        cloud = None
    return Scene(
        id=identity,
        collection=collection,
        href=href,
        bbox=bbox,
        geometry=None if geometry is None else json.loads(shapely.to_geojson(geometry)),
        time=_time(properties, notes),
        cloud_pct=cloud,
        gsd_m=_positive(properties.get("gsd", properties.get("eo:gsd"))),
        sensor=_sensor(platform, constellation, collection),
        platform=platform,
        constellation=constellation,
        instruments=_texts(properties.get("instruments")),
        processing_baseline=_baseline(properties),
        is_offset_applied=_offset_applied(properties),
        title=clean_text(properties.get("title")),
        description=clean_text(properties.get("description")),
        assets=_assets(assets, properties, href, notes),
        notes=tuple(notes),
    )


def _place(item: Mapping[str, Any], notes: list[str]) -> tuple[BBox | None, BaseGeometry | None]:
    geometry = read_geometry(item.get("geometry"))
    stated = read_bbox(item.get("bbox"))
    if geometry is None:
        if item.get("geometry") is not None:
            notes.append("its footprint is not sound and is not used")
        if stated is None and item.get("bbox") is not None:
            notes.append("its box is not sound and is not used")
        return stated, None
    around = box_around(geometry)
    if stated is None:
        notes.append("its box is taken from its footprint")
        return around, geometry
    if around.crosses_antimeridian and not stated.crosses_antimeridian:
        notes.append("its box is taken from its footprint, which crosses the antimeridian")
        return around, geometry
    return stated, geometry


def _time(properties: Mapping[str, Any], notes: list[str]) -> TimeRange | None:
    moments = {}
    for key in ("datetime", "start_datetime", "end_datetime"):
        value = properties.get(key)
        try:
            moments[key] = None if value is None else parse_instant(str(value))
        except InputError:
            notes.append(f"its {key} '{clean_text(str(value), 40)}' is no time and is not used")
            moments[key] = None
    moment, start, end = moments.values()
    if start is not None and end is not None and start > end:
        notes.append("it starts after it ends; only its datetime is used")
        start = end = None
    if start is not None or end is not None:
        is_open = (start is None or end is None) and moment is not None
        if not is_open:
            return TimeRange(start=start, end=end)
    if moment is None:
        notes.append("it does not say when it was taken")
        return None
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return day_of(moment.date())
    return TimeRange(start=moment, end=moment)


def _positive(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and found > 0 else None


def _sensor(*texts: str) -> str:
    spellings = (text.casefold().replace(" ", "-") for text in texts if text)
    found = (sensor_from_platform(text) for text in spellings)
    return next((sensor for sensor in found if sensor is not None), "")


def _baseline(properties: Mapping[str, Any]) -> str:
    keys = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
    return next((text for key in keys if (text := clean_text(properties.get(key), 20))), "")


def _offset_applied(properties: Mapping[str, Any]) -> bool | None:
    for key in ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied"):
        value = properties.get(key)
        if isinstance(value, bool):
            return value
    return None


def _texts(value: Any) -> tuple[str, ...]:
    entries = value[:20] if isinstance(value, list) else []
    return tuple(text for entry in entries if (text := clean_text(entry, 80)))


def _assets(
    assets: Mapping[str, Any], properties: Mapping[str, Any], base: str, notes: list[str]
) -> tuple[SceneAsset, ...]:
    found = []
    for key, asset in list(assets.items())[:_MAX_ASSETS]:
        href = asset.get("href") if isinstance(asset, dict) else None
        if not isinstance(href, str) or not 0 < len(href) <= _HREF_CHARS:
            notes.append(f"its asset '{clean_text(key, 60)}' has no href and is left out")
            continue
        try:
            place = resolve_href(href, base)
        except ValueError:
            notes.append(f"its asset '{clean_text(key, 60)}' has a malformed href and is left out")
            continue
        found.append(
            SceneAsset(
                key=clean_text(key, _ID_CHARS),
                href=place,
                roles=_texts(asset.get("roles")),
                media_type=clean_text(asset.get("type"), 120),
                title=clean_text(asset.get("title")),
                gsd_m=_positive(asset.get("gsd", asset.get("eo:gsd"))),
                bands=read_bands(asset, properties),
            )
        )
    if len(assets) > _MAX_ASSETS:
        notes.append(f"only the first {_MAX_ASSETS} of its {len(assets)} assets are kept")
    return tuple(found)

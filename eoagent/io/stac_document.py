"""Read one STAC document through the guard, bounded, and say what kind it is.

Source: https://github.com/radiantearth/stac-spec/tree/v1.1.0 (catalog, collection, item and item
collection). Nothing but the document itself is read: no links, schemas or extensions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.fetch import Wires
from eoagent.io.geoparquet import is_parquet
from eoagent.io.href import redact
from eoagent.io.remote import read_bytes
from eoagent.io.stac_item import is_item
from eoagent.io.stac_parquet import items_in_parquet

__all__ = ["StacDocument", "load_json", "read_document"]

_Kind = Literal["container", "items"]
_Parts = tuple[_Kind, Mapping[str, Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StacDocument:
    """A document that was read, by kind."""

    href: str
    """Absolute path, or URL without its query."""
    kind: _Kind
    """A catalog or collection, or a list of items (of length one for an item)."""
    body: Mapping[str, Any]
    """JSON of a container; of an item collection without its items."""
    items: tuple[Any, ...]
    """Items, not yet looked at."""
    size: int
    """Bytes that were read."""
    source: Source
    """The document as a source."""


def read_document(
    admitted: Admitted,
    origins: Origins,
    *,
    max_bytes: int,
    deadline_s: float,
    wires: Wires,
    max_items: int = 20_000,
) -> StacDocument:
    """Return a STAC document.

    Args:
        admitted: the document, cleared by the guard.
        origins: the guard, for redirects.
        max_bytes: most bytes, also after decompression.
        deadline_s: longest time, seconds.
        wires: connections to use.
        max_items: most rows of a Parquet file that are read.

    Raises:
        SourceError: if it cannot be had, is too large, is no JSON or Parquet, or is no STAC.
    """
    href = _plain(admitted.href)
    data = read_bytes(admitted, origins, max_bytes=max_bytes, deadline_s=deadline_s, wires=wires)
    mark = Fingerprint(kind="sha256", value=hashlib.sha256(data).hexdigest())
    kind, body, items = (
        ("items", {}, tuple(items_in_parquet(data, href, max_items=max_items, max_bytes=max_bytes)))
        if is_parquet(data)
        else _parts(load_json(data, href), href)
    )
    return StacDocument(
        href=href,
        kind=kind,
        body=body,
        items=items,
        size=len(data),
        source=Source(href=redact(href), fingerprint=mark),
    )


def load_json(data: bytes, href: str) -> Any:
    """Return the JSON in some bytes.

    Raises:
        SourceError: if there is none, or it is nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SourceError(f"{href} is not JSON: {reason[:200]}", href=href) from error


def _parts(value: Any, href: str) -> _Parts:
    """Return the kind, the body and the items of a document."""
    body = value if isinstance(value, dict) else {}
    if is_item(value):
        return "items", body, (value,)
    if isinstance(value, list):
        _refuse_unless(bool(value) and all(map(is_item, value)), href, "a list of other things")
        return "items", {}, tuple(value)
    if body.get("type") == "FeatureCollection":
        rest = {key: member for key, member in body.items() if key != "features"}
        return "items", rest, _members(body, href)
    _refuse_unless(_is_container(body), href, _what(body))
    return "container", body, ()


def _plain(href: str) -> str:
    """Return an address without its query, which may hold a key; a path stays as it is."""
    if href.startswith(("http://", "https://")):
        return urlsplit(href)._replace(query="", fragment="").geturl()
    return href


def _members(body: Mapping[str, Any], href: str) -> tuple[Any, ...]:
    features = body.get("features")
    if not isinstance(features, list):
        raise SourceError(f"{href}: `features` is not a list", href=href)
    if features and not any(map(is_item, features)):
        raise SourceError(
            f"{href} holds GeoJSON features that are no STAC items",
            href=href,
            hint="open it as features",
        )
    return tuple(features)


def _is_container(body: Mapping[str, Any]) -> bool:
    kind = body.get("type")
    is_old = kind is None and "stac_version" in body and "description" in body
    has_links = isinstance(body.get("links"), list)
    return (
        isinstance(body.get("id"), str)
        and has_links
        and (kind in ("Catalog", "Collection") or is_old)
    )


def _what(body: Mapping[str, Any]) -> str:
    kind = body.get("type")
    if kind in ("Catalog", "Collection"):
        return f"a {kind} without an id or links"
    if kind == "Feature":
        return "a GeoJSON feature that is no STAC item; open it as features"
    if kind is None:
        return "JSON without a `type`" if body else "no JSON object"
    return f"JSON of type {str(kind)[:40]!r}"


def _refuse_unless(is_right: bool, href: str, found: str) -> None:
    if not is_right:
        raise SourceError(
            f"{href} is not STAC: it is {found}",
            href=href,
            hint="give a catalog, a collection, an item or an item collection",
        )

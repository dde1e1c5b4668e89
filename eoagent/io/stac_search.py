"""Say where a STAC API is searched and what it is asked, as far as it says that it understands.

What is sent is put together by pystac-client. Nothing is read here.

Source: STAC API 1.0.0, https://github.com/radiantearth/stac-api-spec (item search, and the query,
filter and sort extensions).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pystac_client import ItemSearch
from pystac_client.conformance import ConformanceClasses

from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.io.scene import SceneConditions
from eoagent.io.stac_api_io import GuardedApiIO, with_parameters
from eoagent.io.stac_bands import clean_text
from eoagent.io.stac_document import StacDocument
from eoagent.io.stac_paging import PageRequest, on_site

__all__ = ["SearchPlace", "find_search", "search_requests"]

_JSON: Final = ("", "application/json", "application/geo+json")
_CLOUD: Final = "eo:cloud_cover"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlace:
    """Where an API is searched, and what it understands."""

    url: str
    """Address of the search, or of the items of one collection."""
    method: Literal["GET", "POST"]
    """How it is asked."""
    takes: Literal["all", "place and time", "page"] = "all"
    """Which conditions it takes: a search all, the items of one collection place and time only; a
    page is asked for as it stands."""
    collection: str = ""
    """The one collection that is meant; empty for all."""
    conforms_to: tuple[str, ...] = ()
    """Conformance classes that the API states."""
    title: str = ""
    """Title or id of the API."""
    source: Source | None = None
    """The document that names it."""

    def conforms(self, extension: ConformanceClasses) -> bool:
        """Return whether the API states a conformance class."""
        return any(extension.pattern.match(stated) for stated in self.conforms_to)


def find_search(
    document: StacDocument, method: Literal["GET", "POST"] | None = None
) -> SearchPlace | None:
    """Return where a document of the network can be searched, or None for a static catalog.

    An API's front page names a search, a collection of an API its items. POST is taken where the
    front page offers it and `method` does not say otherwise.

    Raises:
        SourceError: if the document says that it can be searched, and not where on its host.
    """
    body = document.body
    stated = body.get("conformsTo")
    conforms = tuple(c for c in (stated if isinstance(stated, list) else ()) if isinstance(c, str))
    links = [link for link in body.get("links", ()) if isinstance(link, dict)]
    is_api = any(ConformanceClasses.ITEM_SEARCH.pattern.match(one) for one in conforms)
    items = [link for link in links if link.get("rel") == "items"]
    searches = [
        link for link in links if link.get("rel") == "search" and link.get("type", "") in _JSON
    ]
    is_collection = body.get("type") == "Collection"
    if not (searches or items or is_api):
        return None
    is_search = bool(searches) and not (is_collection and items)
    chosen = searches if is_search else items
    here = [(link, url) for link in chosen if (url := on_site(link.get("href"), document.href))]
    if not here:
        raise SourceError(
            f"{document.href} says that it can be searched, but names no search on its own host",
            href=document.href,
            hint="open the address that the API itself uses",
        )
    offered = {str(link.get("method", "GET")).upper(): url for link, url in reversed(here)}
    wanted = method or ("POST" if "POST" in offered and is_search else "GET")
    return SearchPlace(
        url=offered.get(wanted, here[0][1]),
        method=wanted,
        takes="all" if is_search else "place and time",
        collection=clean_text(body.get("id")) if is_collection and is_search else "",
        conforms_to=conforms,
        title=clean_text(body.get("title")) or clean_text(body.get("id")),
        source=document.source,
    )


def search_requests(
    place: SearchPlace, io: GuardedApiIO, conditions: SceneConditions, page_size: int
) -> Iterator[PageRequest]:
    """Yield the first request of each search: two where the box crosses the antimeridian.

    RFC 7946 lets such a box have west > east, which many servers refuse or read as its opposite.
    """
    if place.takes == "page":
        yield PageRequest(url=place.url)
        return
    is_search = place.takes == "all"
    for box in _plain_boxes(conditions.bbox):
        asked = ItemSearch(
            place.url,
            method=place.method,
            stac_io=io,
            limit=min(page_size, conditions.limit or page_size),
            bbox=box,
            datetime=None if conditions.time is None else _interval(conditions.time),
            ids=(list(conditions.ids) or None) if is_search else None,
            collections=(list(conditions.collections) or None) if is_search else None,
            **_extensions(place, conditions),
        )
        parameters = asked.get_parameters()
        if place.method == "POST":
            yield PageRequest.posting(place.url, parameters)
        else:
            yield PageRequest(url=with_parameters(place.url, parameters))


def _extensions(place: SearchPlace, conditions: SceneConditions) -> dict[str, Any]:
    """Return what goes to the server in the forms of extensions that it states."""
    asked: dict[str, Any] = {}
    most = conditions.max_cloud_pct
    if most is not None and place.conforms(ConformanceClasses.QUERY):
        asked["query"] = {_CLOUD: {"lte": most}}
    elif most is not None and place.conforms(ConformanceClasses.FILTER):
        comparison = {"op": "<=", "args": [{"property": _CLOUD}, most]}
        is_post = place.method == "POST"
        asked["filter"] = comparison if is_post else f'"{_CLOUD}" <= {most:g}'
        asked["filter_lang"] = "cql2-json" if is_post else "cql2-text"
    if place.conforms(ConformanceClasses.SORT):
        asked["sortby"] = [
            {"field": "properties.datetime", "direction": "desc"},
            {"field": "id", "direction": "asc"},
        ]
    return asked


def _plain_boxes(box: BBox | None) -> list[tuple[float, float, float, float] | None]:
    if box is None:
        return [None]
    if not box.crosses_antimeridian:
        return [(box.west, box.south, box.east, box.north)]
    return [(box.west, box.south, 180.0, box.north), (-180.0, box.south, box.east, box.north)]


def _interval(time: TimeRange) -> str:
    ends = [".." if moment is None else _instant(moment) for moment in (time.start, time.end)]
    return ends[0] if ends[0] == ends[1] else "/".join(ends)


def _instant(moment: datetime) -> str:
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"

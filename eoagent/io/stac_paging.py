"""Go through the pages of one search: each asked for once, on one host, within limits.

A page that says where the next one is may be wrong, hostile or endless. What stops the way before
its end is kept as a reason why the result is partial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eoagent.contracts.errors import SourceError
from eoagent.contracts.record import canonical_json
from eoagent.io.href import UrlHref, parse_href, redact
from eoagent.io.stac_api_io import GuardedApiIO
from eoagent.io.stac_document import load_json
from eoagent.io.stac_limits import ApiLimits

__all__ = ["Page", "PageRequest", "Pages", "on_site"]

_PLAIN: Final = ("http", 80)
_SECURE: Final = ("https", 443)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What asks for one page."""

    url: str
    """Address with its query."""
    body: Mapping[str, Any] | None = None
    """JSON of a POST; None is a GET."""

    post: bytes | None = None
    """The JSON as bytes."""

    @classmethod
    def posting(cls, url: str, body: Mapping[str, Any]) -> PageRequest:
        """Return the request that posts a JSON object.

        Raises:
            ValueError: if it holds what JSON cannot.
            RecursionError: if it is nested too deeply.
        """
        return cls(url=url, body=body, post=canonical_json(dict(body)).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of items."""

    url: str
    """Where it came from."""
    features: tuple[Mapping[str, Any], ...]
    """Items, not yet looked at; empty for what was no JSON object."""
    links: tuple[Mapping[str, Any], ...]
    """Its links."""
    matched: int | None
    """How many items the server counts in all, if it says so."""


class Pages:
    """The pages of one search; iterate once to get them."""

    def __init__(self, io: GuardedApiIO, first: PageRequest, limits: ApiLimits) -> None:
        """Make the way through the pages; nothing is asked for yet."""
        self._io = io
        self._first = first
        self._limits = limits
        self._asked: set[tuple[str, bytes | None]] = set()
        self._empty = 0
        self._items = 0
        self._known: set[tuple[str, str]] = set()
        self.missing: list[str] = []
        """Why the pages are not all there are."""

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages in their order.

        Raises:
            SourceError: if the first page cannot be had or is none; what fails later is in
                `missing`.
        """
        request: PageRequest | None = self._first
        matched: int | None = None
        while request is not None:
            self._asked.add((request.url, request.post))
            try:
                page = self._take(request)
            except SourceError as error:
                if len(self._asked) == 1:
                    raise
                self.missing.append(f"page {len(self._asked)} could not be read: {error}")
                return
            matched = page.matched if page.matched is not None else matched
            keys = {(str(f.get("collection")), str(f.get("id"))) for f in page.features}
            is_old = bool(keys) and keys <= self._known
            self._known |= keys
            self._items += len(page.features)
            if not is_old:
                yield page
            request = self._onward(page, request, matched, is_old=is_old)
        if matched is not None and len(self._known) < matched and not self.missing:
            self.missing.append(
                f"the server counts {matched} matching items, and {len(self._known)} came"
            )

    def _take(self, request: PageRequest) -> Page:
        shown = redact(request.url)
        document = load_json(self._io.take(request.url, post=request.post), shown)
        features = document.get("features") if isinstance(document, dict) else None
        if not isinstance(features, list) or document.get("type") != "FeatureCollection":
            raise SourceError(
                f"{shown} answers a search with {_what(document)}, and a FeatureCollection of "
                "items is wanted",
                href=shown,
                hint="check that the address is that of a STAC API",
            )
        links = document.get("links")
        return Page(
            url=request.url,
            features=tuple(f if isinstance(f, dict) else {} for f in features),
            links=tuple(
                link
                for link in (links if isinstance(links, list) else ())
                if isinstance(link, dict)
            ),
            matched=_matched(document),
        )

    def _onward(
        self, page: Page, request: PageRequest, matched: int | None, *, is_old: bool
    ) -> PageRequest | None:
        """Return the request for the next page; None at the end, or where a limit ends the way."""
        link = next((link for link in page.links if link.get("rel") == "next"), None)
        if link is None:
            return None
        self._empty = 0 if page.features else self._empty + 1
        is_whole = matched is not None and len(self._known) >= matched
        onward = _next_request(link, page.url, request)
        if onward is None:
            self.missing.append(
                f"the next page is named as {redact(str(link.get('href')))}, which is not on the "
                "host of the API or cannot be asked for; it is not read"
            )
        elif is_old or (onward.url, onward.post) in self._asked:
            if not is_whole:
                what = "a page came twice" if is_old else "a page names itself or an earlier one"
                self.missing.append(f"{what} as the next one; further pages are not read")
        elif reason := self._limit_reached():
            self.missing.append(f"{reason}; further pages are not read")
        else:
            return onward
        return None

    def _limit_reached(self) -> str:
        limits = self._limits
        if self._items >= limits.max_items:
            return f"stopped at {limits.max_items} items"
        if len(self._asked) >= limits.max_pages:
            return f"stopped at {limits.max_pages} pages"
        if self._io.bytes_read >= limits.max_bytes:
            return f"stopped at {limits.max_bytes} bytes"
        if self._empty >= limits.max_empty:
            return f"stopped at {limits.max_empty} empty pages in a row"
        if not self._io.left_s:
            return f"stopped after {limits.deadline_s:g} s"
        return ""


def on_site(href: object, page_url: str) -> str | None:
    """Return a link of a page as an address on the host of the page, or None for any other.

    A plain http link to the same host of an https page is taken as https: servers behind a proxy
    often write so.
    """
    if not isinstance(href, str):
        return None
    try:
        here, there = parse_href(page_url), parse_href(href, base_url=page_url)
    except SourceError:
        return None
    if not isinstance(here, UrlHref) or not isinstance(there, UrlHref):
        return None
    if here.origin == there.origin:
        return there.url
    is_behind_proxy = (there.scheme, there.port) == _PLAIN and (here.scheme, here.port) == _SECURE
    is_same = is_behind_proxy and here.host == there.host
    return "https" + there.url.removeprefix("http") if is_same else None


def _next_request(
    link: Mapping[str, Any], page_url: str, request: PageRequest
) -> PageRequest | None:
    url = on_site(link.get("href"), page_url)
    if url is None:
        return None
    if str(link.get("method", "GET")).upper() != "POST":
        return PageRequest(url=url)
    body = link.get("body")
    own = body if isinstance(body, dict) else {}
    # Source: STAC API 1.0.0, item-search, "Paging": `merge` lays the body over the last one.
    merged = {**(request.body or {}), **own} if link.get("merge") else own
    try:
        return PageRequest.posting(url, merged)
    except (ValueError, RecursionError):
        return None


def _matched(document: Mapping[str, Any]) -> int | None:
    context = document.get("context")
    said = (
        document.get("numberMatched"),
        document.get("numMatched"),
        context.get("matched") if isinstance(context, dict) else None,
    )
    return next(
        (n for n in said if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None
    )


def _what(document: object) -> str:
    if isinstance(document, list):
        return "a list"
    if not isinstance(document, dict):
        return "no JSON object"
    if document.get("type") == "FeatureCollection":
        return "a FeatureCollection without `features`"
    keys = ", ".join(sorted(str(key)[:30] for key in document)[:6])
    return f"JSON of {keys or 'nothing'}"

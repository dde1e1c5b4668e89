"""A small STAC API on 127.0.0.1: searches its items as the standard says, unless a test spoils it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

JSON = "application/json"
CONFORMS = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
)
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"
FILTER = "https://api.stacspec.org/v1.0.0/item-search#filter"
SORT = "https://api.stacspec.org/v1.0.0/item-search#sort"


def make_item(identity: str, **members: Any) -> dict[str, Any]:
    """Return a sound item of collection `s2` near Venice."""
    west, south, east, north = members.pop("box", (12.2, 45.3, 12.5, 45.6))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identity,
        "collection": "s2",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {"datetime": "2024-07-01T10:00:00Z", "eo:cloud_cover": 5.0},
        "links": [],
        "assets": {"data": {"href": "../data.tif", "type": "image/tiff; application=geotiff"}},
    }
    properties = item["properties"] | members.pop("properties", {})
    return item | {"properties": properties} | members


class StacServer:
    """Serves items at `/v1`; `spoil` sees each exchange of a search first and may answer it."""

    def __init__(
        self,
        items: Sequence[dict[str, Any]],
        *,
        methods: Sequence[str] = ("GET", "POST"),
        conforms: Sequence[str] = CONFORMS,
        says_matched: bool = True,
        tls: Any = None,
    ) -> None:
        self.items = list(items)
        self.methods = methods
        self.conforms = list(conforms)
        self.says_matched = says_matched
        self.files: dict[str, bytes] = {}
        self.searches: list[dict[str, Any]] = []
        self.spoil: Callable[[Any, StacServer], bool] = lambda _exchange, _server: False
        server = sys.modules["eoagent_test_servers"].Server
        self.server = server(b"", self._answer, tls=tls)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return str(self.server.origin)

    @property
    def url(self) -> str:
        """Front page."""
        return f"{self.origin}/v1"

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def send(self, exchange: Any, document: Any, **headers: object) -> None:
        """Answer with a JSON document, or with bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        exchange.reply(200, body, Content_Type=JSON, **headers)

    def page(self, exchange: Any, items: Sequence[Any], **members: Any) -> None:
        """Answer a search with a page of items."""
        self.send(exchange, {"type": "FeatureCollection", "features": list(items), **members})

    def next_link(self, exchange: Any, token: object, origin: str = "") -> dict[str, Any]:
        """Return the link to the next page in the method of the exchange."""
        parts = urlsplit(exchange.path)
        url = (origin or self.origin) + parts.path
        if exchange.method == "POST":
            body = json.loads(exchange.body) | {"token": token}
            return {"rel": "next", "href": url, "method": "POST", "body": body}
        query = urlencode(dict(parse_qsl(parts.query)) | {"token": token})
        return {"rel": "next", "href": f"{url}?{query}", "method": "GET"}

    def _answer(self, exchange: Any) -> None:
        path = urlsplit(exchange.path).path.rstrip("/")
        if path == "/v1":
            self.send(exchange, self._front())
        elif path == "/v1/search":
            asked = _parameters(exchange)
            self.searches.append(asked)
            if not self.spoil(exchange, self):
                self._search(exchange, asked)
        elif found := re.fullmatch(r"/v1/collections/([^/]+)", path):
            self.send(exchange, self._collection(found[1]))
        elif found := re.fullmatch(r"/v1/collections/([^/]+)/items", path):
            self._search(exchange, _parameters(exchange) | {"collections": found[1]})
        elif found := re.fullmatch(r"/v1/collections/([^/]+)/items/([^/]+)", path):
            item = next(i for i in self._served() if (i["collection"], i["id"]) == found.groups())
            self.send(exchange, item)
        elif path in self.files:
            self._file(exchange, self.files[path])
        else:
            exchange.reply(404, b"{}")

    def _front(self) -> dict[str, Any]:
        searches = [
            {"rel": "search", "type": "application/geo+json", "href": f"{self.url}/search"}
            | {"method": method}
            for method in self.methods
        ]
        own = [{"rel": rel, "href": self.url, "type": JSON} for rel in ("self", "root")]
        return {
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "small-api",
            "title": "A small API",
            "description": "items",
            "conformsTo": self.conforms,
            "links": [*own, {"rel": "data", "href": f"{self.url}/collections"}, *searches],
        }

    def _collection(self, name: str) -> dict[str, Any]:
        here = f"{self.url}/collections/{name}"
        return {
            "type": "Collection",
            "stac_version": "1.0.0",
            "id": name,
            "description": name,
            "license": "other",
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]},
            },
            "links": [
                {"rel": "self", "href": here, "type": JSON},
                {"rel": "root", "href": self.url, "type": JSON},
                {"rel": "items", "href": f"{here}/items", "type": "application/geo+json"},
            ],
        }

    def _served(self) -> list[dict[str, Any]]:
        served = []
        for item in self.items:
            own = f"{self.url}/collections/{item['collection']}/items/{item['id']}"
            served.append(item | {"links": [{"rel": "self", "href": own}]})
        return served

    def _search(self, exchange: Any, asked: dict[str, Any]) -> None:
        found = [item for item in self._served() if _fits(item, asked)]
        if SORT in self.conforms and "sortby" in asked:
            found.sort(key=lambda item: item["id"])
            found.sort(key=lambda item: str(item["properties"]["datetime"]), reverse=True)
        start, limit = int(asked.get("token", 0)), int(asked.get("limit", 10))
        links = [self.next_link(exchange, start + limit)] if start + limit < len(found) else []
        matched = {"numberMatched": len(found)} if self.says_matched else {}
        self.page(exchange, found[start : start + limit], links=links, **matched)

    def _file(self, exchange: Any, data: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", exchange.headers.get("range", ""))
        if asked is None:
            exchange.reply(200, data, ETag='"one"')
            return
        start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
        said = f"bytes {start}-{stop - 1}/{len(data)}"
        exchange.reply(206, data[start:stop], ETag='"one"', Content_Range=said)


def _parameters(exchange: Any) -> dict[str, Any]:
    if exchange.method == "POST":
        return dict(json.loads(exchange.body))
    asked: dict[str, Any] = dict(parse_qsl(urlsplit(exchange.path).query))
    for name in ("collections", "ids"):
        if name in asked:
            asked[name] = asked[name].split(",")
    if "bbox" in asked:
        asked["bbox"] = [float(part) for part in asked["bbox"].split(",")]
    if "query" in asked:
        asked["query"] = json.loads(asked["query"])
    return asked


def _fits(item: dict[str, Any], asked: dict[str, Any]) -> bool:
    if item["collection"] not in asked.get("collections", [item["collection"]]):
        return False
    if item["id"] not in asked.get("ids", [item["id"]]):
        return False
    if "bbox" in asked:
        west, south, east, north = asked["bbox"]
        assert west <= east, "this server reads no box over the antimeridian"
        own = item["bbox"]
        if own[0] > east or own[2] < west or own[1] > north or own[3] < south:
            return False
    cloud = asked.get("query", {}).get("eo:cloud_cover", {}).get("lte", 100)
    if item["properties"].get("eo:cloud_cover", 0) > cloud:
        return False
    start, end = _ends(asked["datetime"]) if "datetime" in asked else (None, None)
    moment = _moment(item["properties"]["datetime"])
    return (start is None or moment >= start) and (end is None or moment <= end)


def _ends(text: str) -> tuple[datetime | None, datetime | None]:
    first, _, last = text.partition("/")
    return _moment(first), _moment(last or first)


def _moment(text: str) -> Any:
    return None if text == ".." else datetime.fromisoformat(text).astimezone(UTC)

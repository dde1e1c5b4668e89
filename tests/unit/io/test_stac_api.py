"""Searching a STAC API that behaves, compared with pystac-client, and what is sent to it."""

from __future__ import annotations

import json
import socket
import threading
import warnings

import pystac_client
import pytest
from pystac_client.stac_api_io import StacApiIO

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io import address
from eoagent.io.dates import parse_time
from eoagent.io.origin import OriginGuard
from eoagent.io.scene import SceneConditions
from eoagent.io.stac import ApiLimits, CatalogLimits, open_catalog
from eoagent.io.stac_api_io import GuardedApiIO
from eoagent.io.stac_paging import on_site

VENICE = BBox(west=12.3, south=45.4, east=12.4, north=45.47)
PAGED = CatalogLimits(api=ApiLimits(page_size=4))


@pytest.fixture(params=["GET", "POST"])
def method(request):
    """The one method that the API offers."""
    return request.param


@pytest.fixture
def api(stac_server, method):
    """An API of 23 items of two collections over three months, a third of them cloudy."""
    items = [
        stac_server.make_item(
            f"i{n:02d}",
            collection="s2" if n % 4 else "l8",
            properties={
                "datetime": f"2024-{6 + n % 3:02d}-{n + 1:02d}T10:00:00Z",
                "eo:cloud_cover": 80.0 if n % 3 == 0 else float(n),
                "title": f"scene {n}",
            },
            box=(12.2, 45.3, 12.5, 45.6) if n % 5 else (-70.0, -33.0, -69.0, -32.0),
        )
        for n in range(23)
    ]
    with stac_server.StacServer(items, methods=[method]) as running:
        running.conforms += [stac_server.QUERY, stac_server.SORT]
        yield running


def search(url, limits=PAGED, **conditions):
    return open_catalog(url, OriginGuard([url]), limits, SceneConditions(**conditions))


def oracle(api, method, **asked):
    """Return what pystac-client finds by its own wire."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        io = StacApiIO(max_retries=None)
        client = pystac_client.Client.open(api.url, stac_io=io)
        found = list(client.search(method=method, limit=100, **asked).items())
        io.session.close()
    return found


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        ({}, {}),
        ({"collections": ("s2",)}, {"collections": ["s2"]}),
        ({"ids": ("i03", "i07", "none")}, {"ids": ["i03", "i07", "none"]}),
        ({"bbox": VENICE}, {"bbox": [12.3, 45.4, 12.4, 45.47]}),
        ({"time": parse_time("2024-07")}, {"datetime": "2024-07"}),
        ({"time": parse_time("2024-07/..")}, {"datetime": "2024-07-01T00:00:00Z/.."}),
        ({"max_cloud_pct": 20.0}, {"query": {"eo:cloud_cover": {"lte": 20}}}),
        (
            {"collections": ("s2",), "bbox": VENICE, "max_cloud_pct": 20.0},
            {
                "collections": ["s2"],
                "bbox": [12.3, 45.4, 12.4, 45.47],
                "query": {"eo:cloud_cover": {"lte": 20}},
            },
        ),
    ],
)
def test_the_scenes_are_those_that_pystac_client_finds(api, method, conditions, asked):
    expected = oracle(api, method, **asked)
    assert expected
    found = search(api.url, **conditions)
    assert sorted(s.id for s in found.scenes) == sorted(item.id for item in expected)
    assert not found.is_partial
    assert found.warnings == ()
    assert found.title == "A small API"
    assert found.looked_at == len(expected)
    by_id = {item.id: item for item in expected}
    for scene in found.scenes:
        item = by_id[scene.id]
        assert scene.href == item.get_self_href()
        assert scene.collection == item.collection_id
        assert scene.cloud_pct == item.properties["eo:cloud_cover"]
        assert scene.time.start == item.datetime
        assert [scene.bbox.west, scene.bbox.south, scene.bbox.east, scene.bbox.north] == item.bbox


def test_pystac_client_works_over_the_guarded_wire(api, method):
    with GuardedApiIO(OriginGuard([api.url]), api.url) as io:
        client = pystac_client.Client.open(api.url, stac_io=io)
        found = [item.id for item in client.search(method=method, limit=5).items()]
        assert sorted(found) == sorted(item["id"] for item in api.items)
        collection = pystac_client.CollectionClient.from_file(
            f"{api.url}/collections/s2", stac_io=io
        )
        assert collection.id == "s2"
        assert io.bytes_read > 0


@pytest.mark.parametrize(
    "href", ["/etc/hostname", "file:///etc/hostname", "http://169.254.169.254/x"]
)
def test_the_guarded_wire_reads_no_file_and_no_private_host(api, href):
    with GuardedApiIO(OriginGuard([api.url]), api.url) as io:
        with pytest.raises(SourceError):
            io.read_text(href)
        with pytest.raises(SourceError, match="only reads"):
            io.write_text_to_href(href, "x")
        with pytest.raises(SourceError, match="wants DELETE, which is not sent"):
            io.request(api.url, method="DELETE")


def test_conditions_go_to_the_server(api, method):
    search(
        api.url,
        collections=("s2",),
        ids=("i05", "i07"),
        bbox=VENICE,
        time=parse_time("2024-06/2024-07"),
        max_cloud_pct=20.0,
        limit=3,
    )
    asked = api.searches[0]
    assert asked["collections"] == ["s2"]
    assert asked["ids"] == ["i05", "i07"]
    assert asked["bbox"] == [12.3, 45.4, 12.4, 45.47]
    assert asked["datetime"] == "2024-06-01T00:00:00Z/2024-07-31T23:59:59.999Z"
    assert asked["query"] == {"eo:cloud_cover": {"lte": 20.0}}
    assert int(asked["limit"]) == 3
    newest = [
        {"field": "properties.datetime", "direction": "desc"},
        {"field": "id", "direction": "asc"},
    ]
    assert asked["sortby"] == (newest if method == "POST" else "-properties.datetime,+id")
    assert {exchange.method for exchange in api.server.requests[1:]} == {method}


def test_the_cloud_limit_goes_as_a_filter_where_only_that_is_understood(api, method, stac_server):
    api.conforms = [*stac_server.CONFORMS, stac_server.FILTER]
    found = search(api.url, max_cloud_pct=12.5)
    asked = api.searches[0]
    if method == "POST":
        assert asked["filter"] == {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 12.5]}
        assert asked["filter-lang"] == "cql2-json"
    else:
        assert asked["filter"] == '"eo:cloud_cover" <= 12.5'
        assert asked["filter-lang"] == "cql2-text"
    assert all(scene.cloud_pct <= 12.5 for scene in found.scenes)


def test_a_server_without_extensions_is_checked_here(api, stac_server):
    api.conforms = list(stac_server.CONFORMS)
    found = search(api.url, max_cloud_pct=20.0)
    assert not {"query", "filter", "sortby"} & set(api.searches[0])
    clear = {i["id"] for i in api.items if i["properties"]["eo:cloud_cover"] <= 20}
    assert {scene.id for scene in found.scenes} == clear
    assert f"left out: {len(api.items) - len(clear)}" in found.warnings[0]
    assert not found.is_partial


def test_a_limit_is_no_lack(api):
    found = search(api.url, limit=6)
    assert len(found.scenes) == 6
    assert not found.is_partial
    assert len(api.searches) == 2
    newest = sorted((i["properties"]["datetime"] for i in api.items), reverse=True)[:6]
    assert [scene.time.start.strftime("%Y-%m-%dT%H:%M:%SZ") for scene in found.scenes] == newest


def test_pages_are_asked_for_until_the_end_without_a_count(api):
    api.says_matched = False
    found = search(api.url)
    assert len(found.scenes) == len(api.items)
    assert len(api.searches) == 6
    assert not found.is_partial


def test_post_is_chosen_where_both_are_offered(stac_server):
    with stac_server.StacServer([stac_server.make_item("one")]) as api:
        assert len(search(api.url).scenes) == 1
        assert api.server.requests[-1].method == "POST"


def test_a_body_that_is_merged_keeps_the_conditions(stac_server):
    items = [stac_server.make_item(f"i{n}") for n in range(6)]

    def spoil(exchange, api):
        token = json.loads(exchange.body).get("token", 0)
        link = {
            "rel": "next",
            "href": f"{api.url}/search",
            "method": "POST",
            "body": {"token": token + 2},
            "merge": True,
        }
        api.page(exchange, items[token : token + 2], links=[link] if token < 4 else [])
        return True

    with stac_server.StacServer(items, methods=["POST"]) as api:
        api.spoil = spoil
        found = search(api.url, collections=("s2",))
        assert len(found.scenes) == 6
        assert all(asked["collections"] == ["s2"] for asked in api.searches)
        assert [asked.get("token") for asked in api.searches] == [None, 2, 4]


def test_a_collection_of_an_api_is_searched_by_its_items(api):
    found = search(f"{api.url}/collections/l8", time=parse_time("2024-06/2024-07"))
    wanted = {
        i["id"]
        for i in api.items
        if i["collection"] == "l8" and i["properties"]["datetime"] < "2024-08"
    }
    assert {scene.id for scene in found.scenes} == wanted
    assert not found.is_partial
    assert found.title == "l8"
    assert search(f"{api.url}/collections/l8", collections=("s2",)).scenes == ()


def test_the_address_of_a_search_is_followed_page_by_page(api):
    found = search(f"{api.url}/search?limit=5&collections=s2")
    assert {s.id for s in found.scenes} == {i["id"] for i in api.items if i["collection"] == "s2"}
    assert not found.is_partial


def test_an_item_of_an_api_is_a_document_of_its_own(api):
    found = search(f"{api.url}/collections/s2/items/i01")
    assert [scene.id for scene in found.scenes] == ["i01"]
    assert found.scenes[0].assets[0].href == f"{api.url}/collections/s2/data.tif"


@pytest.mark.parametrize("links", [[], [{"rel": "search", "href": "https://example.org/search"}]])
def test_an_api_that_names_no_search_on_its_host_is_refused(servers, stac_server, links):
    front = {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "x",
        "description": "x",
        "conformsTo": list(stac_server.CONFORMS),
        "links": links,
    }
    with (
        servers.Server(json.dumps(front).encode()) as server,
        pytest.raises(SourceError, match="names no search on its own host") as caught,
    ):
        search(server.url("/v1"))
    assert "the address that the API itself uses" in caught.value.hint


@pytest.mark.parametrize(
    ("href", "page", "address"),
    [
        ("?token=2", "https://a.org/search", "https://a.org/search?token=2"),
        ("https://A.org:443/x?y=%7B1%7D", "https://a.org/search", "https://a.org/x?y=%7B1%7D"),
        ("http://a.org/x", "https://a.org/search", "https://a.org/x"),
        ("https://a.org/x", "http://a.org/search", None),
        ("http://a.org:8080/x", "https://a.org/search", None),
        ("https://b.org/x", "https://a.org/search", None),
        ("https://a.org@b.org/x", "https://a.org/search", None),
        ("//b.org/x", "https://a.org/search", None),
        ("file:///etc/passwd", "https://a.org/search", None),
        ("/vsicurl/x", "https://a.org/search", None),
        (None, "https://a.org/search", None),
        (3, "https://a.org/search", None),
    ],
)
def test_a_link_leads_on_only_on_the_same_host(href, page, address):
    assert on_site(href, page) == address


def test_conditions_that_make_no_sense_are_refused():
    for wrong in ({"max_cloud_pct": 101}, {"max_cloud_pct": float("nan")}, {"limit": 0}):
        with pytest.raises(ValueError):
            SceneConditions(**wrong)
    with pytest.raises(InputError):
        parse_time("2024-13")


def test_a_resolver_that_never_answers_is_not_waited_for(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: released.wait(30) and [])
    monkeypatch.setattr(address, "_RESOLVED_IN_S", 0.05)
    with pytest.raises(SourceError, match=r"could not be resolved: no answer in 0\.05 s"):
        search("https://stac.example/v1")
    released.set()

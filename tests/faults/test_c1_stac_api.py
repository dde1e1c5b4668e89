"""A STAC API that misbehaves, by GET and POST: all scenes, a list labelled partial, or one error.

Row C1: whatever the server does, the search ends within its deadline and its caps on pages, items
and bytes, and what it could not get is said.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io.origin import OriginGuard
from eoagent.io.scene import SceneConditions, Scenes
from eoagent.io.stac import ApiLimits, CatalogLimits, open_catalog

LIMITS = ApiLimits(
    deadline_s=1.5,
    request_s=0.9,
    connect_s=1.0,
    silence_s=0.3,
    attempts=3,
    backoff_s=0.01,
    page_size=4,
    page_bytes=400_000,
    max_pages=12,
    max_items=100,
    max_empty=3,
)
GENEROUS_S = 15.0
ALL = 10
HOME = BBox(west=12.0, south=45.0, east=13.0, north=46.0)


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How the server answers a search, and what must come of it."""

    spoil: Callable[[Any, Any], bool]
    scenes: int | None = None
    """How many scenes come; None where the search must fail."""
    partial: str = ""
    """What the reason for a partial list says; empty for a whole one."""
    error: str = ""
    """What the error says."""
    said: str = ""
    """What a warning says of a whole list."""
    requests: int | None = None
    """Most searches that may reach the server."""


def always(answer: Callable[[Any, Any], None]) -> Callable[[Any, Any], bool]:
    """Answer every search in one way."""

    def spoil(exchange: Any, api: Any) -> bool:
        answer(exchange, api)
        return True

    return spoil


def first(times: int, answer: Callable[[Any, Any], None]) -> Callable[[Any, Any], bool]:
    """Answer the first searches in one way, the others well."""

    def spoil(exchange: Any, api: Any) -> bool:
        is_early = len(api.searches) <= times
        if is_early:
            answer(exchange, api)
        return is_early

    return spoil


def after(times: int, answer: Callable[[Any, Any], None]) -> Callable[[Any, Any], bool]:
    """Answer the first searches well, the others in one way."""

    def spoil(exchange: Any, api: Any) -> bool:
        is_late = len(api.searches) > times
        if is_late:
            answer(exchange, api)
        return is_late

    return spoil


def status(code: int, **headers: object) -> Callable[[Any, Any], None]:
    return lambda exchange, _api: exchange.reply(code, b"{}", **headers)


def body(data: bytes, **headers: object) -> Callable[[Any, Any], None]:
    return lambda exchange, api: api.send(exchange, data, **headers)


def with_item(**members: Any) -> Callable[[Any, Any], None]:
    """Serve the items, the first of them changed."""

    def answer(exchange: Any, api: Any) -> None:
        changed = {**api.items[0], **members}
        kept = {key: value for key, value in changed.items() if value is not None}
        api.page(exchange, [kept, *api.items[1:]], numberMatched=len(api.items))

    return answer


def short(exchange: Any, api: Any) -> None:
    """State a length, send half of it and leave the connection open."""
    data = json.dumps({"type": "FeatureCollection", "features": api.items}).encode()
    exchange.head(200, {"Content-Length": len(data), "Content-Type": "application/json"})
    exchange.send(data[: len(data) // 2])
    exchange.hang()


def cut(exchange: Any, api: Any) -> None:
    """State a length, send half of it and close."""
    data = json.dumps({"type": "FeatureCollection", "features": api.items}).encode()
    exchange.head(200, {"Content-Length": len(data)})
    exchange.send(data[: len(data) // 2])
    exchange.drop()


def drip(exchange: Any, api: Any) -> None:
    data = json.dumps({"type": "FeatureCollection", "features": api.items}).encode()
    exchange.head(200, {"Content-Length": len(data)})
    exchange.drip(data)


def drip_head(exchange: Any, _api: Any) -> None:
    exchange.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)


def huge(exchange: Any, _api: Any) -> None:
    exchange.head(200, {"Content-Length": 300 << 20})
    exchange.send(b"[" * 65536)
    exchange.hang()


def huge_chunked(exchange: Any, api: Any) -> None:
    """Send spaces without saying how many, until the reader has gone."""
    exchange.head(200, {"Transfer-Encoding": "chunked"})
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    while not api.server.closing.is_set():
        exchange.send(piece)


def same_next(exchange: Any, api: Any) -> None:
    api.page(exchange, api.items[:4], links=[api.next_link(exchange, "one")])


def same_page_new_token(exchange: Any, api: Any) -> None:
    link = api.next_link(exchange, len(api.searches))
    api.page(exchange, api.items[:4], links=[link])


def endless(exchange: Any, api: Any) -> None:
    number = len(api.searches)
    fresh = [{**api.items[0], "id": f"fresh-{number}"}]
    api.page(exchange, fresh, links=[api.next_link(exchange, number)])


def empty_for_ever(exchange: Any, api: Any) -> None:
    api.page(exchange, [], links=[api.next_link(exchange, f"e{len(api.searches)}")])


def empty_with_next(exchange: Any, api: Any) -> None:
    api.page(exchange, [], links=[api.next_link(exchange, 0)], numberMatched=ALL)


def foreign_next(exchange: Any, api: Any) -> None:
    link = api.next_link(exchange, 4, origin=api.canary.origin)
    api.page(exchange, api.items[:4], links=[link])


def poisoned_next(exchange: Any, api: Any) -> None:
    """Name a next page whose body holds what JSON cannot."""
    link = {
        "rel": "next",
        "href": api.url + "/search",
        "method": "POST",
        "body": {"token": float("nan")},
    }
    api.page(exchange, api.items[:4], links=[3, link])


def too_few(exchange: Any, api: Any) -> None:
    api.page(exchange, api.items[:4], numberMatched=ALL)


def twice(exchange: Any, api: Any) -> None:
    api.page(exchange, [*api.items, api.items[0]], numberMatched=ALL)


def twice_for_another(exchange: Any, api: Any) -> None:
    api.page(exchange, [*api.items[1:], api.items[1]], numberMatched=ALL)


def junk_items(exchange: Any, api: Any) -> None:
    api.page(exchange, [*api.items, "text", {"id": "x"}, [1]])


def to_metadata(exchange: Any, _api: Any) -> None:
    exchange.reply(307, Location="http://169.254.169.254/latest")


def moved(exchange: Any, api: Any) -> None:
    exchange.reply(307, Location=f"{api.url}/search?moved=1")


def far_date() -> str:
    return format_datetime(datetime.now(tz=UTC) + timedelta(days=365))


def skewed() -> dict[str, str]:
    """Return headers of a server whose clock is a year ahead and that wants no wait."""
    return {"Retry_After": far_date(), "Date": far_date()}


MODES = {
    "429 twice": Mode(spoil=first(2, status(429, Retry_After=0)), scenes=ALL),
    "429 for ever": Mode(spoil=always(status(429)), error="429, it asks for fewer", requests=3),
    "429 for an hour": Mode(spoil=always(status(429, Retry_After=3600)), error="no further try"),
    "429 for the age of the world": Mode(
        spoil=always(status(429, Retry_After="9" * 400)), error="no further try"
    ),
    "500 for ever": Mode(spoil=always(status(500)), error="the server answers 500", requests=3),
    "503 twice": Mode(spoil=first(2, status(503)), scenes=ALL),
    "400": Mode(spoil=always(status(400)), error="the server answers 400", requests=1),
    "hang": Mode(spoil=always(lambda exchange, _: exchange.hang()), error="silent|deadline"),
    "hang once": Mode(spoil=first(1, lambda exchange, _: exchange.hang()), scenes=ALL),
    "drip": Mode(spoil=always(drip), error="the deadline passed|no further try"),
    "drip of the head": Mode(spoil=always(drip_head), error="the deadline passed|no further try"),
    "short body": Mode(spoil=always(short), error="silent|deadline"),
    "cut body": Mode(spoil=always(cut), error="could not be read"),
    "cut body once": Mode(spoil=first(1, cut), scenes=ALL),
    "same next for ever": Mode(
        spoil=always(same_next), scenes=4, partial="names itself|came twice", requests=3
    ),
    "same page for ever": Mode(
        spoil=always(same_page_new_token), scenes=4, partial="a page came twice", requests=2
    ),
    "endless pages": Mode(
        spoil=always(endless), scenes=12, partial="stopped at 12 pages", requests=12
    ),
    "next on another host": Mode(
        spoil=always(foreign_next), scenes=4, partial="not on the host of the API", requests=1
    ),
    "next that cannot be asked": Mode(
        spoil=always(poisoned_next), scenes=4, partial="cannot be asked for", requests=1
    ),
    "empty page with next": Mode(spoil=first(1, empty_with_next), scenes=ALL),
    "empty pages for ever": Mode(
        spoil=always(empty_for_ever), scenes=0, partial="3 empty pages in a row", requests=3
    ),
    "fewer than counted": Mode(
        spoil=always(too_few), scenes=4, partial="counts 10 matching items, and 4 came"
    ),
    "second page fails": Mode(
        spoil=after(1, status(500)), scenes=4, partial="page 2 could not be read: .* 500"
    ),
    "second page is HTML": Mode(
        spoil=after(1, body(b"<html>")), scenes=4, partial="page 2 could not be read: .* not JSON"
    ),
    "second page hangs": Mode(
        spoil=after(1, lambda exchange, _: exchange.hang()), scenes=4, partial="page 2 could not"
    ),
    "hello": Mode(spoil=always(body(b'{"hello":1}')), error="JSON of hello, and a FeatureColl"),
    "HTML": Mode(spoil=always(body(b"<html>busy</html>")), error="is not JSON"),
    "list body": Mode(spoil=always(body(b"[1, 2]")), error="answers a search with a list"),
    "no features": Mode(
        spoil=always(body(b'{"type": "FeatureCollection"}')), error="without `features`"
    ),
    "deep JSON": Mode(spoil=always(body(b"[" * 200_000)), error="nested too deeply"),
    "deep item": Mode(
        spoil=always(
            body(b'{"type":"FeatureCollection","features":' + b"[" * 900 + b"]" * 900 + b"}")
        ),
        scenes=0,
        partial="has no id",
    ),
    "not UTF-8": Mode(spoil=always(body(b"\xff\xfe{")), error="is not JSON"),
    "item without datetime": Mode(
        spoil=always(with_item(properties={})), scenes=ALL, said="items that state no time: 1"
    ),
    "item without properties": Mode(
        spoil=always(with_item(properties=None)), scenes=ALL - 1, partial="no properties or assets"
    ),
    "items that are none": Mode(spoil=always(junk_items), scenes=ALL, partial="has no id"),
    "gzip bomb": Mode(
        spoil=always(body(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")),
        error="unpacks to more than 400000 bytes",
        requests=1,
    ),
    "page of 300 MB": Mode(
        spoil=always(huge), error="314572800 bytes large, more than 400000", requests=1
    ),
    "page without an end": Mode(
        spoil=always(huge_chunked), error="larger than 400000 bytes", requests=1
    ),
    "id twice": Mode(spoil=always(twice), scenes=ALL, said="came more than once, kept once: 1"),
    "id twice and one lost": Mode(
        spoil=always(twice_for_another), scenes=ALL - 1, partial="counts 10 .* and 9 came"
    ),
    "wrong collection": Mode(
        spoil=always(with_item(collection="other")),
        scenes=ALL - 1,
        said="do not meet the conditions, left out: 1",
    ),
    "wrong place": Mode(
        spoil=always(with_item(geometry={"type": "Point", "coordinates": [0, 0]}, bbox=[0, 0, 0, 0])),
        scenes=ALL - 1,
        said="do not meet the conditions, left out: 1",
    ),
    "NaN bbox": Mode(spoil=always(with_item(bbox=[float("nan"), 45, 13, 46])), scenes=ALL),
    "bad geometry": Mode(
        spoil=always(with_item(geometry={"type": "Polygon", "coordinates": [[1, 2], "x"]})),
        scenes=ALL,
    ),
    "bad geometry and bbox": Mode(
        spoil=always(with_item(geometry={"type": "Soup"}, bbox=["x"])),
        scenes=ALL - 1,
        said="1 scene that states no place left out",
    ),
    "skewed clock": Mode(spoil=first(1, status(503, **skewed())), scenes=ALL),
    "date a year ahead": Mode(
        spoil=always(status(503, Retry_After=far_date())), error="no further try", requests=1
    ),
    "date in the past": Mode(
        spoil=first(2, status(503, Retry_After="Mon, 01 Jan 2001 00:00:00 GMT")), scenes=ALL
    ),
    "date that is none": Mode(
        spoil=first(1, status(503, Retry_After="Mon, 99 Foo 2001 00:00:00 GMT")), scenes=ALL
    ),
    "redirect on the same host": Mode(spoil=first(1, moved), scenes=ALL),
    "redirect to a private host": Mode(
        spoil=always(to_metadata), error="a place that is not open", requests=1
    ),
}  # fmt: skip


@pytest.fixture
def canary(servers):
    """A server that nobody may talk to."""
    with servers.Server(b"{}") as server:
        yield server
    assert server.connections == 0


@pytest.fixture(params=["GET", "POST"])
def api(request, stac_server, canary):
    """An API of ten items near Venice that is searched by one method."""
    items = [stac_server.make_item(f"item-{number}") for number in range(ALL)]
    with stac_server.StacServer(items, methods=[request.param]) as running:
        running.method, running.canary = request.param, canary
        yield running


def search(url: str, guard: OriginGuard | None = None, **conditions: Any) -> Scenes:
    """Search in time, whatever comes of it."""
    began = time.monotonic()
    wanted = SceneConditions(bbox=HOME, collections=("s2",)).model_copy(update=conditions)
    try:
        return open_catalog(url, guard or OriginGuard([url]), CatalogLimits(api=LIMITS), wanted)
    finally:
        assert time.monotonic() - began < GENEROUS_S


@pytest.mark.parametrize("name", MODES)
def test_a_bad_server_gives_all_or_a_partial_list_or_one_typed_error(api, name):
    mode = MODES[name]
    api.spoil = mode.spoil
    if mode.scenes is None:
        with pytest.raises(SourceError, match=mode.error) as caught:
            search(api.url)
        assert f"{api.url}/search" in str(caught.value)
        assert f"{api.url}/search" in caught.value.href
    else:
        found = search(api.url)
        assert len(found.scenes) == mode.scenes
        _check_label(found, mode)
    sent = {exchange.method for exchange in api.server.requests if "/search" in exchange.path}
    assert sent == {api.method}
    assert mode.requests is None or len(api.searches) <= mode.requests


def _check_label(found: Scenes, mode: Mode) -> None:
    said = " / ".join(found.warnings)
    assert found.is_partial == bool(mode.partial), found.missing
    assert set(found.missing) <= set(found.warnings)
    if mode.partial:
        assert any(re.search(mode.partial, text) for text in found.missing)
    assert mode.said in said


def test_an_item_over_the_antimeridian_is_found_from_either_side(api, stac_server):
    over = stac_server.make_item(
        "over",
        geometry={
            "type": "MultiPolygon",
            "coordinates": [
                [[[179, -17], [180, -17], [180, -16], [179, -16], [179, -17]]],
                [[[-180, -17], [-179, -17], [-179, -16], [-180, -16], [-180, -17]]],
            ],
        },
        bbox=[179, -17, -179, -16],
    )
    api.spoil = always(lambda exchange, _: api.page(exchange, [over], numberMatched=1))
    for west, east in ((178.0, -178.0), (179.2, 179.4), (-179.6, -179.2)):
        found = search(api.url, bbox=BBox(west=west, south=-18.0, east=east, north=-15.0))
        assert [scene.id for scene in found.scenes] == ["over"]
        assert found.scenes[0].bbox == BBox(west=179, south=-17, east=-179, north=-16)
        assert not found.is_partial
    assert all(asked["bbox"][0] <= asked["bbox"][2] for asked in api.searches)


def test_half_of_an_area_over_the_antimeridian_that_fails_is_said(api, stac_server):
    east = stac_server.make_item("east", box=(170, -17, 171, -16))
    api.items = [east]
    api.spoil = after(1, status(400))
    found = search(api.url, bbox=BBox(west=160.0, south=-18.0, east=-160.0, north=-15.0))
    assert [scene.id for scene in found.scenes] == ["east"]
    assert "half of the area could not be searched" in found.missing[0]


def test_a_search_is_not_turned_into_another_document(api):
    api.spoil = first(1, status(303, Location=f"{api.url}/search"))
    if api.method == "GET":
        assert len(search(api.url).scenes) == ALL
        return
    with pytest.raises(SourceError, match="answers a search with a redirect"):
        search(api.url)


def test_a_cap_on_items_that_half_of_the_area_reaches_is_said(api, stac_server):
    api.items = [stac_server.make_item(f"e{n}", box=(170, -17, 171, -16)) for n in range(4)]
    limits = CatalogLimits(api=ApiLimits(page_size=4, max_items=4))
    box = SceneConditions(bbox=BBox(west=160.0, south=-18.0, east=-160.0, north=-15.0))
    found = open_catalog(api.url, OriginGuard([api.url]), limits, box)
    assert len(found.scenes) == 4
    assert found.missing == ("stopped at 4 items; half of the area is left",)
    assert len(api.searches) == 1


def test_a_cap_on_bytes_and_items_gives_a_partial_list(api):
    for limits, said in (
        ({"max_bytes": 1}, "stopped at 1 bytes"),
        ({"max_items": 3}, "stopped at 3 items"),
        ({"max_items": 4}, "stopped at 4 items"),
    ):
        capped = CatalogLimits(api=ApiLimits(page_size=4, **limits))
        found = open_catalog(api.url, OriginGuard([api.url]), capped)
        assert found.is_partial
        assert said in found.missing[0]
        assert len(found.scenes) <= 4


@pytest.mark.parametrize("part", ["front", "search"])
def test_a_certificate_that_nobody_vouches_for_is_a_typed_error(part, stac_server, tmp_path):
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    command = [
        program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with stac_server.StacServer([], tls=context) as api, pytest.raises(SourceError) as caught:
        search(api.url if part == "front" else f"{api.url}/search?limit=3")
    assert "certificate verify failed" in str(caught.value)
    assert api.searches == []


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "Name or service not known"), OSError("no network")]
)
def test_a_host_that_has_no_address_is_a_typed_error(failure):
    def nobody(_host, _port):
        raise failure

    guard = OriginGuard(["https://stac.example/v1"], resolver=nobody)
    with pytest.raises(SourceError, match="'stac.example' .* could not be resolved") as caught:
        search("https://stac.example/v1", guard)
    assert "network" in caught.value.hint


def test_a_port_that_nobody_listens_at_is_a_typed_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match="could not be read"):
        search(f"http://127.0.0.1:{port}/v1")

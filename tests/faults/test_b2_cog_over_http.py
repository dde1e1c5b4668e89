"""A COG over a faulty web server: the right pixels, or one typed error in time; never zeros."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioError

from eoagent.contracts.errors import SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, open_remote

LIMITS = RemoteLimits(
    deadline_s=1.5,
    connect_s=1.0,
    silence_s=0.3,
    attempts=4,
    backoff_s=0.01,
    block_bytes=16 * 1024,
    whole_bytes=1024 * 1024,
)
GENEROUS_S = 20.0


@pytest.fixture(scope="module")
def cog(tmp_path_factory):
    """Bytes of a COG of 288 KiB without zeros, and its pixels."""
    path = tmp_path_factory.mktemp("cog") / "scene.tif"
    pixels = np.random.default_rng(7).integers(1, 255, (1, 512, 512), dtype=np.uint8)
    profile = {
        "driver": "COG",
        "width": 512,
        "height": 512,
        "count": 1,
        "dtype": "uint8",
        "compress": "deflate",
        "blocksize": 128,
        "crs": "EPSG:32633",
        "transform": rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000),
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels)
    return path.read_bytes(), pixels


def read_pixels(url: str, guard: OriginGuard) -> Any:
    """Read all pixels as the raster reader does: GDAL's failure gives way to the typed one."""
    with open_remote(guard.admit(url), guard, limits=LIMITS) as file:
        try:
            with rasterio.open(file.gdal_name, opener=file.opener, driver="GTiff") as dataset:
                pixels = dataset.read()
        except RasterioError as error:
            file.raise_error()
            raise SourceError("damaged", href=url) from error
        file.raise_error()
        return pixels


def every(nth: int, spoil: Callable[[Any], None]) -> Callable[[Any], None]:
    """Spoil every n-th answer."""

    def answer(x):
        if x.number % nth == 0:
            spoil(x)
        else:
            x.right()

    return answer


def later(spoil: Callable[[Any], None]) -> Callable[[Any], None]:
    """Spoil each answer but the first."""
    return lambda x: x.right() if x.number == 1 else spoil(x)


def status(code: int, **headers: object) -> Callable[[Any], None]:
    return lambda x: x.reply(code, b"busy", **headers)


def hints_first(x):
    x.head(103, {"Link": "</style.css>"})
    x.right()


def raw(data: bytes) -> Callable[[Any], None]:
    def answer(x):
        x.send(data)
        x.drop()

    return answer


def go(target: str) -> Callable[[Any], None]:
    return lambda x: x.reply(302, Location=target)


def chain(steps: int) -> Callable[[Any], None]:
    """Redirect as many times before the file comes."""

    def answer(x):
        step = int(x.path.rpartition("/")[2]) if x.path.startswith("/step/") else 0
        if step < steps:
            x.reply(302, Location=f"/step/{step + 1}")
        else:
            x.right()

    return answer


def lapsing(x):
    """Redirect to a signed address that lapses after its first use."""
    if x.path == "/scene.tif":
        x.reply(302, Location=f"/signed/{x.number}")
    elif x.path == f"/signed/{x.number - 1}":
        x.right()
    else:
        x.reply(403, b"expired")


def half(x):
    """Serve the first half of the file, soundly."""
    x.server.body = x.server.body[:150_000]
    x.right()


def other(x):
    x.right(ETag='"two"')


HEALED = {
    "sound server": lambda x: x.right(),
    "503 on every second range": every(2, status(503)),
    "503 on every third range": every(3, status(503)),
    "500 on every second range": every(2, status(500)),
    "502 first": every(3, status(502)),
    "504 with a long body": every(2, lambda x: x.reply(504, b"x" * 100_000)),
    "408": every(2, status(408)),
    "429 with Retry-After 0": every(2, status(429, Retry_After=0)),
    "429 with a date long past": every(2, status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")),
    "429 with nonsense for a wait": every(2, status(429, Retry_After="soon, I hope")),
    "200 without ranges": lambda x: x.reply(200, x.server.body),
    "200 in chunks": lambda x: x.chunked(),
    "200 in mid-read": later(lambda x: x.reply(200, x.server.body, ETag='"one"')),
    "body cut on every second range": every(2, lambda x: x.cut()),
    "short range once": every(2, lambda x: x.part(less=10)),
    "shifted range once": every(2, lambda x: x.part(shift=7)),
    "connection dropped before each second answer": every(2, raw(b"")),
    "connection dropped after each answer": lambda x: (x.right(), x.drop()),
    "hang on one range": lambda x: x.hang() if x.number == 2 else x.right(),
    "early hints before the answer": hints_first,
    "redirect on the own origin": chain(1),
    "five redirects": chain(5),
    "signed address that lapses": lapsing,
    "garbage once": every(2, raw(b"\x16\x03\x01 what?\r\n\r\n")),
}

REFUSED = {
    "503 for ever": (status(503), "answers 503.*tried 4 times"),
    "503 for ever after the header": (later(status(503)), "answers 503"),
    "429 that wants an hour": (status(429, Retry_After=3600), "429.*no further try"),
    "429 until next century": (
        later(status(429, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")),
        "429.*no further try",
    ),
    "404": (status(404), "answers 404, there is no such document"),
    "403 in mid-read": (later(status(403)), "answers 403, it refuses access"),
    "416": (status(416), "answers 416"),
    "204": (status(204), "status 204"),
    "huge Content-Length": (
        lambda x: x.endless(Content_Length=10**12),
        "serves no ranges and the file is large",
    ),
    "200 without length": (
        lambda x: x.endless(Connection="close"),
        "does not say where the file ends",
    ),
    "empty file": (lambda x: x.reply(200, b""), "empty file"),
    "body always cut": (later(lambda x: x.cut()), "tried 4 times"),
    "range always short": (later(lambda x: x.part(less=1)), "sent .* bytes of a range of"),
    "range always long": (later(lambda x: x.part(more=9)), "tried 4 times"),
    "range always shifted": (later(lambda x: x.part(shift=1)), "were asked for"),
    "no Content-Range": (lambda x: x.part(Content_Range=None), "does not say which range"),
    "Content-Range of unknown size": (
        lambda x: x.part(Content_Range=f"bytes {x.range[0]}-{x.range[1] - 1}/*"),
        "does not say which range",
    ),
    "Content-Range of nonsense": (
        lambda x: x.part(Content_Range="bytes of the file"),
        "does not say which range",
    ),
    "ETag changes": (later(other), "changed while it was being read .etag"),
    "ETag changes with a whole answer": (
        later(lambda x: x.reply(200, x.server.body, ETag='"two"')),
        "changed while it was being read .etag",
    ),
    "Last-Modified changes": (
        lambda x: x.right(ETag="", Last_Modified=f"day {x.number}"),
        "changed while it was being read .modification time",
    ),
    "size changes": (
        later(lambda x: x.part(Content_Range=f"bytes {x.range[0]}-{x.range[1] - 1}/9999999")),
        "changed while it was being read .size",
    ),
    "hang for ever": (lambda x: x.hang(), "fell silent|deadline|no further try"),
    "hang after the header": (later(lambda x: x.hang()), "fell silent|deadline|no further try"),
    "body in a drip": (lambda x: x.drip_part(), "deadline"),
    "headers in a drip": (lambda x: x.drip(b"HTTP/1.1 206 Partial Content\r\n"), "deadline"),
    "redirect loop": (go("/scene.tif"), "redirects more than 5 times"),
    "six redirects": (chain(6), "redirects more than 5 times"),
    "redirect to nowhere": (status(302), "without saying where to"),
    "redirect to a file": (go("file:///etc/hostname"), "place that is not open"),
    "redirect to a virtual file": (go("/vsicurl/x"), "place that is not open"),
    "redirect to the metadata service": (go("http://169.254.169.254/x"), "place that is not open"),
    "redirect to a private host": (go("https://10.0.0.7/x.tif"), "not on the public internet"),
    "redirect with credentials": (go("https://me:secret@example.org/x.tif"), "carries credentials"),
    "gzip": (lambda x: x.right(Content_Encoding="gzip"), "packs the file"),
    "several parts": (
        lambda x: x.right(Content_Type="multipart/byteranges; boundary=x"),
        "several parts",
    ),
    "connection dropped for ever": (raw(b""), "tried 4 times"),
    "garbage for ever": (raw(b"\x00\x01\x02\r\n\r\n"), "tried 4 times"),
    "endless header": (raw(b"HTTP/1.1 206 OK\r\nX: " + b"x" * 300_000), "tried 4 times"),
    "two lengths": (
        raw(b"HTTP/1.1 206 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
        "tried 4 times",
    ),
    "half of the file": (half, "damaged"),
}


@pytest.mark.parametrize("mode", HEALED)
def test_a_passing_fault_ends_in_the_right_pixels(mode, cog, servers):
    body, pixels = cog
    with servers.Server(body, HEALED[mode]) as server:
        guard = OriginGuard([server.url()])
        found = read_pixels(server.url(), guard)
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("mode", REFUSED)
def test_a_lasting_fault_ends_in_one_typed_error_in_time(mode, cog, servers):
    answer, message = REFUSED[mode]
    with servers.Server(cog[0], answer) as server:
        url = server.url("/scene.tif?signature=SECRET")
        guard = OriginGuard([url])
        started = time.monotonic()
        with pytest.raises(SourceError, match=message) as caught:
            read_pixels(url, guard)
        assert time.monotonic() - started < GENEROUS_S
    assert message == "damaged" or "SECRET" not in str(caught.value) + caught.value.href


def test_a_redirect_never_reaches_a_private_neighbour(cog, servers):
    with servers.Server(b"canary") as canary, servers.Server(cog[0], go(canary.url())) as server:
        guard = OriginGuard([server.url()])
        with pytest.raises(SourceError, match="place that is not open"):
            read_pixels(server.url(), guard)
        assert canary.connections == 0


def test_a_redirect_to_an_allowed_host_is_followed(cog, servers):
    body, pixels = cog
    with servers.Server(body) as store, servers.Server(b"", go(store.url())) as server:
        guard = OriginGuard([server.url()], allow_hosts=[f"127.0.0.1:{store.port}"])
        assert np.array_equal(read_pixels(server.url(), guard), pixels)

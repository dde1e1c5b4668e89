"""Files that promise far more than they hold, made by hand in a few kilobytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

_SHORT, _LONG, _LONG8 = 3, 4, 16


def write_tiff(
    path: Path,
    width: int,
    height: int,
    *,
    bands: int = 1,
    bits: int = 8,
    tile: int = 0,
    rows_per_strip: int = 0,
    compression: int = 8,
) -> Path:
    """Write a BigTIFF whose header declares a size, with one small block of data."""
    data = zlib.compress(b"\x00" * 4096)
    entries = [
        (256, _LONG8, [width]),
        (257, _LONG8, [height]),
        (258, _SHORT, [bits] * bands),
        (259, _SHORT, [compression]),
        (262, _SHORT, [1]),
        (277, _SHORT, [bands]),
        (284, _SHORT, [1]),
    ]
    if tile:
        entries += [(322, _LONG, [tile]), (323, _LONG, [tile])]
        entries += [(324, _LONG8, [16]), (325, _LONG8, [len(data)])]
    else:
        entries += [(278, _LONG8, [rows_per_strip or height])]
        entries += [(273, _LONG8, [16]), (279, _LONG8, [len(data)])]
    entries.sort()
    start = 16 + len(data) + (-len(data)) % 8
    extra_at = start + 8 + 20 * len(entries) + 8
    body, extra = struct.pack("<Q", len(entries)), b""
    for tag, kind, values in entries:
        letter = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}[kind]
        raw = struct.pack(f"<{len(values)}{letter}", *values)
        if len(raw) > 8:
            place = struct.pack("<Q", extra_at + len(extra))
            extra += raw + b"\x00" * (-len(raw) % 8)
        else:
            place = raw.ljust(8, b"\x00")
        body += struct.pack("<HHQ", tag, kind, len(values)) + place
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, start)
    path.write_bytes(head + data.ljust(start - 16, b"\x00") + body + struct.pack("<Q", 0) + extra)
    return path


def write_sparse(path: Path, side: int, dtype: str, tile: int) -> Path:
    """Write a tiled GeoTIFF whose blocks are all absent."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype=dtype,
        crs="EPSG:32632",
        transform=Affine(10, 0, 5e5, 0, -10, 5e6),
        tiled=True,
        blockxsize=tile,
        blockysize=tile,
        SPARSE_OK="TRUE",
        BIGTIFF="IF_SAFER",
    ):
        pass
    return path


def write_png(path: Path, side: int, bits: int) -> Path:
    """Write a black grey PNG of a side, packed as tight as deflate can."""
    size = side * (1 + side * bits // 8)
    piece = 1 << 20
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(b"\x00" * piece) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    tail = rest.compress(b"\x00" * (size % piece)) + rest.flush()
    checksum = struct.pack(">HH", size % 65_521, 1)  # adler32 of that many zeros
    packed = b"\x78\xda" + packed * (size // piece) + tail + checksum
    return _write_chunks(path, side, bits, [(b"IDAT", packed)])


def write_png_texts(path: Path, texts: int) -> Path:
    """Write a small PNG with packed texts of 8 MB each."""
    text = zlib.compress(b"a" * 7_900_000, 9)
    chunks = [(b"zTXt", b"k%d\x00\x00" % n + text) for n in range(texts)]
    return _write_chunks(path, 16, 8, [*chunks, (b"IDAT", zlib.compress(b"\x00" * 17 * 16))])


def _write_chunks(path: Path, side: int, bits: int, inner: list[tuple[bytes, bytes]]) -> Path:
    head = (b"IHDR", struct.pack(">IIBBBBB", side, side, bits, 0, 0, 0, 0))
    chunks = [head, *inner, (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )
    return path


def write_jpeg(path: Path, side: int) -> Path:
    """Write a small JPEG whose frame header declares a larger picture."""
    return _patched(path, "JPEG", b"\xff\xc0", 5, struct.pack(">HH", side, side))


def write_jp2(path: Path, side: int) -> Path:
    """Write a small JPEG 2000 file whose headers declare a larger picture in one tile."""
    _patched(path, "JP2OpenJPEG", b"ihdr", 4, struct.pack(">II", side, side))
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\x51") + 6
    data[at : at + 8] = struct.pack(">II", side, side)
    data[at + 16 : at + 24] = struct.pack(">II", side, side)
    path.write_bytes(data)
    return path


def _patched(path: Path, driver: str, mark: bytes, skip: int, patch: bytes) -> Path:
    pixels = np.zeros((1, 64, 64), dtype=np.uint8)
    with rasterio.open(
        path, "w", driver=driver, width=64, height=64, count=1, dtype="uint8"
    ) as out:
        out.write(pixels)
    data = bytearray(path.read_bytes())
    at = data.index(mark) + skip
    data[at : at + len(patch)] = patch
    path.write_bytes(data)
    return path

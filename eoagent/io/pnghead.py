"""PNG headers: refuse packed texts before libpng unpacks them, which it does when it opens a file.

A megabyte of packed text chunks grows to a gigabyte, and a picture needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eoagent.contracts.errors import SourceError

__all__ = ["check_png_texts"]

_SIGNATURE_BYTES: Final = 8
_MOST_PACKED_BYTES: Final = 128 * 1024
"""Most bytes of packed texts and colour profiles; they unpack to 132 MB at the very most."""
_MOST_CHUNKS: Final = 1000
_KEYWORD_BYTES: Final = 80


def check_png_texts(read_at: Callable[[int, int], bytes], shown: str) -> None:
    """Refuse a PNG whose chunks before the pixels hold too many packed texts.

    Args:
        read_at: returns the bytes at an offset, as many as asked for or up to the end.
        shown: its href for people to read.

    Raises:
        SourceError: saying how many there are.
    """
    at, packed = _SIGNATURE_BYTES, 0
    for _ in range(_MOST_CHUNKS):
        head = read_at(at, 8 + _KEYWORD_BYTES + 2)
        name, size = head[4:8], int.from_bytes(head[:4], "big")
        if name in (b"IDAT", b"IEND", b""):
            return
        keyword, _, flags = head[8:].partition(b"\0")
        is_packed = name in (b"zTXt", b"iCCP") or (name == b"iTXt" and flags[:1] != b"\0")
        packed += size if is_packed else 0
        if packed > _MOST_PACKED_BYTES:
            raise SourceError(
                f"{shown!r} is refused: it holds more than {_MOST_PACKED_BYTES} bytes of packed "
                f"texts (the last is {keyword[:40].decode('latin-1')!r})",
                href=shown,
                hint="save the picture without its texts and colour profile",
            )
        at += 12 + size
    raise SourceError(
        f"{shown!r} is refused: more than {_MOST_CHUNKS} chunks come before its pixels",
        href=shown,
        hint="save the picture without its texts",
    )

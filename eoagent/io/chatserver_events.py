"""Take a stream of server-sent events apart into the data of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["TooMuchError", "event_data"]

_FIELD: Final = b"data"
_BOM: Final = b"\xef\xbb\xbf"


class TooMuchError(Exception):
    """More came than may. Never leaves `eoagent.io`."""


def event_data(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[str]:
    """Yield the data of each event, however the bytes were cut on their way.

    An event that is not ended by an empty line is given too: who reads it knows what is missing.
    Bytes that are no UTF-8 come out as replacement characters.

    Args:
        chunks: the stream, as it comes.
        max_bytes: most bytes of the whole stream.

    Raises:
        TooMuchError: if the stream is longer.

    Source: HTML Living Standard, section 9.2.6.
    """
    held: list[bytes] = []
    for line in _lines(chunks, max_bytes):
        if not line:
            if held:
                yield _text(held)
            held = []
            continue
        name, _, value = line.partition(b":")
        if name == _FIELD:  # comments have an empty name; event, id and retry say nothing here
            held.append(value.removeprefix(b" "))
    if held:
        yield _text(held)


def _text(lines: list[bytes]) -> str:
    return b"\n".join(lines).decode("utf-8", "replace")


def _lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Yield lines without their ends, which are CRLF, LF or CR."""
    rest, came, is_first = bytearray(), 0, True
    for chunk in chunks:
        came += len(chunk)
        if came > max_bytes:
            raise TooMuchError
        rest += chunk
        if is_first and len(rest) < len(_BOM) and _BOM.startswith(rest):
            continue
        if is_first:
            is_first = False
            if rest.startswith(_BOM):
                del rest[: len(_BOM)]
        if b"\n" not in chunk and b"\r" not in chunk:
            continue
        whole = bytes(rest)
        # A CR at the very end may be the first half of a CRLF.
        parts = whole.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        yield from parts[:-1]
        rest = bytearray(parts[-1] + (b"\r" if whole.endswith(b"\r") else b""))
    tail = bytes(rest).removesuffix(b"\r")
    if tail:
        yield tail

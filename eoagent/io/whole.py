"""Take one remote document whole, bounded in bytes before and after it is unpacked."""

from __future__ import annotations

import zlib

from eoagent.io.fetch import Fetcher
from eoagent.io.wire import Reply

__all__ = ["take_whole"]


def take_whole(fetcher: Fetcher, max_bytes: int, *, post: bytes | None = None) -> bytes:
    """Return the document behind a fetcher.

    Args:
        fetcher: the place, with its limits on time and tries.
        max_bytes: size, also when unpacked, above which the document is refused.
        post: JSON that is sent by POST; without it the document is asked for by GET.

    Raises:
        SourceError: if the document cannot be had, is cut off, or is too large.
    """

    def body_limit(head: Reply) -> int:
        if head.stated_bytes > max_bytes:
            raise fetcher.failed(f"it is {head.stated_bytes} bytes large, more than {max_bytes}")
        return max_bytes

    headers = {} if post is None else {"Content-Type": "application/json"}
    reply = fetcher.ask(headers=headers, body_limit=body_limit, fault=lambda _: "", post=post)
    if not reply.is_whole:
        raise fetcher.failed(f"it is larger than {max_bytes} bytes")
    if not reply.has_known_end:
        raise fetcher.failed("the server does not say where the document ends")
    packing = reply.headers.get("content-encoding", "identity").strip().lower()
    if packing in ("", "identity"):
        return reply.body
    return _unpack(fetcher, reply.body, packing, max_bytes)


def _unpack(fetcher: Fetcher, data: bytes, packing: str, max_bytes: int) -> bytes:
    """Unpack a document that came packed although plain bytes were asked for."""
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise fetcher.failed(f"it came packed as {packing!r}, which is not read here")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either kind of header
    try:
        plain = unpacker.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise fetcher.failed(f"it came damaged: {error}") from error
    if len(plain) > max_bytes:
        raise fetcher.failed(f"it unpacks to more than {max_bytes} bytes")
    if not unpacker.eof:
        raise fetcher.failed("it came cut off")
    return plain

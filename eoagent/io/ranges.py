"""Read a remote file in blocks by range requests, and trust no reply that does not fit.

Every range must be the one that was asked for, of a file that kept its size and version; a broken
source stays broken, so that no caller takes half a file for a whole one.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import Final

from eoagent.contracts.errors import EoAgentError
from eoagent.io.fetch import Fetcher, RemoteLimits
from eoagent.io.wire import Reply

__all__ = ["RangeSource"]

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)


class RangeSource:
    """The blocks of one remote file, fetched when first asked for; may be shared by threads."""

    def __init__(self, fetcher: Fetcher, *, limits: RemoteLimits, name: str) -> None:
        """Make a source; nothing is fetched yet."""
        self._fetcher = fetcher
        self._limits = limits
        self._lock = threading.RLock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._whole: bytes | None = None
        self._size = -1
        self.gdal_name = name
        """What GDAL knows the file by."""
        self.etag = ""
        """The server's version mark, or empty."""
        self.last_modified = ""
        """The server's modification time as it wrote it, or empty."""
        self.error: EoAgentError | None = None
        """What broke the source, if anything did."""
        self.requests = 0
        """Ranges asked for so far."""
        self.bytes_read = 0
        """Bytes brought in so far."""

    @property
    def size(self) -> int:
        """Size of the file in bytes, asked for if it is not known yet."""
        if self._size < 0:
            self.read_at(0, 1)
        return self._size

    def read_at(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start`, fewer only where the file ends.

        Raises:
            SourceError: if they could not be had or trusted, now or at an earlier read.
        """
        with self._lock:
            if self.error is not None:
                raise self.error
            try:
                return self._read(start, count)
            except EoAgentError as error:
                self.error = error
                raise

    def _read(self, start: int, count: int) -> bytes:
        stop = start + count if self._size < 0 else min(start + count, self._size)
        if start >= stop:
            return b""
        step = self._limits.block_bytes
        if self._size < 0:
            self._fetch(0, 1)  # tells the size, and holds the header
            stop = min(stop, self._size)
        if self._whole is not None:
            return self._whole[start:stop]
        runs = self._runs(start // step, -(-stop // step))
        data = b"".join(self._take(first, last) for first, last in runs)
        skip = start - start // step * step
        return data[skip : skip + max(0, stop - start)]

    def _runs(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut blocks first..last into runs that are all kept or all missing, of bounded length."""
        most = max(1, self._limits.request_bytes // self._limits.block_bytes)
        runs: list[tuple[int, int]] = []
        for block in range(first, last):
            begin, end = runs[-1] if runs else (block, block)
            is_like = (begin in self._blocks) == (block in self._blocks)
            if runs and is_like and block - begin < most:
                runs[-1] = (begin, end + 1)
            else:
                runs.append((block, block + 1))
        return runs

    def _take(self, first: int, last: int) -> bytes:
        """Return the bytes of a run, from what is kept or from the server."""
        if self._whole is not None:
            step = self._limits.block_bytes
            return self._whole[first * step : last * step]
        kept = [self._blocks.get(block) for block in range(first, last)]
        if any(data is None for data in kept):
            return self._fetch(first, last)
        for block in range(first, last):
            self._blocks.move_to_end(block)
        return b"".join(data for data in kept if data is not None)

    def _fetch(self, first: int, last: int) -> bytes:
        """Fetch blocks first..last - 1 in one request and keep them."""
        step = self._limits.block_bytes
        start, stop = first * step, last * step
        if self._size >= 0:
            stop = min(stop, self._size)
        if self.bytes_read + stop - start > self._limits.max_bytes:
            raise self._fetcher.failed(
                f"more than {self._limits.max_bytes} bytes would be brought in",
                hint="ask for a smaller part, or raise the limit",
            )
        reply = self._fetcher.ask(
            headers={"Range": f"bytes={start}-{stop - 1}"},
            body_limit=lambda head: self._body_limit(head, stop - start),
            fault=lambda reply: self._fault(reply, start, stop),
        )
        self.requests += 1
        self.bytes_read += len(reply.body)
        self._note_version(reply)
        if reply.status == 200:
            self._whole = reply.body
            self._blocks.clear()
            return reply.body[start:stop]
        for block in range(first, last):
            offset = (block - first) * step
            self._blocks[block] = reply.body[offset : offset + step]
        most = max(1, self._limits.cache_bytes // step)
        while len(self._blocks) > most:
            self._blocks.popitem(last=False)
        return reply.body

    def _body_limit(self, head: Reply, wanted: int) -> int:
        """Refuse by the header what cannot be used; say how much of the body to read."""
        if head.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise self._fetcher.failed("the server packs the file although plain bytes were asked")
        if head.status == 206:
            if head.headers.get("content-type", "").lower().startswith("multipart/"):
                raise self._fetcher.failed("the server answers one range with several parts")
            return wanted
        if head.status != 200:
            raise self._fetcher.failed(f"the server answers a range with status {head.status}")
        most = self._limits.whole_bytes
        if head.stated_bytes > most:
            raise self._no_ranges(f"{head.stated_bytes} bytes")
        return most

    def _no_ranges(self, size: str) -> EoAgentError:
        return self._fetcher.failed(
            f"the server serves no ranges and the file is large ({size})",
            hint=f"download it first; files up to {self._limits.whole_bytes} bytes are taken whole",
        )

    def _fault(self, reply: Reply, start: int, stop: int) -> str:
        """Say what is wrong with a reply that a further try may mend; raise what none can."""
        if reply.status == 200:
            if not reply.is_whole:
                raise self._no_ranges("its size is not said")
            if not reply.has_known_end:
                raise self._fetcher.failed("the server does not say where the file ends")
            self._check_version(reply, len(reply.body))
            return "" if reply.body else "the server sent an empty file"
        found = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", "").strip())
        if found is None or found[3] == "*":
            return "the server does not say which range it sent"
        first, last, total = int(found[1]), int(found[2]), int(found[3])
        self._check_version(reply, total)
        if first != start or last != min(stop, total) - 1:
            return f"the server sent bytes {first}-{last} where {start}-{stop - 1} were asked for"
        if len(reply.body) != last - first + 1 or not reply.is_whole:
            return f"the server sent {len(reply.body)} bytes of a range of {last - first + 1}"
        return ""

    def _check_version(self, reply: Reply, total: int) -> None:
        """Raise if the file is not the one that reading began with."""
        if self._size < 0:
            return
        marks = (
            ("etag", self.etag, reply.headers.get("etag", "")),
            ("modification time", self.last_modified, reply.headers.get("last-modified", "")),
            ("size", str(self._size), str(total)),
        )
        for name, before, now in marks:
            if before and now and before != now:
                raise self._fetcher.failed(
                    f"the file changed while it was being read ({name} {before} became {now})",
                    hint="open it again",
                )

    def _note_version(self, reply: Reply) -> None:
        found = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", "").strip())
        is_part = reply.status == 206 and found is not None
        self._size = int(found[3]) if is_part and found else len(reply.body)
        self.etag = self.etag or reply.headers.get("etag", "")
        self.last_modified = self.last_modified or reply.headers.get("last-modified", "")

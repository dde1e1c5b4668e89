"""Read remote documents and files: whole ones as bytes, large ones by ranges as a file object.

A remote file serves `rasterio.open(file.gdal_name, opener=file.opener, driver="GTiff")`. GDAL loses
errors that are raised inside an opener, so its handles end early instead and the typed error stays
on the file: call `file.raise_error()` when GDAL fails and before its pixels are believed.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from eoagent.contracts.errors import EoAgentError, SourceError
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.fetch import Fetcher, RemoteLimits, Wires
from eoagent.io.ranges import RangeSource
from eoagent.io.whole import take_whole

__all__ = ["RangeFile", "RemoteLimits", "Wires", "open_remote", "read_bytes"]

_DOCUMENT_BYTES: Final = 64 * 1024 * 1024


class RangeFile(io.RawIOBase):
    """A read-only, seekable file object over a remote file; not for several threads at once."""

    def __init__(self, source: RangeSource, *, owned: Wires | None = None) -> None:
        """Make a file at position 0; `owned` connections are closed with it."""
        super().__init__()
        self._source = source
        self._owned = owned
        self._at = 0

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self._source.size

    @property
    def etag(self) -> str:
        """The server's version mark of the file, or empty."""
        return self._source.etag

    @property
    def last_modified(self) -> str:
        """The server's modification time of the file as it wrote it, or empty."""
        return self._source.last_modified

    @property
    def error(self) -> EoAgentError | None:
        """What made the file unreadable, if anything did; it stays so."""
        return self._source.error

    @property
    def requests(self) -> int:
        """How many ranges were asked for so far."""
        return self._source.requests

    @property
    def bytes_read(self) -> int:
        """How many bytes were brought in so far."""
        return self._source.bytes_read

    @property
    def gdal_name(self) -> str:
        """The one name that `opener` knows: no query, so that GDAL's messages hold no secret."""
        return self._source.gdal_name

    def raise_error(self) -> None:
        """Raise what made the file unreadable, if anything did.

        Raises:
            SourceError: if a read failed since the file was opened, through GDAL or not.
        """
        if self._source.error is not None:
            raise self._source.error

    def opener(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """Open the file for GDAL; any other name, such as a sidecar's, is not found.

        Raises:
            FileNotFoundError: for every path but `gdal_name`, and for writing.
        """
        if path != self.gdal_name or mode not in ("r", "rb"):
            raise FileNotFoundError(path)
        return _GdalHandle(self._source)

    def readable(self) -> bool:
        """Say that the file can be read."""
        return True

    def seekable(self) -> bool:
        """Say that the file can be sought in."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        self._check_open()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position, which may lie beyond the end; return it."""
        self._check_open()
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("a file has no position before its start")
        self._at = start + offset
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer only at the end of the file; all that is left when negative.

        Raises:
            SourceError: if the bytes could not be had or trusted.
        """
        self._check_open()
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._source.read_at(self._at, wanted)
        self._at += len(data)
        return data

    def readall(self) -> bytes:
        """Read all that is left."""
        return self.read(-1)

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer; return how many bytes came."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file and the connections made for it."""
        if not self.closed and self._owned is not None:
            self._owned.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the remote file is closed")


class _GdalHandle(RangeFile):
    """A handle for GDAL: where a read fails it ends early, and the error stays on the source."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read like a file, or give nothing once the source is broken."""
        try:
            return super().read(size)
        except EoAgentError:
            # RangeSource.error holds it; GDAL takes the missing bytes for a failed read.
            return b""


def open_remote(
    admitted: Admitted,
    origins: Origins | None = None,
    *,
    limits: RemoteLimits | None = None,
    wires: Wires | None = None,
) -> RangeFile:
    """Open a remote file for reading by ranges; its first block is read at once.

    Args:
        admitted: an http(s) place that the guard admitted.
        origins: the guard, which redirects are put before; without it none is followed.
        limits: how long, how often and how much.
        wires: connections to share; without them the file has its own.

    Raises:
        SourceError: if the file cannot be had; the deadline of `limits` holds.
    """
    limits = limits or RemoteLimits()
    used = wires or Wires()
    fetcher = Fetcher(admitted, origins, used, limits=limits)
    file = RangeFile(
        RangeSource(fetcher, limits=limits, name=_gdal_name(admitted.href)),
        owned=used if wires is None else None,
    )
    try:
        file.read(1)
        file.seek(0)
    except EoAgentError:
        file.close()
        raise
    return file


def read_bytes(
    admitted: Admitted,
    origins: Origins | None = None,
    *,
    max_bytes: int = _DOCUMENT_BYTES,
    deadline_s: float | None = None,
    limits: RemoteLimits | None = None,
    wires: Wires | None = None,
) -> bytes:
    """Return the bytes of an admitted document, remote or local, at most `max_bytes`.

    Args:
        admitted: a place that the guard admitted.
        origins: the guard, which redirects are put before; without it none is followed.
        max_bytes: size, also when unpacked, above which the document is refused.
        deadline_s: replaces that of `limits`.
        limits: how long and how often.
        wires: connections to share between many documents.

    Raises:
        SourceError: if the document cannot be had, or is too large.
    """
    if admitted.scheme == "file":
        return _read_local(admitted.href, max_bytes)
    limits = limits or RemoteLimits()
    if deadline_s is not None:
        limits = replace(limits, deadline_s=deadline_s)
    if wires is None:
        with Wires() as own:
            return take_whole(Fetcher(admitted, origins, own, limits=limits), max_bytes)
    return take_whole(Fetcher(admitted, origins, wires, limits=limits), max_bytes)


def _read_local(path: str, max_bytes: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise SourceError(f"{path!r} could not be read: {error}", href=path) from error
    if len(data) > max_bytes:
        raise SourceError(f"{path!r} is larger than {max_bytes} bytes", href=path)
    return data


def _gdal_name(href: str) -> str:
    """Return the name of a file as GDAL may see it: no folders, no query, plain characters."""
    name = urlsplit(href).path.rstrip("/").rpartition("/")[2]
    return "remote/" + (re.sub(r"[^A-Za-z0-9._-]", "_", name)[-100:] or "file")

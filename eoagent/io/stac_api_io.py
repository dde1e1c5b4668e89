"""The wire under pystac-client: every request is put before the guard, timed, and bounded.

Give it to `pystac_client.Client.open(url, stac_io=...)` or to an `ItemSearch`. Nothing goes through
requests or urllib3, no local file is read or written, and headers that a document asks for are not
sent.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from pystac import Link
from pystac_client.stac_api_io import StacApiIO

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Origins
from eoagent.io.fetch import Fetcher, Wires
from eoagent.io.href import redact
from eoagent.io.stac_limits import ApiLimits
from eoagent.io.whole import take_whole
from eoagent.io.wire import Deadline

__all__ = ["GuardedApiIO", "with_parameters"]


class GuardedApiIO(StacApiIO):
    """Requests of one search: one guard, one set of connections, one deadline; to be closed."""

    def __init__(
        self,
        origins: Origins,
        base: str,
        *,
        limits: ApiLimits | None = None,
        wires: Wires | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """Make a wire.

        Args:
            origins: the guard.
            base: address of the API, the document that names whatever is asked for.
            limits: time, tries and bytes.
            wires: connections to use; a set of its own by default.
            deadline: when all requests must be over; by default that of `limits`, from now.
        """
        super().__init__(max_retries=None)
        self._origins = origins
        self._base = base
        self._limits = limits or ApiLimits()
        self._owns_wires = wires is None
        self._wires = wires or Wires()
        self._deadline = deadline or Deadline(self._limits.deadline_s)
        self.bytes_read = 0
        """Bytes of all documents so far."""

    def close(self) -> None:
        """Drop the connections that were made for this search alone."""
        if self._owns_wires:
            self._wires.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self._deadline.left_s

    def take(self, url: str, *, post: bytes | None = None) -> bytes:
        """Return a document; with `post` it is asked for by POST of this JSON.

        Raises:
            SourceError: if it is refused, cannot be had in the time there is, or is too large.
        """
        left_s = self._deadline.left_s
        if not left_s:
            shown = redact(url)
            raise SourceError(
                f"{shown!r} was not asked for: the {self._deadline.seconds:g} s that the search "
                "may take are over",
                href=shown,
                hint="ask for less, or allow more time",
            )
        admitted = self._origins.admit(url, base=self._base)
        if admitted.scheme == "file":
            raise SourceError(f"{redact(url)!r} is a local file, and no page", href=redact(url))
        limits = self._limits.remote(left_s)
        fetcher = Fetcher(admitted, self._origins, self._wires, limits=limits)
        data = take_whole(fetcher, self._limits.page_bytes, post=post)
        self.bytes_read += len(data)
        return data

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Return the text of a document, as pystac-client asks for it; `headers` are not sent.

        Raises:
            SourceError: if it cannot be had, or is asked for by another method than GET or POST.
        """
        del headers
        verb = (method or "GET").upper()
        if verb == "POST":
            data = self.take(href, post=json.dumps(parameters or {}).encode())
        elif verb == "GET":
            data = self.take(with_parameters(href, parameters or {}))
        else:
            raise SourceError(f"{redact(href)!r} wants {verb[:20]}, which is not sent", href=href)
        return data.decode("utf-8-sig", errors="replace")

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """Return the text behind a link or an address; never that of a local file."""
        if isinstance(source, Link):
            return super().read_text(source, *args, **kwargs)
        return self.request(str(source), *args, **kwargs)

    def write_text_to_href(self, href: str, *args: Any, **kwargs: Any) -> None:
        """Refuse to write.

        Raises:
            SourceError: always.
        """
        del args, kwargs
        raise SourceError(f"{redact(href)!r} cannot be written: this only reads", href=href)


def with_parameters(url: str, parameters: dict[str, Any]) -> str:
    """Return an address with parameters added to its query."""
    if not parameters:
        return url
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return parts._replace(query=query).geturl()

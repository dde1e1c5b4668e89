"""Remember what each host resolved to, so that a name cannot turn from public to private."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.errors import SourceError
from eoagent.io.address import Resolver, canonical_host, is_public
from eoagent.io.href import UrlHref, redact, refusal

__all__ = ["HostBook", "allowed_host"]

_BELIEVED_FOR_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class _Resolution:
    """What a host resolved to, and until when that is believed."""

    addresses: tuple[str, ...]
    is_public: bool
    expires: float


class HostBook:
    """The addresses of hosts, asked for once in ten minutes; may be shared by threads."""

    def __init__(self, *, resolver: Resolver, clock: Callable[[], float]) -> None:
        """Make an empty book over a resolver; `clock` gives seconds."""
        self._resolver = resolver
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Resolution] = {}

    def addresses(self, place: UrlHref, *, private_ok: bool) -> tuple[str, ...]:
        """Return all addresses of the host of a place; each must be public unless `private_ok`.

        Raises:
            SourceError: if the host has no address, or one that is refused.
        """
        with self._lock:
            known = self._known.get(place.host)
        if known is None or known.expires <= self._clock():
            addresses = self._look_up(place)
            public = all(is_public(address) for address in addresses)
            if known is not None and known.is_public and not public:
                raise refusal(place.url, "its host was public and now resolves to a private one")
            known = _Resolution(addresses, public, self._clock() + _BELIEVED_FOR_S)
            with self._lock:
                self._known[place.host] = known
        if not (known.is_public or private_ok):
            raise refusal(
                place.url,
                "its host is not on the public internet",
                hint="name the place yourself to have it trusted, or list the host in allow_hosts",
            )
        return known.addresses

    def _look_up(self, place: UrlHref) -> tuple[str, ...]:
        try:
            return (str(ipaddress.ip_address(place.host)),)
        except ValueError:
            pass  # a name, which the resolver knows
        shown = redact(place.url)
        try:
            addresses = tuple(self._resolver(place.host, place.port))
        except (OSError, UnicodeError) as error:
            raise SourceError(
                f"host {place.host!r} of {shown!r} could not be resolved: {error}",
                href=shown,
                hint="check the name and the network",
            ) from error
        if not addresses:
            raise SourceError(f"host {place.host!r} of {shown!r} has no address", href=shown)
        return addresses


def allowed_host(text: str) -> tuple[str, int | None]:
    """Read `HOST` or `HOST:PORT`, an IPv6 host with a port in brackets.

    Raises:
        SourceError: if the text is none.
    """
    host, port = text.strip(), ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        return canonical_host(host.lower())[0], int(port) if port else None
    except ValueError as error:
        raise SourceError(
            f"allow_hosts lists {text!r}, which is no host: {error}",
            href=text,
            hint="write HOST or HOST:PORT",
        ) from None

"""Tell public internet addresses from private ones, through every disguise an address can wear."""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["Resolver", "canonical_host", "is_public", "resolve_host"]

Resolver = Callable[[str, int], Sequence[str]]
"""Turns a host name and a port into addresses; raises OSError when the name has none."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Source: RFC 6052, section 2.1."""
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")
"""Source: RFC 4380, section 2.6."""
_RELAY_6TO4: Final = ipaddress.IPv4Network("192.88.99.0/24")
"""Deprecated anycast relay. Source: RFC 7526."""
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""The only IPv6 block that is given out. Source: RFC 4291, section 2.4, and the IANA registry."""
_RESOLVED_IN_S: Final = 15.0
"""Longest wait for the resolver, seconds."""
_NAME: Final = re.compile(
    r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*"
)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")


def is_public(address: str) -> bool:
    """Say whether an address is reachable on the public internet, and only there.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) counts as the one it
    carries. Text that is no address is not public.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = parsed if isinstance(parsed, ipaddress.IPv4Address) else _carried_v4(parsed)
    if inner is not None:
        special = inner.is_multicast or inner.is_reserved or inner in _RELAY_6TO4
        return inner.is_global and not special
    if parsed not in _GLOBAL_UNICAST or parsed in _TEREDO:
        return False
    return parsed.is_global and not parsed.is_multicast


def _carried_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def canonical_host(host: str) -> tuple[str, bool]:
    """Return a host in its one plain form, and whether it was written in a disguised one.

    Names come back in lower-case ASCII without a trailing dot, addresses as `ipaddress` writes
    them (IPv6 without brackets). An IPv4 address in decimal, hexadecimal, octal or shortened form
    is disguised.

    Raises:
        ValueError: if the text is no host; the message says why.
    """
    if "%" in host:
        raise ValueError("it carries a zone id or an encoded character")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host)), False
        except ValueError:
            raise ValueError("it is not an IPv6 address") from None
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise ValueError("it is not a host name") from None
    if not name or len(name) > 253:
        raise ValueError("it is empty or too long")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        plain = _plain_v4(name)
        return plain, plain != host
    if not _NAME.fullmatch(name):
        raise ValueError("it holds characters that no host name has")
    return name, False


def _plain_v4(name: str) -> str:
    """Read an IPv4 address as C's inet_aton does: one to four parts, each in base 8, 10 or 16."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError("it ends in a number and is not an IPv4 address")
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        raise ValueError("it ends in a number and is not an IPv4 address") from None
    head, tail = numbers[:-1], numbers[-1]
    if any(number > 255 for number in head) or tail >= 256 ** (5 - len(parts)):
        raise ValueError("it is out of the range of IPv4 addresses")
    value = tail + sum(number << (24 - 8 * place) for place, number in enumerate(head))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and part != "0" else int(part)


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host as the system's resolver gives them, each once, in order.

    The resolver itself knows no deadline, so it is waited for and then left alone.

    Raises:
        OSError: if the name has no address, or no answer came in time.
    """
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error)
        else:
            answers.put([str(entry[4][0]) for entry in found])

    threading.Thread(target=ask, name=f"resolve {host[:60]}", daemon=True).start()
    try:
        answer = answers.get(timeout=_RESOLVED_IN_S)
    except queue.Empty:
        raise TimeoutError(f"no answer in {_RESOLVED_IN_S:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return tuple(dict.fromkeys(answer))

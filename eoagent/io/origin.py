"""Stand guard in front of every read: decide which places bytes may come from.

The rules, in one place:

* What the user typed is trusted as a place, private hosts included. A typed folder covers the
  files under it; a typed `catalog.json` or `collection.json` covers its folder likewise.
* A document read from the network may name public https hosts and its own origin, never a local
  path.
* A document on this machine may name regular files of this machine and public https hosts. A path
  written as lying inside the document's root (its folder, or the typed place around it) that leads
  out of it through a symbolic link is refused, unless a typed place covers the target.
* A place that stands by itself, in no document, must have been typed or reached: `allow_hosts`
  lists its host, or it was admitted before, or a document was noted to name it (`remember`), which
  is then held against the rules of that document. Text that a planner made up, or took out of
  metadata or an image, reaches nothing else, a public https host neither.
* Private, loopback, link-local and reserved hosts, and plain http, only where the user typed the
  place or `allow_hosts` lists the host. A host that was public may not turn private.
* The query of an address may hold a key, so what records get to see has a mark in its place; the
  guard that put it there takes it back for the address, no other does.

Host names are resolved here, every address must pass, and the reader connects to those addresses
only. Guards nothing by itself: `remote.py` and `dataset.py` open what was admitted.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.access import AccessBook
from eoagent.io.address import Resolver, resolve_host
from eoagent.io.hosts import HostBook, allowed_host
from eoagent.io.href import LocalHref, UrlHref, parse_href, redact, refusal
from eoagent.io.signed import SignedBook, is_marked, lost_query
from eoagent.io.typed import TypedPlaces, expand, lies_in

__all__ = ["OriginGuard"]

_SYSTEM_ROOTS: Final = ("/proc/", "/sys/", "/dev/")
_SHARED_MEMORY: Final = "/dev/shm/"  # noqa: S108 - read only, where people keep scratch files
_TYPE_IT: Final = "name the place yourself to have it trusted"
_TAKE_A_RESULT: Final = "take the place from a result of this run, or " + _TYPE_IT
_FORGOTTEN: Final = "https://document.invalid/"
"""Stands for a document of the network that is not known any more; no host has this name."""


class OriginGuard:
    """The one guard in front of every read; may be shared by threads."""

    def __init__(
        self,
        typed: Iterable[str] = (),
        *,
        allow_hosts: Iterable[str] = (),
        roots: Iterable[str | Path] = (),
        access: AccessBook | None = None,
        resolver: Resolver = resolve_host,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a guard that trusts the given places.

        Args:
            typed: places that the user typed: paths, folders, addresses.
            allow_hosts: hosts, as `HOST` or `HOST:PORT`, that may be private and speak plain http.
            roots: folders of our own, such as the artifact store, whose files may be read.
            access: keys of hosts; admitted places carry what signs requests to them.
            resolver: turns a host and a port into addresses.
            clock: seconds; decides when a resolved host is asked for again.

        Raises:
            SourceError: if a typed place or a listed host is none.
        """
        self._lock = threading.Lock()
        self._access = access or AccessBook()
        self._hosts = HostBook(resolver=resolver, clock=clock)
        self._allow = frozenset(allowed_host(text) for text in allow_hosts)
        self._folders = {os.path.realpath(root) for root in roots}
        self._typed = TypedPlaces()
        self._known: set[str] = set()
        self._named: dict[str, str] = {}
        self._signed = SignedBook()
        for place in typed:
            self.type_in(place)

    def type_in(self, href: str) -> None:
        """Note a place that the user typed, which is then trusted as a place.

        Raises:
            SourceError: if the text is no plain path and no http(s) address.
        """
        self._typed.add(self._parse_alone(href))

    def remember(self, hrefs: Iterable[str], *, base: str = "") -> None:
        """Note places that a document named, so that they can be opened later without it.

        Nothing is looked up or resolved now. Each is held against the rules when it is opened, as
        if the document named it then; what a document may not name is not noted.

        Args:
            hrefs: addresses, and absolute paths where `base` is a local document.
            base: the document; empty for one of the network that is not known any more, which may
                have named public https hosts and hosts that the user typed.
        """
        document = parse_href(base or _FORGOTTEN)
        for href in hrefs:
            with contextlib.suppress(SourceError):
                place = self._parse_named(href, document)
                if is_marked(href) or (isinstance(place, LocalHref) and place.path[0] != "/"):
                    continue
                with self._lock:
                    self._named.setdefault(_key(place), base)

    def require(self, href: str) -> None:
        """Check that a place which stands by itself was typed, listed or reached.

        This is the part of `admit` that asks nobody: no host is resolved, no file looked for.

        Raises:
            SourceError: if it was not.
        """
        place = self._parse_alone(href)
        if isinstance(place, UrlHref):
            if not self._stands_by_itself(place) and self._naming(place) is None:
                raise _unreached(place.url)
        elif not self._is_reached_path(_key(place)) and self._naming(place) is None:
            raise _untyped(href)

    def admit(self, href: str, *, base: str = "") -> Admitted:
        """Return a source cleared for reading; `base` is the document that named it, if any.

        Without `base` a typed folder is admitted too, so that it can be listed; a document may
        name regular files only.

        Raises:
            NotFound: if a local file does not exist.
            SourceError: if the place is refused; the message says by which rule.
        """
        source = parse_href(base) if base else None
        if source is None:
            href = self._signed.reveal(href)
        elif is_marked(href):  # a document may not borrow the key of an address of this run
            raise lost_query(href)
        place = self._parse_named(href, source)
        if isinstance(place, UrlHref):
            admitted = self._admit_url(place, source)
        else:
            admitted = self._admit_path(href, place, source)
        with self._lock:
            self._known.add(admitted.url or admitted.href)
        return admitted

    def _admit_url(self, place: UrlHref, source: LocalHref | UrlHref | None) -> Admitted:
        is_typed = self._typed.covers_url(place)
        is_trusted = self._allow_covers(place)
        if source is None and self._stands_by_itself(place):
            is_trusted = True
        elif source is None:
            source = self._naming(place)
            if source is None:
                raise _unreached(place.url)
        is_own = isinstance(source, UrlHref) and source.origin == place.origin
        if isinstance(source, UrlHref):
            # A document from the network may not lean on what the user typed elsewhere.
            is_trusted = is_trusted or (is_own and self._typed.has_origin(place))
        else:
            is_trusted = is_trusted or is_typed
        if place.is_disguised and not is_trusted:
            raise refusal(place.url, "its host is an address in disguise", hint="write it plainly")
        if place.scheme == "http" and not (is_trusted or is_own):
            raise refusal(
                place.url,
                "plain http is read only where the user typed it or allow_hosts lists the host",
                hint="use https, or " + _TYPE_IT,
            )
        addresses = self._hosts.addresses(place, private_ok=is_trusted)
        return Admitted(
            scheme=place.scheme,
            href=self._signed.hide(place),
            typed=is_typed,
            addresses=addresses,
            url=place.url,
            access=self._access.of(place, addresses),
        )

    def _parse_alone(self, href: str) -> LocalHref | UrlHref:
        """Read an href that stands by itself."""
        return parse_href(self._access.plain(self._signed.reveal(href)))

    def _parse_named(self, href: str, source: LocalHref | UrlHref | None) -> LocalHref | UrlHref:
        """Read an href that a document names, if there is one."""
        base_url = source.url if isinstance(source, UrlHref) else ""
        return parse_href(self._access.plain(href), base_url=base_url)

    def _stands_by_itself(self, place: UrlHref) -> bool:
        """Whether an address needs no document: it was typed, listed, or admitted before."""
        return (
            self._typed.covers_url(place) or self._allow_covers(place) or self._is_known(place.url)
        )

    def _naming(self, place: LocalHref | UrlHref) -> LocalHref | UrlHref | None:
        """Return the document that was noted to name a place, or None."""
        with self._lock:
            base = self._named.get(_key(place))
        if base is None:
            return None
        if not base and isinstance(place, UrlHref) and self._typed.has_origin(place):
            return place  # a document of a typed origin named its own origin
        return parse_href(base or _FORGOTTEN)

    def _is_known(self, href: str) -> bool:
        with self._lock:
            return href in self._known

    def _allow_covers(self, place: UrlHref) -> bool:
        return (place.host, None) in self._allow or (place.host, place.port) in self._allow

    def _admit_path(
        self, href: str, place: LocalHref, source: LocalHref | UrlHref | None
    ) -> Admitted:
        if isinstance(source, UrlHref):  # parse_href has refused it already
            raise refusal(href, "a document from the network may not name local files")
        if source is None:
            written = expand(place.path).absolute()
        else:
            written = Path(os.path.realpath(expand(source.path))).parent / place.path
        lexical, real = os.path.normpath(written), os.path.realpath(written)
        folder_ok = source is None
        is_reached = self._is_reached_path(real) if source is None else self._is_ours(real)
        if not is_reached:
            document = source or self._naming(place)
            if not isinstance(document, LocalHref):
                raise _untyped(href)
            folder_ok = False
            self._refuse_leak(href, lexical, real, document)
        return Admitted(
            scheme="file",
            href=_readable(href, real, folder_ok=folder_ok),
            typed=self._typed.covers_path(real),
        )

    def _is_ours(self, real: str) -> bool:
        return self._typed.covers_path(real) or any(lies_in(real, f) for f in self._folders)

    def _is_reached_path(self, real: str) -> bool:
        return self._is_ours(real) or self._is_known(real)

    def _refuse_leak(self, href: str, lexical: str, real: str, source: LocalHref) -> None:
        """Refuse a path that leads out of the folders of its document through a link."""
        document = os.path.realpath(expand(source.path))
        around = {folder for folder in self._folders if lies_in(document, folder)}
        roots = around | self._typed.folders_around(document) | {str(Path(document).parent)}
        is_inside = any(lies_in(lexical, root) for root in roots)
        if is_inside and not any(lies_in(real, root) for root in roots):
            raise refusal(
                href, "a symbolic link leads out of the folder of the document", hint=_TYPE_IT
            )


def _key(place: LocalHref | UrlHref) -> str:
    """Return what a place is known by: its whole address, or its real path."""
    return place.url if isinstance(place, UrlHref) else os.path.realpath(expand(place.path))


def _unreached(url: str) -> SourceError:
    return refusal(url, "neither the user nor a document of this run named it", hint=_TAKE_A_RESULT)


def _untyped(href: str) -> SourceError:
    return refusal(href, "it is a local path that the user did not type", hint=_TYPE_IT)


def _readable(href: str, real: str, *, folder_ok: bool) -> str:
    """Return a real path that is a regular file, or a folder where that is wanted."""
    if (real + "/").startswith(_SYSTEM_ROOTS) and not real.startswith(_SHARED_MEMORY):
        raise refusal(href, "it is a file of the operating system")
    try:
        mode = Path(real).stat().st_mode
    except (OSError, ValueError) as error:
        raise NotFound(
            f"there is no file {redact(href)!r} (looked at {redact(real)!r})", hint="check the path"
        ) from error
    if not (stat.S_ISREG(mode) or (folder_ok and stat.S_ISDIR(mode))):
        raise refusal(href, "it is not a regular file")
    return real

"""Stand guard in front of every read: decide which places bytes may come from.

The rules, in one place:

* What the user typed is trusted as a place, private hosts included. A typed folder covers the
  files under it; a typed `catalog.json` or `collection.json` covers its folder likewise.
* A document read from the network may name public https hosts and its own origin, never a local
  path.
* A document on this machine may name regular files of this machine and public https hosts. A path
  written as lying inside the document's root (its folder, or the typed place around it) that leads
  out of it through a symbolic link is refused, unless a typed place covers the target.
* Private, loopback, link-local and reserved hosts, and plain http, only where the user typed the
  place or `allow_hosts` lists the host. A host that was public may not turn private.
* The query of an address may hold a key, so what records get to see has a mark in its place; the
  guard that put it there takes it back for the address, no other does.
* What was admitted once, through whatever document, stays admitted when it is named again without
  one, so that a handle made in this run can be opened again.

Host names are resolved here, every address must pass, and the reader connects to those addresses
only. Guards nothing by itself: `remote.py` and `dataset.py` open what was admitted.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.address import Resolver, canonical_host, resolve_host
from eoagent.io.hosts import HostBook
from eoagent.io.href import LocalHref, UrlHref, parse_href, redact, refusal
from eoagent.io.signed import SignedBook, is_marked, lost_query

__all__ = ["OriginGuard"]

_SYSTEM_ROOTS: Final = ("/proc/", "/sys/", "/dev/")
_SHARED_MEMORY: Final = "/dev/shm/"  # noqa: S108 - read only, where people keep scratch files
_CATALOG_NAMES: Final = frozenset({"catalog.json", "collection.json"})
_TYPE_IT: Final = "name the place yourself to have it trusted"


class OriginGuard:
    """The one guard in front of every read; may be shared by threads."""

    def __init__(
        self,
        typed: Iterable[str] = (),
        *,
        allow_hosts: Iterable[str] = (),
        roots: Iterable[str | Path] = (),
        resolver: Resolver = resolve_host,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a guard that trusts the given places.

        Args:
            typed: places that the user typed: paths, folders, addresses.
            allow_hosts: hosts, as `HOST` or `HOST:PORT`, that may be private and speak plain http.
            roots: folders of our own, such as the artifact store, whose files may be read.
            resolver: turns a host and a port into addresses.
            clock: seconds; decides when a resolved host is asked for again.

        Raises:
            SourceError: if a typed place or a listed host is none.
        """
        self._lock = threading.Lock()
        self._hosts = HostBook(resolver=resolver, clock=clock)
        self._allow = frozenset(_allowed_host(text) for text in allow_hosts)
        self._folders = {os.path.realpath(root) for root in roots}
        self._typed_files: set[str] = set()
        self._typed_folders: set[str] = set()
        self._typed_urls: list[UrlHref] = []
        self._known: set[str] = set()
        self._signed = SignedBook()
        for place in typed:
            self.type_in(place)

    def type_in(self, href: str) -> None:
        """Note a place that the user typed, which is then trusted as a place.

        Raises:
            SourceError: if the text is no plain path and no http(s) address.
        """
        place = parse_href(self._signed.reveal(href))
        if isinstance(place, UrlHref):
            with self._lock:
                self._typed_urls.append(place)
            return
        # The user's link is the user's choice: what it leads to is what was typed.
        real = Path(os.path.realpath(_expand(place.path)))
        with self._lock:
            if real.is_dir():
                self._typed_folders.add(str(real))
            else:
                self._typed_files.add(str(real))
                if real.name.lower() in _CATALOG_NAMES:
                    self._typed_folders.add(str(real.parent))

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
        if isinstance(source, UrlHref):
            place = parse_href(href, base_url=source.url)
        else:
            place = parse_href(href)
        if isinstance(place, UrlHref):
            admitted = self._admit_url(place, source)
        else:
            admitted = self._admit_path(href, place, source)
        with self._lock:
            self._known.add(admitted.url or admitted.href)
        return admitted

    def _admit_url(self, place: UrlHref, source: LocalHref | UrlHref | None) -> Admitted:
        is_typed = self._covers_url(place)
        is_own = isinstance(source, UrlHref) and source.origin == place.origin
        if isinstance(source, UrlHref):
            # A document from the network may not lean on what the user typed elsewhere.
            is_trusted = is_own and self._has_typed_origin(place)
        else:
            is_trusted = is_typed or (source is None and self._is_known(place.url))
        is_trusted = is_trusted or self._allow_covers(place)
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
        )

    def _covers_url(self, place: UrlHref) -> bool:
        """Whether the user typed the address or a catalog or folder that it lies under."""
        with self._lock:
            return any(
                typed.origin == place.origin
                and (typed.url == place.url or place.path.startswith(_covered_folder(typed)))
                for typed in self._typed_urls
            )

    def _has_typed_origin(self, place: UrlHref) -> bool:
        with self._lock:
            return any(typed.origin == place.origin for typed in self._typed_urls)

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
            written = _expand(place.path).absolute()
            roots: set[str] = set()
        else:
            document = os.path.realpath(_expand(source.path))
            written = Path(document).parent / place.path
            roots = self._roots_of(document)
        lexical, real = os.path.normpath(written), os.path.realpath(written)
        is_typed = self._covers_path(real)
        is_ours = any(_lies_in(real, folder) for folder in self._folders)
        if not (is_typed or is_ours or (source is None and self._is_known(real))):
            self._check_untyped(href, lexical, real, roots if source else None)
        return Admitted(
            scheme="file", href=_readable(href, real, folder_ok=source is None), typed=is_typed
        )

    def _roots_of(self, document: str) -> set[str]:
        """The folders that a local document belongs to: its own, and the typed ones around it."""
        with self._lock:
            around = {f for f in self._typed_folders | self._folders if _lies_in(document, f)}
        return around | {str(Path(document).parent)}

    def _check_untyped(self, href: str, lexical: str, real: str, roots: set[str] | None) -> None:
        if roots is None:
            raise refusal(href, "it is a local path that the user did not type", hint=_TYPE_IT)
        is_inside = any(_lies_in(lexical, root) for root in roots)
        if is_inside and not any(_lies_in(real, root) for root in roots):
            raise refusal(
                href, "a symbolic link leads out of the folder of the document", hint=_TYPE_IT
            )

    def _covers_path(self, real: str) -> bool:
        with self._lock:
            return real in self._typed_files or any(_lies_in(real, f) for f in self._typed_folders)


def _allowed_host(text: str) -> tuple[str, int | None]:
    """Read `HOST` or `HOST:PORT`, an IPv6 host with a port in brackets."""
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


def _covered_folder(typed: UrlHref) -> str:
    """The folder of an origin that a typed address covers: a catalog's own, else itself as one."""
    name = typed.path[len(typed.folder) :]
    return typed.folder if name.lower() in _CATALOG_NAMES else typed.path.rstrip("/") + "/"


def _expand(path: str) -> Path:
    """Return a path with `~` replaced where the account has a home, else as it stands."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


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

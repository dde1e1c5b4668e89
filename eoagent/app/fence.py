"""Bound what a client that is no person may have read: folders named at the start, public https.

Whoever types a path into a question is trusted with it. A program that calls tools, such as a
language model over MCP, is not: what it names is held to what the person who started the server
allowed. The rules, in one place:

* A local file is read only where its real path, after symbolic links, lies in one of the roots. A
  document inside a root does not widen that, nor does a handle made by somebody else.
* A relative path counts from the first root.
* Public https hosts are open, by whatever they are named; private and loopback hosts and plain http
  only where `allow_hosts` lists the host.
* Without network no address is read at all, listed or not.

Everything else is the guard's (`eoagent.io.origin`), which stands behind this fence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.access import AccessBook
from eoagent.io.address import Resolver, resolve_host
from eoagent.io.href import UrlHref, parse_href, refusal
from eoagent.io.origin import OriginGuard
from eoagent.io.typed import expand

__all__ = ["Fence"]

_ROOT_HINT: Final = "have the server started with --root FOLDER"
_NAME_IT: Final = "name the place yourself to have it trusted"
_ALLOW_IT: Final = "have the server started with --allow-host HOST"


class Fence:
    """A guard for calls of a client that is no person; may be shared by threads."""

    def __init__(
        self,
        roots: Sequence[Path | str],
        *,
        allow_hosts: Iterable[str] = (),
        network: bool = True,
        access: AccessBook | None = None,
        resolver: Resolver = resolve_host,
    ) -> None:
        """Put up a fence.

        Args:
            roots: folders whose files may be read; relative paths count from the first.
            allow_hosts: hosts, as `HOST` or `HOST:PORT`, that may be private and speak plain http.
            network: whether any web address may be read.
            access: keys of hosts.
            resolver: turns a host and a port into addresses.

        Raises:
            InputError: if there is no root, or one is no folder.
            SourceError: if a listed host is none.
        """
        self.roots: tuple[Path, ...] = tuple(_folder(root) for root in roots)
        """The folders, after symbolic links."""
        self.network = network
        """Whether any web address may be read."""
        if not self.roots:
            raise InputError("no folder may be read", hint="name at least one (--root FOLDER)")
        self._access = access or AccessBook()
        self._guard = OriginGuard(
            allow_hosts=allow_hosts, roots=self.roots, access=self._access, resolver=resolver
        )

    def admit(self, href: str, *, base: str = "") -> Admitted:
        """Return a source cleared for reading; `base` is the document that named it, if any.

        Raises:
            NotFound: if a local file does not exist.
            SourceError: if the place is refused; the message says by which rule.
        """
        source = parse_href(base) if base else None
        href = self._access.plain(href)
        place = parse_href(href, base_url=source.url if isinstance(source, UrlHref) else "")
        if isinstance(place, UrlHref):
            return self._admit_url(href, base)
        folder = Path(os.path.realpath(source.path)).parent if source else self.roots[0]
        written = folder / expand(place.path)
        self._check_root(href, os.path.realpath(written))
        admitted = self._guard.admit(href if source else str(written), base=base)
        self._check_root(href, admitted.href)  # what will be opened, whatever came of the above
        return admitted

    def type_in(self, href: str) -> None:
        """Trust a web address that a setting names; a local path stays as it was.

        Raises:
            SourceError: if the text is no plain path and no http(s) address.
        """
        if isinstance(parse_href(self._access.plain(href)), UrlHref):
            self._guard.type_in(href)

    def remember(self, hrefs: Iterable[str], *, base: str = "") -> None:
        """Note places that a document named; when they are opened, the rules hold as ever."""
        self._guard.remember(hrefs, base=base)

    def require(self, href: str) -> None:
        """Check that a place may be named by itself: any address, and files inside the roots.

        Raises:
            SourceError: if it may not.
        """
        href = self._access.plain(href)
        place = parse_href(href)
        if isinstance(place, UrlHref):
            self._check_network(href)
        else:
            self._check_root(href, os.path.realpath(self.roots[0] / expand(place.path)))

    def _admit_url(self, href: str, base: str) -> Admitted:
        self._check_network(href)
        if not base:  # an address that the client names is held to what a strange document may name
            self._guard.remember([href])
        try:
            return self._guard.admit(href, base=base)
        except SourceError as error:
            hint = error.hint.replace(_NAME_IT, _ALLOW_IT)
            raise SourceError(str(error), href=error.href, hint=hint) from error

    def _check_network(self, href: str) -> None:
        if not self.network:
            raise refusal(
                href, "this server reads nothing from the network", hint="name a local file"
            )

    def _check_root(self, href: str, real: str) -> None:
        if not any(Path(real).is_relative_to(root) for root in self.roots):
            raise refusal(href, "it lies outside of the folders open here", hint=_ROOT_HINT)


def _folder(root: Path | str) -> Path:
    try:
        real = Path(root).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"the root {str(root)!r} is no usable path: {error}", hint="name a folder that exists"
        ) from error
    if not real.is_dir():
        raise InputError(f"the root {str(root)!r} is no folder", hint="name a folder that exists")
    return real

"""Read an href once, strictly: which kind of place it names, or why it is refused.

Says nothing about whether the place may be read: that is `origin.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from eoagent.contracts.errors import SourceError
from eoagent.io.address import canonical_host

__all__ = ["LocalHref", "UrlHref", "parse_href", "redact", "redact_text", "refusal"]

_LONGEST: Final = 8192
_SHOWN: Final = 200
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*):")
_ENCODED_CONTROL: Final = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_ENCODED_DOTS: Final = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_BAD_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PATH_SAFE: Final = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE: Final = _PATH_SAFE + "?[]|"
_URL_IN_TEXT: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>`]+")
_AUTHORITY: Final = re.compile(r"(/*)([^/]*)(.*)", re.DOTALL)
_HOST_PORT: Final = re.compile(r"[^:]*(?::[0-9]*)?|\[.*\](?::[0-9]*)?")
_PLAIN: Final = "give a plain file path or an https address"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalHref:
    """A path on this machine as it was written, absolute or relative."""

    path: str
    """The path; a `file:///` address has been turned into one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlHref:
    """A web address in its one normal form."""

    url: str
    """The whole address: lower-case scheme and host, no default port, no fragment."""
    scheme: Literal["http", "https"]
    """How it is reached."""
    host: str
    """Host in plain form, IPv6 without brackets."""
    port: int
    """Port, also when it is the default one."""
    path: str
    """Encoded path, at least `/`."""
    is_disguised: bool
    """Whether the host was an IPv4 address written so as not to look like one."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what two addresses of one origin share."""
        return self.scheme, self.host, self.port

    @property
    def folder(self) -> str:
        """Path up to and with its last slash."""
        return self.path[: self.path.rfind("/") + 1]


def redact(href: str) -> str:
    """Return an href for people to read: without credentials and query, printable and short."""
    scheme = _SCHEME.match(href)
    head = href[: scheme.end()] if scheme else ""
    rest = href[len(head) :]
    # Secrets ride in the query and the fragment, and before the at sign of the authority.
    cut = re.search(r"[?#]" if scheme else r"[?]", rest)
    shown = rest[: cut.start()] + cut.group() + "..." if cut else rest
    if scheme:
        slashes, authority, path = _AUTHORITY.fullmatch(shown).groups()  # type: ignore[union-attr]
        if "@" in authority or ("@" in rest and not _HOST_PORT.fullmatch(authority)):
            authority = "...@" + authority.rpartition("@")[2] if "@" in authority else "...@"
        shown = head + slashes + authority + path
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def redact_text(text: str) -> str:
    """Return a text with the web addresses in it redacted, and nothing else changed."""
    return _URL_IN_TEXT.sub(lambda found: redact(found.group()), text)


def refusal(href: str, why: str, *, hint: str = "") -> SourceError:
    """Return the error that refuses an href, with secrets left out."""
    shown = redact(href)
    return SourceError(f"{shown!r} is refused: {why}", href=shown, hint=hint)


def parse_href(href: str, *, base_url: str = "") -> LocalHref | UrlHref:
    """Read an href; with `base_url` it is one that the document at that address wrote.

    Under a base address everything without a scheme is relative to it, so that `/etc/passwd`
    means a path on that server, never a file of this machine.

    Raises:
        SourceError: if the text is no plain path and no http(s) address, or carries a trick.
    """
    _check_text(href)
    scheme = _SCHEME.match(href)
    if scheme is None:
        if base_url:
            return _parse_url(urljoin(base_url, href))
        if href.startswith("//"):
            raise refusal(href, "it is a network path", hint=_PLAIN)
        return LocalHref(path=href)
    name = scheme.group(1).lower()
    if name in _DEFAULT_PORTS:
        return _parse_url(href)
    if name == "file" and not base_url:
        return _parse_file(href)
    if name == "file":
        raise refusal(href, "a document from the network may not name local files")
    raise refusal(
        href,
        f"{scheme.group()!r} is not a way in that is open here",
        hint=f"{_PLAIN}; a file name that holds a colon is written ./NAME",
    )


def _check_text(href: str) -> None:
    if not href or href.isspace():
        raise SourceError("an empty href was given", href=href, hint=_PLAIN)
    if len(href) > _LONGEST:
        raise refusal(href, f"it is {len(href)} characters long, more than {_LONGEST}")
    if any(c in _BIDI or unicodedata.category(c) in _BAD_CATEGORIES for c in href):
        raise refusal(href, "it holds control characters")
    if _ENCODED_CONTROL.search(href):
        raise refusal(href, "it holds encoded control characters")
    if href != href.strip():
        raise refusal(href, "it begins or ends with white space")
    if "\\" in href or "%5c" in href.lower():
        raise refusal(href, "it holds a backslash", hint="separate folders with /")
    if href[0] in "<{[|":
        raise refusal(href, "it is inline text, not a place", hint=_PLAIN)
    if re.match(r"/+vsi", href, re.IGNORECASE):
        raise refusal(href, "virtual file systems are off", hint=_PLAIN)


def _parse_file(href: str) -> LocalHref:
    rest = href[len("file:") :]
    if rest.startswith("//") and not rest.startswith("///"):
        raise refusal(href, "a file address may not name a host", hint=_PLAIN)
    path = unquote(rest.removeprefix("//"))
    _check_text(path)
    if not path.startswith("/") or path.startswith("//"):
        raise refusal(href, "a file address must hold one absolute path", hint=_PLAIN)
    return LocalHref(path=path)


def _parse_url(href: str) -> UrlHref:
    try:
        parts = urlsplit(href)
        port = parts.port
    except ValueError as error:
        raise refusal(href, f"it is not a web address ({error})") from None
    if not parts.netloc or not parts.hostname:
        raise refusal(href, "it names no host", hint="write https://HOST/PATH")
    if "@" in parts.netloc:
        raise refusal(href, "it carries credentials", hint="leave NAME:PASSWORD@ out of it")
    try:
        host, is_disguised = canonical_host(parts.hostname)
    except ValueError as error:
        raise refusal(href, f"its host is not one: {error}") from None
    scheme: Literal["http", "https"] = "https" if parts.scheme.lower() == "https" else "http"
    if port == 0:
        raise refusal(href, "port 0 cannot be reached")
    default = _DEFAULT_PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port in (None, default) else f"{shown}:{port}"
    path = quote(_without_dots(parts.path), safe=_PATH_SAFE)
    if _ENCODED_DOTS.search(path):
        raise refusal(href, "its path holds encoded parent folders")
    query = quote(parts.query, safe=_QUERY_SAFE)
    return UrlHref(
        url=urlunsplit((scheme, authority, path, query, "")),
        scheme=scheme,
        host=host,
        port=port or default,
        path=path,
        is_disguised=is_disguised,
    )


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` in the path of an address; empty segments stay."""
    kept: list[str] = []
    segments = path.split("/")[1:] or [""]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)

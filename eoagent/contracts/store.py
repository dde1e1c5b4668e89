"""What a tool may ask of the artifact store and of the guard in front of every read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from eoagent.contracts.artifact import Artifact, ArtifactKind

__all__ = ["Access", "Admitted", "ArtifactStore", "Origins", "Outgoing"]


class ArtifactStore(Protocol):
    """A content-addressed home for artifacts; putting the same content twice gives one artifact."""

    def put(
        self,
        kind: ArtifactKind,
        *,
        title: str,
        payload: dict[str, Any],
        preview: dict[str, Any],
        file: Path | None = None,
        media_type: str = "application/json",
    ) -> Artifact:
        """Keep an artifact; `file`, a path from `scratch`, is moved in.

        A payload `path` of "" is filled with the stored file's path relative to the root.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """

    def get(self, handle: str) -> Artifact:
        """Return an artifact by handle.

        Raises:
            NotFound: if there is none.
            SourceError: if its record or file is damaged.
        """

    def scratch(self, suffix: str) -> Path:
        """Return a fresh path inside the store for a file that is to be put."""

    def locate(self, relative: str) -> Path:
        """Return the absolute path of a stored file named in a payload.

        Raises:
            NotFound: if it is not there or leads out of the store.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request as it goes out; nothing of it is printed, since a key may be in it."""

    url: str = field(repr=False)
    """The whole address."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers besides the usual."""
    post: bytes | None = field(default=None, repr=False)
    """Body of a POST; None for a GET."""


class Access(Protocol):
    """The way into a host that wants a key: signs requests as they go out, and nothing before."""

    def sign(self, asked: Outgoing, *, left_s: float) -> Outgoing:
        """Return the request with what the host wants to see; it is sent and then forgotten.

        Args:
            asked: the request, to the same place.
            left_s: seconds that there are for it.

        Raises:
            SourceError: if the key is not there, or is refused where a token is asked for.
        """

    def renew(self, url: str) -> bool:
        """Forget what was kept for an address; say whether signing anew may help."""

    def advice(self, status: int, headers: Mapping[str, str]) -> str:
        """Return what the user can do about a refusal of this status with these headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A source that passed the guard and may be opened as it stands."""

    scheme: Literal["file", "http", "https"]
    """How it is reached."""
    href: str
    """Absolute real path, or the normalised URL; in place of a query, which may hold a key, stands
    a mark that the guard of this run knows. This is what may be written down."""
    typed: bool
    """Whether the user typed it (or typed the folder or catalog it lies under)."""
    addresses: tuple[str, ...] = ()
    """Addresses that the host resolved to and that are allowed; the reader connects to these."""
    url: str = field(default="", repr=False)
    """The URL with its query, for the request alone; empty where `href` is all there is."""
    access: Access | None = field(default=None, repr=False, compare=False)
    """What signs requests to its host; None where the settings state no key."""


class Origins(Protocol):
    """The one guard in front of every read: says whether a place may be read, and resolves it."""

    def admit(self, href: str, *, base: str = "") -> Admitted:
        """Return a source cleared for reading; `base` is the document that named it, if any.

        Without `base` the place must have been typed, listed, or reached in this run.

        Raises:
            NotFound: if a local file does not exist.
            SourceError: if the place is refused; the message says by which rule.
        """

    def type_in(self, href: str) -> None:
        """Note a place that the user typed, which is then trusted as a place."""

    def remember(self, hrefs: Iterable[str], *, base: str = "") -> None:
        """Note places that a document named, so that they can be opened later without it."""

    def require(self, href: str) -> None:
        """Check, without asking anybody, that a place may be named by itself.

        Raises:
            SourceError: if it was neither typed nor listed nor reached.
        """

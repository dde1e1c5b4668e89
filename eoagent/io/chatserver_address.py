"""Read the address of a chat server: where its requests go, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.href import UrlHref, parse_href, redact

__all__ = ["ServerAddress", "is_address", "read_address"]

_CHAT: Final = "/chat/completions"
_MODELS: Final = "/models"
_VERSION: Final = "/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server that speaks the OpenAI protocol is reached; it holds no credentials."""

    root: str
    """Its address up to and with `/v1`."""
    shown: str
    """Its address for people and for provenance: scheme, host, port and what path there is."""

    @property
    def chat_url(self) -> str:
        """Where replies are asked for."""
        return self.root + _CHAT

    @property
    def models_url(self) -> str:
        """Where the names of its models are asked for."""
        return self.root + _MODELS


def is_address(text: str) -> bool:
    """Return whether a setting names a server rather than a model card."""
    return text.lower().startswith(("http://", "https://"))


def read_address(text: str) -> ServerAddress:
    """Return the server that a user means, whose address may end in `/v1` or not.

    Raises:
        InputError: if it is no plain web address, or carries what may be a key.
    """
    shown = redact(text)
    try:
        place = parse_href(text)
    except SourceError as error:
        key = "; a key is set as reasoner_key" if "@" in text else ""
        raise InputError(
            f"the address of the reasoner's server: {error}",
            hint=f"write http://HOST:PORT or https://HOST{key}",
        ) from error
    if not isinstance(place, UrlHref):
        raise InputError(
            f"the reasoner's server {shown!r} is no web address",
            hint="write http://HOST:PORT or https://HOST",
        )
    if "?" in text or "#" in text:
        raise InputError(
            f"the address of the reasoner's server {shown!r} has a query",
            hint="leave out what follows the question mark; a key is set as reasoner_key",
        )
    path = place.path.rstrip("/").removesuffix(_CHAT)
    path = path.rstrip("/").removesuffix(_VERSION).rstrip("/")
    origin = place.url[: len(place.url) - len(place.path)]
    return ServerAddress(root=origin + path + _VERSION, shown=origin + path)

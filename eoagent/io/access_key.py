"""Where a key comes from: the settings or an environment variable, read when it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Outgoing
from eoagent.io.href import redact

__all__ = ["HeaderAccess", "KeySource", "is_sendable"]

_SENDABLE: Final = re.compile(r"[\x21-\x7e]{1,8192}")


def is_sendable(text: str) -> bool:
    """Return whether a text can stand in a header: printable ASCII without spaces."""
    return _SENDABLE.fullmatch(text) is not None


class KeySource:
    """One key of one section of the settings; never printed, nor is the name of its variable.

    The name is kept quiet since people write the key itself there by mistake.
    """

    def __init__(
        self,
        section: str,
        field: str,
        *,
        secret: SecretStr | None = None,
        variable: str = "",
        environ: Mapping[str, str],
    ) -> None:
        """Make a source.

        Args:
            section: how the settings name the host, for messages.
            field: the field of the settings that states the key, for messages.
            secret: the key itself.
            variable: the variable that holds it, where it is not stated itself.
            environ: the environment variables, looked up at each reading.
        """
        self.section = section
        self._field = field
        self._secret = secret
        self._variable = variable
        self._environ = environ

    def find(self, url: str) -> str:
        """Return the key, or an empty text where there is none.

        Raises:
            SourceError: if it holds characters that cannot be sent.
        """
        kept = self._secret.get_secret_value() if self._secret is not None else ""
        key = kept or self._environ.get(self._variable, "").strip()
        if key and not is_sendable(key):
            raise self._failed(url, "holds spaces, line breaks or letters beyond ASCII")
        return key

    def take(self, url: str) -> str:
        """Return the key.

        Raises:
            SourceError: if it is not there or cannot be sent.
        """
        key = self.find(url)
        if not key:
            raise self._failed(url, "is not set, or is empty")
        return key

    def _failed(self, url: str, why: str) -> SourceError:
        shown = redact(url)
        what = "the key" if self._secret is not None else f"the variable that {self._field} names"
        return SourceError(
            f"{shown!r} could not be read: {what} {why}",
            href=shown,
            hint=f'set the variable, or mend [stac."{self.section}"] in eoagent.toml',
        )


class HeaderAccess:
    """Sends a key in a header to the one host that it is for."""

    def __init__(
        self, key: KeySource, *, header: str = "Authorization", before: str = "Bearer "
    ) -> None:
        """Make the way in; `before` stands in front of the key in the header."""
        self._key = key
        self._header = header
        self._before = before

    def sign(self, asked: Outgoing, *, left_s: float) -> Outgoing:
        """Return the request with the header.

        Raises:
            SourceError: if there is no key.
        """
        del left_s
        value = self._before + self._key.take(asked.url)
        return Outgoing(
            url=asked.url, headers={**asked.headers, self._header: value}, post=asked.post
        )

    def renew(self, url: str) -> bool:
        """Say that the same key would be sent again."""
        del url
        return False

    def advice(self, status: int, headers: Mapping[str, str]) -> str:
        """Return what to do about a key that is not taken."""
        del headers
        if status not in (401, 403):
            return ""
        return (
            f'the key of [stac."{self._key.section}"] is not taken: check that it is whole, '
            "has not lapsed, and may read this"
        )

"""Keep queries of web addresses, which may hold keys, out of everything that is written down.

Outside, a mark stands in for the query; inside one run the mark leads back to the address.
"""

from __future__ import annotations

import hashlib
import re
import threading
from typing import Final

from eoagent.contracts.errors import SourceError
from eoagent.io.href import UrlHref, redact

__all__ = ["SignedBook", "is_marked", "lost_query"]

_MARKED: Final = re.compile(r"https?://[^?#]+\?\.\.\.[0-9a-f]{4,64}", re.IGNORECASE)
_DIGITS: Final = 4


def is_marked(href: str) -> bool:
    """Return whether a mark stands in an address where its query was."""
    return _MARKED.fullmatch(href) is not None


def lost_query(href: str) -> SourceError:
    """Return the error for a marked address whose query is not known here."""
    shown = redact(href)
    return SourceError(
        f"{shown!r} cannot be read again: its query may have held a key and was not kept",
        href=shown,
        hint="give the whole address anew",
    )


class SignedBook:
    """The addresses with a query of one run, by what stands for them; may be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def hide(self, place: UrlHref) -> str:
        """Return the address with a mark in place of its query, and remember the whole of it.

        The mark begins with four digits of a hash: enough to tell queries apart, too few to find
        a query by. An address without a query stays as it is.
        """
        bare, has_query, query = place.url.partition("?")
        if not has_query:
            return place.url
        digest = hashlib.sha256(query.encode()).hexdigest()
        with self._lock:
            for digits in range(_DIGITS, len(digest) + 1):
                marked = f"{bare}?...{digest[:digits]}"
                if self._known.setdefault(marked, place.url) == place.url:
                    break
        return marked

    def reveal(self, href: str) -> str:
        """Return the address that a marked one stands for; any other href as it is.

        Raises:
            SourceError: if the query was left out in another run, and is lost.
        """
        if not is_marked(href):
            return href
        with self._lock:
            known = self._known.get(href)
        if known is None:
            raise lost_query(href)
        return known

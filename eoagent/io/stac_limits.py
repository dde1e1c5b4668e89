"""How far catalogs and searches are followed: documents, pages, bytes, seconds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eoagent.io.fetch import RemoteLimits

__all__ = ["ApiLimits", "CatalogLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """How long, how often and how much a search of a STAC API may take."""

    deadline_s: float = 60.0
    """Longest time for the whole search, all pages, tries and pauses included."""
    request_s: float = 30.0
    """Longest time for one page, all tries and pauses included."""
    connect_s: float = 10.0
    """Longest wait for one address to take the connection."""
    silence_s: float = 20.0
    """Longest wait for the next byte."""
    attempts: int = 4
    """Most tries of one page."""
    backoff_s: float = 0.25
    """Pause before the second try; doubles with each further one."""
    page_size: int = 100
    """Items asked for at once."""
    page_bytes: int = 32 << 20
    """Most bytes of one page, after decompression."""
    max_bytes: int = 512 << 20
    """Most bytes of all pages."""
    max_pages: int = 200
    """Most pages."""
    max_items: int = 10_000
    """Most items."""
    max_empty: int = 10
    """Most pages without an item in a row."""

    def remote(self, left_s: float) -> RemoteLimits:
        """Return the limits of one request when so many seconds of the search are left."""
        return RemoteLimits(
            deadline_s=min(self.request_s, left_s),
            connect_s=self.connect_s,
            silence_s=self.silence_s,
            attempts=self.attempts,
            backoff_s=self.backoff_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogLimits:
    """How far a catalog is followed."""

    max_documents: int = 5_000
    """Most documents."""
    max_scenes: int = 20_000
    """Most scenes."""
    max_depth: int = 32
    """Most catalogs inside one another."""
    max_document_bytes: int = 64 << 20
    """Most bytes of one document, after decompression."""
    max_bytes: int = 1 << 30
    """Most bytes of all documents."""
    deadline_s: float = 120.0
    """Longest time for all documents, seconds."""
    document_s: float = 30.0
    """Longest time for one document, seconds."""
    max_files: int = 2_000
    """Most rasters of a bare folder."""
    concurrency: int = 8
    """Most documents that are asked for over the network at the same time."""
    api: ApiLimits = field(default_factory=ApiLimits)
    """How far a STAC API is searched."""

    def within(self, left_s: float) -> CatalogLimits:
        """Return the same limits with deadlines that leave off after so many seconds."""
        api = replace(self.api, deadline_s=min(self.api.deadline_s, left_s))
        return replace(self, deadline_s=min(self.deadline_s, left_s), api=api)

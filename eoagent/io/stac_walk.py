"""Walk a static catalog from document to document, several at a time over the network.

Every link goes through the guard, each loop has a limit, and what cannot be read is left out and
said. The scenes come in the order of the links, whatever the order in which documents arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.scene import Scene, SceneCollection, SceneConditions, Scenes
from eoagent.io.stac_bands import clean_text
from eoagent.io.stac_document import StacDocument
from eoagent.io.stac_extent import may_hold, read_collection
from eoagent.io.stac_item import member_href, scene_from_item
from eoagent.io.stac_limits import CatalogLimits
from eoagent.io.stac_readers import DocumentReaders
from eoagent.io.wire import Deadline

__all__ = ["Walk"]

_MAX_WARNINGS: Final = 50


@dataclass(frozen=True, slots=True)
class _Link:
    """A document that waits to be read."""

    href: str
    base: str
    order: tuple[int, ...]
    """Position of the link in its document, after those of the documents above."""


class Walk:
    """One walk through a catalog, depth first."""

    def __init__(
        self,
        origins: Origins,
        limits: CatalogLimits,
        conditions: SceneConditions,
        deadline: Deadline,
    ) -> None:
        """Make a walk; nothing is read yet."""
        self._origins = origins
        self._limits = limits
        self._conditions = conditions
        self._deadline = deadline
        self._bytes = 0
        self._fitting = 0
        self._seen: set[str] = set()
        self._ids: set[tuple[str, str]] = set()
        self._scenes: list[tuple[tuple[int, ...], Scene]] = []
        self._collections: list[tuple[tuple[int, ...], SceneCollection]] = []
        self._passed_over: list[str] = []
        self._missing: list[str] = []
        self._warnings: list[str] = []

    def run(self, root: Admitted, first: StacDocument) -> Scenes:
        """Return the scenes that a document holds or leads to, and that meet the conditions.

        Args:
            root: where the document was admitted.
            first: the document.

        Raises:
            SourceError: if the document is a single item that is unsound.
        """
        self._seen.add(root.href)
        self._bytes += first.size
        waiting = self._take(first, ())
        with DocumentReaders(self._origins, self._limits, self._deadline) as readers:
            while waiting:
                if reason := self._stop_reason():
                    left = f"{len(waiting)} known links and what lies below are not read"
                    self._miss(f"{reason}; {left}")
                    break
                batch = self._next_batch(waiting)
                documents = readers.read([admitted for _, admitted in batch])
                found = [
                    self._taken(document, link.order)
                    for (link, _), document in zip(batch, documents, strict=True)
                ]
                waiting += [link for links in reversed(found) for link in links]
                if self._is_enough():
                    break
        return self._result(first)

    def _next_batch(self, waiting: list[_Link]) -> list[tuple[_Link, Admitted]]:
        """Take the next documents off the list: one from the disk, or several from the network."""
        limits = self._limits
        most = min(limits.concurrency, limits.max_documents - len(self._seen))
        batch: list[tuple[_Link, Admitted]] = []
        while waiting and len(batch) < most:
            link = waiting[-1]
            try:
                admitted = self._origins.admit(link.href, base=link.base)
            except (SourceError, InputError) as error:
                waiting.pop()
                self._miss(f"left out: {error}")
                continue
            if batch and admitted.scheme == "file":
                break
            waiting.pop()
            if admitted.href in self._seen:
                self._warn(f"{admitted.href} is linked more than once and read once")
                continue
            self._seen.add(admitted.href)
            batch.append((link, admitted))
            if admitted.scheme == "file":
                break
        return batch

    def _taken(self, read: StacDocument | SourceError, order: tuple[int, ...]) -> list[_Link]:
        if isinstance(read, SourceError):
            self._miss(f"left out: {read}")
            return []
        self._bytes += read.size
        try:
            return self._take(read, order)
        except SourceError as error:
            self._miss(f"left out: {error}")
            return []

    def _take(self, document: StacDocument, order: tuple[int, ...]) -> list[_Link]:
        """Keep what a document holds; return what it links to, last link first."""
        if document.kind == "items":
            self._keep_items(document, order)
            return []
        body = document.body
        is_collection = body.get("type") == "Collection" or "extent" in body
        wants_items = True
        if is_collection:
            collection = read_collection(body)
            self._collections.append((order, collection))
            if not may_hold(body, self._conditions):
                self._passed_over.append(collection.id)
                return []
            wanted = self._conditions.collections
            wants_items = not wanted or collection.id in wanted
        if any(_relation(link) in ("search", "items") for link in body["links"]):
            self._miss(
                f"{document.href} belongs to a STAC API; items that it only finds by search "
                "are not read"
            )
        links = [
            _Link(href, document.href, (*order, number))
            for number, link in enumerate(body["links"])
            if (href := _followed(link, wants_items=wants_items)) is not None
        ]
        if links and len(order) >= self._limits.max_depth:
            self._miss(f"{document.href} lies {len(order)} catalogs deep; its links are not read")
            return []
        return links[::-1]

    def _keep_items(self, document: StacDocument, order: tuple[int, ...]) -> None:
        is_single = len(document.items) == 1
        for number, item in enumerate(document.items):
            if len(self._scenes) >= self._limits.max_scenes:
                self._miss(f"stopped at {self._limits.max_scenes} scenes in {document.href}")
                return
            entry = item if isinstance(item, dict) else {}
            own = clean_text(entry.get("id"))
            href = document.href if is_single else member_href(document.href, own)
            try:
                scene = scene_from_item(entry, href)
            except SourceError as error:
                if is_single:
                    raise
                self._miss(f"left out: {error}")
                continue
            if (scene.collection, scene.id) in self._ids:
                self._warn(f"item {scene.id} of {document.href} occurs twice; the first is kept")
                continue
            self._ids.add((scene.collection, scene.id))
            self._scenes.append(((*order, number), scene))
            self._fitting += self._conditions.holds(scene)
        if any(_relation(link) == "next" for link in _links(document.body)):
            self._miss(f"{document.href} has further pages, which are not read")

    def _is_enough(self) -> bool:
        limit = self._conditions.limit
        return limit is not None and self._fitting >= limit

    def _stop_reason(self) -> str:
        limits = self._limits
        if len(self._scenes) >= limits.max_scenes:
            return f"stopped at {limits.max_scenes} scenes"
        if len(self._seen) >= limits.max_documents:
            return f"stopped at {limits.max_documents} documents"
        if self._bytes >= limits.max_bytes:
            return f"stopped at {limits.max_bytes} bytes"
        if self._deadline.left_s <= 0:
            return f"stopped after {limits.deadline_s:g} s"
        return ""

    def _result(self, first: StacDocument) -> Scenes:
        scenes = tuple(scene for _, scene in sorted(self._scenes, key=lambda pair: pair[0]))
        collections = sorted(self._collections, key=lambda pair: pair[0])
        return Scenes(
            scenes=scenes,
            title=_title(first, scenes),
            collections=tuple(collection for _, collection in collections),
            source=first.source,
            looked_at=len(scenes),
            passed_over=tuple(self._passed_over),
            missing=_bounded(self._missing),
            warnings=_bounded(self._warnings),
        ).meeting(self._conditions)

    def _warn(self, text: str) -> None:
        self._warnings.append(clean_text(text, 400))

    def _miss(self, text: str) -> None:
        self._missing.append(clean_text(text, 400))
        self._warn(text)


def _title(document: StacDocument, scenes: Sequence[Scene]) -> str:
    if document.kind == "items" and len(scenes) == 1:
        return scenes[0].title or scenes[0].id
    name = Path(document.href).name
    return clean_text(document.body.get("title")) or clean_text(document.body.get("id")) or name


def _bounded(texts: Sequence[str]) -> tuple[str, ...]:
    more = len(texts) - _MAX_WARNINGS
    kept = texts[:_MAX_WARNINGS]
    return (*kept, f"and {more} more warnings") if more > 0 else tuple(kept)


def _links(body: Any) -> list[Any]:
    links = body.get("links")
    return links if isinstance(links, list) else []


def _relation(link: Any) -> str:
    return str(link.get("rel")) if isinstance(link, dict) else ""


def _followed(link: Any, *, wants_items: bool) -> str | None:
    """Return the href of a link to a child or a wanted item, or None for any other link."""
    if _relation(link) not in (("child", "item") if wants_items else ("child",)):
        return None
    href = link.get("href")
    return href if isinstance(href, str) and href else None

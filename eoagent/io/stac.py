"""Open a static STAC catalog, an item, an item collection or a folder of rasters as scenes.

Every link goes through the guard, each loop has a limit, and what cannot be read is left out and
said. STAC APIs are searched elsewhere; here pages beyond the first are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.fetch import Wires
from eoagent.io.scene import Scene, SceneCollection, Scenes
from eoagent.io.scene_folder import scenes_of_folder
from eoagent.io.stac_bands import clean_text
from eoagent.io.stac_document import StacDocument, read_document
from eoagent.io.stac_item import scene_from_item
from eoagent.io.wire import Deadline

__all__ = ["CatalogLimits", "open_catalog"]

_MAX_WARNINGS: Final = 50
_ENTRIES: Final = ("catalog.json", "collection.json")


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


def open_catalog(href: str, origins: Origins, limits: CatalogLimits | None = None) -> Scenes:
    """Return the scenes of a catalog, collection, item, item collection or folder.

    A folder with a `catalog.json` or `collection.json` is that catalog; in any other, each raster
    below it is a scene. When a linked document fails or a limit is reached, the result is marked
    partial and a warning says what is missing.

    Args:
        href: path or URL.
        origins: the guard.
        limits: bounds on documents, scenes, depth, bytes and time.

    Raises:
        NotFound: if there is no such file, or a folder holds no raster.
        SourceError: if the document is refused, cannot be had, or is no STAC.
    """
    limits = limits or CatalogLimits()
    admitted = origins.admit(href)
    if admitted.scheme == "file" and Path(admitted.href).is_dir():
        folder = Path(admitted.href)
        entry = next((folder / name for name in _ENTRIES if (folder / name).is_file()), None)
        if entry is None:
            return scenes_of_folder(folder, origins, max_files=limits.max_files)
        admitted = origins.admit(str(entry))
    with Wires() as wires:
        return _Walk(origins, limits, wires).run(admitted)


@dataclass(frozen=True, slots=True)
class _Link:
    """A document that waits to be read."""

    href: str
    base: str
    depth: int


class _Walk:
    """One walk through a catalog, depth first, in the order of its links."""

    def __init__(self, origins: Origins, limits: CatalogLimits, wires: Wires) -> None:
        self._origins = origins
        self._limits = limits
        self._wires = wires
        self._deadline = Deadline(limits.deadline_s)
        self._bytes = 0
        self._seen: set[str] = set()
        self._ids: set[tuple[str, str]] = set()
        self._scenes: list[Scene] = []
        self._collections: list[SceneCollection] = []
        self._warnings: list[str] = []
        self._is_partial = False

    def run(self, root: Admitted) -> Scenes:
        first = self._read(root)
        waiting = self._take(first, 0)
        while waiting:
            if reason := self._stop_reason():
                self._miss(f"{reason}; {len(waiting)} known links and what lies below are not read")
                break
            link = waiting.pop()
            try:
                admitted = self._origins.admit(link.href, base=link.base)
                if admitted.href in self._seen:
                    self._warn(f"{admitted.href} is linked more than once and read once")
                    continue
                waiting += self._take(self._read(admitted), link.depth)
            except (SourceError, InputError) as error:
                self._miss(f"left out: {error}")
        return Scenes(
            scenes=tuple(self._scenes),
            title=self._title(first),
            collections=tuple(self._collections),
            source=first.source,
            is_partial=self._is_partial,
            warnings=self._bounded_warnings(),
        )

    def _read(self, admitted: Admitted) -> StacDocument:
        self._seen.add(admitted.href)
        document = read_document(
            admitted,
            self._origins,
            max_bytes=self._limits.max_document_bytes,
            deadline_s=min(self._limits.document_s, self._deadline.left_s),
            wires=self._wires,
        )
        self._bytes += document.size
        return document

    def _take(self, document: StacDocument, depth: int) -> list[_Link]:
        """Keep what a document holds; return what it links to, last link first."""
        if document.kind == "items":
            self._keep_items(document)
            return []
        if document.body.get("type") == "Collection" or "extent" in document.body:
            self._collections.append(
                SceneCollection(
                    id=clean_text(document.body["id"]),
                    title=clean_text(document.body.get("title")),
                    description=clean_text(document.body.get("description")),
                )
            )
        if any(_relation(link) in ("search", "items") for link in document.body["links"]):
            self._miss(
                f"{document.href} belongs to a STAC API; items that it only finds by search "
                "are not read"
            )
        links = [
            _Link(href, document.href, depth + 1)
            for link in document.body["links"]
            if (href := _followed(link)) is not None
        ]
        if links and depth >= self._limits.max_depth:
            self._miss(f"{document.href} lies {depth} catalogs deep; its links are not read")
            return []
        return links[::-1]

    def _keep_items(self, document: StacDocument) -> None:
        is_single = len(document.items) == 1
        for item in document.items:
            if len(self._scenes) >= self._limits.max_scenes:
                self._miss(f"stopped at {self._limits.max_scenes} scenes in {document.href}")
                return
            try:
                scene = scene_from_item(item if isinstance(item, dict) else {}, document.href)
            except SourceError as error:
                if is_single:
                    raise
                self._miss(f"left out: {error}")
                continue
            if (scene.collection, scene.id) in self._ids:
                self._warn(f"item {scene.id} of {document.href} occurs twice; the first is kept")
                continue
            self._ids.add((scene.collection, scene.id))
            self._scenes.append(scene)
        if any(_relation(link) == "next" for link in _links(document.body)):
            self._miss(f"{document.href} has further pages, which are not read")

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

    def _title(self, document: StacDocument) -> str:
        if document.kind == "items" and len(self._scenes) == 1:
            return self._scenes[0].title or self._scenes[0].id
        name = Path(document.href).name
        return clean_text(document.body.get("title")) or clean_text(document.body.get("id")) or name

    def _warn(self, text: str) -> None:
        self._warnings.append(clean_text(text, 400))

    def _miss(self, text: str) -> None:
        self._is_partial = True
        self._warn(text)

    def _bounded_warnings(self) -> tuple[str, ...]:
        more = len(self._warnings) - _MAX_WARNINGS
        kept = self._warnings[:_MAX_WARNINGS]
        return (*kept, f"and {more} more warnings") if more > 0 else tuple(kept)


def _links(body: Any) -> list[Any]:
    links = body.get("links")
    return links if isinstance(links, list) else []


def _relation(link: Any) -> str:
    return str(link.get("rel")) if isinstance(link, dict) else ""


def _followed(link: Any) -> str | None:
    """Return the href of a link to a child or an item, or None for any other link."""
    if _relation(link) not in ("child", "item"):
        return None
    href = link.get("href")
    return href if isinstance(href, str) and href else None

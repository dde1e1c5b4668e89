"""Know which artifacts belong to a conversation, and let its tools get at no others.

One store holds the artifacts of all runs, and a handle is made of content, not of chance: that a
text holds one does not make it the run's own. A handle is good here once this run made it, or once
it was handed in with the conversation's earlier ones.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eoagent.contracts.artifact import Artifact, ArtifactKind, TableRef, handle_kind
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.store import ArtifactStore, Origins

__all__ = ["MADE", "HandleBook", "OwnStore", "carry_in"]

_OF_TILE = ("item_href", "href")
"""Keys of a tile that name places."""
MADE = "made"
"""Key in the file of a table under which a step over a list keeps the handles that it made."""


class HandleBook:
    """The handles that a run may name; may be shared by threads."""

    def __init__(self, handles: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._handles = set(handles)

    def add(self, handles: Iterable[str]) -> None:
        """Note handles that the run made, or that came with the conversation."""
        with self._lock:
            self._handles.update(handles)

    def __contains__(self, handle: object) -> bool:
        with self._lock:
            return handle in self._handles

    def require(self, handle: str) -> None:
        """Check that a handle belongs here; whether the store has it is not told.

        Raises:
            NotFound: if it does not.
        """
        if handle not in self:
            raise NotFound(
                f"{handle} was not made in this run or conversation",
                hint="use the artifacts of this conversation, or references such as $1",
            )


class OwnStore:
    """The store as the tools of one run see it: it gives the run's own artifacts only."""

    def __init__(self, store: ArtifactStore, handles: HandleBook) -> None:
        self._store = store
        self._handles = handles

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
        """Keep an artifact, which is the run's own from now on.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        artifact = self._store.put(
            kind, title=title, payload=payload, preview=preview, file=file, media_type=media_type
        )
        self._handles.add((artifact.handle,))
        return artifact

    def get(self, handle: str) -> Artifact:
        """Return an artifact of the run.

        Raises:
            NotFound: if it is none of the run's, or has gone.
            SourceError: if its record or file is damaged.
        """
        if handle_kind(handle) is not None:
            self._handles.require(handle)
        return self._store.get(handle)

    def scratch(self, suffix: str) -> Path:
        """Return a fresh path inside the store for a file that is to be put."""
        return self._store.scratch(suffix)

    def locate(self, relative: str) -> Path:
        """Return the absolute path of a stored file named in a payload.

        Raises:
            NotFound: if it is not there or leads out of the store.
        """
        return self._store.locate(relative)


def carry_in(
    handles: Iterable[str], *, book: HandleBook, store: ArtifactStore, origins: Origins
) -> None:
    """Let a run name artifacts that its conversation made before, or that the user typed.

    With a table of a step over a list come the artifacts that the step made. The places behind
    rasters and scenes are noted at the guard, to be held against the rules as when they were
    reached: remote ones may be public https hosts or hosts that the user typed; a local file lies
    behind a raster only because it was admitted then, or behind a tile because an index of this
    home named it, and must still be a regular file.
    """
    waiting, seen = list(handles), set[str]()
    while waiting:
        handle = waiting.pop()
        if handle in seen or handle_kind(handle) is None:
            continue
        seen.add(handle)
        book.add((handle,))
        try:
            artifact = store.get(handle)
            waiting += _made(artifact, store)
        except (NotFound, SourceError):  # gone or damaged: whoever opens it is told so
            continue
        for href in _hrefs(artifact):
            is_own = artifact.kind in {"raster", "tiles"} and _is_path(href)
            origins.remember((href,), base=href if is_own else "")


def _made(artifact: Artifact, store: ArtifactStore) -> list[str]:
    """Return the handles that a step over a list made; cells of a table may hold anything."""
    if artifact.kind != "table":
        return []
    path = store.locate(TableRef.model_validate(artifact.payload).path)
    made = json.loads(path.read_text(encoding="utf-8")).get(MADE, [])
    return [str(handle) for handle in made]


def _hrefs(artifact: Artifact) -> Iterator[str]:
    if artifact.kind == "raster":
        ref = RasterRef.model_validate(artifact.payload)
        found = [band.href for band in ref.bands]
        found += [ref.alpha[0]] if ref.alpha is not None else []
        found += [ref.qa.href] if ref.qa is not None else []
        yield from (href for href in dict.fromkeys(found) if href)
    elif artifact.kind == "scenes":
        yield from (str(item["href"]) for item in artifact.payload.get("items", []))
    elif artifact.kind == "tiles":
        named = (item.get(key) for item in artifact.payload.get("items", []) for key in _OF_TILE)
        yield from dict.fromkeys(str(href) for href in named if href)


def _is_path(href: str) -> bool:
    return href.startswith("/")

"""Keep artifacts by content: the same bytes and payload always give the same handle.

Title and preview are labels, no part of the identity: the newest ones stand. The store forgets
nothing by itself; `eoagent.io.prune` decides what goes. `StoreLayout` draws the folder.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eoagent.contracts.artifact import Artifact, ArtifactKind
from eoagent.contracts.errors import InternalError, SourceError
from eoagent.io.atomic import disk_errors, hash_file, publish, write_atomic
from eoagent.io.locks import hold
from eoagent.io.scratch import Scratch, suffix_of
from eoagent.io.store_layout import StoreLayout, damaged_file
from eoagent.io.stored import ID_DIGITS, Stored, decode, encode, identity

__all__ = ["FileStore"]


class FileStore:
    """An `ArtifactStore` in a folder; safe for threads and for several processes at once.

    Nothing is made or read before it is needed, so a store that cannot be written still gives
    what it holds.
    """

    def __init__(self, root: Path) -> None:
        self.layout = StoreLayout(root)
        """Where everything lies."""
        self._scratch = Scratch(self.layout.scratch)

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
        """Keep an artifact; `file`, a path from `scratch`, is moved in, and gone if that fails.

        A payload `path` of "" is filled with the stored file's path relative to the root.

        Raises:
            SourceError: if the disk is full or cannot be written.
            InputError: if a text is not valid Unicode.
            InternalError: if `file` is no file from `scratch`, the payload is no plain JSON, or
                another artifact has the same handle.
        """
        if file is None:
            return self._keep(_describe(kind, title, payload, preview), None)
        if not self._scratch.holds(file) or file.is_symlink() or not file.is_file():
            raise InternalError(f"{file} is no file written to a path from the store's scratch")
        try:
            with disk_errors(file):
                sha256, size = hash_file(file)
            path = f"objects/{sha256[:2]}/{sha256}{suffix_of(file)}"
            main = {"path": path, "sha256": sha256, "media_type": media_type}
            return self._keep(_describe(kind, title, payload, preview, main=main, size=size), file)
        finally:
            with contextlib.suppress(OSError):  # gone when it was moved
                file.unlink()

    def get(self, handle: str) -> Artifact:
        """Return an artifact by handle, and note that it is in use.

        The record is checked against its own hash, the file for being there with its size; `verify`
        also reads the file.

        Raises:
            NotFound: if there is none.
            SourceError: if its record or file is damaged.
        """
        record = self.layout.record_path(handle)
        with contextlib.ExitStack() as stack:
            if os.access(self.layout.root, os.W_OK):
                stack.enter_context(hold(self.layout.lock, exclusive=False))
                with contextlib.suppress(OSError):  # not ours, or not there: reading says so
                    os.utime(record)
            stored = decode(self.layout.read_record(handle), handle, record)
            artifact = stored.artifact
            if artifact.path is not None:
                file = self.layout.root / artifact.path
                with disk_errors(file):
                    found = file.stat().st_size if file.is_file() else None
                if found != stored.size:
                    state = "is missing" if found is None else f"has {found} bytes"
                    raise damaged_file(handle, file, f"{state}, {stored.size} were written")
        return artifact

    def verify(self, handle: str) -> Artifact:
        """Return an artifact after comparing its file with the hash it was stored under.

        Raises:
            NotFound: if there is none.
            SourceError: if its record or file is damaged.
        """
        artifact = self.get(handle)
        if artifact.path is not None:
            file = self.layout.root / artifact.path
            with disk_errors(file):
                sha256, _ = hash_file(file)
            if sha256 != artifact.sha256:
                raise damaged_file(handle, file, "has other bytes than were written")
        return artifact

    def scratch(self, suffix: str) -> Path:
        """Return a fresh path inside the store for a file that is to be put.

        What is not put goes when this store is closed, or once its process is dead.

        Raises:
            SourceError: if the disk is full or cannot be written.
            InternalError: if the suffix is neither empty nor one to three parts such as `.tif`.
        """
        return self._scratch.fresh(suffix)

    def locate(self, relative: str) -> Path:
        """Return the absolute path of a stored file named in a payload.

        Raises:
            NotFound: if it is not there or leads out of the store.
        """
        return self.layout.locate(relative)

    def handles(self) -> tuple[str, ...]:
        """Return the handles of all artifacts, sorted.

        Raises:
            SourceError: if the store cannot be read.
        """
        return self.layout.handles()

    def close(self) -> None:
        """Remove this store's scratch; the store opens it again when it is used again."""
        self._scratch.close()

    def _keep(self, stored: Stored, file: Path | None) -> Artifact:
        artifact = stored.artifact
        record = self.layout.record_path(artifact.handle)
        data = encode(stored)
        own = self._scratch.own()
        with disk_errors(self.layout.root), hold(self.layout.lock, exclusive=False):
            _refuse_collision(artifact, record)
            if file is not None and artifact.path is not None:
                file.chmod(0o600)
                publish(file, self.layout.root / artifact.path)
            write_atomic(record, data, scratch=own)
        return artifact


def _describe(
    kind: ArtifactKind,
    title: str,
    payload: dict[str, Any],
    preview: dict[str, Any],
    *,
    main: dict[str, str] | None = None,
    size: int = 0,
) -> Stored:
    about = main or {}
    filled = payload
    if payload.get("path") == "":
        if main is None:
            raise InternalError(f"a {kind} was to be stored with a path but without a file")
        filled = {**payload, "path": main["path"]}
    full = identity(kind, filled, about.get("path"), about.get("sha256"))
    number = full[:ID_DIGITS]
    try:
        artifact = Artifact(
            kind=kind, id=number, title=title, payload=filled, preview=preview, **about
        )
    except ValidationError as error:
        raise InternalError(f"a {kind} cannot be described: {error}") from error
    return Stored(artifact=artifact, size=size)


def _refuse_collision(artifact: Artifact, record: Path) -> None:
    try:
        there = decode(record.read_bytes(), artifact.handle, record).artifact
    except (FileNotFoundError, SourceError):  # new, or damaged and mended by this put
        return
    full = [identity(a.kind, a.payload, a.path, a.sha256) for a in (there, artifact)]
    if full[0] != full[1]:
        raise InternalError(f"two artifacts share the handle {artifact.handle}: {full}")

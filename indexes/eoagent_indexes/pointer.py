"""Read and swap CURRENT: the one line that says which version of an index stands."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from eoagent.contracts.errors import SourceError
from eoagent.io.atomic import sync_folder, write_atomic
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.manifest import FORMAT, FORMAT_VERSION, Manifest
from eoagent_indexes.refusals import damaged, no_index, unknown_format, unreadable

__all__ = [
    "Pointer",
    "load_current",
    "load_version",
    "parse_manifest",
    "read_pointer",
    "store_manifest",
    "swap",
]

_LINE: Final = re.compile(rb"([0-9]{8,10}) ([0-9a-f]{64})\n")
_TRIES: Final = 8
_MANIFEST_LIMIT: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Pointer:
    """What CURRENT says."""

    version: int
    """Version that stands."""
    sha256: str
    """Hash of its manifest."""


def read_pointer(layout: IndexLayout) -> Pointer | None:
    """Return what CURRENT says; None where there is no such file.

    Raises:
        SourceError: if it cannot be read, or is not the one line it should be.
    """
    try:
        with layout.current.open("rb") as file:
            line = file.read(200)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(layout.current, error) from error
    match = _LINE.fullmatch(line)
    if match is None:
        raise damaged(layout.root, layout.current, "does not name a version and a hash")
    return Pointer(int(match[1]), match[2].decode())


def load_current(layout: IndexLayout) -> tuple[Pointer, Manifest]:
    """Return the version that stands, with its manifest.

    Raises:
        NotFound: if no version was committed.
        SourceError: if CURRENT or the manifest is damaged, or of another format.
    """
    for attempt in range(_TRIES):
        pointer = read_pointer(layout)
        if pointer is None:
            raise no_index(layout.root)
        try:
            return pointer, load_version(layout, pointer)
        except SourceError:
            # A vacuum may have taken the version between the two reads, if a newer one stands.
            if attempt == _TRIES - 1 or read_pointer(layout) == pointer:
                raise
    raise AssertionError  # the loop returns or raises


def parse_manifest(root: Path, path: Path, data: bytes) -> Manifest:
    """Return the manifest in some bytes, whose hash was compared.

    Raises:
        SourceError: if it is of another format, or no manifest.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        _refuse_foreign(root, path, data)
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "manifest"
        raise damaged(root, path, f"contradicts itself at {where}: {first['msg']}") from error
    if not {"format", "format_version"} <= manifest.model_fields_set:  # their defaults say nothing
        _refuse_foreign(root, path, data)
    return manifest


def store_manifest(layout: IndexLayout, manifest: Manifest) -> Pointer:
    """Write a manifest under a name that no other writer has taken, and return what names it.

    Nothing reads it before CURRENT names it, so it needs no rename; that the name must be new
    keeps two writers apart even where locks do not hold.

    Raises:
        FileExistsError: if the version was written already.
        OSError: if the disk refuses.
    """
    data = manifest.model_dump_json().encode()  # what is hashed is these bytes, however spelt
    path = layout.manifest(manifest.version)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        with contextlib.ExitStack() as undo:
            undo.callback(_remove, path)
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
            sync_folder(path.parent)
            undo.pop_all()
    finally:
        os.close(descriptor)
    return Pointer(manifest.version, hashlib.sha256(data).hexdigest())


def swap(layout: IndexLayout, pointer: Pointer) -> None:
    """Make a version the one that stands.

    Raises:
        SourceError: if the disk refuses; the old version may stand or the new one, whole.
    """
    write_atomic(layout.current, f"{pointer.version:08d} {pointer.sha256}\n".encode())


def load_version(layout: IndexLayout, pointer: Pointer) -> Manifest:
    """Return the manifest of a version whose hash is known.

    Raises:
        SourceError: if it is missing, damaged, or of another format.
    """
    path = layout.manifest(pointer.version)
    try:
        with path.open("rb") as file:
            data = file.read(_MANIFEST_LIMIT + 1)
    except FileNotFoundError as error:
        raise damaged(layout.root, path, "is missing") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(data).hexdigest() != pointer.sha256:
        raise damaged(layout.root, path, "has other bytes than were written")
    manifest = parse_manifest(layout.root, path, data)
    if manifest.version != pointer.version:
        raise damaged(layout.root, path, f"is of version {manifest.version}")
    return manifest


def _refuse_foreign(root: Path, path: Path, data: bytes) -> None:
    """Tell what is no manifest of this format; only what was refused is parsed a second time."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise damaged(root, path, "is not JSON") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise unknown_format(root, path, f"is not of the format {FORMAT}")
    if found.get("format_version") != FORMAT_VERSION:
        known = f"has format version {found.get('format_version')}; {FORMAT_VERSION} is known"
        raise unknown_format(root, path, known)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # what stays is garbage that a vacuum takes
        path.unlink()

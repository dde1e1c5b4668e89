"""The record file of one artifact: what identifies it, how it is written, how damage shows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError, InternalError, SourceError
from eoagent.contracts.record import canonical_json, digest

__all__ = ["ID_DIGITS", "Stored", "decode", "encode", "identity", "objects_in"]

ID_DIGITS: Final = 12
"""Hex digits of the identity that a handle shows."""

_OBJECT: Final = re.compile(rb"objects/[0-9a-f]{2}/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An artifact as it is kept."""

    artifact: Artifact
    """The artifact."""
    size: int
    """Bytes of its main file; 0 for a pure reference."""


def identity(kind: str, payload: dict[str, Any], path: str | None, sha256: str | None) -> str:
    """Return the sha256 that tells artifacts apart: kind, payload, and the main file's content.

    Title and preview are left out, so that the same content always has the same handle.

    Raises:
        InternalError: if the payload holds NaN, infinity or something that JSON cannot.
        InputError: if it holds text that is not valid Unicode.
    """
    value = {"kind": kind, "payload": payload, "path": path, "sha256": sha256}
    try:
        return digest(value)
    except UnicodeEncodeError as error:
        raise _not_text(kind, error) from error
    except (ValueError, TypeError) as error:
        raise InternalError(f"the payload of a {kind} is no plain JSON: {error}") from error


def encode(stored: Stored) -> bytes:
    """Return the bytes of a record file.

    Raises:
        InternalError: if the preview is no plain JSON.
        InputError: if a title or preview holds text that is not valid Unicode.
    """
    artifact = stored.artifact
    try:
        content = {"artifact": artifact.to_dict(), "size": stored.size}
        return canonical_json({**content, "check": digest(content)}).encode()
    except UnicodeEncodeError as error:
        raise _not_text(artifact.kind, error) from error
    except (ValueError, TypeError) as error:
        raise InternalError(
            f"the preview of a {artifact.kind} is no plain JSON: {error}"
        ) from error


def decode(data: bytes, handle: str, place: Path) -> Stored:
    """Return the artifact that a record file holds, after checking every byte that counts.

    Raises:
        SourceError: if the record is damaged or belongs to another handle.
    """
    try:
        content = json.loads(data)
        check = content.pop("check")
        intact = check == digest(content)
        stored = Stored(artifact=Artifact(**content["artifact"]), size=int(content["size"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(handle, place, "its record cannot be read") from error
    artifact = stored.artifact
    full = identity(artifact.kind, artifact.payload, artifact.path, artifact.sha256)
    if not intact or artifact.handle != handle or full[:ID_DIGITS] != artifact.id:
        raise _damaged(handle, place, "its record is not what was written")
    return stored


def objects_in(data: bytes) -> frozenset[str]:
    """Return the hashes of the stored files that a record names, even if it is damaged."""
    return frozenset(match.decode() for match in _OBJECT.findall(data))


def _damaged(handle: str, place: Path, found: str) -> SourceError:
    return SourceError(
        f"artifact {handle} is damaged: {found}",
        href=str(place),
        hint="run the step that made it again; it is then stored anew",
    )


def _not_text(kind: str, error: UnicodeEncodeError) -> InputError:
    return InputError(
        f"a {kind} cannot be stored: it names text that is not valid Unicode ({error.reason})",
        hint="rename the file or layer it came from",
    )

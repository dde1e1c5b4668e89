"""The errors of an index folder: what was found wrong, and which command helps."""

from __future__ import annotations

from pathlib import Path

from eoagent.contracts.errors import NotFound, SourceError

__all__ = ["damaged", "no_index", "unknown_format", "unreadable"]


def damaged(root: Path, file: Path, found: str) -> SourceError:
    """Return the error for a file of an index that is not as it was written.

    Args:
        root: the index folder, whose name the user knows.
        file: the file.
        found: what is wrong, continuing "<file> of index NAME ...".
    """
    return SourceError(
        f"{file} of index '{root.name}' {found}",
        href=str(file),
        hint=f"eoagent index verify {root.name} lists all damage; restore a copy or build it again",
    )


def no_index(root: Path) -> NotFound:
    """Return the error for a folder without a committed version."""
    return NotFound(
        f"there is no index '{root.name}': {root} holds no committed version",
        hint=f"eoagent index build {root.name} --from CATALOG makes one, eoagent index list lists",
    )


def unreadable(path: Path, error: OSError) -> SourceError:
    """Return the error for a file of an index that the system does not let us read."""
    return SourceError(
        f"{path} cannot be read: {error.strerror or error}",
        href=str(path),
        hint="check the disk, and who may read the index folder",
    )


def unknown_format(root: Path, file: Path, found: str) -> SourceError:
    """Return the error for a folder that another program, or another version of this one, wrote."""
    return SourceError(
        f"{root} is no index that this eoagent can read: {file.name} {found}",
        href=str(file),
        hint="upgrade eoagent, or name a folder that eoagent index build made",
    )

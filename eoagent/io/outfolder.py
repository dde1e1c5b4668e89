"""Hold what is written for the user inside the folder that the user gave, whatever a path says."""

from __future__ import annotations

from pathlib import Path

from eoagent.contracts.errors import InputError

__all__ = ["OUT_HINT", "inside"]

OUT_HINT = "give --out DIR (out_dir= in Python), a folder that can be written"


def inside(root: Path | None, path: str) -> Path:
    """Return the real place of a file inside the output folder, links followed; nothing is made.

    Raises:
        InputError: if there is no folder, or the path leads out of it or is none.
    """
    if root is None:
        raise InputError(
            "there is no output folder, and nothing is written outside of one",
            hint="give --out DIR (out_dir= in Python)",
        )
    try:
        folder = root.expanduser().resolve()
        target = (folder / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, or a NUL in the name
        raise InputError(
            f"{path!r} is no usable file name: {error}", hint="give a plain name inside the folder"
        ) from error
    if folder.is_file():
        raise InputError(f"the output folder {folder} is a file", hint=OUT_HINT)
    if not target.is_relative_to(folder) or target == folder:
        raise InputError(f"'{path}' leads out of {folder}", hint="give a name inside the folder")
    return target

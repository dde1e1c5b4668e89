"""Take one member out of a downloaded zip archive; which one is known beforehand."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import ModelError
from eoagent.io.atomic import disk_errors

__all__ = ["holds_member", "take_member"]

_MOST_BYTES: Final = 32 * 1024**3
_MOST_RATIO: Final = 20
"""Weights hardly shrink; what grows more than this is a bomb."""
_COPY: Final = 1 << 20


def holds_member(archive: Path, member: str) -> bool:
    """Whether a file is a zip archive with a member of this name; a damaged one is none."""
    if not zipfile.is_zipfile(archive):
        return False
    try:
        with zipfile.ZipFile(archive) as opened:
            return member in opened.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def take_member(archive: Path, member: str, target: Path) -> None:
    """Write one member into a new file.

    Raises:
        ModelError: if the archive is damaged, or the member is of an absurd size.
        SourceError: if the disk is full.
    """
    with disk_errors(target):
        try:
            with zipfile.ZipFile(archive) as opened:
                entry = opened.getinfo(member)
                packed, size = max(1, entry.compress_size), entry.file_size
                if size > min(_MOST_BYTES, packed * _MOST_RATIO):
                    raise ModelError(
                        f"{member} in {archive} is {packed} bytes that would become {size}"
                    )
                with opened.open(entry) as source, target.open("xb") as out:
                    # zipfile gives no more than the stated size and checks the sum at the end.
                    shutil.copyfileobj(source, out, _COPY)
        except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError) as error:
            raise ModelError(
                f"{archive} is cut or damaged: {error}", hint="download it again"
            ) from error

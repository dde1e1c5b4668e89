"""A place to look at offered files, whose copies lie there until they are kept or refused."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import SourceError
from eoagent.io.atomic import disk_errors, make_folder

__all__ = ["bring", "staging"]

_COPY: Final = 1 << 20
_STAGING: Final = ".staging"


@contextlib.contextmanager
def staging(models: Path, card_id: str) -> Iterator[Path]:
    """Lend an empty folder on the same disk; one that a killed import left is cleared away.

    The lock of the model must be held.

    Raises:
        SourceError: if the disk refuses.
    """
    around = models / _STAGING / hashlib.sha256(card_id.encode()).hexdigest()[:16]
    shutil.rmtree(around, ignore_errors=True)
    stage = around / secrets.token_hex(8)
    with disk_errors(stage):
        make_folder(stage)
    try:
        yield stage
    finally:
        shutil.rmtree(around, ignore_errors=True)


def bring(source: Path, target: Path, *, is_ours: bool = False) -> None:
    """Copy a file to a new one, or move it where it is ours.

    Raises:
        SourceError: if it cannot be read, or the disk refuses.
    """
    if is_ours:
        with disk_errors(target):
            source.rename(target)
        return
    try:
        opened = source.open("rb")
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error}", href=str(source)) from error
    with opened, disk_errors(target), target.open("xb") as out:
        shutil.copyfileobj(opened, out, _COPY)

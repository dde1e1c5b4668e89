"""Bring a large file from the network to the disk, and go on where an earlier try was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from eoagent.contracts.errors import SourceError
from eoagent.contracts.progress import Progress
from eoagent.contracts.record import Record
from eoagent.contracts.store import Origins
from eoagent.io.atomic import disk_errors, make_folder, publish, write_atomic
from eoagent.io.fetch import RemoteLimits
from eoagent.io.remote import RangeFile, open_remote

__all__ = ["WEIGHTS_LIMITS", "download"]

_BLOCK: Final = 1 << 20
_STEP: Final = 16 << 20
WEIGHTS_LIMITS: Final = RemoteLimits(
    deadline_s=300.0,
    block_bytes=_BLOCK,
    cache_bytes=_BLOCK,
    request_bytes=_STEP,
    max_bytes=64 * 1024**3,
)
"""How long and how much: files of up to 64 GiB, 16 MiB in a request."""


class _Begun(Record):
    """What a part of a file on the disk is a part of."""

    url: str
    size: int
    version: str
    """The server's mark of the version; empty where it gives none, and nothing is gone on with."""


def download(
    url: str,
    target: Path,
    *,
    origins: Origins,
    progress: Progress | None = None,
    limits: RemoteLimits = WEIGHTS_LIMITS,
) -> None:
    """Bring a file to the disk; it has its name only once it is whole.

    What came before a cut stays beside it as `.part`, and the next call goes on there if the
    server still has the same version.

    Args:
        url: where the file is.
        target: what it becomes.
        origins: the guard, which the address and every redirect are put before.
        progress: where to report the share that is there.
        limits: how long, how often and how much.

    Raises:
        SourceError: if the address is refused, the file cannot be had, or the disk is full.
    """
    part, note = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.json")
    with open_remote(origins.admit(url), origins, limits=limits) as remote, disk_errors(target):
        make_folder(target.parent)
        begun = _Begun(url=url, size=remote.size, version=remote.etag or remote.last_modified)
        if not begun.version or _read(note) != begun:
            part.unlink(missing_ok=True)
            write_atomic(note, begun.model_dump_json().encode())
        _fill(remote, part, progress, target.name)
        publish(part, target)
        note.unlink(missing_ok=True)


def _fill(remote: RangeFile, part: Path, progress: Progress | None, name: str) -> None:
    with part.open("ab") as file:
        if file.tell() > remote.size:
            file.truncate(0)
        at = remote.seek(file.tell())
        while at < remote.size:
            data = remote.read(_STEP)
            if not data:
                raise SourceError(f"{name} ended after {at} of {remote.size} bytes", href=name)
            file.write(data)
            at += len(data)
            if progress is not None:
                progress(at / remote.size, f"{name}: {at / 1e6:.0f} of {remote.size / 1e6:.0f} MB")


def _read(note: Path) -> _Begun | None:
    try:
        return _Begun.model_validate_json(note.read_bytes())
    except (OSError, ValidationError):
        return None

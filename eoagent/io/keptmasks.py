"""Masks that a model made of scenes, kept by what was asked, so that it is not asked twice.

A folder of bounded size; what was not used for longest goes first. A file that is damaged counts as
none: the model is then asked anew.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.progress import Deadline
from eoagent.contracts.record import canonical_json
from eoagent.geo.components import ComponentTable
from eoagent.geo.instances import InstanceTable
from eoagent.io.atomic import disk_errors, make_folder, write_atomic
from eoagent.io.locks import hold
from eoagent.io.scenesegment import SceneMask

__all__ = ["KeptMask", "KeptMasks"]

_MOST_BYTES: Final = 1 << 30
_LOCK_DIGITS: Final = 1
_WAIT_S: Final = 0.5
"""Time after which whoever waits looks whether it should still."""
_ABOUT: Final = ("phrase", "presence", "yes_pixels", "valid_pixels")
_DAMAGE: Final = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMask:
    """A mask with what was said when it was made."""

    mask: SceneMask
    """What a phrase means in a scene."""
    tiles: int
    """Tiles of the scene."""
    empty_tiles: int
    """Tiles without a valid pixel."""
    assumptions: tuple[str, ...]
    """Choices that were made."""


class KeptMasks:
    """Masks in a folder, each in one file; may be shared by threads and processes.

    Args:
        folder: where they are kept; made when the first is.
        most_bytes: size that the folder may have.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def get(self, key: str, path: Path) -> KeptMask | None:
        """Return what is kept under a key, its mask as a fresh file at `path`; None if nothing is.

        Raises:
            SourceError: if the mask cannot be written.
        """
        place = self._place(key)
        try:
            with np.load(io.BytesIO(place.read_bytes()), allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            found = _unpacked(arrays, path)
            os.utime(place)
        except _DAMAGE:
            return None
        write_atomic(path, arrays["geotiff"].tobytes())
        return found

    @contextmanager
    def alone(self, name: str, deadline: Deadline) -> Iterator[None]:
        """Keep others who enter with the same name out for the time of the block.

        Some other names are kept out too: they share a few lock files.

        Raises:
            BudgetExceeded: if the time is over while somebody else is in it.
            SourceError: if the folder cannot be written.
        """
        with disk_errors(self._folder):
            make_folder(self._folder)
        place = self._folder / f"{name[:_LOCK_DIGITS]}.lock"
        busy = BudgetExceeded("another step asks the model about the same image")
        with ExitStack() as held:
            while True:
                deadline.check()
                try:
                    held.enter_context(hold(place, exclusive=True, timeout_s=_WAIT_S, busy=busy))
                    break
                except BudgetExceeded as error:
                    if error is not busy:
                        raise
            yield

    def has(self, key: str) -> bool:
        """Return whether something is kept under a key; it may turn out to be damaged."""
        return self._place(key).is_file()

    def put(self, key: str, kept: KeptMask) -> None:
        """Keep a mask under a key, and remove what is too much.

        Raises:
            SourceError: if it cannot be written.
        """
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **_packed(kept))
        if packed.tell() > self._most_bytes // 2:
            return
        with disk_errors(self._folder):
            make_folder(self._folder)
        write_atomic(self._place(key), packed.getvalue())
        self._prune()

    def _prune(self) -> None:
        with disk_errors(self._folder):
            held = [(place.stat(), place) for place in self._folder.glob("*.npz")]
        total = sum(about.st_size for about, _ in held)
        for about, place in sorted(held, key=lambda pair: pair[0].st_mtime_ns):
            if total <= self._most_bytes:
                return
            place.unlink(missing_ok=True)
            total -= about.st_size

    def _place(self, key: str) -> Path:
        return self._folder / f"{key}.npz"


def _packed(kept: KeptMask) -> dict[str, Any]:
    mask, table = kept.mask, kept.mask.instances.table
    about = {name: getattr(mask, name) for name in _ABOUT}
    about |= {
        "tiles": kept.tiles,
        "empty_tiles": kept.empty_tiles,
        "assumptions": list(kept.assumptions),
    }
    columns = {f.name: getattr(table, f.name) for f in fields(ComponentTable)}
    return {
        "about": np.frombuffer(canonical_json(about).encode(), np.uint8),
        "geotiff": np.frombuffer(mask.path.read_bytes(), np.uint8),
        "scores": mask.instances.scores,
        **{f"table_{name}": column for name, column in columns.items() if column is not None},
    }


def _unpacked(arrays: dict[str, NDArray[Any]], path: Path) -> KeptMask:
    about = json.loads(arrays["about"].tobytes())
    columns = {f.name: arrays.get(f"table_{f.name}") for f in fields(ComponentTable)}
    table = ComponentTable(**columns)  # type: ignore[arg-type]  # those that may be absent are
    if len(table) != len(arrays["scores"]):
        raise ValueError("objects and scores do not go together")
    mask = SceneMask(
        path=path,
        instances=InstanceTable(table=table, scores=arrays["scores"]),
        **{name: about[name] for name in _ABOUT},
    )
    return KeptMask(
        mask=mask,
        tiles=about["tiles"],
        empty_tiles=about["empty_tiles"],
        assumptions=tuple(about["assumptions"]),
    )

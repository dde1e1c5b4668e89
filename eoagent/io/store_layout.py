"""Where things lie in a store's folder: names, places, listings; it changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eoagent.contracts.artifact import KINDS, handle_kind
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.atomic import disk_errors
from eoagent.io.stored import ID_DIGITS

__all__ = ["StoreLayout", "damaged_file"]

_RECORD: Final = re.compile(rf"({'|'.join(KINDS)})-([0-9a-f]{{{ID_DIGITS}}})\.json")


class StoreLayout:
    """The places of a store.

    ```
    root/objects/<aa>/<sha256><suffix>     files, named by their own hash
    root/artifacts/<kind>-<id>.json        one record per artifact, with a hash of itself
    root/scratch/<token>/...               files being written by the owner of <token>.lock
    root/lock                              shared by whoever adds, exclusive to whoever removes
    ```
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        """Folder that paths in payloads count from."""
        self.records = self.root / "artifacts"
        """Folder of the records."""
        self.objects = self.root / "objects"
        """Folder of the files."""
        self.scratch = self.root / "scratch"
        """Folder of what is being written."""
        self.lock = self.root / "lock"
        """The lock file."""

    def record_path(self, handle: str) -> Path:
        """Return the record file of a handle.

        Raises:
            NotFound: if it is no handle.
        """
        if handle_kind(handle) is None:
            raise NotFound(f"'{handle[:80]}' is no handle", hint="handles read kind:id")
        return self.records / f"{handle.replace(':', '-')}.json"

    def read_record(self, handle: str) -> bytes:
        """Return the bytes of a record, unchecked.

        Raises:
            NotFound: if there is none.
            SourceError: if it cannot be read.
        """
        path = self.record_path(handle)
        with disk_errors(path):
            try:
                return path.read_bytes()
            except FileNotFoundError as error:
                raise NotFound(
                    f"no artifact {handle} in {self.root}",
                    hint="run the step that makes it, or name another",
                ) from error

    def handles(self) -> tuple[str, ...]:
        """Return the handles of all artifacts, sorted.

        Raises:
            SourceError: if the folder cannot be read.
        """
        with disk_errors(self.records):
            names = os.listdir(self.records) if self.records.is_dir() else []  # noqa: PTH208  names only
        found = (_RECORD.fullmatch(name) for name in names)
        return tuple(sorted(f"{match[1]}:{match[2]}" for match in found if match))

    def object_files(self) -> Iterator[tuple[str, Path, int]]:
        """Yield hash, path and bytes of each stored file.

        Raises:
            SourceError: if the folder cannot be read.
        """
        with disk_errors(self.objects):
            paths = sorted(self.objects.glob("??/*"))
        for path in paths:
            with disk_errors(path):
                size = path.stat().st_size
            yield path.name.partition(".")[0], path, size

    def locate(self, relative: str) -> Path:
        """Return the absolute path of a stored file.

        Raises:
            NotFound: if it is not there or leads out of the folder of files.
        """
        try:
            path = (self.root / relative).resolve(strict=True)
            objects = self.objects.resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise NotFound(f"no stored file '{relative[:200]}' in {self.root}") from error
        if not path.is_relative_to(objects) or not path.is_file():
            raise NotFound(f"'{relative[:200]}' is no stored file of {self.root}")
        return path


def damaged_file(handle: str, file: Path, found: str) -> SourceError:
    """Return the error for a stored file that is not what was written."""
    return SourceError(
        f"artifact {handle} is damaged: its file {found}",
        href=str(file),
        hint="run the step that made it again; it is then stored anew",
    )

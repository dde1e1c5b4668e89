"""The list of the files of a model that is published as several; its own hash pins them all.

It lies beside them as `files.json`, names no folder, and is the file that a card's hash, a record
and a runner mean by the weights of such a model.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.record import Record
from eoagent.io.atomic import disk_errors, hash_file

__all__ = [
    "LIST_NAME",
    "ListedFile",
    "check_list",
    "hash_files",
    "is_plain",
    "read_list",
    "shards_of",
    "write_list",
]

LIST_NAME: Final = "files.json"
"""Name of the list."""
_PLAIN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$"
_MOST_LIST: Final = 1 << 20
_MOST_INDEX: Final = 64 << 20
_MOST_FILES: Final = 512
_THREADS: Final = 4
"""Files that are hashed at a time: more gain nothing from one disk."""


class ListedFile(Record):
    """A file of a model."""

    name: str = Field(pattern=_PLAIN)
    """Its name, without a folder."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """sha256 of its bytes."""
    size_bytes: int = Field(ge=0)
    """Its size."""


class _FileList(Record):
    """All files of a model, in order of name."""

    format: Literal["eoagent/files/1"] = "eoagent/files/1"
    files: tuple[ListedFile, ...] = Field(min_length=1, max_length=_MOST_FILES)


def is_plain(name: str) -> bool:
    """Whether a name is one of a file alone, with nothing in it that could lead elsewhere."""
    return re.fullmatch(_PLAIN, name) is not None and name != LIST_NAME


def hash_files(folder: Path, names: list[str]) -> tuple[ListedFile, ...]:
    """Return what files of a folder hash to, in order of name.

    Raises:
        SourceError: if one cannot be read.
    """
    with disk_errors(folder), ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(lambda name: (name, *hash_file(folder / name)), sorted(names))
        return tuple(
            ListedFile(name=name, sha256=sha256, size_bytes=size) for name, sha256, size in found
        )


def write_list(folder: Path, files: tuple[ListedFile, ...]) -> Path:
    """Write the list of files beside them, and return its path; equal files give equal bytes.

    Raises:
        SourceError: if it cannot be written.
    """
    target = folder / LIST_NAME
    with disk_errors(target):
        target.write_bytes(_FileList(files=files).model_dump_json(indent=2).encode())
    return target


def read_list(path: Path) -> tuple[ListedFile, ...]:
    """Return the files that a list names; nothing is said of what they hold.

    Raises:
        NotFound: if there is no list.
        ModelError: if it is none, or is damaged.
    """
    with disk_errors(path):
        if not path.is_file():
            raise NotFound(f"there is no list of files {path}")
        with path.open("rb") as file:
            data = file.read(_MOST_LIST)
    try:
        files = _FileList.model_validate_json(data).files
    except ValidationError as error:
        raise ModelError(
            f"{path} is no list of the files of a model: {error.errors()[0]['msg']}",
            hint="remove the model and import it again",
        ) from error
    names = [file.name for file in files]
    if names != sorted(set(names)):
        raise ModelError(f"{path} names a file twice, or its files are in no order")
    return files


def check_list(path: Path, *, sha256: str = "") -> tuple[str, ...]:
    """Return the names of the files of a list, once it and all of them have the hashes they must.

    Args:
        path: the list; the files lie beside it.
        sha256: what the list must hash to; empty takes any.

    Raises:
        NotFound: if the list or a file is not there.
        ModelError: if the list or a file has another hash.
        SourceError: if one cannot be read.
    """
    files = read_list(path)
    if sha256:
        with disk_errors(path):
            found, _ = hash_file(path)
        if found != sha256:
            raise _other(path, sha256, found)
    for file in files:
        if not (path.parent / file.name).is_file():
            raise NotFound(
                f"{path.parent / file.name} is missing", hint="import or pull the model again"
            )
    for wanted, held in zip(
        files, hash_files(path.parent, [file.name for file in files]), strict=True
    ):
        if held.sha256 != wanted.sha256:
            raise _other(path.parent / wanted.name, wanted.sha256, held.sha256)
    return tuple(file.name for file in files)


def shards_of(index: Path) -> tuple[str, ...]:
    """Return the weights files that an index of shards names, in order of name.

    Raises:
        ModelError: if it is no such index, or names what is no safetensors file beside it.
    """
    with disk_errors(index), index.open("rb") as file:
        data = file.read(_MOST_INDEX)
    try:
        places = json.loads(data)["weight_map"]
        names = sorted({str(name) for name in places.values()})
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{index} is no index of weights files: {type(error).__name__}",
            hint="get the file anew",
        ) from error
    strange = [name for name in names if not (is_plain(name) and name.endswith(".safetensors"))]
    if strange or not 0 < len(names) <= _MOST_FILES:
        found = f"'{strange[0][:80]}'" if strange else f"{len(names)} files"
        raise ModelError(
            f"{index} names {found}, and weights lie in safetensors files beside it",
            hint="take a folder that was saved with safetensors",
        )
    return tuple(names)


def _other(path: Path, wanted: str, found: str) -> ModelError:
    return ModelError(
        f"{path} is not the file that was installed: sha256 {wanted} was expected, {found} was "
        "found",
        hint="remove the model and import it again",
    )

"""Reads the tensors of a weights file, and nothing else that the file may hold.

Two forms are read: the published one, a training checkpoint in which the network is one part
beside the optimiser, and safetensors. The file is mapped, so parts that are not asked for are not
read into memory. No code of a file is ever run.
"""

from __future__ import annotations

import argparse
import json
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor

from eoagent.contracts.errors import ModelError, NotFound
from eoagent.io.atomic import hash_file

__all__ = ["CONFIG_KEY", "SLIM_FORMAT", "Weights", "read_weights"]

SLIM_FORMAT: Final = "eoagent-remotesam-1"
"""Marks the safetensors files that `convert_checkpoint` writes."""
CONFIG_KEY: Final = "config"
_MOST_HEADER: Final = 100_000_000
_MOST_MAPPED: Final = 64_000_000
"""Bytes of tensors after which a file is mapped anew."""
_DAMAGED: Final = (
    RuntimeError,
    pickle.UnpicklingError,
    SafetensorError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    OSError,
    zipfile.BadZipFile,
)
"""What the readers of torch and safetensors raise on bytes that they cannot take."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Weights:
    """What a weights file holds of the network."""

    path: Path
    """The file."""
    tensors: Mapping[str, Tensor]
    """Tensors by their published names, mapped from the file."""
    config: Mapping[str, Any] | None
    """Sizes that the file states; None where it states none."""


def read_weights(path: Path, *, sha256: str = "") -> Weights:
    """Return the tensors of a weights file.

    Args:
        path: the file.
        sha256: what it must hash to, in hex; empty takes any file.

    Raises:
        NotFound: if there is no such file.
        ModelError: if it has another hash, holds anything but tensors, or is damaged.
    """
    if not path.is_file():
        raise NotFound(
            f"no weights file at {path}", hint="give the path of RemoteSAMv1.pth or of a slim copy"
        )
    if sha256:
        _check_hash(path, sha256)
    try:
        if _is_safetensors(path):
            tensors, config = _read_slim(path)
        else:
            tensors, config = _read_published(path), None
    except _DAMAGED as error:
        raise ModelError(
            f"{path} could not be read as weights: {_reason(error)}",
            hint="get the file anew; only tensors are taken from it, and no code is run",
        ) from error
    return Weights(path=path, tensors=tensors, config=config)


def _check_hash(path: Path, asked: str) -> None:
    found, _ = hash_file(path)
    if found != asked.lower():
        raise ModelError(
            f"{path} is not the file that was asked for: sha256 {asked.lower()} was expected, "
            f"{found} was found",
            hint="get the file anew, or import it as what it is",
        )


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    return start[8:] == b"{" and length <= min(_MOST_HEADER, path.stat().st_size)


def _read_slim(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Any] | None]:
    from safetensors import safe_open  # noqa: PLC0415  only its files need it

    with safe_open(path, framework="pt") as file:
        stated = file.metadata() or {}
    config = None
    if stated.get("format") == SLIM_FORMAT:
        config = json.loads(stated[CONFIG_KEY])
        if not isinstance(config, dict):
            raise ValueError("its sizes are no mapping")
    return _Mapped(path), config


class _Mapped(Mapping[str, Tensor]):
    """Tensors of a safetensors file, of which never more than a part is mapped into memory.

    Pages of a mapped file count as memory of the process until all tensors that lie in them are
    gone, so that weights would be held twice while they are copied.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()
        self._names = dict.fromkeys(map(str, self._file.keys()))

    def _open(self) -> None:
        from safetensors import safe_open  # noqa: PLC0415  only its files need it

        self._file: Any = safe_open(self._path, framework="pt")
        self._given = 0

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        if self._given > _MOST_MAPPED:
            self._open()
        found: Tensor = self._file.get_tensor(name)
        self._given += found.nbytes
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _read_published(path: Path) -> Mapping[str, Tensor]:
    # the training arguments lie in the file as a namespace of plain values
    with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about pickles that are then refused
        held = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    if not isinstance(held, dict):
        raise TypeError(f"it holds a {type(held).__name__}, not a checkpoint")
    part = held.get("model", held)
    if not isinstance(part, dict):
        raise TypeError("its entry 'model' holds no tensors by name")
    others = [name for name, value in part.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f"it holds what is no tensor: {', '.join(map(str, others[:4]))}")
    return {str(name): value for name, value in part.items()}


def _reason(error: Exception) -> str:
    """Return the first line of what was said, without the advice of torch to load it unsafely."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    if isinstance(error, pickle.UnpicklingError):
        blamed = [line for line in said if "Unsupported" in line or "GLOBAL" in line]
        detail = f" ({blamed[0].strip()[:160]})" if blamed else ""
        return f"it holds more than tensors{detail}"
    return said[0][:200]

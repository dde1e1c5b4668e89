"""Writes a slim copy of a weights file: the tensors of the network alone, as safetensors."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from eoagent.contracts.errors import InputError, ModelError
from eoagent.io.atomic import disk_errors, hash_file, make_folder, publish
from eoagent.runners.remotesam.checkpoint import CONFIG_KEY, SLIM_FORMAT, read_weights
from eoagent.runners.remotesam.loading import compare
from eoagent.runners.remotesam.names import may_be_absent, published
from eoagent.runners.remotesam.network import RemoteSam
from eoagent.runners.remotesam.shape import NetworkShape

__all__ = ["convert_checkpoint"]

_LARGEST_HALF: Final = torch.finfo(torch.float16).max


def convert_checkpoint(
    path: str | Path,
    out: str | Path,
    *,
    config: Mapping[str, Any] | None = None,
    dtype: Literal["float32", "float16"] = "float32",
    sha256: str = "",
) -> str:
    """Write the network of a weights file to a new file and return its sha256.

    The new file keeps the published names, has no state of the optimiser, and states the sizes of
    the network. It is written whole or not at all.

    Args:
        path: the published file.
        out: the new file, `.safetensors`.
        config: sizes of the network; None takes what the file states, else the published ones.
        dtype: of its matrices; norms and biases, which are small, stay float32.
        sha256: what the published file must hash to, in hex; empty takes any file.

    Raises:
        NotFound: if there is no such file.
        InputError: if the new file has another ending.
        ModelError: if the file does not hold such a network, or values too large for float16.
        SourceError: if the new file cannot be written.
    """
    target = Path(out)
    if target.suffix != ".safetensors":
        raise InputError(f"a slim copy ends in .safetensors, got {target.name}")
    weights = read_weights(Path(path), sha256=sha256)
    shape = NetworkShape.of(weights.config if config is None else config)
    with torch.device("meta"):
        network = RemoteSam(shape)
    wanted = {published(name): tuple(held.shape) for name, held in network.state_dict().items()}
    compare(weights, wanted)
    kept = {
        name: _as_dtype(name, weights.tensors[name], dtype)
        for name in wanted
        if not may_be_absent(name)
    }
    stated = {"format": SLIM_FORMAT, CONFIG_KEY: json.dumps(shape.mapping())}
    _write(target, kept, stated)
    return hash_file(target)[0]


def _as_dtype(name: str, held: Tensor, dtype: str) -> Tensor:
    is_half = dtype == "float16" and held.ndim > 1
    if is_half and held.abs().max() > _LARGEST_HALF:
        raise ModelError(f"{name} has values too large for float16", hint="write float32 instead")
    return held.to(torch.float16 if is_half else torch.float32).contiguous()


def _write(target: Path, tensors: dict[str, Tensor], stated: dict[str, str]) -> None:
    with disk_errors(target):
        make_folder(target.parent)
        temporary = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            save_file(tensors, temporary, metadata=stated)
            _put_in_order(temporary)
            publish(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _put_in_order(path: Path) -> None:
    """Sort what a file states, so that one set of weights makes one file; its library does not."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(ordered) <= length:
            file.seek(8)
            file.write(ordered.ljust(length))

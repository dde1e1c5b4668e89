"""Read the tensors of a weights file and nothing else; what could run code is refused unread."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from eoagent.contracts.errors import ModelError
from eoagent.io.atomic import disk_errors
from eoagent.runners.libraries import load_library

__all__ = ["read_tensors"]

_HEAD: Final = 512
_MOST_HEADER: Final = 100_000_000
"""Largest header that safetensors itself takes, bytes."""
_MOST_MEMBERS: Final = 100_000
_WRAPPERS: Final = ("state_dict", "model_state_dict")
_MODULE: Final = "module."
_TENSORS_ONLY: Final = "take a file of tensors only, best safetensors"
_PULL: Final = "take the published file: eoagent models pull ID"
_Form = Literal["torch", "old torch", "safetensors"]


def read_tensors(path: Path) -> dict[str, Any]:
    """Return the tensors of a weights file by key, on the CPU.

    The wrapper `state_dict` of a training checkpoint and the prefix `module.` are taken off.
    Tensors of a new torch file stay in the file until they are used, so that the state of an
    optimiser costs nothing.

    Raises:
        ModelMissing: if torch is not installed.
        ModelError: if the file is empty, cut, no weights file, or holds anything that is no plain
            data; nothing of it is run.
    """
    form = _form(path)
    loaded = _read_safetensors(path) if form == "safetensors" else _read_torch(path, form)
    return _unwrap(loaded, path)


def _form(path: Path) -> _Form:
    with disk_errors(path), path.open("rb") as file:
        head = file.read(_HEAD)
        size = path.stat().st_size
    if not head:
        raise ModelError(f"{path} is empty", hint=_PULL)
    start = head.lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise ModelError(f"{path} is a web page, not weights", hint=_PULL)
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(
            f"{path} is the pointer of a file kept by Git LFS, not the file", hint=_PULL
        )
    if head.startswith(b"PK\x03\x04"):
        _check_archive(path)
        return "torch"
    if head.startswith(b"\x80\x02"):  # the one pickle protocol that torch writes
        return "old torch"
    if head.startswith(b"\x80"):
        raise ModelError(
            f"{path} is a pickle of protocol {head[1]}, which holds more than tensors; nothing of "
            "it was run",
            hint=_TENSORS_ONLY,
        )
    length = int.from_bytes(head[:8], "little")
    if len(head) > 8 and head[8:9] == b"{" and length <= _MOST_HEADER:
        if length + 8 > size:
            raise ModelError(f"{path} is cut: it ends inside its header", hint=_PULL)
        return "safetensors"
    raise ModelError(
        f"{path} is neither a torch checkpoint nor safetensors: it starts with {head[:8]!r}",
        hint=_PULL,
    )


def _check_archive(path: Path) -> None:
    """Refuse a zip file that is no plain torch checkpoint, by its list of members."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ModelError(f"{path} is cut or damaged: {error}", hint=_PULL) from error
    names = [member.filename for member in members]
    if len(names) > _MOST_MEMBERS or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        raise ModelError(
            f"{path} is a packed zip archive, not weights",
            hint="import it with: eoagent models import ID PATH, which unpacks what it knows",
        )
    if any(name.endswith("/constants.pkl") for name in names):
        raise ModelError(
            f"{path} is a TorchScript program, not tensors only; nothing of it was run",
            hint="take a file that holds the state_dict alone",
        )
    if not any(name.endswith("/data.pkl") for name in names):
        raise ModelError(f"{path} is a zip archive without a torch checkpoint in it", hint=_PULL)


def _read_safetensors(path: Path) -> dict[str, Any]:
    safetensors, inner = load_library("safetensors"), load_library("safetensors.torch")
    try:
        loaded: dict[str, Any] = inner.load_file(path, device="cpu")
    except safetensors.SafetensorError as error:
        raise ModelError(f"{path} is cut or damaged: {error}", hint=_PULL) from error
    return loaded


def _read_torch(path: Path, form: _Form) -> Any:
    torch = load_library("torch")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=form == "torch")
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        # What torch and pickle raise for bytes that are no checkpoint.
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(f"{path} is cut or damaged: {said}", hint=_PULL) from error


def _refused(path: Path, error: pickle.UnpicklingError) -> ModelError:
    named = re.search(r"(?:GLOBAL|global:?|class) ['\"]?([A-Za-z_][\w.]+\.\w+)", str(error))
    what = f" ({named[1]})" if named else ""
    return ModelError(
        f"{path} holds more than tensors{what}; nothing of it was run",
        hint=_TENSORS_ONLY,
    )


def _unwrap(loaded: Any, path: Path) -> dict[str, Any]:
    torch = load_library("torch")
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        raise ModelError(f"{path} holds no tensors by name: a {type(loaded).__name__}", hint=_PULL)
    strange = [k for k, v in loaded.items() if not (isinstance(k, str) and torch.is_tensor(v))]
    if strange:
        raise ModelError(
            f"{path} holds {len(strange)} entries that are no tensors, {strange[0]!r} first",
            hint=_PULL,
        )
    if all(key.startswith(_MODULE) for key in loaded):
        return {key.removeprefix(_MODULE): value for key, value in loaded.items()}
    return dict(loaded)

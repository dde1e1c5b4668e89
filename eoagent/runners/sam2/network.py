"""Build the network of SAM 2 without memory, and give it the tensors of a safetensors file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.io.atomic import disk_errors
from eoagent.runners.failures import first_line
from eoagent.runners.libraries import load_library

__all__ = ["build_network", "read_tensors"]

_MOST_HEADER: Final = 100_000_000
_NAMED: Final = 4
_TRACKING: Final = (
    "memory_",
    "mask_downsample.",
    "object_pointer_proj.",
    "temporal_positional_encoding_projection_layer.",
    "no_memory_positional_encoding",
    "no_object_pointer",
    "occlusion_spatial_embedding_parameter",
)
"""How the names of the tensors begin that follow objects through a video; pictures need none."""
_TWINS: Final = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)
"""Two names of one tensor, of which a file may hold only one."""


def read_tensors(card: ModelCard, path: Path) -> dict[str, Any]:
    """Return the tensors of a safetensors file by name, on the CPU.

    The bytes that are hashed are the bytes that are read.

    Raises:
        NotFound: if the file is not there.
        ModelMissing: if a library is not installed.
        ModelError: if it has another hash than the card says, is no safetensors file or damaged.
    """
    pull = f"take the published file: eoagent models pull {card.id}"
    if not path.is_file():
        raise NotFound(
            f"there is no weights file {path} for {card.id}",
            hint=f"eoagent models pull {card.id}",
        )
    with disk_errors(path):
        data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if data[8:9] != b"{" or length > min(_MOST_HEADER, len(data)):
        raise ModelError(
            f"{path} is no safetensors file: it starts with {data[:8]!r}; only that form is read, "
            "since it holds tensors and nothing else",
            hint=pull,
        )
    sha256 = hashlib.sha256(data).hexdigest()
    if card.weights.sha256 not in {UNKNOWN, sha256}:
        raise ModelError(
            f"{path} has the sha256 {sha256}, and {card.id} is known by {card.weights.sha256}",
            hint=pull,
        )
    safetensors, inner = load_library("safetensors"), load_library("safetensors.torch")
    try:
        held: dict[str, Any] = inner.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is cut or damaged: {first_line(error)}", hint=pull) from error
    return held


def build_network(tensors: Mapping[str, Any], sizes: Mapping[str, Any], *, name: str) -> Any:
    """Return the network for pictures with its weights as float32, ready to be asked, on the CPU.

    Args:
        tensors: by published name; those that follow objects through videos are left aside.
        sizes: of its parts.
        name: what the file is called in messages.

    Raises:
        ModelMissing: if a library is not installed.
        ModelError: if the sizes make no network, or names, shapes or values do not fit it.
    """
    torch, transformers = load_library("torch"), load_library("transformers")
    strict = load_library("huggingface_hub.errors").StrictDataclassError
    try:
        with torch.device("meta"):
            network = transformers.Sam2Model(transformers.Sam2Config(**sizes))
    except (
        strict, TypeError, ValueError, LookupError, AttributeError, RuntimeError, ArithmeticError
    ) as error:  # fmt: skip
        raise ModelError(
            f"the sizes beside {name} make no network of SAM 2: {first_line(error)}",
            hint="take the published files",
        ) from error
    held = {key: value for key, value in tensors.items() if not key.startswith(_TRACKING)}
    for one, other in (_TWINS, _TWINS[::-1]):
        if other in held:
            held.setdefault(one, held[other])
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    _compare({key: tuple(value.shape) for key, value in held.items()}, wanted, name)
    state = {key: _as_float32(torch, held[key], f"{key} of {name}") for key in wanted}
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_(requires_grad=False).eval()


def _compare(
    held: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], name: str
) -> None:
    missing = [key for key in wanted if key not in held]
    strange = [key for key in held if key not in wanted]
    shapes = [
        f"{key} is {held[key]} and not {shape}"
        for key, shape in wanted.items()
        if key in held and held[key] != shape
    ]
    found = (("missing", missing), ("unexpected", strange), ("of another shape", shapes))
    said = "; ".join(
        f"{len(keys)} {what} ({', '.join(keys[:_NAMED])}{', ...' if len(keys) > _NAMED else ''})"
        for what, keys in found
        if keys
    )
    if said:
        raise ModelError(
            f"{name} does not hold the weights of the network that config.json beside it "
            f"describes: {said}",
            hint="take both from one published folder",
        )


def _as_float32(torch: Any, value: Any, name: str) -> Any:
    if not value.is_floating_point():
        raise ModelError(f"{name} is held as {value.dtype}, not as floats")
    own = value.to(torch.float32)
    if not torch.isfinite(own).all():
        raise ModelError(f"{name} has values that are not finite", hint="get the file anew")
    return own

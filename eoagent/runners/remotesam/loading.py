"""Puts weights into the network after a strict comparison of names and shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from eoagent.contracts.errors import ModelError
from eoagent.runners.remotesam.checkpoint import Weights
from eoagent.runners.remotesam.names import may_be_absent, may_be_there, published
from eoagent.runners.remotesam.swin import relative_positions

__all__ = ["compare", "fill"]

_NAMED: Final = 4
_INDEX_SUFFIX: Final = ".relative_position_index"


def fill(network: nn.Module, weights: Weights, *, window: int) -> None:
    """Give a network, built without memory, the tensors of a file as float32.

    Args:
        network: whose parameters and buffers take them.
        weights: by published names.
        window: edge of the attention windows.

    Raises:
        ModelError: if names or shapes differ, a tensor is no float or has a value that is not
            finite; says which.
    """
    built = network.state_dict()
    wanted = {published(name): name for name in built}
    compare(weights, {theirs: tuple(built[ours].shape) for theirs, ours in wanted.items()})
    _check_indices(weights, window)
    state = {}
    for theirs, ours in wanted.items():
        if may_be_absent(theirs):
            state[ours] = torch.tensor(0)
            continue
        state[ours] = _as_float32(weights, theirs)
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(requires_grad=False)


def compare(weights: Weights, wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse weights whose names or shapes are not those of a network.

    Args:
        weights: by published names.
        wanted: shape of each tensor that the network has, by published name.

    Raises:
        ModelError: counts what is missing, unexpected or of another shape, and names the first.
    """
    held = weights.tensors
    missing = [name for name in wanted if name not in held and not may_be_absent(name)]
    unexpected = [name for name in held if name not in wanted and not may_be_there(name)]
    shapes = [
        f"{name} is {tuple(held[name].shape)} and not {shape}"
        for name, shape in wanted.items()
        if name in held and tuple(held[name].shape) != shape and not may_be_absent(name)
    ]
    found = [
        _listed(f"{len(missing)} missing", missing),
        _listed(f"{len(unexpected)} unexpected", unexpected),
        _listed(f"{len(shapes)} of another shape", shapes),
    ]
    said = "; ".join(part for part in found if part)
    if said:
        raise ModelError(
            f"{weights.path.name} does not hold the weights of this network: {said}",
            hint=_looks_like(held)
            or "give the sizes that its network has as `config`, or another file",
        )


def _listed(title: str, names: list[str]) -> str:
    if not names:
        return ""
    more = ", ..." if len(names) > _NAMED else ""
    return f"{title} ({', '.join(names[:_NAMED])}{more})"


def _looks_like(held: Mapping[str, Tensor]) -> str:
    """Return what network the weights may be of, or nothing."""
    table = held.get("backbone.layers.0.blocks.0.attn.relative_position_bias_table")
    patch = held.get("backbone.patch_embed.proj.weight")
    if table is None or patch is None or table.ndim != 2:
        return "this is no file of RemoteSAM, as no Swin backbone with its names is in it"
    if not _any(held, "text_encoder."):
        return "it has no text encoder; the variant that keeps it apart is not RemoteSAM"
    if not _any(held, "backbone.cim.") or not _any(held, "classifier."):
        return "it has no cross-scale interaction or no mask decoder, as LAVT has none"
    window = (round(table.shape[0] ** 0.5) + 1) // 2
    depths = [
        len(
            {name.split(".")[4] for name in held if name.startswith(f"backbone.layers.{s}.blocks.")}
        )
        for s in range(4)
    ]
    return f"the file has embed_dim {patch.shape[0]}, window {window} and depths {depths}"


def _any(names: Iterable[str], start: str) -> bool:
    return any(name.startswith(start) for name in names)


def _check_indices(weights: Weights, window: int) -> None:
    expected = relative_positions(window)
    for name, held in weights.tensors.items():
        if name.endswith(_INDEX_SUFFIX) and not (
            held.shape == expected.shape and torch.equal(held.long(), expected)
        ):
            raise ModelError(
                f"{weights.path.name} counts the positions in its windows in another way: {name}",
                hint="it was made by another implementation of Swin",
            )


def _as_float32(weights: Weights, name: str) -> Tensor:
    held = weights.tensors[name]
    if not held.is_floating_point():
        raise ModelError(f"{weights.path.name} holds {name} as {held.dtype}, not as floats")
    # a copy, for a mapped file that is changed or cut short later would take the process with it
    own = torch.empty(held.shape, dtype=torch.float32)
    own.copy_(held)
    if not torch.isfinite(own).all():
        raise ModelError(
            f"{weights.path.name} holds values in {name} that are not finite",
            hint="get the file anew",
        )
    return own

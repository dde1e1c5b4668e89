"""Build the network of a card and put tensors into it, each key and shape accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InternalError, ModelError
from eoagent.contracts.runner import Placement
from eoagent.runners.clip.architecture import model_settings
from eoagent.runners.clip.keys import key_problems, looks_like
from eoagent.runners.devices import arithmetic
from eoagent.runners.libraries import load_library

__all__ = ["Network", "build_network"]

_OBSOLETE = "text.transformer.embeddings.position_ids"
"""Numbers 0, 1, 2 ... that older versions of transformers wrote out."""


class Network:
    """Both towers of a model on their device; vectors come back as they are, not unit ones."""

    def __init__(self, model: Any, placement: Placement) -> None:
        """Take a torch module whose weights are in place."""
        torch = load_library("torch")
        self._torch = torch
        self._device = torch.device(placement.device)
        self._dtype = getattr(torch, arithmetic(placement))
        self._model = model.to(self._device).eval()
        tensors = (*model.parameters(), *model.buffers())
        self.bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        """Bytes that its weights hold."""

    def images(self, pixels: Any) -> NDArray[Any]:
        """Return the vectors of prepared pictures (n, 3, edge, edge), (n, d) float32."""
        with self._torch.inference_mode():
            placed = pixels.to(device=self._device, dtype=self._dtype)
            found: NDArray[Any] = self._model.encode_image(placed).float().cpu().numpy()
        return found

    def texts(self, tokens: Any) -> NDArray[Any]:
        """Return the vectors of tokens (n, context length), (n, d) float32."""
        with self._torch.inference_mode():
            placed = tokens.to(device=self._device)
            found: NDArray[Any] = self._model.encode_text(placed).float().cpu().numpy()
        return found


def build_network(
    card: ModelCard, tensors: Mapping[str, Any], placement: Placement, *, name: str
) -> Network:
    """Return the network of a card with these weights.

    The network is laid out without memory first, so that the weights are held once only.

    Args:
        card: the model.
        tensors: its weights by key.
        placement: where and how it runs.
        name: what the weights are called in messages.

    Raises:
        ModelMissing: if a library is not installed.
        ModelError: if keys are missing or left over, or shapes are others.
    """
    torch = load_library("torch")
    given = {key: value for key, value in tensors.items() if key != _OBSOLETE}
    with torch.device("meta"):
        model = _lay_out(model_settings(card))
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    scale = given.get("logit_scale")
    if scale is not None and scale.numel() == 1:
        given["logit_scale"] = scale.reshape(wanted["logit_scale"])
    found = {key: tuple(value.shape) for key, value in given.items()}
    problems = key_problems(wanted, found)
    if problems:
        raise ModelError(
            f"{name} does not hold the weights of {card.title} ({card.architecture}): "
            f"{'; '.join(problems)}. It looks like {looks_like(found)}",
            hint=f"take the file that {card.homepage} names for {card.architecture}",
        )
    stored, used = getattr(torch, placement.dtype), getattr(torch, arithmetic(placement))
    placed = {key: _own(value, stored, used) for key, value in given.items()}
    model.load_state_dict(placed, strict=True, assign=True)
    _fill_buffers(torch, model, used)
    return Network(model, placement)


def _lay_out(settings: dict[str, Any]) -> Any:
    open_clip = load_library("open_clip")
    if "hf_model_name" in settings["text_cfg"]:
        return open_clip.CustomTextCLIP(**settings)
    return open_clip.CLIP(**settings)


def _own(tensor: Any, stored: Any, used: Any) -> Any:
    """Return a tensor of its own memory, not that of the file, rounded to the type of the weights.

    Args:
        tensor: one of the file.
        stored: type of the weights.
        used: type that is computed in.
    """
    if not tensor.is_floating_point():
        return tensor.detach().clone()
    return tensor.detach().to(stored).to(dtype=used, copy=True).contiguous()


def _fill_buffers(torch: Any, model: Any, dtype: Any) -> None:
    """Make the constant tensors that no checkpoint holds."""
    for owner in model.modules():
        for key, buffer in list(owner.named_buffers(recurse=False)):
            if not buffer.is_meta:
                continue
            shape = buffer.shape
            if key == "attn_mask":
                value = torch.full(shape, float("-inf")).triu_(1).to(dtype)
            elif key == "position_ids":
                value = torch.arange(shape[-1]).expand(shape).clone()
            elif key == "token_type_ids":
                value = torch.zeros(shape, dtype=buffer.dtype)
            else:
                raise InternalError(f"nobody knows the constant {key} of {type(owner).__name__}")
            setattr(owner, key, value)

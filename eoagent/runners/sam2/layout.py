"""Read the two small files that are published beside the weights: sizes and preparation.

They are data: only known keys are taken, every size has a bound, and a file that asks for code of
its own is refused. The published `config.json` speaks of the network for videos, whose part for
pictures this is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.errors import ModelError, ModelMissing
from eoagent.io.atomic import disk_errors

__all__ = ["CONFIG_FILE", "PREPARATION_FILE", "read_config", "read_preparation"]

CONFIG_FILE: Final = "config.json"
PREPARATION_FILE: Final = "preprocessor_config.json"
_MOST_BYTES: Final = 1 << 20
_MOST_SIZE: Final = 65_536
"""Largest size of any part; the widest of the published networks has 4,608."""
_MOST_LAYERS: Final = 256
_TYPES: Final = frozenset({"sam2", "sam2_video"})
_PARTS: Final = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
_PART_TYPES: Final = frozenset({"", "sam2_vision_model", "sam2_hiera_det_model"})
_PREPARED_BY: Final = (
    "do_convert_rgb",
    "do_normalize",
    "do_rescale",
    "do_resize",
    "image_mean",
    "image_std",
    "resample",
    "rescale_factor",
    "size",
)


def read_config(folder: Path, *, card_id: str) -> dict[str, Any]:
    """Return the sizes of the parts of the network, by the names of `transformers.Sam2Config`.

    Raises:
        ModelMissing: if the file is not there.
        ModelError: if it is none, is of another network, or asks for code.
    """
    path = folder / CONFIG_FILE
    held = _read(path, card_id)
    if held.get("model_type") not in _TYPES:
        raise ModelError(
            f"{path} is of a network of type {str(held.get('model_type'))[:60]!r}, not of SAM 2",
            hint=_pull(card_id),
        )
    parts = {name: held.get(name) for name in _PARTS}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise ModelError(f"{path} does not say the sizes of {name}", hint=_pull(card_id))
    layers = _layers(parts)
    if layers > _MOST_LAYERS:
        raise ModelError(f"{path} asks for {layers} layers, more than {_MOST_LAYERS}")
    vision = parts["vision_config"] or {}
    for part in (vision, vision.get("backbone_config") or {}):
        kind = part.get("model_type", "") if isinstance(part, dict) else None
        if kind not in _PART_TYPES:
            raise ModelError(f"{path} asks for a part of type {str(kind)[:60]!r}, not of SAM 2")
    return dict(parts)


def read_preparation(folder: Path, *, card_id: str) -> dict[str, Any]:
    """Return how pictures are prepared, by the names of `transformers.Sam2ImageProcessor`.

    Raises:
        ModelMissing: if the file is not there.
        ModelError: if it is none, or asks for code.
    """
    held = _read(folder / PREPARATION_FILE, card_id)
    return {name: held[name] for name in _PREPARED_BY if name in held}


def _read(path: Path, card_id: str) -> dict[str, Any]:
    if not path.is_file():
        raise ModelMissing(
            f"{card_id} needs {path.name} beside its weights, and there is no {path}",
            command=f"eoagent models pull {card_id}",
            hint=_pull(card_id),
        )
    with disk_errors(path), path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ModelError(f"{path} has more than {_MOST_BYTES:,} bytes", hint=_pull(card_id))
    try:
        held = json.loads(data)
        _check(held, path)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}", hint=_pull(card_id)) from error
    if not isinstance(held, dict):
        raise ModelError(f"{path} holds a {type(held).__name__}, not sizes", hint=_pull(card_id))
    return held


def _check(held: Any, path: Path) -> None:
    """Refuse what asks for code, and sizes that no network has."""
    for key, value in _values(held):
        if key == "auto_map":
            raise ModelError(
                f"{path} asks for code of its own (auto_map), and none was run",
                hint="take a published folder that needs no code",
            )
        if isinstance(value, (int, float)) and not abs(value) <= _MOST_SIZE:
            raise ModelError(f"{path} states {key} as {value}, which no network has")


def _values(held: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield key, None
            yield from _values(value, key)
    elif isinstance(held, list):
        for value in held:
            yield from _values(value, name)
    else:
        yield name, held


def _layers(parts: Mapping[str, Any]) -> int:
    """Return how many layers are asked for, as far as they are numbers."""
    backbone = parts["vision_config"].get("backbone_config") or {}
    blocks = backbone.get("blocks_per_stage") if isinstance(backbone, dict) else None
    decoder = parts["mask_decoder_config"]
    named = [*(blocks if isinstance(blocks, list) else [])]
    named += [decoder.get("num_hidden_layers"), decoder.get("iou_head_depth")]
    return sum(value for value in named if isinstance(value, int))


def _pull(card_id: str) -> str:
    return f"take the published files: eoagent models pull {card_id}"

"""Read what lies beside the weights: the sizes of the network and how pictures are prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eoagent.contracts.errors import ModelError, NotFound
from eoagent.io.atomic import disk_errors

__all__ = ["Preparation", "read_preparation", "read_sizes"]

_CONFIG: Final = "config.json"
_PREPARATION: Final = "preprocessor_config.json"
_MOST_BYTES: Final = 1 << 20
_MOST_SIZE: Final = 1 << 13
_MOST_DEPTH: Final = 256
_CODE: Final = "auto_map"
"""Key by which a configuration names code of its own, which is never run."""
_KIND: Final = "segformer"
_HINT: Final = "take the published files: config.json, preprocessor_config.json, model.safetensors"
_Three = tuple[float, float, float]


class _Edges(BaseModel):
    model_config = ConfigDict(extra="forbid")
    height: int = Field(gt=0, le=_MOST_SIZE)
    width: int = Field(gt=0, le=_MOST_SIZE)


class Preparation(BaseModel):
    """How a picture is brought to what the network takes."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    size: _Edges
    """Rows and columns that it is stretched to."""
    rescale_factor: float = Field(default=1 / 255, gt=0, allow_inf_nan=False)
    """Values are multiplied with it."""
    image_mean: _Three = (0.485, 0.456, 0.406)
    """Taken off red, green and blue afterwards."""
    image_std: _Three = (0.229, 0.224, 0.225)
    """What red, green and blue are divided by in the end."""

    def prepare(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a picture (height, width, 3) as the network takes it, (3, rows, cols)."""
        edges = (self.size.width, self.size.height)
        square = Image.fromarray(picture).resize(edges, Image.Resampling.BILINEAR)
        values = np.array(square, dtype=np.float32)
        values *= np.float32(self.rescale_factor)
        values -= np.array(self.image_mean, dtype=np.float32)
        values /= np.array(self.image_std, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1))


def read_preparation(folder: Path, *, side: int) -> Preparation:
    """Return how pictures are prepared, from the file of that name in a folder.

    Args:
        folder: of the weights.
        side: edge of the square that the model's card states, pixels.

    Raises:
        NotFound: if there is no such file.
        ModelError: if it cannot be read, or is for another size.
    """
    path = folder / _PREPARATION
    held = _read(path)
    if isinstance(held.get("size"), int):
        held["size"] = {"height": held["size"], "width": held["size"]}
    try:
        found = Preparation.model_validate(held)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            f"{path} does not say how pictures are prepared: {where}: {first['msg']}", hint=_HINT
        ) from error
    if (found.size.height, found.size.width) != (side, side):
        raise ModelError(
            f"{path} is for pictures of {found.size.width} x {found.size.height} pixels, and the "
            f"model's card says {side} x {side}",
            hint=_HINT,
        )
    return found


def read_sizes(folder: Path) -> dict[str, Any]:
    """Return the configuration of the network, from the file of that name in a folder.

    Raises:
        NotFound: if there is no such file.
        ModelError: if it cannot be read, names code of its own, or is of another network.
    """
    path = folder / _CONFIG
    held = _read(path)
    if _CODE in held:
        raise ModelError(
            f"{path} names code of its own ({_CODE}), and none is run",
            hint="take a checkpoint that transformers reads without code of its own",
        )
    if held.get("model_type") != _KIND:
        raise ModelError(
            f"{path} is of a {held.get('model_type')!r} network, not of {_KIND}", hint=_HINT
        )
    labels = held.get("num_labels", len(held.get("id2label") or ()))
    if labels != 1:
        raise ModelError(f"{path} has {labels} labels, and a model of contours has 1", hint=_HINT)
    for name, value in held.items():
        for size in value if isinstance(value, list) else [value]:
            most = _MOST_DEPTH if name == "depths" else _MOST_SIZE
            if isinstance(size, int) and not isinstance(size, bool) and not 0 <= size <= most:
                raise ModelError(f"{path} has the size {name} = {value}", hint=_HINT)
    return held


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFound(f"there is no {path.name} beside the weights, in {path.parent}", hint=_HINT)
    with disk_errors(path), path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    try:
        held = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no JSON", hint=_HINT) from error
    if not isinstance(held, dict):
        raise ModelError(f"{path} holds no settings, or too many", hint=_HINT)
    return held

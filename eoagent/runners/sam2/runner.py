"""A SAM 2 model that is loaded: pictures with a box and a point in, masks out."""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.runners.failures import first_line
from eoagent.runners.libraries import load_library
from eoagent.runners.pictures import as_pictures
from eoagent.runners.sam2.layout import read_config, read_preparation
from eoagent.runners.sam2.network import build_network, read_tensors

__all__ = ["Sam2Runner", "open_runner"]

_TASK: Final = "outline"
_KEPT_LOOKS: Final = 2
"""Pictures whose embedding is kept, about 17 MB each: boxes of one picture come in several passes.
"""
_AT_ONCE: Final = 8
"""Boxes that go through the network together: each takes about 35 MB at the published sizes."""
_INSIDE: Final = 1
"""Label of a point that is of the object."""
_CORNERS: Final = 4

Item = tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]
"""A picture (height, width, 3), a box x1, y1, x2, y2 and a point x, y in its pixels."""


class Sam2Runner:
    """A `Runner` of the task `outline`; for one thread at a time."""

    def __init__(
        self, card: ModelCard, network: Any, *, processor: Any, placement: Placement
    ) -> None:
        """Put a model together; `open_runner` loads one from its files."""
        self._card = card
        self._network = network
        self._processor = processor
        self._placement = placement
        self._looks: OrderedDict[bytes, list[Any]] = OrderedDict()

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def memory_mb(self) -> int:
        """Memory that its weights hold now, MB; 0 once it is closed."""
        if self._network is None:
            return 0
        held = (*self._network.parameters(), *self._network.buffers())
        count: int = sum(value.nbytes for value in held)
        return round(count / 1e6)

    def run(self, task: str, items: Sequence[Any]) -> list[NDArray[np.bool_]]:
        """Run one batch of the task `outline` and return a mask (height, width) for each item.

        An item is a picture, a box and a point; those of one picture share what is done with it.

        Raises:
            InputError: if the task is another, or an item is none.
            ModelError: if the model fails.
        """
        if task != _TASK:
            raise InputError(f"{self._card.id} knows no task '{task}'", hint=f"it knows: {_TASK}")
        if self._network is None:
            raise ModelError(f"{self._card.id} was closed and is asked again")
        checked = [_item(item) for item in items]
        asked: dict[int, list[int]] = {}
        for place, (picture, _, _) in enumerate(checked):
            asked.setdefault(id(picture), []).append(place)
        found: dict[int, NDArray[np.bool_]] = {}
        for places in asked.values():
            with self._failures():
                masks = self._outline([checked[place] for place in places])
            found.update(zip(places, masks, strict=True))
        return [found[place] for place in range(len(checked))]

    def result_form(self, task: str) -> ResultForm | None:
        """Return what a result looks like: a mask of the size of the picture."""
        del task
        return ResultForm(shape=(None, None), dtype="bool")

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""
        self._network = None
        self._looks.clear()
        if self._placement.device != "cpu":
            load_library("torch").cuda.empty_cache()

    def _outline(self, items: Sequence[Item]) -> list[NDArray[np.bool_]]:
        """Return the masks of boxes of one picture, each brought to its pixels by itself."""
        torch = load_library("torch")
        size = list(items[0][0].shape[:2])
        masks = []
        with torch.inference_mode():
            look = self._look(items[0][0])
            for start in range(0, len(items), _AT_ONCE):
                logits = self._logits(look, items[start : start + _AT_ONCE], size)
                if not torch.isfinite(logits).all():
                    raise ModelError(f"{self._card.id} gave values that are not finite")
                for one in logits:  # the pixels of all of them take much as floats
                    (mask,) = self._processor.post_process_masks([one[None]], [size])
                    masks.append(mask[0, 0].numpy())
        return masks

    def _logits(self, look: list[Any], items: Sequence[Item], size: list[int]) -> Any:
        """Return the logits of the best mask of each box on the network's grid, (n, 1, h, w)."""
        device = self._placement.device
        prompts = self._processor(
            original_sizes=[size],
            input_boxes=[[box.tolist() for _, box, _ in items]],
            input_points=[[[point.tolist()] for _, _, point in items]],
            input_labels=[[[_INSIDE] for _ in items]],
            return_tensors="pt",
        )
        with self._precision():
            said = self._network(
                image_embeddings=look,
                input_boxes=prompts["input_boxes"].to(device),
                input_points=prompts["input_points"].to(device),
                input_labels=prompts["input_labels"].to(device),
                multimask_output=False,
            )
        return said.pred_masks[0].float().cpu()

    def _look(self, picture: NDArray[np.uint8]) -> list[Any]:
        """Return the embedding of a picture, which does not hang on boxes."""
        told = hashlib.blake2b(f"{picture.shape} ".encode())
        told.update(np.ascontiguousarray(picture).tobytes())
        key = told.digest()
        if key not in self._looks:
            # unless told, the axis of a picture of 1 or 3 rows is guessed, and guessed wrongly
            told_axis = {"input_data_format": "channels_last", "return_tensors": "pt"}
            pixels = self._processor(images=[picture], **told_axis)["pixel_values"]
            with self._precision():
                self._looks[key] = self._network.get_image_embeddings(
                    pixels.to(self._placement.device)
                )
        self._looks.move_to_end(key)
        while len(self._looks) > _KEPT_LOOKS:
            self._looks.popitem(last=False)
        return list(self._looks[key])

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        if self._placement.dtype == "float32":
            return contextlib.nullcontext()
        torch = load_library("torch")
        device = torch.device(self._placement.device).type
        precise: contextlib.AbstractContextManager[object] = torch.autocast(
            device, getattr(torch, self._placement.dtype)
        )
        return precise

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, LookupError, TypeError) as error:
            raise ModelError(f"{self._card.id} failed: {first_line(error)}") from error


def open_runner(card: ModelCard, weights: Path, placement: Placement) -> Sam2Runner:
    """Load the model of a card from its weights file, after its hash was checked.

    Args:
        card: the model.
        weights: the published safetensors file, with `config.json` and `preprocessor_config.json`
            beside it.
        placement: where and how it runs.

    Raises:
        NotFound: if the file is not there.
        ModelMissing: if a library or a file beside the weights is not there.
        ModelError: if the files do not hold the model that the card describes.
    """
    tensors = read_tensors(card, weights)
    sizes = read_config(weights.parent, card_id=card.id)
    preparation = read_preparation(weights.parent, card_id=card.id)
    network = build_network(tensors, sizes, name=str(weights))
    processor = _processor(preparation, network.config.prompt_encoder_config.image_size, weights)
    network.to(placement.device)
    return Sam2Runner(card, network, processor=processor, placement=placement)


def _processor(preparation: dict[str, Any], side: Any, weights: Path) -> Any:
    """Return what prepares pictures and prompts, named explicitly: the folder names that of videos.

    Raises:
        ModelMissing: if a library is not installed.
        ModelError: if it prepares pictures of another size than the network takes.
    """
    load_library("torchvision")
    transformers = load_library("transformers")
    try:
        pictures = transformers.Sam2ImageProcessor(**preparation)
        processor = transformers.Sam2Processor(pictures, target_size=side)
        sides = [pictures.size["height"], pictures.size["width"]]
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ModelError(
            f"what lies beside {weights} does not say how to prepare pictures: {first_line(error)}",
            hint="take the published files",
        ) from error
    if sides != [side, side]:
        raise ModelError(
            f"the files beside {weights} prepare pictures of {sides[1]} x {sides[0]} pixels, and "
            f"the network takes {side} x {side}",
            hint="take them from one published folder",
        )
    return processor


def _item(item: Any) -> Item:
    is_item = isinstance(item, list | tuple) and len(item) == 3
    if not is_item or not all(isinstance(part, np.ndarray) for part in item):
        raise InputError(
            f"an item of {_TASK} is a picture (height, width, 3), a box of 4 and a point of 2 "
            "numbers"
        )
    picture, box, point = item
    as_pictures([picture])
    if box.shape != (_CORNERS,) or point.shape != (2,):
        raise InputError(
            f"an item of {_TASK} has a box of shape {box.shape} and a point of {point.shape}",
            hint="give x1, y1, x2, y2 and x, y",
        )
    if not (np.isfinite(box).all() and np.isfinite(point).all()):
        raise InputError(f"a box or point of {_TASK} is not finite: {box}, {point}")
    return picture, box, point

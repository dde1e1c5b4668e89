"""A contour model that is loaded: pictures in, maps of logits of their size out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.runners.failures import first_line
from eoagent.runners.libraries import load_library
from eoagent.runners.segformer.layout import Preparation, read_preparation, read_sizes
from eoagent.runners.segformer.network import build_network, read_tensors

__all__ = ["SegformerRunner", "open_runner"]

_TASK: Final = "contours"
_PHRASE: Final = "contour"


class SegformerRunner:
    """A `Runner` of the task `contours`; for one thread at a time."""

    def __init__(
        self, card: ModelCard, network: Any, preparation: Preparation, placement: Placement
    ) -> None:
        """Put a model together; `open_runner` loads one from its file."""
        self._card = card
        self._network = network
        self._preparation = preparation
        self._placement = placement

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def memory_mb(self) -> int:
        """Memory that its weights hold now, MB; 0 once it is closed."""
        if self._network is None:
            return 0
        held = sum(int(value.nbytes) for value in self._network.state_dict().values())
        return round(held / 1e6)

    def run(self, task: str, items: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Run the task `contours`, whose items are pairs of a picture and the word `contour`.

        A result is the logit of a contour at each pixel of the picture, (height, width), enlarged
        linearly from the coarser grid of the network.

        Raises:
            InputError: if the task is another, or an item is no such pair.
            ModelError: if the model fails.
        """
        if task != _TASK:
            raise InputError(f"{self._card.id} knows no task '{task}'", hint=f"it knows: {_TASK}")
        if self._network is None:
            raise ModelError(f"{self._card.id} was closed and is asked again")
        pictures = [_picture(item) for item in items]
        # a picture that is asked for twice at once is looked at once
        known = {id(picture): picture for picture in pictures}
        found = {key: self._logits(picture) for key, picture in known.items()}
        return [found[id(picture)] for picture in pictures]

    def result_form(self, task: str) -> ResultForm | None:
        """Return what a result looks like: a map of the size of its picture."""
        del task
        return ResultForm(shape=(None, None))

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""
        self._network = None
        if self._placement.device != "cpu":
            load_library("torch").cuda.empty_cache()

    def _logits(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = load_library("torch")
        device, dtype = self._placement.device, getattr(torch, self._placement.dtype)
        values = torch.from_numpy(self._preparation.prepare(picture))[None].to(device)
        half = torch.autocast(
            torch.device(device).type, dtype=dtype, enabled=dtype != torch.float32
        )
        try:
            with torch.inference_mode(), half:
                coarse = self._network(values).logits.float()
                whole = torch.nn.functional.interpolate(
                    coarse, picture.shape[:2], mode="bilinear", align_corners=False
                )
        except torch.OutOfMemoryError:
            raise  # the pool knows what to do about it
        except RuntimeError as error:
            raise ModelError(f"the network failed: {first_line(error)}") from error
        found: NDArray[np.float32] = whole[0, 0].cpu().numpy()
        return found


def open_runner(card: ModelCard, weights: Path, placement: Placement) -> SegformerRunner:
    """Load the model of a card from its weights file, tensors only, after its hash was checked.

    Args:
        card: the model.
        weights: the published file, with both configurations beside it.
        placement: where and how it runs.

    Raises:
        NotFound: if a file is not there.
        ModelMissing: if a library is not installed.
        ModelError: if the files do not hold the model that the card describes.
    """
    tensors = read_tensors(card, weights)
    sizes = read_sizes(weights.parent)
    preparation = read_preparation(weights.parent, side=card.input_px)
    network = build_network(tensors, sizes, name=weights.name)
    return SegformerRunner(card, network.to(placement.device), preparation, placement)


def _picture(item: Any) -> NDArray[np.uint8]:
    is_pair = isinstance(item, list | tuple) and len(item) == 2
    if not is_pair or not isinstance(item[0], np.ndarray) or item[1] != _PHRASE:
        asked = item[1] if is_pair and isinstance(item[1], str) else "no phrase"
        raise InputError(
            f"a model of contours finds contours and nothing else; it was asked for '{asked}'",
            hint=f"ask for the phrase '{_PHRASE}'",
        )
    picture: NDArray[np.uint8] = item[0]
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(
            f"a picture is (height, width, 3) of uint8, got {picture.dtype} of {picture.shape}"
        )
    return picture

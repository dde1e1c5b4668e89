"""A RemoteSAM model that is loaded: pairs of a picture and a phrase in, maps of logits out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.runners.libraries import load_library
from eoagent.runners.remotesam.segmenter import Segmenter

__all__ = ["RemoteSamRunner", "open_runner"]


class RemoteSamRunner:
    """A `Runner` of the task `segment`; for one thread at a time."""

    def __init__(self, card: ModelCard, segmenter: Segmenter, *, placement: Placement) -> None:
        """Put a model together; `open_runner` loads one from its file."""
        self._card = card
        self._segmenter: Segmenter | None = segmenter
        self._placement = placement
        self._side = segmenter.side

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def memory_mb(self) -> int:
        """Memory that its weights hold now, MB; 0 once it is closed."""
        return 0 if self._segmenter is None else self._segmenter.memory_mb

    def run(self, task: str, items: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Run one batch of the task `segment`, whose items are pairs of a picture and a phrase.

        Pairs of one picture share what is done with it, whatever stands between them; a result is
        the logit of the object less that of the background, (S, S).

        Raises:
            InputError: if the task is another, or an item is no such pair.
            ModelError: if the model fails or gives something that is not finite.
        """
        if task != "segment":
            raise InputError(f"{self._card.id} knows no task '{task}'", hint="it knows: segment")
        segmenter = self._segmenter
        if segmenter is None:
            raise ModelError(f"{self._card.id} was closed and is asked again")
        pairs = [_pair(item) for item in items]
        asked: dict[int, list[int]] = {}
        for place, (picture, _) in enumerate(pairs):
            asked.setdefault(id(picture), []).append(place)
        found: dict[int, NDArray[np.float32]] = {}
        for places in asked.values():
            texts = [pairs[place][1] for place in places]
            segmented = segmenter.segment(pairs[places[0]][0], texts)
            found.update(zip(places, (one.margin for one in segmented), strict=True))
        return [found[place] for place in range(len(pairs))]

    def result_form(self, task: str) -> ResultForm | None:
        """Return what a result looks like: a map on the grid of the network."""
        del task
        return ResultForm(shape=(self._side, self._side))

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""
        self._segmenter = None
        if self._placement.device != "cpu":
            load_library("torch").cuda.empty_cache()


def open_runner(
    card: ModelCard,
    weights: Path,
    placement: Placement,
    *,
    sha256: str,
    config: Mapping[str, Any] | None = None,
) -> RemoteSamRunner:
    """Load the model of a card from its weights file, tensors only, after its hash was checked.

    Args:
        card: the model.
        weights: the published file or a slim one, with the vocabulary beside it.
        placement: where and how it runs.
        sha256: what the file must hash to; empty takes any file.
        config: sizes of the network; None takes those of the file.

    Raises:
        NotFound: if the file is not there.
        ModelMissing: if there is no vocabulary.
        ModelError: if the file does not hold the weights that the card describes.
    """
    segmenter = Segmenter.load(
        weights, config=config, sha256=sha256, placement=placement, max_batch=placement.max_batch
    )
    return RemoteSamRunner(card, segmenter, placement=placement)


def _pair(item: Any) -> tuple[NDArray[np.uint8], str]:
    is_pair = isinstance(item, list | tuple) and len(item) == 2
    if not is_pair or not isinstance(item[0], np.ndarray) or not isinstance(item[1], str):
        raise InputError("an item of segment is a picture (height, width, 3) and a phrase")
    return item[0], item[1]

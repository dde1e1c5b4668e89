"""A CLIP model that is loaded: pictures and texts in, unit vectors out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import EncoderFingerprint, Pictures, Vectors
from eoagent.contracts.errors import InputError, ModelError, NotFound
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.io.atomic import disk_errors, hash_file
from eoagent.runners.clip.checkpoint import read_tensors
from eoagent.runners.clip.network import Network, build_network
from eoagent.runners.clip.pictures import Preparation, make_preparation
from eoagent.runners.clip.tokens import Tokenizer, make_tokenizer
from eoagent.runners.fingerprints import fingerprint_of
from eoagent.runners.libraries import load_library
from eoagent.runners.pictures import as_pictures
from eoagent.runners.texts import as_texts
from eoagent.runners.unit import unit_vectors

__all__ = ["ClipEncoder", "open_encoder"]

_LOG: Final = logging.getLogger(__name__)


class ClipEncoder:
    """A `Runner` of the tasks `images` and `texts`, and an `Encoder`; for one thread at a time."""

    def __init__(
        self,
        card: ModelCard,
        network: Network,
        *,
        tokenizer: Tokenizer,
        prepare: Preparation,
        placement: Placement,
        weights_sha256: str,
    ) -> None:
        """Put a model together; `open_encoder` loads one from its file."""
        self._card = card
        self._network: Network | None = network
        self._tokenizer = tokenizer
        self._prepare = prepare
        self._placement = placement
        self._fingerprint = fingerprint_of(
            card,
            weights_sha256=weights_sha256,
            precision=placement.precision,
            preprocessing=placement.preprocessing,
        )

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def fingerprint(self) -> EncoderFingerprint:
        """What decides its vectors."""
        return self._fingerprint

    @property
    def memory_mb(self) -> int:
        """Memory that its weights hold now, MB; 0 once it is closed."""
        return 0 if self._network is None else self._network.bytes // 10**6

    def encode_images(self, pictures: Pictures | Any) -> Vectors:
        """Return the unit vectors of pictures, (n, d) float32.

        Args:
            pictures: (n, height, width, 3) of uint8, or a list of (height, width, 3) of uint8 or
                of PIL pictures.

        Raises:
            InputError: if something is no picture of three bands of uint8.
            ModelError: if the model fails or gives something that is no finite vector.
        """
        return self._encode("images", as_pictures(pictures))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of texts, (n, d) float32; what is too long is cut at its end.

        Raises:
            InputError: if a text is empty.
            ModelError: if the model fails or gives something that is no finite vector.
        """
        return self._encode("texts", as_texts(texts))

    def run(self, task: str, items: Sequence[Any]) -> Vectors:
        """Run one batch of the task `images` or `texts` and return a unit vector for each item.

        Raises:
            InputError: if the task is another, or an item does not fit it.
            ModelError: if the model fails or gives something that is no finite vector.
        """
        if task == "images":
            return self._pass(task, as_pictures(items))
        if task == "texts":
            return self._pass(task, as_texts(items))
        raise InputError(f"{self._card.id} knows no task '{task}'", hint="it knows: images, texts")

    def result_form(self, task: str) -> ResultForm | None:
        """Return what a result looks like: a unit vector, whatever the task."""
        del task
        return ResultForm(shape=(self._card.dimensions,), is_direction=True)

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""
        self._network = None
        if self._placement.device != "cpu":
            load_library("torch").cuda.empty_cache()

    def _encode(self, task: str, items: Sequence[Any]) -> Vectors:
        found = [self._pass(task, part) for part in _parts(items, self._placement.max_batch)]
        if not found:
            return np.empty((0, self._card.dimensions), np.float32)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _pass(self, task: str, items: Sequence[Any]) -> Vectors:
        network = self._network
        if network is None:
            raise ModelError(f"{self._card.id} was closed and is asked again")
        try:
            raw: NDArray[Any]
            if task == "images":
                raw = network.images(self._prepare(items))
            else:
                raw = network.texts(self._tokenizer(items))
        except RuntimeError as error:  # what torch raises, running out of memory included
            raise ModelError(
                f"{self._card.id} failed on {len(items)} {task}: {_first_line(error)}",
                hint="try fewer at once, or another device",
            ) from error
        return unit_vectors(raw, dimensions=self._card.dimensions, name=self._card.id)


def open_encoder(card: ModelCard, weights: Path, placement: Placement) -> ClipEncoder:
    """Load the model of a card from its weights file, tensors only, after its hash was checked.

    Raises:
        NotFound: if the file is not there.
        ModelMissing: if a library that it needs is not installed, or its tokenizer is missing.
        ModelError: if the file does not hold the weights that the card describes.
    """
    if not weights.is_file():
        raise NotFound(
            f"there is no weights file {weights} for {card.id}",
            hint=f"eoagent models pull {card.id}",
        )
    with disk_errors(weights):
        sha256, _ = hash_file(weights)
    if card.weights.sha256 not in {UNKNOWN, sha256}:
        raise ModelError(
            f"{weights} has the sha256 {sha256}, and {card.id} is known by {card.weights.sha256}",
            hint=f"take the published file: eoagent models pull {card.id}",
        )
    tokenizer = make_tokenizer(card, weights.parent)
    network = build_network(card, read_tensors(weights), placement, name=str(weights))
    _LOG.debug("loaded %s from %s on %s", card.id, weights, placement.device)
    return ClipEncoder(
        card,
        network,
        tokenizer=tokenizer,
        prepare=make_preparation(card, placement),
        placement=placement,
        weights_sha256=sha256,
    )


def _parts(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

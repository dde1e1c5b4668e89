"""The kind of runner that `eoagent.runners` names `sam2`: its cards, and how a model is loaded."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.contracts.runner import Placement
from eoagent.runners.cardfile import read_cards
from eoagent.runners.sam2.runner import Sam2Runner, open_runner

__all__ = ["KIND", "Sam2Kind"]

_NAME = "sam2"


class Sam2Kind:
    """A `RunnerKind`."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""
        return read_cards(files("eoagent.runners").joinpath("cards").iterdir(), kind=_NAME)

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> Sam2Runner:
        """Load weights, tensors only, and return the model ready to run.

        Raises:
            NotFound: if the file is not there.
            ModelMissing: if a library or a file beside the weights is not there.
            ModelError: if the file does not hold the weights that the card describes.
        """
        return open_runner(card, weights, placement)


KIND = Sam2Kind()

"""The kind of runner that `eoagent.runners` names `segformer`: its card, and how it is loaded."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.contracts.runner import Placement
from eoagent.runners.cardfile import read_cards
from eoagent.runners.segformer.runner import SegformerRunner, open_runner

__all__ = ["KIND", "SegformerKind"]

_NAME = "segformer"


class SegformerKind:
    """A `RunnerKind`."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""
        return read_cards(files("eoagent.runners").joinpath("cards").iterdir(), kind=_NAME)

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> SegformerRunner:
        """Load weights, tensors only, and return the model ready to run.

        Raises:
            NotFound: if the file, or one that belongs beside it, is not there.
            ModelMissing: if a library that it needs is not installed.
            ModelError: if the file does not hold the weights that the card describes.
        """
        return open_runner(card, weights, placement)


KIND = SegformerKind()

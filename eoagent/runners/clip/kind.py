"""The kind of runner that `eoagent.runners` names `clip`: its cards, and how a model is loaded."""

from __future__ import annotations

from importlib.resources import files
from os import PathLike
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import NotFound
from eoagent.contracts.runner import Placement
from eoagent.runners.cardfile import read_cards
from eoagent.runners.clip.encoder import ClipEncoder, open_encoder

__all__ = ["KIND", "ClipKind", "load_encoder"]

_NAME = "clip"


class ClipKind:
    """A `RunnerKind`; what it loads is an `Encoder` as well."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""
        return read_cards(files("eoagent.runners").joinpath("cards").iterdir(), kind=_NAME)

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> ClipEncoder:
        """Load weights, tensors only, and return the model ready to run.

        Raises:
            NotFound: if the file is not there.
            ModelMissing: if a library that it needs is not installed, or its tokenizer is missing.
            ModelError: if the file does not hold the weights that the card describes.
        """
        return open_encoder(card, weights, placement)


KIND = ClipKind()


def load_encoder(
    card_id: str, weights: str | PathLike[str], *, placement: Placement | None = None
) -> ClipEncoder:
    """Load a model by the id of its card, from a file of any place.

    Args:
        card_id: id of the card (`remoteclip-vit-b-32`).
        weights: the weights file, as published.
        placement: where and how it runs; by default as the published code does, on the CPU in
            float32 with pictures prepared one by one.

    Raises:
        NotFound: if there is no such card, or no such file.
        ModelMissing: if a library that it needs is not installed, or its tokenizer is missing.
        ModelError: if the file does not hold the weights that the card describes.
    """
    cards = {card.id: card for card in KIND.cards()}
    if card_id not in cards:
        raise NotFound(f"there is no model '{card_id}'", hint=f"there are: {', '.join(cards)}")
    return KIND.load(cards[card_id], Path(weights), placement or Placement(preprocessing="strict"))

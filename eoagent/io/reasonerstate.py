"""What a result owes to a reasoner: the model as a source, and what an equal result shares."""

from __future__ import annotations

import secrets
from typing import Final

from pydantic import JsonValue

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.figure import Source
from eoagent.contracts.reasoner import Reasoner
from eoagent.io.modelstate import card_source

__all__ = ["reasoner_source", "reasoner_state"]

_PLACE: Final = "place"
"""Under this name a reasoner's manner says where it runs."""


def reasoner_source(reasoner: Reasoner) -> Source:
    """Return a reasoner as the source of a figure: by its weights, else by its server."""
    source = card_source(reasoner.card)
    place = reasoner.manner.get(_PLACE, "")
    if reasoner.card.weights.sha256 != UNKNOWN or not place:
        return source
    return source.model_copy(update={"item_id": f"{reasoner.card.id} at {place}"})


def reasoner_state(reasoner: Reasoner) -> JsonValue:
    """Return what replies hang on besides what was asked: card, weights, and how it is run.

    Weights that nobody here has seen may be others the next time, so that what came of them equals
    nothing else, and is not taken for it.
    """
    card = reasoner.card
    manner: JsonValue = dict(reasoner.manner)
    if card.weights.sha256 == UNKNOWN:
        return [card.id, secrets.token_hex(8), manner]
    return [card.id, card.weights.sha256, manner]

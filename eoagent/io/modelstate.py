"""What a result owes to a model: the model as a source, and what an equal result has to share."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.tool import Services
from eoagent.io.windowvectors import known_gsd_m

__all__ = ["card_source", "encoder_state", "model_named", "model_state"]


def card_source(card: ModelCard) -> Source:
    """Return a model as the source of a figure; its weights are what identifies it."""
    sha256 = card.weights.sha256
    known = sha256 != UNKNOWN
    return Source(
        href=f"model:{card.id}",
        fingerprint=Fingerprint(kind="sha256" if known else "none", value=sha256 if known else ""),
    )


def encoder_state(services: Services, raster: str, encoder: str) -> JsonValue:
    """Return what vectors of an image hang on besides the image: the encoder that would be taken.

    Raises:
        NotFound: if there is no such image or encoder.
        InputError: if the encoder is of no use for its pixels.
        ModelMissing: if it is not installed.
    """
    ref = RasterRef.model_validate(services.store.get(raster).payload)
    found = services.models.encoder(encoder, gsd_m=known_gsd_m(ref.grid))
    state: dict[str, JsonValue] = found.fingerprint.to_dict()
    return state


def model_state(model: PhraseSegmenter | Reasoner | Outliner) -> JsonValue:
    """Return what a model's results hang on besides the image: card, weights, and how it is run."""
    card = model.card
    state: dict[str, JsonValue] = {
        "card": card.id,
        "weights": card.weights.sha256,
        "options": dict(card.options),
        **_manner(model),
    }
    return state


def model_named(model: PhraseSegmenter | Reasoner | Outliner, *, is_asked_for: bool) -> str:
    """Return in words which model was taken and why, for the assumptions of an answer."""
    why = "as asked for" if is_asked_for else getattr(model, "reason", "") or "the default"
    how = ", ".join(v for k, v in _manner(model).items() if k in {"device", "precision"})
    return f"model {model.card.id}{f' ({how})' if how else ''}, {why}"


def _manner(model: Any) -> dict[str, str]:
    """Return how a model is run, where it says so."""
    return dict(getattr(model, "manner", {}))

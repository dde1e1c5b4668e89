"""Say what decides the vectors of an encoder, from its card, its weights and its placement."""

from __future__ import annotations

from typing import Literal

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import EncoderFingerprint

__all__ = ["fingerprint_of"]


def fingerprint_of(
    card: ModelCard,
    *,
    weights_sha256: str,
    precision: Literal["float32", "half"],
    preprocessing: Literal["strict", "fast"],
) -> EncoderFingerprint:
    """Return the fingerprint that a model has with these weights, run so."""
    return EncoderFingerprint(
        card=card.id,
        weights_sha256=weights_sha256,
        architecture=card.architecture,
        activation=card.activation or "unknown",
        preprocessing=preprocessing,
        precision=precision,
        input_px=card.input_px,
        dimensions=card.dimensions,
    )

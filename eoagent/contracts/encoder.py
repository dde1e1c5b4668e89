"""Encoders: models that put pictures and texts into one space of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.record import Record

__all__ = ["Encoder", "EncoderFingerprint", "Pictures", "Vectors"]

Pictures = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
"""Pictures as (n, height, width, 3) of uint8, or as a list of (height, width, 3) of any sizes."""
Vectors = NDArray[np.float32]
"""Unit vectors (n, d), one a row."""


class EncoderFingerprint(Record):
    """All that decides what vector a picture gets; vectors of two fingerprints are not compared."""

    card: str
    """Id of the model card; a name only, weights with one hash are the same under any name."""
    weights_sha256: str = Field(default=UNKNOWN, pattern=r"^(unknown|[0-9a-f]{64})$")
    """sha256 of the weights file; `unknown` for embeddings made elsewhere."""
    architecture: str = UNKNOWN
    """Network (`ViT-B-32`)."""
    activation: str = UNKNOWN
    """Activation of its transformer blocks."""
    preprocessing: Literal["strict", "fast", "unknown"] = "unknown"
    """How pictures are prepared."""
    precision: Literal["float32", "half", "unknown"] = "unknown"
    """Class of precision; bfloat16 and float16 are one."""
    input_px: int = Field(default=0, ge=0)
    """Edge of the picture that the network takes, pixels; 0 where unknown."""
    dimensions: int = Field(gt=0)
    """Length of the vectors."""

    def differences(self, other: EncoderFingerprint) -> tuple[str, ...]:
        """Return in which respects another fingerprint differs, each `name: this, other`.

        What either does not know is no difference; `unknowns` tells it.
        """
        found = []
        for name in type(self).model_fields:
            here, there = getattr(self, name), getattr(other, name)
            if name != "card" and here != there and not ({here, there} & {UNKNOWN, 0}):
                found.append(f"{name}: {here}, {there}")
        return tuple(found)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Names of what is not known of the encoder."""
        names = type(self).model_fields
        return tuple(name for name in names if getattr(self, name) in {UNKNOWN, 0})


class Encoder(Protocol):
    """Puts pictures and texts into one space of vectors."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""

    @property
    def fingerprint(self) -> EncoderFingerprint:
        """What decides its vectors."""

    def encode_images(self, pictures: Pictures | Any) -> Vectors:
        """Return the unit vectors of pictures, (n, d) float32.

        Raises:
            InputError: if something is no picture of three bands of uint8.
            ModelError: if the model fails or gives something that is no finite vector.
            BudgetExceeded: if the deadline of the request passes.
        """

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of texts, (n, d) float32; what is too long is cut at its end.

        Raises:
            InputError: if a text is empty.
            ModelError: if the model fails or gives something that is no finite vector.
            BudgetExceeded: if the deadline of the request passes.
        """

"""An installed model that was asked for, how it is to run, and whether that is what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import ModelError
from eoagent.runners.fingerprints import fingerprint_of
from eoagent.runners.weightsfile import Installed

__all__ = ["FoundModel", "check_like"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """An installed model and how it is to run."""

    card: ModelCard
    """Its card, with the hash of what is installed."""
    installed: Installed
    """What is installed."""
    precision: Literal["float32", "half"]
    """Class of precision that it runs in."""
    preprocessing: Literal["strict", "fast"]
    """How it prepares pictures."""
    reason: str
    """Why it was taken; empty where it was named."""

    @property
    def fingerprint(self) -> EncoderFingerprint:
        """What decides its vectors."""
        return fingerprint_of(
            self.card,
            weights_sha256=self.installed.record.weights.sha256,
            precision=self.precision,
            preprocessing=self.preprocessing,
        )


def check_like(found: FoundModel, like: EncoderFingerprint) -> None:
    """Check that a model gives the vectors of a fingerprint; what that does not know is no matter.

    Raises:
        ModelError: if its weights or anything else that decides them are others.
    """
    there = found.fingerprint
    if UNKNOWN not in {like.weights_sha256, there.weights_sha256} and (
        like.weights_sha256 != there.weights_sha256
    ):
        raise ModelError(
            f"the vectors were made with weights {like.weights_sha256} of {like.card}, and the "
            f"installed weights of {there.card} are {there.weights_sha256}",
            hint="install those weights, or build the index again with these",
        )
    differences = like.differences(there)
    if differences:
        raise ModelError(
            f"{there.card} cannot give the vectors of {like.card}: {'; '.join(differences)}",
            hint="build the index again with this model",
        )

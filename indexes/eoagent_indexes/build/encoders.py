"""Make the encoder of a build in any process, from the card and the weights that it is told."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError
from eoagent.contracts.indexing import EncoderSource
from eoagent.contracts.runner import RunnerKind
from eoagent.plugins import load

__all__ = ["make_encoder"]


def make_encoder(source: EncoderSource) -> Encoder:
    """Load the encoder of a build.

    Raises:
        NotFound: if its weights or its kind of runner are not there.
        InputError: if its kind of runner does not import, or the model is no encoder.
        ModelMissing: if a library that it needs is not installed.
        ModelError: if the weights are not those of the card.
    """
    kind: RunnerKind = load("eoagent.runners", source.card.kind)
    runner = kind.load(source.card, Path(source.weights), source.placement)
    if not (hasattr(runner, "encode_images") and hasattr(runner, "fingerprint")):
        runner.close()
        raise InputError(
            f"{source.card.id} makes no vectors of pictures", hint="eoagent models list"
        )
    return cast("Encoder", runner)

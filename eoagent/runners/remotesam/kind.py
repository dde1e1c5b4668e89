"""The kind of runner that `eoagent.runners` names `remotesam`: its card, and how it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.runner import Placement
from eoagent.runners.cardfile import read_cards
from eoagent.runners.libraries import load_library

if TYPE_CHECKING:
    from eoagent.runners.remotesam.runner import RemoteSamRunner

__all__ = ["KIND", "RemoteSamKind"]

_NAME = "remotesam"
_LIBRARIES = ("torch", "safetensors.torch", "tokenizers")


class RemoteSamKind:
    """A `RunnerKind`, and a `SlimmingKind`: the state of the optimiser need not be kept."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""
        return read_cards(files("eoagent.runners").joinpath("cards").iterdir(), kind=_NAME)

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> RemoteSamRunner:
        """Load weights, tensors only, and return the model ready to run.

        Raises:
            NotFound: if the file is not there.
            ModelMissing: if a library that it needs is not installed, or its vocabulary is missing.
            ModelError: if the file does not hold the weights that the card describes.
        """
        if not weights.is_file():
            raise NotFound(
                f"there is no weights file {weights} for {card.id}",
                hint=f"eoagent models pull {card.id}",
            )
        runner = _part("runner").open_runner(
            card, weights, placement, sha256=_sha256(card), config=_sizes(card)
        )
        return cast("RemoteSamRunner", runner)

    def slim(
        self, card: ModelCard, weights: Path, folder: Path, *, dtype: Literal["float32", "float16"]
    ) -> Path:
        """Write the network alone of a weights file into a folder, and return that file.

        Raises:
            ModelMissing: if a library that it needs is not installed.
            ModelError: if the file does not hold the weights that the card describes.
            SourceError: if it cannot be written.
        """
        target = folder / f"{Path(card.weights.file).stem}-{dtype}.safetensors"
        _part("conversion").convert_checkpoint(weights, target, config=_sizes(card), dtype=dtype)
        return target


KIND = RemoteSamKind()


def _sizes(card: ModelCard) -> Mapping[str, Any] | None:
    """Return the sizes of the network that a card states; None leaves them to the weights file."""
    stated = card.options.get("config")
    if stated is None or isinstance(stated, dict):
        return stated
    raise ModelError(f"the card of {card.id} states sizes that are no mapping: {stated!r}")


def _sha256(card: ModelCard) -> str:
    return "" if card.weights.sha256 == UNKNOWN else card.weights.sha256


def _part(name: str) -> Any:
    """Import a module of this folder that needs the heavy libraries."""
    for library in _LIBRARIES:
        load_library(library)
    return import_module(f"eoagent.runners.remotesam.{name}")

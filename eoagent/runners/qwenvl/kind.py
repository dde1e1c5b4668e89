"""The kind of runner that `eoagent.runners` names `qwenvl`: its cards, and how it is loaded."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.runner import Placement
from eoagent.runners.cardfile import read_cards
from eoagent.runners.filelist import check_list, read_list
from eoagent.runners.libraries import load_library
from eoagent.runners.qwenvl.layout import read_layout

if TYPE_CHECKING:
    from eoagent.runners.qwenvl.runner import QwenVlRunner

__all__ = ["KIND", "QwenVlKind"]

_NAME = "qwenvl"
_LIBRARIES = ("torch", "safetensors", "tokenizers", "torchvision", "transformers")


class QwenVlKind:
    """A `RunnerKind`, and a `CheckingKind`: the models are too large to be loaded to be checked."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""
        return read_cards(files("eoagent.runners").joinpath("cards").iterdir(), kind=_NAME)

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> QwenVlRunner:
        """Load weights, tensors only, and return the model ready to run.

        Args:
            card: the model.
            weights: the list of its files, which lie beside it.
            placement: where and how it runs.

        Raises:
            NotFound: if a file is not there.
            InputError: if the card asks for a way to sample or to quantise that is none.
            ModelMissing: if a library that it needs is not installed.
            ModelError: if a file has another hash, asks for code, or does not hold what the card
                describes.
        """
        asks_no_code = read_layout(weights.parent, [file.name for file in read_list(weights)])
        sha256 = "" if card.weights.sha256 == UNKNOWN else card.weights.sha256
        check_list(weights, sha256=sha256)
        quantise = str(card.options.get("quantise", ""))
        runner = _part("runner").open_runner(card, asks_no_code, placement, quantise=quantise)
        return cast("QwenVlRunner", runner)

    def check(self, card: ModelCard, weights: Path) -> None:
        """Check that files hold the model, without loading its weights.

        Raises:
            NotFound: if a file is not there.
            ModelMissing: if a library that it needs is not installed.
            ModelError: if a file asks for code, or they do not hold what the card describes.
        """
        names = [file.name for file in read_list(weights)]
        read_layout(weights.parent, names)
        _part("runner").check_folder(weights.parent, names, card)


KIND = QwenVlKind()


def _part(name: str) -> Any:
    """Import a module of this folder that needs the heavy libraries."""
    for library in _LIBRARIES:
        load_library(library)
    return import_module(f"eoagent.runners.qwenvl.{name}")

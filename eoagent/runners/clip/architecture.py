"""Architectures in the words of open_clip, with everything they need at hand and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError
from eoagent.runners.libraries import load_library

__all__ = ["has_own_tokenizer", "model_settings", "text_settings"]

_HERE: Final = Path(__file__).resolve().parent
_OWN_TEXT_TOWERS: Final = frozenset({"xlm-roberta-base"})
"""Text towers of the transformers library whose configuration lies in a folder of that name."""


def model_settings(card: ModelCard) -> dict[str, Any]:
    """Return the settings that open_clip builds the network of a card from.

    The activation is the card's, whatever the architecture is called.

    Raises:
        ModelMissing: if open_clip is not installed.
        ModelError: if it knows no such architecture.
    """
    open_clip = load_library("open_clip")
    settings: dict[str, Any] | None = open_clip.get_model_config(card.architecture)
    if settings is None:
        raise ModelError(
            f"{card.id} is a {card.architecture}, which open_clip {open_clip.__version__} "
            "does not know",
            hint="pip install --upgrade 'eoagent[models]'",
        )
    settings["quick_gelu"] = card.activation == "quickgelu"
    settings.pop("custom_text", None)
    text = settings["text_cfg"]
    if text.get("hf_model_name") in _OWN_TEXT_TOWERS:
        text["hf_model_name"] = str(_HERE / text["hf_model_name"])
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False  # the checkpoint holds the text tower
    return settings


def text_settings(card: ModelCard) -> dict[str, Any]:
    """Return the part of the settings that describes the text tower.

    Raises:
        ModelMissing: if open_clip is not installed.
        ModelError: if it knows no such architecture.
    """
    text: dict[str, Any] = model_settings(card)["text_cfg"]
    return text


def has_own_tokenizer(card: ModelCard) -> bool:
    """Whether the text tower brings its tokenizer along instead of sharing that of CLIP.

    Raises:
        ModelMissing: if open_clip is not installed.
        ModelError: if it knows no such architecture.
    """
    return bool(text_settings(card).get("hf_tokenizer_name"))

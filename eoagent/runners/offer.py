"""What is offered as the weights of a card, and what the card says of the files that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eoagent.contracts.card import UNKNOWN, ModelCard

__all__ = ["Offer", "beside_source", "is_folder_model", "named_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A file or folder that is offered as the weights of a card."""

    file: Path
    """The weights, an archive with the member that the card names, or the folder of a model that is
    published as several files."""
    source: str
    """Where it came from, for the record."""
    revision: str = UNKNOWN
    """Commit of the repository that it came from."""
    sha256: str = UNKNOWN
    """Hash that its source states; the file must have it."""
    parts_sha256: Mapping[str, str] = field(default_factory=dict)
    """Hashes that its source states of the files of a folder, by name."""
    is_ours: bool = False
    """Whether it is a download of ours, which is moved; anybody else's file is copied."""
    dtype: Literal["float32", "float16"] = "float32"
    """Type that matrices are kept in, where the kind of the model keeps only what it needs."""


def beside_source(card: ModelCard, name: str) -> str:
    """Return the repository that a file beside the weights comes from, as `options` say."""
    others: Any = card.options.get("beside_from", {})
    other = others.get(name) if isinstance(others, dict) else None
    return str(other) if other else card.weights.repository


def is_folder_model(card: ModelCard) -> bool:
    """Whether a model is published as a folder of several files, as its card says."""
    return card.options.get("layout") == "folder"


def named_files(
    card: ModelCard, option: Literal["beside", "beside_if_there", "other_files"]
) -> list[str]:
    """Return the file names that an option of a card lists: needed, welcome, or by other names."""
    named = card.options.get(option, [])
    return [str(name) for name in named] if isinstance(named, list) else []

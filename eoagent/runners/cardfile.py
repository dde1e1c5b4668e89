"""Read model cards from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.resources.abc import Traversable

from pydantic import ValidationError

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError

__all__ = ["read_card", "read_cards"]


def read_card(text: str, *, name: str) -> ModelCard:
    """Return the card that a TOML document describes.

    Args:
        text: the document.
        name: what the document is called in messages.

    Raises:
        InputError: if it is no TOML, or no card.
    """
    try:
        return ModelCard.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the model card {name} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"the model card {name} does not hold: {where}: {first['msg']}") from error


def read_cards(files: Iterable[Traversable], *, kind: str) -> tuple[ModelCard, ...]:
    """Return the cards of one kind among TOML files, in order of id.

    Raises:
        InputError: if a file is no card, or two have one id.
    """
    cards: dict[str, ModelCard] = {}
    for file in files:
        if not file.name.endswith(".toml"):
            continue
        card = read_card(file.read_text(encoding="utf-8"), name=file.name)
        if card.kind != kind:
            continue
        if card.id in cards:
            raise InputError(f"two model cards have the id '{card.id}'")
        cards[card.id] = card
    return tuple(cards[name] for name in sorted(cards))

"""The models that there are: every card of every kind of runner, ours and a stranger's."""

from __future__ import annotations

from eoagent import plugins
from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.runner import RunnerKind

__all__ = ["all_cards", "card_by_id", "kind_of"]

_GROUP = "eoagent.runners"


def all_cards() -> tuple[ModelCard, ...]:
    """Return the cards of all models, in order of id; nothing heavy is imported for it.

    Raises:
        InputError: if a plugin cannot be imported, or two cards have one id.
    """
    found: dict[str, ModelCard] = {}
    for name, entry in plugins.find(_GROUP).items():
        kind: RunnerKind = plugins.load_entry(entry)
        for card in kind.cards():
            if card.id in found:
                raise InputError(
                    f"two kinds of runner have a model '{card.id}': {found[card.id].kind} and "
                    f"{name}",
                    hint="uninstall one of the plugins",
                )
            found[card.id] = card
    return tuple(found[card_id] for card_id in sorted(found))


def card_by_id(card_id: str) -> ModelCard:
    """Return the card of a model.

    Raises:
        NotFound: if there is none; the hint lists those that there are.
    """
    cards = {card.id: card for card in all_cards()}
    if card_id not in cards:
        raise NotFound(f"there is no model '{card_id}'", hint=f"there are: {', '.join(cards)}")
    return cards[card_id]


def kind_of(card: ModelCard) -> RunnerKind:
    """Return the kind of runner that runs a model.

    Raises:
        NotFound: if no plugin offers it.
        InputError: if the plugin cannot be imported.
    """
    kind: RunnerKind = plugins.load(_GROUP, card.kind)
    return kind

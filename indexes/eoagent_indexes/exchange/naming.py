"""Say what encoder made the vectors of a file, and state what is not known of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError
from eoagent.plugins import find, load
from eoagent_indexes.exchange.footer import Footer

__all__ = ["encoder_of", "installed_card", "refuse_another"]

_LOG = logging.getLogger(__name__)
_RUNNERS: Final = "eoagent.runners"
_ODD: Final = re.compile(r"[^a-z0-9._-]+")
_MOST_CHARS: Final = 60
_NAMELESS: Final = (
    "the file does not say which model made its vectors, and no card was named: they can be "
    "searched by tile and by vector, not by text or picture"
)


def encoder_of(
    footer: Footer,
    dimensions: int,
    *,
    card: str,
    lookup: Callable[[str], ModelCard | None],
    href: str,
) -> tuple[EncoderFingerprint, tuple[str, ...]]:
    """Return the fingerprint of the encoder of a file, and what was assumed.

    A file of our own carries its fingerprint. Of another one the model's card tells architecture
    and activation where it is known here, and the rest stays unknown; so does the card where
    nobody names one.

    Args:
        footer: what the file says.
        dimensions: length of its vectors.
        card: id of the card that the user named; empty for the model that the file names.
        lookup: returns a card by id, where it is known here.
        href: the file, for messages.

    Raises:
        InputError: if the model that is named makes vectors of another length.
    """
    own = footer.fingerprint
    if own is not None and own.dimensions == dimensions:
        return (own.model_copy(update={"card": card}) if card else own), ()
    name = card or _slug(footer.model)
    if not name:
        return EncoderFingerprint(card=UNKNOWN, dimensions=dimensions), (_NAMELESS,)
    known = lookup(name)
    if known is not None and known.dimensions != dimensions:
        raise InputError(
            f"{href} holds vectors of {dimensions} numbers, and {known.id} makes "
            f"{known.dimensions}",
            hint="name the encoder that made them",
        )
    made = EncoderFingerprint(card=name, dimensions=dimensions)
    if known is not None:
        facts = {"architecture": known.architecture, "input_px": known.input_px}
        made = made.model_copy(update=facts | {"activation": known.activation or UNKNOWN})
    said = "named by the user" if card else "named by the file"
    unknown = ", ".join(made.unknowns)
    return made, (f"the vectors are taken as those of {name}, {said}; not known: {unknown}",)


def refuse_another(held: EncoderFingerprint, given: EncoderFingerprint, href: str) -> None:
    """Refuse vectors that nobody can say are of the encoder that an index was made by.

    Raises:
        InputError: if neither hash of the weights speaks for it, and the cards do not either.
    """
    is_told = UNKNOWN not in (held.weights_sha256, given.weights_sha256)
    if is_told or (held.card == given.card and held.card != UNKNOWN):
        return
    raise InputError(
        f"the index was made by {held.card}, and {href} by {given.card}: nothing says that they "
        "are one encoder",
        hint=f"name it with --encoder {held.card} if they are, else import into another index"
        if held.card != UNKNOWN
        else "import both into a new index and name their encoder with --encoder",
    )


def installed_card(name: str) -> ModelCard | None:
    """Return the card of a model that a runner here can run; None if there is none of this id."""
    for kind in find(_RUNNERS):
        try:
            cards = load(_RUNNERS, kind).cards()
        except InputError as error:  # another plugin that is broken says nothing about this model
            _LOG.warning("the runners of %s are passed over: %s", kind, error)
            continue
        for card in cards:
            if card.id == name:
                found: ModelCard = card
                return found
    return None


def _slug(name: str) -> str:
    """Return a name as a card id is written; empty if nothing is left of it."""
    return _ODD.sub("-", name.casefold()).strip("-._")[:_MOST_CHARS]

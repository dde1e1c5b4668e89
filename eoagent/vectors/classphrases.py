"""The phrase by which a model is asked for a class: the name that it was trained on, in its frame.

Frame and names are data of the model's card: `options.class_prompt` and `options.class_names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.vectors.nouns import same_noun, singular

__all__ = ["ClassPhrase", "class_phrases", "phrases_stated"]

_SLOT = "{}"
_NAMES: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPhrase:
    """A class and how a model is asked for it."""

    name: str
    """The class in the singular, in words (`storage tank`)."""
    asked_as: tuple[str, ...]
    """The names under which it was asked for, as they were given."""
    phrase: str
    """What is put to the model (`storagetank in the image`)."""


def class_phrases(card: ModelCard, names: Iterable[str]) -> tuple[ClassPhrase, ...]:
    """Return how a model is asked for some classes, in order.

    A name that the model knows in any spelling or number is put as the model writes it; of others
    the last word is put in the singular. Names that come to one phrase are one class.

    Args:
        card: the model.
        names: the classes, in a few words each.

    Raises:
        InputError: if a name is empty, or there is none.
        ModelError: if the card states its names or its frame in another form.
    """
    frame, known = _frame(card), _known(card)
    found: dict[str, ClassPhrase] = {}
    for given in names:
        name = singular(given.strip().rstrip("."))
        if not name:
            raise InputError("a class without a name was asked for", hint="name each class")
        phrase = frame.replace(_SLOT, known.get(same_noun(name), name))
        before = found.get(phrase)
        asked_as = (given,) if before is None else (*before.asked_as, given)
        found[phrase] = ClassPhrase(
            name=name if before is None else before.name,
            asked_as=tuple(dict.fromkeys(asked_as)),
            phrase=phrase,
        )
    if not found:
        raise InputError("no class was asked for", hint="name one or more classes")
    return tuple(found.values())


def phrases_stated(card: ModelCard, classes: Iterable[ClassPhrase]) -> str:
    """Return in words what was put to the model for each class, without a full stop."""
    said = [f"'{one.phrase}' for {', '.join(dict.fromkeys(one.asked_as))}" for one in classes]
    return f"{card.id} was asked for {'; '.join(said)}"


def _frame(card: ModelCard) -> str:
    frame = card.options.get("class_prompt", _SLOT)
    if not isinstance(frame, str) or frame.count(_SLOT) != 1:
        raise ModelError(f"the card of {card.id} states no class_prompt with one {_SLOT}: {frame}")
    return frame


def _known(card: ModelCard) -> Mapping[str, str]:
    """Return the model's own name for each spelling, without blanks and hyphens, singular."""
    try:
        names = _NAMES.validate_python(card.options.get("class_names", {}))
    except ValidationError as error:
        raise ModelError(
            f"the card of {card.id} states class_names that are no lists of words by name"
        ) from error
    return {same_noun(word): name for name, words in names.items() for word in (name, *words)}

"""Choose the model that is meant when nobody names one, and say why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, NotFound

__all__ = [
    "DEFAULT_ENCODER",
    "DEFAULT_OUTLINER",
    "DEFAULT_REASONER",
    "DEFAULT_SEGMENTER",
    "Choice",
    "choose_encoder",
    "choose_outliner",
    "choose_reasoner",
    "choose_segmenter",
]

DEFAULT_ENCODER: Final = "remoteclip-vit-b-32"
"""The encoder that is meant where nothing speaks for another."""
DEFAULT_SEGMENTER: Final = "remotesam-v1"
"""The segmenter that is meant where nobody names one."""
DEFAULT_REASONER: Final = "remotereasoner-7b"
"""The reasoner that is meant where nobody names one."""
DEFAULT_OUTLINER: Final = "sam2.1-hiera-tiny"
"""The outliner that is meant where nobody names one."""
_COARSE: Final = (
    "georsclip-vit-h-14",
    "georsclip-vit-l-14-336",
    "georsclip-vit-l-14",
    "georsclip-vit-b-32",
)
"""Encoders for coarse pictures, the best first."""
_COARSE_FROM_M: Final = 10.0
_MULTILINGUAL: Final = "rs-m-clip"
_EUROSAT: Final = (
    "top-1 on EuroSAT without training 53.4 to 68.3 % against 35.5 % for RemoteCLIP ViT-B-32"
)
"""Source: the whole datasets with 106 prompts of RS-TransCLIP, all with plain GELU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A card and why it was taken."""

    card: ModelCard
    """The card."""
    reason: str
    """A sentence for whoever reads the answer; empty where the user named the card."""


def choose_encoder(
    cards: Sequence[ModelCard],
    *,
    card: str = "",
    gsd_m: float | None = None,
    language: str = "en",
    is_installed: Callable[[str], bool],
) -> Choice:
    """Return the encoder for pictures of a ground sampling distance.

    Args:
        cards: the models that there are.
        card: id of a card that the user named; it is taken, if it is of use at that distance.
        gsd_m: metres per pixel of the pictures; None where nobody knows.
        language: of the texts, ISO 639-1; other than English asks for a model that reads it.
        is_installed: says of an id whether its weights are installed.

    Raises:
        NotFound: if there is no such card.
        InputError: if the named card is of no use at that distance, or no model reads the
            language.
    """
    encoders = {one.id: one for one in cards if one.dimensions}
    if card:
        if card not in encoders:
            what = "makes no vectors" if any(one.id == card for one in cards) else "is not there"
            raise NotFound(
                f"the encoder '{card}' {what}", hint=f"there are: {', '.join(sorted(encoders))}"
            )
        return Choice(card=_allowed(encoders[card], gsd_m), reason="")
    if language != "en":
        return _reading(encoders, language, gsd_m)
    default = encoders.get(DEFAULT_ENCODER)
    if default is None:
        raise NotFound(f"the default encoder '{DEFAULT_ENCODER}' is not there")
    _allowed(default, gsd_m)
    if gsd_m is None or gsd_m < _COARSE_FROM_M:
        known = "" if gsd_m is None else f" for {gsd_m:g} m per pixel"
        return Choice(card=default, reason=f"{default.title} is the default encoder{known}")
    for name in _COARSE:
        if name in encoders and is_installed(name):
            better = encoders[name]
            return Choice(
                card=better,
                reason=f"{better.title} was taken for {gsd_m:g} m per pixel: GeoRSCLIP knows "
                f"coarse pictures better ({_EUROSAT})",
            )
    return Choice(
        card=default,
        reason=f"{default.title} is the default encoder; for {gsd_m:g} m per pixel GeoRSCLIP is "
        f"better ({_EUROSAT}), and none is installed: eoagent models pull {_COARSE[-1]}",
    )


def choose_segmenter(
    cards: Sequence[ModelCard], *, card: str = "", gsd_m: float | None = None
) -> Choice:
    """Return the segmenter for pictures of a ground sampling distance.

    Args:
        cards: the models that there are.
        card: id of a card that the user named.
        gsd_m: metres per pixel of the pictures; None where nobody knows.

    Raises:
        NotFound: if there is no such card.
        InputError: if it is of no use at that distance.
    """
    # a model of contours is a segmenter that knows one phrase; it is taken only where it is named
    finds_contours = any(one.id == card and "contours" in one.tasks for one in cards)
    task = "contours" if finds_contours else "segment"
    found = _able(cards, card or DEFAULT_SEGMENTER, task, "segmenter", "finds no phrases")
    _refuse(found, gsd_m)
    return Choice(card=found, reason="" if card else f"{found.title} is the default segmenter")


def choose_reasoner(
    cards: Sequence[ModelCard], *, card: str = "", usual: str = "", gsd_m: float | None = None
) -> Choice:
    """Return the reasoner for pictures of a ground sampling distance.

    Args:
        cards: the models that there are.
        card: id of a card that was named.
        usual: id of the card that the settings name; empty takes the default.
        gsd_m: metres per pixel of the pictures; None where nobody knows.

    Raises:
        NotFound: if there is no such card.
        InputError: if it is of no use at that distance.
    """
    wanted = card or usual or DEFAULT_REASONER
    found = _able(cards, wanted, "reason", "reasoner", "does not reason about pictures")
    _refuse(found, gsd_m)
    said = "the reasoner of the settings" if usual else "the default reasoner"
    return Choice(card=found, reason="" if card else f"{found.title} is {said}")


def choose_outliner(cards: Sequence[ModelCard], *, card: str = "") -> Choice:
    """Return the model that draws the outline of what a box frames.

    Args:
        cards: the models that there are.
        card: id of a card that was named.

    Raises:
        NotFound: if there is no such card.
    """
    wanted = card or DEFAULT_OUTLINER
    found = _able(cards, wanted, "outline", "outliner", "outlines no boxes")
    return Choice(card=found, reason="" if card else f"{found.title} is the default outliner")


def _able(
    cards: Sequence[ModelCard], wanted: str, task: str, name: str, otherwise: str
) -> ModelCard:
    """Return the card of an id if it can do a task."""
    able = {one.id: one for one in cards if task in one.tasks}
    if wanted in able:
        return able[wanted]
    what = otherwise if any(one.id == wanted for one in cards) else "is not there"
    raise NotFound(
        f"the {name} '{wanted}' {what}", hint=f"there are: {', '.join(sorted(able)) or 'none'}"
    )


def _refuse(card: ModelCard, gsd_m: float | None) -> None:
    refusal = card.refusal(gsd_m)
    if refusal:
        raise InputError(refusal, hint="take pictures of a distance that the model is for")


def _reading(encoders: dict[str, ModelCard], language: str, gsd_m: float | None) -> Choice:
    reader = encoders.get(_MULTILINGUAL)
    if reader is None or language not in reader.languages:
        known = sorted({code for one in encoders.values() for code in one.languages})
        raise InputError(
            f"no encoder reads texts in '{language}'",
            hint=f"put the text into English; languages that can be had: {', '.join(known)}",
        )
    return Choice(
        card=_allowed(reader, gsd_m),
        reason=f"{reader.title} was taken because it reads '{language}'",
    )


def _allowed(card: ModelCard, gsd_m: float | None) -> ModelCard:
    refusal = card.refusal(gsd_m)
    if refusal:
        raise InputError(refusal, hint="search pictures of a distance that the model is for")
    return card

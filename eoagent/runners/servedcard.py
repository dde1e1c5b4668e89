"""Tell from the name of a served model what it can do and how it is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.card import UNKNOWN, ModelCard, WeightsSource
from eoagent.contracts.text import plain_text
from eoagent.dialogue.profiles import read_profile

__all__ = ["DEFAULT_PROFILE", "ServedCard", "card_of_served", "profile_of_name"]

DEFAULT_PROFILE: Final = "qwen2.5-vl"
"""How a model is asked whose name tells nothing."""
_PROFILES: Final = (
    ("remotereasoner", "remotereasoner"),
    ("rscovlm", "rscovlm"),
    ("think2seg", "think2seg-rs"),
)
"""What a name contains, and the prompt profile that it stands for."""
_REASON: Final = "reason"
_UNSEEN: Final = "It runs on a server: which weights it has there is not known here."
_MAX_NAME: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedCard:
    """What is known of a served model."""

    card: ModelCard
    """The card; its weights are unknown."""
    profile: str
    """Name of the prompt profile."""
    reason: str
    """Why that profile was taken: `asked as ...`."""


def card_of_served(
    model: str, *, made_from: str = "", profile: str = "", cards: Sequence[ModelCard] = ()
) -> ServedCard:
    """Return what can be said of a model from its name at a server.

    Args:
        model: the name.
        made_from: what the server says that it was made from; may be empty.
        profile: prompt profile that the user set; empty goes by card and name.
        cards: cards of models that are known.

    Raises:
        NotFound: if there is no such prompt profile.
    """
    shown = plain_text(model, _MAX_NAME)
    known = _known(model, cards) or (_known(made_from, cards) if made_from else None)
    if profile:
        reason = f"asked as {profile}, which was set"
    elif known is not None and known.options.get("profile"):
        profile = str(known.options["profile"])
        reason = f"asked as the card {known.id} says ({profile})"
    else:
        profile, reason = profile_of_name(f"{model} {made_from}")
    side = math.isqrt(read_profile(profile).max_pixels)
    card = _unseen(known) if known is not None else _made(shown, side, reason)
    return ServedCard(card=card, profile=profile, reason=reason)


def profile_of_name(name: str) -> tuple[str, str]:
    """Return the prompt profile that a name stands for, and why."""
    for contained, profile in _PROFILES:
        if contained in re.sub(r"[^a-z0-9]", "", name.lower()):
            return profile, f"asked as {profile}, after its name"
    return DEFAULT_PROFILE, (
        f"asked as {DEFAULT_PROFILE}, since its name stands for no other prompt profile (setting "
        "reasoner_profile)"
    )


def _known(name: str, cards: Sequence[ModelCard]) -> ModelCard | None:
    """Return the card of a name: its id, its repository, or the last part of that."""
    plain = name.lower().rstrip("/").removesuffix("@main")
    for card in cards:
        repository = card.weights.repository.lower()
        names = {card.id, repository, repository.rpartition("/")[2]} - {""}
        if _REASON in card.tasks and (plain in names or plain.rpartition("/")[2] in names):
            return card
    return None


def _unseen(card: ModelCard) -> ModelCard:
    """Return a card whose weights are unknown, since nobody here has seen those of the server."""
    weights = card.weights.model_copy(update={"revision": UNKNOWN, "sha256": UNKNOWN})
    return card.model_copy(update={"weights": weights, "notes": (*card.notes, _UNSEEN)})


def _made(name: str, side_px: int, reason: str) -> ModelCard:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-50:].strip("-")
    return ModelCard(
        id=f"served-{slug or 'model'}",
        kind="served",
        title=name or "a served model",
        summary="A model behind a server that the user named, known by its name alone.",
        licence=UNKNOWN,
        homepage=UNKNOWN,
        weights=WeightsSource(file=UNKNOWN),
        architecture=UNKNOWN,
        input_px=side_px,
        memory_mb=1,  # nothing of it is held here, and a card states some
        tasks=(_REASON,),
        notes=(_UNSEEN, f"It is {reason}."),
    )

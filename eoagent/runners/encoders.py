"""Find the installed encoder that is meant, and how it is to run, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import NotFound
from eoagent.runners.choosing import Choice, choose_encoder
from eoagent.runners.found import FoundModel, check_like
from eoagent.runners.places import Places, Preprocessing
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned

__all__ = ["Encoders"]


class Encoders:
    """Looks encoders up; safe for threads."""

    def __init__(
        self, store: ModelStore, places: Places, cards: Callable[[], tuple[ModelCard, ...]]
    ) -> None:
        """Look nothing up yet.

        Args:
            store: the installed weights.
            places: where and how models run, where no fingerprint says.
            cards: the models that there are.
        """
        self._store = store
        self._places = places
        self._cards = cards

    def choose(self, card: str, *, gsd_m: float | None, language: str) -> Choice:
        """Return which encoder would be taken; errors as `ModelPool.choose`."""
        return choose_encoder(
            self._cards(),
            card=card,
            gsd_m=gsd_m,
            language=language,
            is_installed=lambda name: self._store.installed(name) is not None,
        )

    def find(
        self, card: str, *, gsd_m: float | None, like: EncoderFingerprint | None, language: str
    ) -> FoundModel:
        """Return the encoder that is meant; arguments and errors as `ModelPool.encoder`."""
        if like is not None and not card:
            card = self._card_of(like)
        choice = self.choose(card, gsd_m=gsd_m, language=language)
        installed = self._store.require(choice.card.id)
        precision, preprocessing = self._manner(like)
        found = FoundModel(
            card=pinned(choice.card, installed.record),
            installed=installed,
            precision=precision,
            preprocessing=preprocessing,
            reason=choice.reason,
        )
        if like is not None:
            check_like(found, like)
        return found

    def _card_of(self, like: EncoderFingerprint) -> str:
        """Return the card of a fingerprint: one with its weights under any name, else its name."""
        names = [card.id for card in self._cards()]
        names.sort(key=lambda name: name != like.card)
        for name in names:
            installed = self._store.installed(name)
            if installed is not None and installed.record.weights.sha256 == like.weights_sha256:
                return name
        if like.card not in names:
            raise NotFound(
                f"the vectors were made by '{like.card}' with weights {like.weights_sha256}, and "
                "no model here is that",
                hint="install the plugin that brings the model",
            )
        return like.card

    def _manner(
        self, like: EncoderFingerprint | None
    ) -> tuple[Literal["float32", "half"], Preprocessing]:
        """Return in which precision a model runs, and how it prepares pictures."""
        precision, preprocessing = self._places.precision, self._places.preprocessing
        if like is not None and like.precision != UNKNOWN:
            precision = like.precision
        if like is not None and like.preprocessing != UNKNOWN:
            preprocessing = like.preprocessing
        if precision == "auto":  # the device says, which takes torch to ask
            precision = self._places.place(precision, preprocessing).precision
        return precision, preprocessing

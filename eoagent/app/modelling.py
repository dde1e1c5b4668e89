"""The models of a home folder: made when one is first asked for, shared, and closed at the end."""

from __future__ import annotations

import threading
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.runners.pool import ModelPool
from eoagent.settings import Settings

__all__ = ["HomeModels"]


class HomeModels:
    """The models of one home folder; may be shared by threads.

    Args:
        home: the home folder, which holds the weights.
        settings: which encoder is meant by default, and how models run.
    """

    def __init__(self, home: Path, settings: Settings) -> None:
        self._home = home
        self._settings = settings
        self._lock = threading.Lock()
        self._made: ModelPool | None = None

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, installed or not."""
        return self.pool.cards()

    def encoder(
        self,
        card: str = "",
        *,
        gsd_m: float | None = None,
        like: EncoderFingerprint | None = None,
    ) -> Encoder:
        """Return an encoder of pictures and texts; see `eoagent.contracts.models.Models`.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed.
            ModelError: if the installed weights are others than those of `like`.
        """
        wanted = card or ("" if like is not None else self._settings.encoder)
        return self.pool.encoder(wanted, gsd_m=gsd_m, like=like)

    def segmenter(self, card: str = "", *, gsd_m: float | None = None) -> PhraseSegmenter:
        """Return a model that finds what phrases mean; see `eoagent.contracts.models.Models`.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed.
        """
        return self.pool.segmenter(card, gsd_m=gsd_m)

    @property
    def pool(self) -> ModelPool:
        """The pool behind it."""
        with self._lock:
            if self._made is None:
                settings = self._settings
                self._made = ModelPool(
                    self._home,
                    memory_mb=settings.model_memory_mb,
                    device=settings.device,
                    precision=settings.precision,
                    isolate=settings.isolate,
                )
            return self._made

    def close(self) -> None:
        """Give back what loaded models hold; one that is asked later is loaded again."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

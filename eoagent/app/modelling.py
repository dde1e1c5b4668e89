"""The models of a home folder: made when one is first asked for, shared, and closed at the end."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.runner import Counters
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.io.modeluse import add_use
from eoagent.runners.pool import ModelPool
from eoagent.runners.reasoners import ReasonerWish
from eoagent.settings import Settings

__all__ = ["HomeModels"]

_logger = logging.getLogger(__name__)


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
        self._note: Callable[[], object] = _nothing

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

    def reasoner(self, card: str = "", *, gsd_m: float | None = None) -> Reasoner:
        """Return a model that answers implicit questions; see `eoagent.contracts.models.Models`.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed, and no server is set.
            ModelError: if a server is set that cannot be asked.
        """
        return self.pool.reasoner(card, gsd_m=gsd_m)

    def outliner(self, card: str = "") -> Outliner:
        """Return a model that draws outlines; see `eoagent.contracts.models.Models`.

        Raises:
            NotFound: if there is no such card.
            ModelMissing: if its weights or a library are not installed.
        """
        return self.pool.outliner(card)

    @property
    def pool(self) -> ModelPool:
        """The pool behind it."""
        with self._lock:
            if self._made is None:
                settings = self._settings
                made = self._made = ModelPool(
                    self._home,
                    memory_mb=settings.model_memory_mb,
                    device=settings.device,
                    precision=settings.precision,
                    isolate=settings.isolate,
                    reasoner=_wish(settings),
                )
                # what they did is written down at the close, or when nobody holds this any more
                self._note = weakref.finalize(self, _write_use, self._home, made.counters)
            return self._made

    def counters(self) -> dict[str, Counters]:
        """Return what each model that was asked has done, by card id and manner of running it."""
        with self._lock:
            made = self._made
        return {} if made is None else made.counters()

    def close(self) -> None:
        """Give back what loaded models hold; one that is asked later is loaded again."""
        with self._lock:
            made, self._made = self._made, None
            note, self._note = self._note, _nothing
        if made is not None:
            note()
            made.close()


def _wish(settings: Settings) -> ReasonerWish:
    """Return which reasoner the settings mean."""
    return ReasonerWish(
        reasoner=settings.reasoner,
        model=settings.reasoner_model,
        profile=settings.reasoner_profile,
        key=settings.reasoner_key,
        timeout_s=settings.reasoner_timeout_s,
        quantise=settings.quantise,
    )


def _write_use(home: Path, counters: Callable[[], dict[str, Counters]]) -> None:
    """Add what models did to what they did before; a full disk is no reason to fail at the end."""
    try:
        add_use(home, counters())
    except EoAgentError as error:
        _logger.warning("what the models did could not be written down: %s", error)


def _nothing() -> None:
    """Stand for a note where there is nothing to write down."""

"""The models that are installed, loaded when they are first asked and kept within a budget."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.indexing import EncoderSource
from eoagent.contracts.runner import Counters, Placement
from eoagent.dialogue.reasoner import DialogueReasoner
from eoagent.runners.choosing import (
    Choice,
    choose_outliner,
    choose_segmenter,
)
from eoagent.runners.devices import Precision
from eoagent.runners.encoders import Encoders
from eoagent.runners.outlining import PooledOutliner
from eoagent.runners.phrases import PooledSegmenter
from eoagent.runners.places import Places
from eoagent.runners.pooled import Ask, PooledEncoder
from eoagent.runners.queues import ModelQueues, closed
from eoagent.runners.reasoners import Reasoners, ReasonerWish
from eoagent.runners.registry import all_cards
from eoagent.runners.textcache import TextCache
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import Installed, pinned

__all__ = ["ModelPool"]

_TEXTS = Path("cache", "texts")
_CPU_PHRASES = 1
"""Phrases in one pass: more take no less time each on a CPU, and 0.6 GB more."""
_GPU_PHRASES = 8


class ModelPool:
    """A `Models`: hands out encoders that share one loaded model each; safe for threads.

    Nothing is loaded before an encoder is asked for something; torch is not even imported where a
    fingerprint says in which precision to run, so a text that is kept is had at once.
    """

    def __init__(
        self,
        home: Path,
        *,
        memory_mb: int = 8_000,
        device: str = "",
        precision: Precision = "auto",
        preprocessing: Literal["strict", "fast"] = "fast",
        max_batch: int = 0,
        deadline_s: float = 300.0,
        keep_texts: bool = True,
        isolate: bool = False,
        reasoner: ReasonerWish | None = None,
        cards: Callable[[], tuple[ModelCard, ...]] = all_cards,
    ) -> None:
        """Make a pool over the weights that are installed in a home.

        Args:
            home: EOAGENT_HOME.
            memory_mb: most memory that the weights of loaded models take, MB.
            device: `cpu`, `cuda`, `cuda:1`; empty takes the first GPU, else the CPU.
            precision: `auto` takes half precision where the device computes in it.
            preprocessing: how pictures are prepared, where no fingerprint says.
            max_batch: most items in one pass; 0 takes the usual for the device.
            deadline_s: longest time that a caller waits for one request, and that a model may
                take to load or for one pass, seconds.
            keep_texts: keep the vectors of texts under `<home>/cache/texts`.
            isolate: run each model in a process of its own, which a crash or hang ends alone.
            reasoner: which reasoner is meant where none is named; None takes the default card.
            cards: the models that there are.
        """
        self._store = ModelStore(home)
        self._places = Places(
            device=device, precision=precision, preprocessing=preprocessing, max_batch=max_batch
        )
        self._deadline_s = deadline_s
        self._cards = functools.cache(cards)
        self._texts = TextCache(home / _TEXTS) if keep_texts else None
        self._queues = ModelQueues(memory_mb=memory_mb, pass_s=deadline_s, isolate=isolate)
        self._is_closed = False
        self._encoders = Encoders(self._store, self._places, self._cards)
        self._reasoners = Reasoners(
            home,
            self._queues,
            wish=reasoner or ReasonerWish(),
            cards=self._cards,
            places=self._places,
            deadline_s=deadline_s,
            streams=not isolate,
        )
        # What is not closed gives its memory back when nobody holds the pool, or at the end.
        weakref.finalize(self, self._queues.close)

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, installed or not."""
        return self._cards()

    def choose(self, card: str = "", *, gsd_m: float | None = None, language: str = "en") -> Choice:
        """Return which encoder would be taken, and why; it need not be installed.

        Raises:
            NotFound: if there is no such card.
            InputError: if it does not allow the ground sampling distance, or no model reads the
                language.
        """
        return self._encoders.choose(card, gsd_m=gsd_m, language=language)

    def encoder(
        self,
        card: str = "",
        *,
        gsd_m: float | None = None,
        like: EncoderFingerprint | None = None,
        language: str = "en",
    ) -> PooledEncoder:
        """Return an encoder of pictures and texts; its `reason` says why it was chosen.

        Args:
            card: id of its card; empty takes that of `like`, else the default.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.
            like: the encoder must give the vectors of this fingerprint.
            language: of the texts, ISO 639-1, where neither card nor fingerprint says.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the installed weights are others than those of `like`, or the pool is
                closed.
        """
        if self._is_closed:
            raise closed()
        found = self._encoders.find(card, gsd_m=gsd_m, like=like, language=language)

        def ask(task: str, items: Sequence[Any]) -> Sequence[Any]:
            placement = self._places.place(found.precision, found.preprocessing)
            queue = self._queues.get(found.card, found.installed.weights, placement)
            return queue.ask(task, items, deadline_s=self._deadline_s)

        return PooledEncoder(
            found.card, found.fingerprint, ask, texts=self._texts, reason=found.reason
        )

    def segmenter(self, card: str = "", *, gsd_m: float | None = None) -> PooledSegmenter:
        """Return a model that finds what phrases mean in pictures; `reason` says why it was chosen.

        It runs in float32 unless half precision is asked for: masks change with precision.

        Args:
            card: id of its card; empty takes the default.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the pool is closed.
        """
        if self._is_closed:
            raise closed()
        choice = choose_segmenter(self.cards(), card=card, gsd_m=gsd_m)
        installed = self._store.require(choice.card.id)
        known = pinned(choice.card, installed.record)
        # a text takes as much as a picture does elsewhere
        placement = self._places.few(self._places.exact, cpu=_CPU_PHRASES, gpu=_GPU_PHRASES)
        ask = self._asker(known, installed, placement)
        return PooledSegmenter(known, ask, placement=placement, reason=choice.reason)

    def reasoner(self, card: str = "", *, gsd_m: float | None = None) -> DialogueReasoner:
        """Return a model that answers implicit questions about pictures, from here or a server.

        Its replies are kept: under `<home>/cache/replies` where the weights are installed here,
        else in memory.

        Args:
            card: id of its card; empty takes the one that was wished for, else the default.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance, or a server has
                several models.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the pool is closed, or a server cannot be asked.
        """
        if self._is_closed:
            raise closed()
        return self._reasoners.reasoner(card, gsd_m=gsd_m)

    def outliner(self, card: str = "") -> PooledOutliner:
        """Return a model that outlines what boxes frame; `reason` says why it was chosen.

        It runs in float32 unless half precision is asked for: masks change with precision.

        Args:
            card: id of its card; empty takes the default.

        Raises:
            NotFound: if there is no such card.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the pool is closed.
        """
        if self._is_closed:
            raise closed()
        choice = choose_outliner(self.cards(), card=card)
        installed = self._store.require(choice.card.id)
        known = pinned(choice.card, installed.record)
        placement = self._places.place(self._places.exact)
        ask = self._asker(known, installed, placement)
        return PooledOutliner(known, ask, placement=placement, reason=choice.reason)

    def source(
        self,
        card: str = "",
        *,
        gsd_m: float | None = None,
        like: EncoderFingerprint | None = None,
    ) -> EncoderSource:
        """Return how another process makes the same encoder, for a build; arguments as `encoder`.

        Its card holds the hash of the installed weights, which loading checks.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the installed weights are others than those of `like`.
        """
        found = self._encoders.find(card, gsd_m=gsd_m, like=like, language="en")
        return EncoderSource(
            card=found.card,
            weights=str(found.installed.weights),
            placement=self._places.place(found.precision, found.preprocessing),
        )

    def counters(self) -> dict[str, Counters]:
        """Return what each model that was asked has done, by card id and manner of running it."""
        return self._queues.counters()

    def close(self) -> None:
        """Fail what waits, and give all memory back; a closed pool loads nothing again."""
        self._is_closed = True
        self._queues.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _asker(self, card: ModelCard, installed: Installed, placement: Placement) -> Ask:
        """Return what runs items through a model, which is found in its queue each time."""

        def ask(task: str, items: Sequence[Any]) -> Sequence[Any]:
            queue = self._queues.get(card, installed.weights, placement)
            return queue.ask(task, items, deadline_s=self._deadline_s)

        return ask

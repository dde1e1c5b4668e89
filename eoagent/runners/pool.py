"""The models that are installed, loaded when they are first asked and kept within a budget."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.indexing import EncoderSource
from eoagent.contracts.runner import Counters, Placement, Runner
from eoagent.runners.choosing import Choice, choose_encoder
from eoagent.runners.devices import Precision, arithmetic, choose_placement
from eoagent.runners.found import FoundModel, check_like
from eoagent.runners.memory import MemoryBudget
from eoagent.runners.pooled import PooledEncoder
from eoagent.runners.queue import ModelQueue
from eoagent.runners.registry import all_cards, kind_of
from eoagent.runners.textcache import TextCache
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned

__all__ = ["ModelPool"]

_TEXTS = Path("cache", "texts")


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
            deadline_s: longest time that a caller waits for one request, seconds.
            keep_texts: keep the vectors of texts under `<home>/cache/texts`.
            cards: the models that there are.
        """
        self._store = ModelStore(home)
        self._device = device
        self._precision: Precision = precision
        self._preprocessing: Literal["strict", "fast"] = preprocessing
        self._max_batch = max_batch
        self._deadline_s = deadline_s
        self._find_cards = cards
        self._cards: tuple[ModelCard, ...] = ()
        self._texts = TextCache(home / _TEXTS) if keep_texts else None
        self._budget = MemoryBudget(memory_mb)
        self._lock = threading.Lock()
        self._queues: dict[tuple[str, str, Placement], ModelQueue] = {}
        self._is_closed = False
        # What is not closed gives its memory back when nobody holds the pool, or at the end.
        weakref.finalize(self, _close_all, self._queues)

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, installed or not."""
        if not self._cards:
            self._cards = self._find_cards()
        return self._cards

    def choose(self, card: str = "", *, gsd_m: float | None = None, language: str = "en") -> Choice:
        """Return which encoder would be taken, and why; it need not be installed.

        Raises:
            NotFound: if there is no such card.
            InputError: if it does not allow the ground sampling distance, or no model reads the
                language.
        """
        return choose_encoder(
            self.cards(),
            card=card,
            gsd_m=gsd_m,
            language=language,
            is_installed=lambda name: self._store.installed(name) is not None,
        )

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
            raise _closed()
        found = self._find(card, gsd_m=gsd_m, like=like, language=language)

        def ask(task: str, items: Sequence[Any]) -> Sequence[Any]:
            queue = self._queue(found)
            self._budget.use(queue)
            return queue.ask(task, items, deadline_s=self._deadline_s)

        return PooledEncoder(
            found.card, found.fingerprint, ask, texts=self._texts, reason=found.reason
        )

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
        found = self._find(card, gsd_m=gsd_m, like=like, language="en")
        return EncoderSource(
            card=found.card,
            weights=str(found.installed.weights),
            placement=self._placement(found.precision, found.preprocessing),
        )

    def counters(self) -> dict[str, Counters]:
        """Return what each model that was asked has done, by card id and precision."""
        with self._lock:
            queues = dict(self._queues)
        return {
            f"{card_id} {placement.device} {placement.dtype} {placement.preprocessing}": (
                queue.counters
            )
            for (card_id, _, placement), queue in queues.items()
        }

    def close(self) -> None:
        """Fail what waits, and give all memory back; a closed pool loads nothing again."""
        with self._lock:
            self._is_closed = True
        _close_all(self._queues)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _find(
        self, card: str, *, gsd_m: float | None, like: EncoderFingerprint | None, language: str
    ) -> FoundModel:
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
        names = [card.id for card in self.cards()]
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
    ) -> tuple[Literal["float32", "half"], Literal["strict", "fast"]]:
        """Return in which precision a model runs, and how it prepares pictures."""
        precision, preprocessing = self._precision, self._preprocessing
        if like is not None and like.precision != UNKNOWN:
            precision = like.precision
        if like is not None and like.preprocessing != UNKNOWN:
            preprocessing = like.preprocessing
        if precision == "auto":  # the device says, which takes torch to ask
            precision = self._placement(precision, preprocessing).precision
        return precision, preprocessing

    def _placement(
        self, precision: Precision, preprocessing: Literal["strict", "fast"]
    ) -> Placement:
        return choose_placement(
            self._device,
            precision=precision,
            preprocessing=preprocessing,
            max_batch=self._max_batch,
        )

    def _queue(self, found: FoundModel) -> ModelQueue:
        card, budget = found.card, self._budget  # no `self`: the thread would keep the pool alive
        placement = self._placement(found.precision, found.preprocessing)
        key = (card.id, card.weights.sha256, placement)
        share = 1 if arithmetic(placement) == "float32" else 2

        def load() -> Runner:
            return budget.load(
                lambda: kind_of(card).load(card, found.installed.weights, placement),
                need_mb=card.memory_mb // share,
                name=card.id,
            )

        with self._lock:
            if self._is_closed:
                raise _closed()
            if key not in self._queues:
                self._queues[key] = ModelQueue(load, name=card.id, max_batch=placement.max_batch)
            return self._queues[key]


def _close_all(queues: dict[tuple[str, str, Placement], ModelQueue]) -> None:
    for queue in list(queues.values()):
        queue.close()


def _closed() -> ModelError:
    return ModelError("the models were closed and are asked again")

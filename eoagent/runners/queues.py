"""The queues of the models that were asked, one for each model and manner of running it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Counters, Placement, Runner
from eoagent.runners.devices import arithmetic
from eoagent.runners.isolated.runner import IsolatedRunner
from eoagent.runners.memory import MemoryBudget
from eoagent.runners.queue import ModelQueue
from eoagent.runners.registry import kind_of

__all__ = ["ModelQueues", "closed", "needed_mb"]

_SLACK_S: Final = 15.0
"""Time for what comes after a pass, or to end a process that has had its time."""
_SLOW_DISK_MB_S: Final = 100.0
_FOUR_BIT: Final = 5
"""How much smaller than in float32 a language model is with its matrices in four bits: words and
head stay in two bytes (7B of Qwen2.5-VL: 33.2 GB become 6.2 GB by count)."""


class ModelQueues:
    """Queues within one budget of memory; safe for threads."""

    def __init__(
        self, *, memory_mb: int, pass_s: float, isolate: bool = False, most_restarts: int = 3
    ) -> None:
        """Make none yet.

        Args:
            memory_mb: most memory that the weights of loaded models take, MB.
            pass_s: longest time that loading a model, or one pass, may take, seconds.
            isolate: run each model in a process of its own.
            most_restarts: times within five minutes that a model that was lost is loaded again.
        """
        self._memory_mb = memory_mb
        self._budget = MemoryBudget(memory_mb, patience_s=pass_s + 2 * _SLACK_S)
        self._pass_s = pass_s
        self._isolate = isolate
        self._most_restarts = most_restarts
        self._lock = threading.Lock()
        self._queues: dict[tuple[str, str, Placement], ModelQueue] = {}
        self._is_closed = False

    def get(self, card: ModelCard, weights: Path, placement: Placement) -> ModelQueue:
        """Return the queue of a model, which is about to be asked.

        Raises:
            ModelError: if the queues are closed.
        """
        key = (card.id, card.weights.sha256, placement)
        with self._lock:
            if self._is_closed:
                raise closed()
            if key not in self._queues:
                self._queues[key] = self._make(card, weights, placement)
            queue = self._queues[key]
        self._budget.use(queue)
        return queue

    def check_room(self, card: ModelCard, placement: Placement) -> None:
        """Refuse a model that would not fit into the budget alone, before anything is given up.

        Raises:
            InputError: if it is larger; says which setting allows it.
        """
        need, most = needed_mb(card, placement), self._memory_mb
        if need > most:
            smaller = "" if card.options.get("quantise") else ', quantise = "4bit"'
            raise InputError(
                f"{card.id} takes {need} MB for its weights in {arithmetic(placement)}, and models "
                f"may take {most} MB",
                hint=f"set model_memory_mb to {need} or more{smaller}, or name a server that runs "
                "it as reasoner",
            )

    def counters(self) -> dict[str, Counters]:
        """Return what each model that was asked has done, by card id and manner of running it."""
        with self._lock:
            queues = dict(self._queues)
        return {
            f"{card_id} {placement.device} {placement.dtype} {placement.preprocessing}": (
                queue.counters
            )
            for (card_id, _, placement), queue in queues.items()
        }

    def close(self) -> None:
        """Fail what waits, and give all memory back; nothing is loaded again."""
        with self._lock:
            self._is_closed = True
            queues = list(self._queues.values())
        for queue in queues:
            queue.close()

    def _make(self, card: ModelCard, weights: Path, placement: Placement) -> ModelQueue:
        budget, need_mb = self._budget, needed_mb(card, placement)
        # to be read twice, for its hash and to be loaded, takes large weights their time
        pass_s = self._pass_s + 2 * need_mb / _SLOW_DISK_MB_S

        def load_here() -> Runner:
            return kind_of(card).load(card, weights, placement)

        def load_apart() -> Runner:
            return IsolatedRunner(card, weights, placement, start_s=pass_s, pass_s=pass_s)

        return ModelQueue(
            load_apart if self._isolate else load_here,
            name=card.id,
            max_batch=placement.max_batch,
            room=lambda: budget.room(need_mb, name=card.id),
            pass_s=pass_s + _SLACK_S if self._isolate else pass_s,  # it ends its process itself
            most_restarts=self._most_restarts,
        )


def needed_mb(card: ModelCard, placement: Placement) -> int:
    """Return the memory that the weights of a model take, run so, MB."""
    if card.options.get("quantise") == "4bit":
        return card.memory_mb // _FOUR_BIT
    return card.memory_mb // (1 if arithmetic(placement) == "float32" else 2)


def closed() -> ModelError:
    """Return the error of asking models that were closed."""
    return ModelError("the models were closed and are asked again")

"""The reasoners of a pool: models of dialogues that are installed here, or one behind a server."""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError
from eoagent.contracts.runner import Placement
from eoagent.dialogue.keeping import RecentReplies
from eoagent.dialogue.profiles import OVERRIDABLE, Profile, read_profile
from eoagent.dialogue.reasoner import DialogueReasoner
from eoagent.io.chatserver_address import is_address
from eoagent.runners.chatting import PooledChat
from eoagent.runners.choosing import choose_reasoner
from eoagent.runners.devices import arithmetic
from eoagent.runners.places import Places
from eoagent.runners.queues import ModelQueues
from eoagent.runners.replies import ReplyCache
from eoagent.runners.served import ServedChat
from eoagent.runners.servedopening import open_served
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned

__all__ = ["ReasonerWish", "Reasoners", "profile_of"]

_REPLIES: Final = Path("cache", "replies")
_TASK: Final = "chat"
_CPU_DIALOGUES: Final = 1
"""Dialogues in one pass: on a CPU several take no less time each."""
_GPU_DIALOGUES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonerWish:
    """Which reasoner is meant where none is named, and how it is run."""

    reasoner: str = ""
    """Id of a card, or address of a server; empty takes the default card."""
    model: str = ""
    """Name that the server knows it by; empty takes the only one that it has."""
    profile: str = ""
    """Prompt profile of a served one; empty goes by its name."""
    key: SecretStr | None = None
    """Sent to that server and nobody else."""
    timeout_s: float = 300.0
    """Longest time for a reply of the server, seconds."""
    quantise: str = ""
    """`4bit` keeps most matrices of an installed one in four bits; empty leaves them."""


class Reasoners:
    """Makes reasoners over installed models and one server; safe for threads."""

    def __init__(
        self,
        home: Path,
        queues: ModelQueues,
        *,
        wish: ReasonerWish,
        cards: Callable[[], tuple[ModelCard, ...]],
        places: Places,
        deadline_s: float,
        streams: bool,
    ) -> None:
        """Open nothing yet.

        Args:
            home: EOAGENT_HOME.
            queues: of the pool.
            wish: which one is meant, and how it is run.
            cards: the models that there are.
            places: where and how an installed one runs.
            deadline_s: longest time for a reply of an installed one, seconds.
            streams: whether models run in this process, and so can tell pieces of their replies.
        """
        self._store = ModelStore(home)
        self._queues = queues
        self._wish = wish
        self._cards = cards
        self._places = places
        self._deadline_s = deadline_s
        self._streams = streams
        self._kept = ReplyCache(home / _REPLIES)
        self._recent = RecentReplies()
        self._lock = threading.Lock()
        self._served: tuple[ServedChat, str] | None = None

    def reasoner(self, card: str, *, gsd_m: float | None) -> DialogueReasoner:
        """Return a reasoner; arguments and errors as `ModelPool.reasoner`."""
        wish = self._wish
        is_served = is_address(wish.reasoner)
        if is_served and (not card or card == self._open().card.id):
            return self._behind_server(gsd_m)
        usual = "" if is_served else wish.reasoner
        choice = choose_reasoner(self._cards(), card=card, usual=usual, gsd_m=gsd_m)
        installed = self._store.require(choice.card.id)
        known = pinned(choice.card, installed.record)
        if wish.quantise:
            options = {**known.options, "quantise": wish.quantise}
            known = known.model_copy(update={"options": options})
        placement = self._places.few(self._places.precision, cpu=_CPU_DIALOGUES, gpu=_GPU_DIALOGUES)

        def ask(
            item: Mapping[str, Any], listen: Callable[[float], None] | None
        ) -> Mapping[str, Any]:
            self._queues.check_room(known, placement)
            queue = self._queues.get(known, installed.weights, placement)
            request = queue.submit(_TASK, [item])
            found: Mapping[str, Any] = queue.wait(
                request, deadline_s=self._deadline_s, listen=listen
            )[0]
            return found

        chat = PooledChat(
            known,
            ask,
            manner=_manner(known, placement),
            deadline_s=self._deadline_s,
            streams=self._streams,
            reason=choice.reason,
        )
        return DialogueReasoner(chat, profile_of(known), kept=self._kept)

    def _behind_server(self, gsd_m: float | None) -> DialogueReasoner:
        chat = self._open()
        refusal = chat.card.refusal(gsd_m)
        if refusal:
            raise InputError(refusal, hint="take pictures of a distance that the model is for")
        with self._lock:
            name = self._served[1] if self._served is not None else self._wish.profile
        profile = read_profile(name, _overrides(chat.card))
        # nobody here has seen its weights, which may be others tomorrow: nothing goes on the disk
        return DialogueReasoner(chat, profile, kept=self._recent)

    def _open(self) -> ServedChat:
        wish = self._wish
        with self._lock:
            if self._served is None:
                self._served = open_served(
                    wish.reasoner,
                    model=wish.model,
                    key=wish.key or None,
                    profile=wish.profile,
                    timeout_s=wish.timeout_s,
                    cards=self._cards(),
                )
            return self._served[0]


def profile_of(card: ModelCard) -> Profile:
    """Return the prompt profile that a card names, with what its options set anew.

    Raises:
        NotFound: if there is no such profile.
        InputError: if the card names none, or sets a field to what does not hold.
    """
    name = card.options.get("profile")
    if not isinstance(name, str) or not name:
        raise InputError(
            f"the card of {card.id} names no prompt profile",
            hint='give its options a profile, such as profile = "qwen2.5-vl"',
        )
    return read_profile(name, _overrides(card))


def _overrides(card: ModelCard) -> dict[str, Any]:
    return {name: value for name, value in card.options.items() if name in OVERRIDABLE}


def _manner(card: ModelCard, placement: Placement) -> dict[str, str]:
    """Return how an installed model is run, for provenance."""
    quantised = card.options.get("quantise")
    sampling = card.options.get("sampling")
    dtype = arithmetic(placement)
    return {
        "place": placement.device,
        "precision": f"{dtype}, {quantised}" if quantised else dtype,
        "decoding": f"sampling {sampling}" if sampling else "greedy",
        "transformers": importlib.metadata.version("transformers"),
    }

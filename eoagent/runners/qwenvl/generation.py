"""Let a network write replies token by token, and tell how each came to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from eoagent.contracts.errors import ModelError
from eoagent.contracts.record import Record
from eoagent.runners.libraries import load_library
from eoagent.runners.qwenvl.dialogue import Asked
from eoagent.runners.qwenvl.pieces import Pieces

__all__ = ["Decoding", "Ends", "Penalty", "Sampling", "Written", "write"]


class Sampling(Record):
    """Drawing the next token by chance instead of taking the likeliest."""

    temperature: float = Field(gt=0, le=10)
    """How far chances are evened out."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of the likeliest tokens that are drawn from."""
    seed: int = 0
    """Seed of each reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How replies are written."""

    stop_ids: tuple[int, ...]
    """Tokens that end a reply."""
    pad_id: int
    """Token that fills up shorter dialogues."""
    repetition_penalty: float = 1.0
    """Factor by which what was there before becomes less likely."""
    sampling: Sampling | None = None
    """How tokens are drawn; None takes the likeliest."""

    def config(self, max_tokens: int) -> Any:
        """Return the settings of `generate` for replies of at most so many tokens."""
        drawn = self.sampling
        chances = (
            {"do_sample": False}
            if drawn is None
            else {
                "do_sample": True,
                "temperature": drawn.temperature,
                "top_p": drawn.top_p,
                "top_k": 0,
            }
        )
        return load_library("transformers").GenerationConfig(
            max_new_tokens=max_tokens,
            eos_token_id=list(self.stop_ids),
            pad_token_id=self.pad_id,
            num_beams=1,
            use_cache=True,
            **chances,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A reply."""

    tokens: tuple[int, ...]
    """Its tokens, without the one that ended it."""
    is_cut: bool
    """Whether it was broken off."""
    is_late: bool
    """Whether that was before it had all of its tokens: its deadline passed, or nobody waited."""
    count: int
    """Tokens that were written, with the one that ended it."""


class Ends:
    """A stopping criterion: each reply ends at its own limit, its deadline, or when nobody waits.

    Args:
        asked: the dialogues, one for each row.
        start: tokens of a row before the reply.
        clock: seconds that only rise, those of the deadlines.
    """

    def __init__(
        self, asked: Sequence[Asked], *, start: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._asked = asked
        self._start = start
        self._clock = clock
        self.lengths: dict[int, int] = {}
        """Tokens of the replies that were ended here, by row."""

    def __call__(self, input_ids: Tensor, scores: Any, **more: Any) -> Tensor:
        """Return for each row whether its reply ends here."""
        del scores, more
        length, now = input_ids.shape[1] - self._start, self._clock()
        for row, one in enumerate(self._asked):
            is_late = one.ends_at is not None and now >= one.ends_at
            is_left = one.is_wanted is not None and not one.is_wanted()
            if length >= one.max_tokens or is_late or is_left:
                self.lengths.setdefault(row, length)
        ended = [row in self.lengths for row in range(len(self._asked))]
        return torch.tensor(ended, device=input_ids.device)


class Penalty:
    """A logits processor: the repetition penalty, blind to what only fills up shorter dialogues.

    The one of transformers also punishes the filling, which is a token that ends replies: a
    dialogue would be answered otherwise beside a longer one than alone.

    Args:
        penalty: above 1 makes tokens that were there before less likely.
        mask: (rows, tokens), 0 where a row is filled up.
    """

    def __init__(self, penalty: float, mask: Tensor) -> None:
        self._penalty = penalty
        self._mask = mask

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the scores (rows, words) with those of earlier tokens lowered."""
        written = input_ids.shape[1] - self._mask.shape[1]
        mask = torch.nn.functional.pad(self._mask, (0, written), value=1).to(scores.dtype)
        there = torch.zeros_like(scores).scatter_add_(1, input_ids, mask) > 0
        lowered = torch.where(scores < 0, scores * self._penalty, scores / self._penalty)
        return torch.where(there, lowered, scores)


def write(
    network: Any,
    tokenizer: Any,
    inputs: Mapping[str, Any],
    asked: Sequence[Asked],
    *,
    how: Decoding,
) -> list[Written]:
    """Return the replies to dialogues that were prepared together.

    Args:
        network: the model.
        tokenizer: of the model, for the pieces that listeners are told.
        inputs: all that the processor made, on the device of the network.
        asked: the dialogues, one for each row.
        how: how they are written.

    Raises:
        ModelError: if the network gave fewer tokens than it was given.
    """
    ids = inputs["input_ids"]
    start = ids.shape[1]
    ends = Ends(asked, start=start)
    more: dict[str, Any] = {}
    if how.repetition_penalty != 1.0:
        more["logits_processor"] = [Penalty(how.repetition_penalty, inputs["attention_mask"])]
    listeners = [one.tell for one in asked]
    if any(listeners):
        more["streamer"] = Pieces(tokenizer, listeners, stop_ids=how.stop_ids)
    found = network.generate(
        **inputs,
        generation_config=how.config(max(one.max_tokens for one in asked)),
        stopping_criteria=[ends],
        **more,
    )
    if found.shape[0] != len(asked) or found.shape[1] < start:
        raise ModelError(f"a network of {type(network).__name__} gave {tuple(found.shape)} tokens")
    rows = found[:, start:].tolist()
    return [
        _ended(row[: ends.lengths.get(place, len(row))], one.max_tokens, how.stop_ids)
        for place, (row, one) in enumerate(zip(rows, asked, strict=True))
    ]


def _ended(row: list[int], most: int, stop_ids: tuple[int, ...]) -> Written:
    for place, token in enumerate(row):
        if token in stop_ids:
            return Written(tokens=tuple(row[:place]), is_cut=False, is_late=False, count=place + 1)
    return Written(tokens=tuple(row), is_cut=True, is_late=len(row) < most, count=len(row))

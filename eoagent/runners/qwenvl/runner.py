"""A model of the kind of Qwen2.5-VL that is loaded: dialogues in, replies out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.runners.libraries import load_library
from eoagent.runners.qwenvl.dialogue import Asked, prepare, read_item
from eoagent.runners.qwenvl.generation import Decoding, Sampling, write
from eoagent.runners.qwenvl.layout import Layout, read_layout
from eoagent.runners.qwenvl.loading import check_shapes, load_network, load_processor

__all__ = ["QwenVlRunner", "check_folder", "decoding_of", "open_runner"]

_MB = 1_000_000
_STOPS = ("<|im_end|>", "<|endoftext|>")


class QwenVlRunner:
    """A `Runner` of the task `chat`; for one thread at a time."""

    def __init__(
        self,
        card: ModelCard,
        network: Any,
        processor: Any,
        *,
        decoding: Decoding,
        placement: Placement,
    ) -> None:
        """Put a model together; `open_runner` loads one from its folder."""
        self._card = card
        self._network: Any = network
        self._processor = processor
        self._decoding = decoding
        self._placement = placement
        self._positions = int(network.config.get_text_config().max_position_embeddings)
        self._memory_mb = round(network.get_memory_footprint() / _MB)

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def memory_mb(self) -> int:
        """Memory that its weights hold now, MB; 0 once it is closed."""
        return 0 if self._network is None else self._memory_mb

    def run(self, task: str, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Run one batch of the task `chat`; `dialogue.read_item` says what an item is.

        A result is a mapping: `text`, `is_cut`, `is_late` (broken off by its deadline, not by its
        length), `input_tokens`, `output_tokens`, `seconds`. Replies do not depend on what else is
        in the batch, but for the rounding of half precision.

        Raises:
            InputError: if the task is another, or an item is no dialogue that fits into the model.
            ModelError: if the processor or the network fails.
        """
        if task != "chat":
            raise InputError(f"{self._card.id} knows no task '{task}'", hint="it knows: chat")
        if self._network is None:
            raise ModelError(f"{self._card.id} was closed and is asked again")
        asked = [read_item(item) for item in items]
        if self._decoding.sampling is None:
            return self._reply(asked)
        # drawn tokens would depend on who else is there
        return [reply for one in asked for reply in self._drawn(one)]

    def result_form(self, task: str) -> ResultForm | None:
        """Return None: a reply is no array."""
        del task
        return None

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""
        self._network = None
        if self._placement.device != "cpu":
            load_library("torch").cuda.empty_cache()

    def _drawn(self, asked: Asked) -> list[dict[str, Any]]:
        sampling = self._decoding.sampling
        with torch.random.fork_rng():
            torch.manual_seed(0 if sampling is None else sampling.seed)
            return self._reply([asked])

    def _reply(self, asked: list[Asked]) -> list[dict[str, Any]]:
        began = time.monotonic()
        inputs = prepare(self._processor, asked, positions=self._positions, name=self._card.id).to(
            self._network.device
        )
        tokenizer = self._processor.tokenizer
        with torch.inference_mode():
            written = write(self._network, tokenizer, inputs, asked, how=self._decoding)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        seconds = time.monotonic() - began
        return [
            {
                "text": tokenizer.decode(
                    list(one.tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
                ),
                "is_cut": one.is_cut,
                "is_late": one.is_late,
                "input_tokens": int(length),
                "output_tokens": one.count,
                "seconds": seconds,
            }
            for one, length in zip(written, lengths, strict=True)
        ]


def open_runner(
    card: ModelCard, layout: Layout, placement: Placement, *, quantise: str = ""
) -> QwenVlRunner:
    """Load the model of a folder whose hashes were checked.

    Args:
        card: the model.
        layout: the folder.
        placement: where and how it runs.
        quantise: `4bit`, or empty.

    Raises:
        InputError: if the card asks for a way to sample or to quantise that is none.
        ModelMissing: if a library for quantised weights is not installed.
        ModelError: if the folder does not hold the model.
    """
    processor = load_processor(layout)
    decoding = decoding_of(card, layout, processor.tokenizer)
    network = load_network(layout, placement, quantise=quantise)
    network.generation_config = type(network.generation_config)()  # what it held is in `decoding`
    return QwenVlRunner(card, network, processor, decoding=decoding, placement=placement)


def check_folder(folder: Path, names: Sequence[str], card: ModelCard) -> None:
    """Check that files hold a model that can be loaded, without loading its weights.

    Raises:
        NotFound: if it has no configuration or no weights.
        ModelError: if it does not.
    """
    layout = read_layout(folder, names)
    decoding_of(card, layout, load_processor(layout).tokenizer)
    check_shapes(layout)


def decoding_of(card: ModelCard, layout: Layout, tokenizer: Any) -> Decoding:
    """Return how a model writes, as its folder and its card say.

    Raises:
        InputError: if the card asks for a way to sample that is none.
        ModelError: if no token ends a reply.
    """
    known = tokenizer.get_vocab()
    stops = {*layout.stop_ids, *(known[one] for one in _STOPS if one in known)}
    if not stops or tokenizer.pad_token_id is None:
        raise ModelError(
            f"the tokenizer in {layout.folder} has no token that ends a reply, or none that fills",
            hint="get the folder anew",
        )
    return Decoding(
        stop_ids=tuple(sorted(stops)),
        pad_id=int(tokenizer.pad_token_id),
        repetition_penalty=layout.repetition_penalty,
        sampling=_sampling(card),
    )


def _sampling(card: ModelCard) -> Sampling | None:
    stated = card.options.get("sampling")
    if stated is None:
        return None
    try:
        return Sampling.model_validate(stated)
    except ValidationError as error:
        raise InputError(
            f"the card of {card.id} asks for the sampling {stated!r:.80}: "
            f"{error.errors()[0]['msg']}",
            hint="give a temperature above 0, and where they are wanted top_p and seed",
        ) from error

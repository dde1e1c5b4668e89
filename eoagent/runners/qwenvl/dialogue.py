"""Turn dialogues into the inputs of a Qwen2.5-VL network, and check that nothing was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jinja2 import TemplateError
from numpy.typing import NDArray
from PIL import Image

from eoagent.contracts.errors import InputError, ModelError
from eoagent.runners.failures import first_line

__all__ = ["MOST_TOKENS", "Asked", "prepare", "read_item"]

MOST_TOKENS: Final = 16_384
"""Most tokens that a reply may have."""
_ROLES: Final = frozenset({"system", "user", "assistant"})
_NEEDED: Final = ("input_ids", "attention_mask", "mm_token_type_ids")
_OF_PICTURES: Final = ("pixel_values", "image_grid_thw")
_FAILED: Final = (TemplateError, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What a template or a processor raises that cannot take a dialogue."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asked:
    """A dialogue whose next message is wanted."""

    messages: tuple[tuple[str, tuple[str | NDArray[np.uint8], ...]], ...]
    """Role and parts of each message."""
    max_tokens: int
    """Most tokens of the reply."""
    ends_at: float | None
    """When the reply is broken off, seconds of `time.monotonic`; None lets it come to its end."""
    is_wanted: Callable[[], bool] | None
    """Whether somebody still waits for it."""
    tell: Callable[[str], None] | None
    """Told each piece of the reply as it is written; must not fail."""

    @property
    def pictures(self) -> list[NDArray[np.uint8]]:
        """Its pictures in order."""
        return [part for _, parts in self.messages for part in parts if not isinstance(part, str)]


def read_item(item: Any) -> Asked:
    """Return the dialogue that an item of the task `chat` holds.

    An item is a mapping: `messages`, a sequence of role and parts (words, or pictures of (height,
    width, 3) uint8); `max_tokens`; and where they are wanted `ends_at`, `is_wanted` and `tell`.

    Raises:
        InputError: if it is none.
    """
    if not isinstance(item, Mapping) or "messages" not in item:
        raise InputError("an item of chat is a mapping with messages and max_tokens")
    max_tokens = item.get("max_tokens")
    if not isinstance(max_tokens, int) or not 1 <= max_tokens <= MOST_TOKENS:
        raise InputError(
            f"a reply of {max_tokens!r:.40} tokens was asked for",
            hint=f"ask for 1 to {MOST_TOKENS}",
        )
    messages = tuple((str(role), tuple(parts)) for role, parts in item["messages"])
    if not messages:
        raise InputError("a dialogue without a message was given", hint="give at least one")
    for role, parts in messages:
        if role not in _ROLES:
            raise InputError(f"a message of the role '{role[:40]}' was given")
        for part in parts:
            _check_part(part)
    return Asked(
        messages=messages,
        max_tokens=max_tokens,
        ends_at=item.get("ends_at"),
        is_wanted=item.get("is_wanted"),
        tell=item.get("tell"),
    )


def prepare(processor: Any, asked: Sequence[Asked], *, positions: int, name: str) -> Any:
    """Return the inputs for dialogues, padded on the left to the length of the longest.

    Args:
        processor: of the model.
        asked: the dialogues.
        positions: most tokens that the model can take in, the reply among them.
        name: what the model is called in messages.

    Raises:
        InputError: if a dialogue and its reply do not fit into the model.
        ModelError: if the processor leaves something out, or changes the size of a picture.
    """
    pictures = [picture for one in asked for picture in one.pictures]
    try:
        inputs = processor(
            text=[_rendered(processor, one) for one in asked],
            images=[Image.fromarray(picture) for picture in pictures] or None,
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
    except _FAILED as error:
        raise ModelError(
            f"the processor of {name} failed: {type(error).__name__}: {first_line(error)}",
            hint=f"check its files: eoagent models verify {name}",
        ) from error
    needed = (*_NEEDED, *_OF_PICTURES) if pictures else _NEEDED
    left_out = [one for one in needed if one not in inputs]
    if left_out:
        raise ModelError(
            f"the processor of {name} gave no {', '.join(left_out)}, without which the network "
            "would see everything in other places",
            hint="install a transformers of at least 5.3",
        )
    if pictures:
        _check_sizes(processor, pictures, inputs["image_grid_thw"].tolist(), name)
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    for one, length in zip(asked, lengths, strict=True):
        if length + one.max_tokens > positions:
            raise InputError(
                f"a dialogue of {length} tokens, pictures included, and a reply of "
                f"{one.max_tokens} do not fit into the {positions} that {name} takes in",
                hint="show fewer or smaller pictures, shorten the text, or ask for a shorter reply",
            )
    return inputs


def _rendered(processor: Any, asked: Asked) -> str:
    """Return a dialogue as the template of the model writes it."""
    marks = _marks(processor.tokenizer)
    messages = [
        {
            "role": role,
            "content": [
                {"type": "text", "text": _plain(part, marks)}
                if isinstance(part, str)
                else {"type": "image"}
                for part in parts
            ],
        }
        for role, parts in asked.messages
    ]
    return str(processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))


def _marks(tokenizer: Any) -> list[str]:
    """Return the words by which the model tells its own marks, the longest first."""
    added = [str(one) for one in tokenizer.added_tokens_decoder.values() if one.special]
    return sorted({*tokenizer.all_special_tokens, *added}, key=lambda mark: (-len(mark), mark))


def _plain(text: str, marks: Sequence[str]) -> str:
    """Break the marks of the model in a text, so that no text can end or begin a message."""
    for mark in marks:
        text = text.replace(mark, f"{mark[:1]} {mark[1:]}")
    return text


def _check_part(part: Any) -> None:
    if isinstance(part, str):
        return
    is_picture = (
        isinstance(part, np.ndarray)
        and part.dtype == np.uint8
        and part.ndim == 3
        and part.shape[2] == 3
        and part.size > 0
    )
    if not is_picture:
        raise InputError(
            "a part of a message is neither words nor a picture of (height, width, 3) uint8"
        )


def _check_sizes(
    processor: Any, pictures: Sequence[NDArray[np.uint8]], grids: list[list[int]], name: str
) -> None:
    """Refuse pictures that the processor resized: boxes are in pixels of what the network sees."""
    edge = int(processor.image_processor.patch_size)
    for picture, (_, rows, columns) in zip(pictures, grids, strict=True):
        given, seen = picture.shape[:2], (rows * edge, columns * edge)
        if given != seen:
            raise ModelError(
                f"a picture of {given[1]} x {given[0]} pixels was shown to {name} as "
                f"{seen[1]} x {seen[0]}, so its boxes would lie elsewhere",
                hint="resize pictures to multiples of 28 pixels within the limits of its "
                "preprocessor_config.json beforehand",
            )

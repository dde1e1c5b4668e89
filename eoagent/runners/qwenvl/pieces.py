"""Tell listeners the pieces of replies while they are written, each of whole characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["Pieces"]

_BROKEN: Final = "\N{REPLACEMENT CHARACTER}"
"""What bytes are shown as that are no character, or none yet."""


class Pieces:
    """A streamer of `generate`, for several replies at a time.

    What a listener is told is, put together, the reply as it is decoded at its end.

    Args:
        tokenizer: decodes.
        listeners: one for each row; None where nobody listens. None may fail.
        stop_ids: tokens that end a reply.
    """

    def __init__(
        self,
        tokenizer: Any,
        listeners: Sequence[Callable[[str], None] | None],
        *,
        stop_ids: tuple[int, ...],
    ) -> None:
        self._tokenizer = tokenizer
        self._stop_ids = stop_ids
        self._open = dict(enumerate(one for one in listeners))
        self._held: dict[int, list[int]] = {row: [] for row in self._open}
        self._is_begun = False

    def put(self, value: Any) -> None:
        """Take the prompts first, then the next token of each row."""
        if not self._is_begun:
            self._is_begun = True
            return
        for row, token in enumerate(value.reshape(-1).tolist()):
            if self._open.get(row) is None:
                continue
            if token in self._stop_ids:
                self._tell(row, is_last=True)
                self._open[row] = None
                continue
            self._held[row].append(token)
            self._tell(row)

    def end(self) -> None:
        """Tell what was held back."""
        for row in self._open:
            self._tell(row, is_last=True)

    def _tell(self, row: int, *, is_last: bool = False) -> None:
        listener, held = self._open[row], self._held[row]
        if listener is None or not held:
            return
        text = self._tokenizer.decode(
            held, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if text.endswith(_BROKEN) and not is_last:
            return  # the rest of the character may come
        held.clear()
        if text:
            listener(text)

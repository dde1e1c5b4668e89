"""Read where something is out of a reply, in the grammar of a profile or one close to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from eoagent.dialogue.grammars.boxlist import decode_boxes
from eoagent.dialogue.grammars.boxobjects import decode_objects
from eoagent.dialogue.grammars.found import Found
from eoagent.dialogue.grammars.runlengths import decode_mask
from eoagent.dialogue.grammars.thinking import Split
from eoagent.dialogue.profiles import GrammarName

__all__ = ["read_found"]

_SEALS: Final = ("```", "</seg>")
"""What shows at the end of an answer that it is whole."""


def read_found(grammar: GrammarName, split: Split, *, is_cut: bool) -> Found:
    """Return what a reply finds.

    A reply that was broken off before its answer was closed is truncated, even where its list looks
    whole: more might have come.

    Args:
        grammar: that of the profile.
        split: the reply.
        is_cut: whether it was broken off at the most tokens.
    """
    if split.answer is None:
        return Found(status="truncated" if is_cut else "unparseable")
    found = _decoded(grammar, split.answer)
    is_sealed = split.is_closed or split.answer.endswith(_SEALS)
    if is_cut and not is_sealed:
        return replace(found, status="truncated")
    return found


def _decoded(grammar: GrammarName, answer: str) -> Found:
    decoders: tuple[Callable[[str], Found], ...]
    match grammar:
        case "boxes":
            decoders = (decode_boxes, decode_objects)
        case "json":
            decoders = (decode_objects, decode_boxes)
        case "mask":
            decoders = (decode_mask,)
    first = decoders[0](answer)
    if first.status in {"found", "none"} or first.targets:
        return first
    for decode in decoders[1:]:
        other = decode(answer)
        if other.targets:
            return other
    return first

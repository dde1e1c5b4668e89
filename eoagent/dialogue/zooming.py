"""Let a model that asks for it look closer, until it answers or nothing more is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eoagent.contracts.dialogue import ChatMessage, ChatReply, Part, Picture
from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.reasoner import Zoom
from eoagent.dialogue.asking import Asking
from eoagent.dialogue.frames import LONGEST_ASPECT, Frame, within
from eoagent.dialogue.grammars.calls import ZoomAsked, decode_zoom
from eoagent.dialogue.grammars.thinking import split_reply
from eoagent.dialogue.messages import user_message
from eoagent.dialogue.profiles import Profile, ZoomCalls
from eoagent.dialogue.showing import shown_picture

__all__ = ["Looked", "look_closer", "zoom_asked"]

_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How a dialogue with closer looks went."""

    reply: ChatReply
    """The last reply."""
    boxes: tuple[_Box, ...] = ()
    """What was shown larger, in order; pixels of the first picture."""
    notes: tuple[str, ...] = ()
    """Why no more was shown, each a sentence."""


def zoom_asked(reply: ChatReply) -> ZoomAsked:
    """Return whether a reply asks to see a part larger."""
    return decode_zoom(split_reply(reply.text, reply.think).answer or "")


def look_closer(
    asking: Asking,
    messages: Sequence[ChatMessage],
    *,
    zoom: Zoom,
    frame: Frame,
    profile: Profile,
) -> Looked:
    """Ask, show what the model asks for, and ask again.

    When the most parts have been shown, or no more may be, the model is told so and asked for its
    answer once more.

    Args:
        asking: the turns of the question.
        messages: what is said first; tells the model of its calls.
        zoom: gives parts of the first picture.
        frame: what the model's numbers count in the first picture.
        profile: how the model is shown pictures and what it is told.

    Raises:
        InputError: if the messages do not fit into what the model can read.
        ModelError: if it fails.
        BudgetExceeded: if the deadline of the request passes before anything was shown.
    """
    words = profile.zoom
    said = list(messages)
    boxes: list[_Box] = []
    reply = asking.ask(said)
    while words is not None and (asked := zoom_asked(reply)).status == "found":
        said.append(ChatMessage(role="assistant", parts=(reply.text,)))
        if len(boxes) >= words.max_calls:
            note = f"It was shown {len(boxes)} parts larger, the most there are."
            return _told_to_answer(asking, said, words, Looked(reply=reply, boxes=(*boxes,)), note)
        box = _box(asked, frame)
        if box is None:
            note = f"It asked for a part that cannot be shown larger: {_told(asked.box)}."
            return _told_to_answer(asking, said, words, Looked(reply=reply, boxes=(*boxes,)), note)
        try:
            part = zoom(box)
        except BudgetExceeded as error:
            note = f"No more could be shown larger: {error}."
            return _told_to_answer(asking, said, words, Looked(reply=reply, boxes=(*boxes,)), note)
        said.append(_shown(part, words, profile))
        boxes.append(box)
        reply = asking.ask(said)
    return Looked(reply=reply, boxes=tuple(boxes))


def _told_to_answer(
    asking: Asking, said: Sequence[ChatMessage], words: ZoomCalls, looked: Looked, note: str
) -> Looked:
    """Return the answer of a model that is told that it sees no more; what is known, at worst."""
    try:
        reply = asking.ask([*said, user_message([words.refused])])
    except BudgetExceeded as error:
        notes = (note, f"It could not be asked for its answer any more: {error}.")
        return Looked(reply=looked.reply, boxes=looked.boxes, notes=notes)
    return Looked(reply=reply, boxes=looked.boxes, notes=(note,))


def _shown(part: Picture, words: ZoomCalls, profile: Profile) -> ChatMessage:
    picture, _ = shown_picture(part, profile)
    parts: list[Part] = [picture, words.shown]
    return user_message(parts)


def _box(asked: ZoomAsked, frame: Frame) -> _Box | None:
    """Return the part that was asked for, where it can be shown."""
    stated = np.array([asked.box], dtype=np.float64)
    boxes, is_in = within(frame.to_picture(stated), frame.given)
    x1, y1, x2, y2 = (float(n) for n in boxes[0])
    wide, high = x2 - x1, y2 - y1
    is_slim = max(wide, high) > LONGEST_ASPECT / 2 * min(wide, high)  # whole pixels make it slimmer
    return (x1, y1, x2, y2) if is_in[0] and not is_slim else None


def _told(box: tuple[float, ...]) -> str:
    return ", ".join(f"{n:g}" for n in box)

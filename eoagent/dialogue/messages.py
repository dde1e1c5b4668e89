"""Put a question and its pictures into the words of a prompt profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eoagent.contracts.dialogue import ChatMessage, Part, Picture
from eoagent.contracts.errors import InputError
from eoagent.dialogue.material import as_material, harmless
from eoagent.dialogue.profiles import PICTURE_MARK, QUESTION_MARK, Profile, Prompt

__all__ = ["LONGEST_QUESTION", "MOST_PICTURES", "first_messages", "user_message"]

LONGEST_QUESTION: Final = 8000
"""Characters that a question may have."""
MOST_PICTURES: Final = 16
"""Pictures that a question may be about."""


def first_messages(
    profile: Profile,
    prompt: Prompt,
    pictures: Sequence[Picture],
    *,
    question: str = "",
    context: str = "",
    zooms: bool = False,
) -> list[ChatMessage]:
    """Return what is said to ask for something.

    Args:
        profile: how the model is asked.
        prompt: the words for what is asked for.
        pictures: what it is about, as the model gets them.
        question: stands in for the mark in the words.
        context: text from strangers, marked as material and put after the pictures.
        zooms: whether the model is told that it may look closer; its profile knows how.

    Raises:
        InputError: if the words want a question and it is empty or very long, or there is no
            picture, or there are too many.
    """
    _check(pictures, question, wants_question=QUESTION_MARK in prompt.text)
    system = profile.system if prompt.system is None else prompt.system
    suffix = ""
    if zooms and profile.zoom is not None:
        system, suffix = profile.zoom.system, profile.zoom.suffix
    before, mark, after = prompt.text.partition(PICTURE_MARK)
    if not mark:
        before, after = "", before
    asked = harmless(question.strip())
    told = [part.replace(QUESTION_MARK, asked) for part in (before, after)]
    material = as_material(context)
    words = f"{material}\n{told[1].lstrip()}" if material else told[1]
    user = user_message([told[0], *_shown(pictures), words + suffix])
    if not system:
        return [user]
    return [ChatMessage(role="system", parts=(system,)), user]


def user_message(parts: Sequence[Part]) -> ChatMessage:
    """Return what a user says, without parts that are empty, words beside words joined."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(before, str):
            joined[-1] = before + part
        elif not isinstance(part, str) or part:
            joined.append(part)
    return ChatMessage(role="user", parts=tuple(joined))


def _shown(pictures: Sequence[Picture]) -> list[Part]:
    """Return pictures as parts; several are numbered, for questions speak of them so."""
    if len(pictures) == 1:
        return [pictures[0]]
    parts: list[Part] = []
    for number, picture in enumerate(pictures, start=1):
        parts += [f"Picture {number}: ", picture, "\n"]
    return parts


def _check(pictures: Sequence[Picture], question: str, *, wants_question: bool) -> None:
    if wants_question and not question.strip():
        raise InputError("the question is empty", hint="ask in a sentence")
    if len(question) > LONGEST_QUESTION:
        raise InputError(
            f"the question has {len(question)} characters, more than {LONGEST_QUESTION}",
            hint="ask in fewer words; long material goes into the context",
        )
    if not 1 <= len(pictures) <= MOST_PICTURES:
        raise InputError(
            f"the question came with {len(pictures)} pictures",
            hint=f"give 1 to {MOST_PICTURES} pictures",
        )

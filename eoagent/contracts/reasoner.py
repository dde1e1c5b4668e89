"""Reasoners: models that answer implicit questions about pictures in words, boxes and masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import OnText, Picture

__all__ = ["Grounding", "Reasoner", "Reply", "ReplyStatus", "Zoom"]

ReplyStatus = Literal["found", "none", "unparseable", "truncated"]
"""What came of a reply: something was said, the model said there is no such thing, the reply could
not be read, or it was broken off."""
Zoom = Callable[[tuple[float, float, float, float]], Picture]
"""Gives the part of the first picture within a box (x1, y1, x2, y2; its pixels) in full detail.

It raises BudgetExceeded when no more may be looked at, or that part cannot be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said to a question, in words."""

    status: ReplyStatus
    """Whether there is an answer."""
    answer: str
    """The answer, without its reasoning; empty where there is none."""
    think: str = ""
    """The reasoning that came before the answer, as the model put it."""
    raw: str = ""
    """All that it said, as it came."""
    looked_at: tuple[tuple[float, float, float, float], ...] = ()
    """Boxes of the first picture that it asked to see larger, in order; its pixels."""
    input_tokens: int = 0
    """Tokens that it read, over all its turns."""
    output_tokens: int = 0
    """Tokens that it wrote, over all its turns."""
    notes: tuple[str, ...] = ()
    """Choices that were made to ask it or to read it (profile, sizes, frame), each a sentence."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grounding:
    """Where in a picture a model found what a question means."""

    reply: Reply
    """What it said; the status tells found, none, unparseable and truncated apart."""
    boxes: NDArray[np.float64]
    """Boxes in pixels of the picture that was given, (n, 4) as x1, y1, x2, y2, clipped to it."""
    points: NDArray[np.float64]
    """A point in each box, (n, 2) as x, y: the model's own, or the middle."""
    labels: tuple[str, ...]
    """What the model called each; empty words where it gave none."""
    stated: tuple[tuple[float, ...], ...] = ()
    """The numbers of each box as the model wrote them, before they were brought into the picture.
    """
    dropped: int = 0
    """Boxes that had no area within the picture, or were more than are taken."""
    mask: NDArray[np.bool_] | None = field(default=None)
    """Mask over the picture (height, width), where the model itself wrote one."""


class Reasoner(Protocol):
    """Answers implicit questions about pictures of a size that it can take in at once."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""

    @property
    def manner(self) -> Mapping[str, str]:
        """How it is asked and run, for provenance: profile, frame, pixel cap, place, precision."""

    def ground(
        self, picture: Picture, question: str, *, on_text: OnText | None = None
    ) -> Grounding:
        """Return where in a picture (height, width, 3) the answer to a question is.

        Equal pictures and questions give the kept answer, so that boxes, masks and outlines come
        from one inference.

        Raises:
            InputError: if the question is empty, or the picture has sides of more than 200 to 1.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """

    def answer(
        self,
        pictures: Sequence[Picture],
        question: str,
        *,
        context: str = "",
        zoom: Zoom | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Return the answer to a question about one or more pictures.

        Args:
            pictures: what it is about, in the order in which the context speaks of them.
            question: the question.
            context: text from strangers (passages, descriptions of pictures), put before the
                question and marked as material.
            zoom: lets a model whose profile knows zoom calls look closer.
            on_text: told each new piece of the reply as it is written.

        Raises:
            InputError: if the question is empty, there is no picture, or one is too long and thin.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """

    def describe(self, picture: Picture, *, on_text: OnText | None = None) -> Reply:
        """Return a caption of a picture.

        Raises:
            InputError: if the picture has sides of more than 200 to 1.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """

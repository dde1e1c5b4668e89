"""A reasoner over any model that takes part in dialogues, asked as its prompt profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.dialogue import ChatBackend, ChatReply, OnText, Picture
from eoagent.contracts.reasoner import Grounding, Reply, ReplyStatus, Zoom
from eoagent.contracts.text import plain_text
from eoagent.dialogue.asking import Asking
from eoagent.dialogue.frames import Frame
from eoagent.dialogue.grammars.reading import read_found
from eoagent.dialogue.grammars.thinking import Split, split_reply
from eoagent.dialogue.keeping import KeptReplies, RecentReplies
from eoagent.dialogue.material import LONGEST_MATERIAL
from eoagent.dialogue.messages import first_messages
from eoagent.dialogue.placing import place
from eoagent.dialogue.profiles import CoordinateFrame, Profile
from eoagent.dialogue.showing import shown_picture
from eoagent.dialogue.zooming import Looked, look_closer, zoom_asked

__all__ = ["DialogueReasoner", "KeptReplies"]

_LONGEST_ANSWER: Final = 12_000
_LONGEST_THINK: Final = 24_000
_LONGEST_RAW: Final = 100_000
_LONGEST_LABEL: Final = 200
_FRAMES: Final[Mapping[CoordinateFrame, str]] = MappingProxyType(
    {
        "model_input": "pixels of the picture as it was shown",
        "original": "pixels of the picture as it was given",
        "thousandth": "thousandths of the sides of the picture",
        "percent": "hundredths of the sides of the picture",
    }
)


class DialogueReasoner:
    """Answers implicit questions about pictures; may be shared by threads if its backend may."""

    def __init__(
        self, backend: ChatBackend, profile: Profile, *, kept: KeptReplies | None = None
    ) -> None:
        """Ask nothing yet.

        Args:
            backend: the model.
            profile: how it is asked and read.
            kept: replies given before; none keeps those of late in memory.
        """
        self._backend = backend
        self._profile = profile
        self._kept: KeptReplies = RecentReplies() if kept is None else kept

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._backend.card

    @property
    def reason(self) -> str:
        """Why this model is asked, and in this way; empty where the user named it."""
        return str(getattr(self._backend, "reason", ""))

    @property
    def manner(self) -> Mapping[str, str]:
        """How it is asked and run: profile, coordinate frame, pixel cap, and the backend's own."""
        profile = self._profile
        return MappingProxyType(
            {
                **self._backend.manner,
                "profile": profile.name,
                "frame": profile.coordinate_frame,
                "pixel_cap": str(profile.max_pixels),
            }
        )

    def ground(
        self, picture: Picture, question: str, *, on_text: OnText | None = None
    ) -> Grounding:
        """Return where in a picture (height, width, 3) the answer to a question is.

        The status is found only where there is a box or a mask. A reply that was broken off is
        truncated, and has the boxes that are whole.

        Raises:
            InputError: if the question is empty, or the picture has sides of more than 200 to 1.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        profile = self._profile
        shown, frame = shown_picture(picture, profile)
        messages = first_messages(profile, profile.ground, [shown], question=question)
        asking = self._asking(on_text)
        said = asking.ask(messages)
        split = split_reply(said.text, said.think)
        found = read_found(profile.grammar, split, is_cut=said.is_cut)
        placed = place(found, frame, max_boxes=profile.max_boxes)
        notes = (*self._shown_notes([frame]), self._frame_note(), *placed.notes)
        return Grounding(
            reply=_reply(said, split, placed.status, asking, notes=notes),
            boxes=placed.boxes,
            points=placed.points,
            labels=tuple(plain_text(label, _LONGEST_LABEL) for label in placed.labels),
            stated=placed.stated,
            dropped=placed.dropped,
            mask=placed.mask,
        )

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
            context: text from strangers, put before the question and marked as material.
            zoom: lets a model whose profile knows zoom calls look closer.
            on_text: told each new piece of the reply as it is written.

        Raises:
            InputError: if the question is empty, there is no picture, or one is too long and thin.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        profile = self._profile
        zooms = zoom is not None and profile.zoom is not None
        shown = [shown_picture(picture, profile) for picture in pictures]
        messages = first_messages(
            profile,
            profile.answer,
            [picture for picture, _ in shown],
            question=question,
            context=context,
            zooms=zooms,
        )
        asking = self._asking(on_text)
        frames = [frame for _, frame in shown]
        notes = self._shown_notes(frames)
        if len(context) > LONGEST_MATERIAL:
            notes.append(f"Of the {len(context)} characters of material it got {LONGEST_MATERIAL}.")
        if zoom is not None and zooms:
            notes.append(self._frame_note())
            looked = look_closer(asking, messages, zoom=zoom, frame=frames[0], profile=profile)
        else:
            looked = Looked(reply=asking.ask(messages))
        return _in_words(looked, asking, (*notes, *looked.notes))

    def describe(self, picture: Picture, *, on_text: OnText | None = None) -> Reply:
        """Return a caption of a picture.

        Raises:
            InputError: if the picture has sides of more than 200 to 1.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of the request passes.
        """
        profile = self._profile
        shown, frame = shown_picture(picture, profile)
        asking = self._asking(on_text)
        said = asking.ask(first_messages(profile, profile.describe, [shown]))
        return _in_words(Looked(reply=said), asking, tuple(self._shown_notes([frame])))

    def _asking(self, on_text: OnText | None) -> Asking:
        tokens = self._profile.max_tokens
        return Asking(self._backend, self._kept, self.manner, max_tokens=tokens, on_text=on_text)

    def _shown_notes(self, frames: Sequence[Frame]) -> list[str]:
        """Return the choices of profile and sizes, each a sentence."""
        sizes = dict.fromkeys(
            f"of {_size(frame.given)} px was shown at {_size(frame.shown)} px" for frame in frames
        )
        notes = [f"The model was asked by the prompt profile {self._profile.name}."]
        notes += [f"A picture {size}." for size in sizes]
        return [*notes, f"Pictures are shown with at most {self._profile.max_pixels} px."]

    def _frame_note(self) -> str:
        return f"Its coordinates were read as {_FRAMES[self._profile.coordinate_frame]}."


def _in_words(looked: Looked, asking: Asking, notes: tuple[str, ...]) -> Reply:
    """Return a reply whose answer is words."""
    said = looked.reply
    split = split_reply(said.text, said.think)
    status: ReplyStatus = "found"
    if said.is_cut and not split.is_closed:
        status = "truncated"
    elif not split.answer or zoom_asked(said).status != "none":
        status = "unparseable"
    return _reply(said, split, status, asking, notes=notes, looked_at=looked.boxes)


def _reply(
    said: ChatReply,
    split: Split,
    status: ReplyStatus,
    asking: Asking,
    *,
    notes: tuple[str, ...],
    looked_at: tuple[tuple[float, float, float, float], ...] = (),
) -> Reply:
    """Return a reply, with its texts made fit to show."""
    answer = split.answer or ""
    if zoom_asked(said).status != "none":
        answer = ""  # a call is no answer
    return Reply(
        status=status,
        answer=_fit(answer, _LONGEST_ANSWER),
        think=_fit(split.think, _LONGEST_THINK),
        raw=_fit(said.text or said.think, _LONGEST_RAW),
        looked_at=looked_at,
        input_tokens=asking.input_tokens,
        output_tokens=asking.output_tokens,
        notes=(*notes, *asking.notes),
    )


def _fit(text: str, limit: int) -> str:
    return plain_text(text, limit, keep="\n\t")


def _size(size: tuple[int, int]) -> str:
    """Return a height and width as width x height."""
    return f"{size[1]} x {size[0]}"

"""Put together what a reasoner said of a scene: artifacts, figures, and what is to be said of them.

What was found, what the model says is not there, and what cannot be read are kept apart: only the
first two give figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Grounding, Reasoner, Reply
from eoagent.contracts.text import plain_text
from eoagent.contracts.tool import ToolResult
from eoagent.contracts.zoom import Visit
from eoagent.io.gridded import grid_warnings
from eoagent.io.modelstate import card_source, model_named
from eoagent.io.reasoncontext import Told
from eoagent.io.reasonedfiles import ReasonedScene
from eoagent.io.reasonedmasks import FoundMasks, framed, no_masks, outline_boxes, own_masks
from eoagent.io.reasonedtable import store_replies
from eoagent.io.reasonedview import SceneLook

__all__ = ["Drawing", "ReasonedFindings"]

_ANSWER: Final = 300
"""Most characters of an answer that is handed on."""
_RAW: Final = 300
_ABOUT: Final = 150
_AS_READ: Final = "as the model's reply was read"
_OPINION: Final = "what a model answers is its opinion, not a measurement"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Drawing:
    """What draws the masks of what boxes frame."""

    outliner: Outliner | None = None
    """The model; None where there is none, or none is wanted."""
    look: SceneLook | None = None
    """What it is shown of the scene; None takes the picture that was asked about."""
    missing: str = ""
    """Why there is no model, where one is wanted."""
    masks: FoundMasks | None = None
    """The masks, where they were drawn in parts of the scene."""


class ReasonedFindings:
    """What came of one question about one scene, piece by piece.

    Args:
        scene: the scene, and what was asked about it.
        reasoner: the model.
        how: which model it is and how it is run, a sentence.
        is_shown: whether the model is shown the picture of the scene's look, and not others only.
    """

    def __init__(
        self, scene: ReasonedScene, reasoner: Reasoner, *, how: str, is_shown: bool = True
    ) -> None:
        self._scene = scene
        self._reasoner = reasoner
        self._name = reasoner.card.title
        self._about = plain_text(f"'{scene.question}' in {scene.ref.title}", _ABOUT)
        self._replies: dict[str, Reply] = {}
        self._visits: dict[str, Visit] = {}
        self._told = Told.nothing()
        self._artifacts: dict[str, Artifact] = {}
        self._figures: list[FigureDraft] = []
        self._said = [how, *([scene.look.note()] if is_shown else []), _OPINION]
        self._warnings: list[str] = []

    def add_places(self, grounding: Grounding, drawing: Drawing) -> None:
        """Add where the model says that it is, and the masks of it.

        Args:
            grounding: what the model said.
            drawing: what draws the masks; without it there are boxes alone, unless the model wrote
                a mask itself.

        Raises:
            ModelError: if a model fails.
            BudgetExceeded: if the time is over.
            SourceError: if the disk is full or cannot be written.
        """
        self._replies["where"] = grounding.reply
        grounding = framed(grounding)
        status = _status(grounding)
        self._figures.append(
            self._figure("status", status, "what became of the reply", method=_AS_READ)
        )
        if grounding.dropped:
            self._warnings.append(
                f"{grounding.dropped} boxes were left out: they have no area in the picture, or "
                "are more than are taken"
            )
        if status not in {"found", "none"}:
            self._warnings.append(self._unread(grounding.reply, status, "where it is"))
            return
        if status == "none":
            self._warnings.append(
                f"{self._name} says that the image shows no such thing: {self._about}"
            )
        self._artifacts["boxes"] = self._scene.store_boxes(grounding)
        counted = f"boxes of {self._name} counted"
        self._figures.append(
            self._figure(
                "found", len(grounding.boxes), "places found", unit="count", method=counted
            )
        )
        drawer = drawing.outliner if grounding.mask is None else None
        look = drawing.look if drawer is not None and drawing.look is not None else self._scene.look
        found = drawing.masks or self._masks(grounding, status, drawer, look)
        if found is not None:
            self._add_masks(found, grounding, drawer)
            if drawing.masks is not None and drawer is not None:
                side = drawer.card.input_px
                self._said.append(
                    "the outlining model was shown each part that holds boxes as a picture of its "
                    f"own, of at most {side} x {side} pixels"
                )
            elif found.look is not self._scene.look:
                self._said.append(found.look.note("the outlining model"))
        elif drawing.missing:
            self._warnings.append(f"boxes only, as outlines need another model: {drawing.missing}")

    def add_visits(
        self, visits: Sequence[Visit], notes: Sequence[str], replies: Sequence[Reply] = ()
    ) -> None:
        """Add what was looked at closer, and what the model said of each part."""
        for number, visit in enumerate(visits[1:], start=1):
            name = f"part {number}"
            self._visits[name] = visit
            if number < len(replies):
                self._replies[name] = replies[number]
        self._said += [note for note in notes if note not in self._said]

    def add_answer(self, reply: Reply, told: Told) -> None:
        """Add what the model answers in words.

        Args:
            reply: its answer.
            told: what it was told besides the question.
        """
        self._replies["answer"] = reply
        self._told = told
        self._said += told.notes
        answer = plain_text(" ".join(reply.answer.split()), _ANSWER).strip()
        is_read = reply.status in {"found", "none"}
        if is_read and answer:
            method = f"{self._name} was asked in words"
            figure = self._figure("answer", answer, "answer", method=method)
            sources = (*figure.sources, *told.sources(reply), *told.figure_sources)
            update = {"sources": tuple(dict.fromkeys(sources))}
            self._figures.append(figure.model_copy(update=update))
            self._warnings += told.doubts(self._scene.question, reply)
            return
        status = "unparseable" if is_read else reply.status
        self._warnings.append(self._unread(reply, status, "in words"))

    def result(self) -> ToolResult:
        """Return all of it, with the words of the model in a table.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        scene = self._scene
        text = store_replies(
            scene.services.store,
            scene.question,
            self._replies,
            look=scene.look,
            reasoner=self._reasoner,
            visits=self._visits,
            told=self._told.text,
        )
        notes = (note for reply in self._replies.values() for note in reply.notes)
        return ToolResult(
            artifacts={**self._artifacts, "text": text},
            figures=tuple(self._figures),
            assumptions=tuple(dict.fromkeys((*self._said, *notes))),
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _masks(
        self, grounding: Grounding, status: str, drawer: Outliner | None, look: SceneLook
    ) -> FoundMasks | None:
        own = own_masks(look, grounding)
        if status == "none":
            return no_masks(look) if own is not None or drawer is not None else None
        if drawer is None:
            return own
        services, view = self._scene.services, self._scene.look.view

        def progress(done: float, what: str) -> None:
            services.progress(0.4 + 0.3 * done, what)

        boxes, points = view.boxes_to_scene(grounding.boxes), view.to_scene(grounding.points)
        return outline_boxes(look, boxes, points, drawer, work=(services.deadline, progress))

    def _add_masks(self, found: FoundMasks, grounding: Grounding, drawer: Outliner | None) -> None:
        scene, rule = self._scene, f"as {self._name} marked it"
        if drawer is not None:
            scene = replace(scene, sources=(*scene.sources, card_source(drawer.card)))
            rule = (
                f"{model_named(drawer, is_asked_for=False)}, outlined what the boxes of "
                f"{self._name} frame, one point in each; parts of several objects count once"
            )
        self._artifacts["mask"], area = scene.store_mask(found, rule=rule)
        figure = self._figure(
            "area", area.value, "area found", unit=area.unit, method=area.method, error=area.error
        )
        self._figures.append(figure.model_copy(update={"sources": scene.sources}))
        self._artifacts["features"], traced = scene.store_outlines(found, grounding)
        self._said += [rule, *([traced] if traced else [])]
        if not found.look.view.is_own:
            self._said.append(
                "the mask lies on the pixels of the image, and is as coarse as the picture was"
            )
        self._warnings += grid_warnings(scene.ref.grid)
        empty = sum(mask is None for mask in found.objects)
        if empty:
            self._warnings.append(f"in {empty} of {len(found.objects)} boxes nothing was outlined")

    def _figure(
        self,
        name: str,
        value: float | str,
        label: str,
        *,
        method: str,
        unit: str = "choice",
        error: float | None = None,
    ) -> FigureDraft:
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=plain_text(f"{label}: {self._about}", 200),
            method=plain_text(method, 600),
            error=error,
            sources=self._scene.sources,
        )

    def _unread(self, reply: Reply, status: str, what: str) -> str:
        """Return a warning with a reply as it came, in guillemets, which it has none of."""
        why = "was broken off" if status == "truncated" else "could not be read"
        raw = " ".join((reply.raw or reply.answer).replace("«", '"').replace("»", '"').split())
        return (
            f"the reply of {self._name} ({what}) {why}, so nothing is made of it: "
            f"«{plain_text(raw, _RAW)}»"
        )


def _status(grounding: Grounding) -> str:
    """Return what became of a reply; places without one box in the picture cannot be read."""
    status = grounding.reply.status
    return "unparseable" if status == "found" and not len(grounding.boxes) else status

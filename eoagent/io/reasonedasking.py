"""Ask a reasoner about a scene: as one picture, closer in parts, at two dates, or in many bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eoagent.contracts.dialogue import OnText, Picture
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.geometry import Window
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.tool import Services
from eoagent.contracts.zoom import ZoomedBoxes, ZoomRules
from eoagent.io.datepictures import date_pictures
from eoagent.io.pseudopictures import pseudo_pictures
from eoagent.io.raster import RasterReader
from eoagent.io.reasoncontext import Told, passages_for, told
from eoagent.io.reasonedfindings import Drawing, ReasonedFindings
from eoagent.io.reasonedview import SceneLook, look_closer, pixel_cap
from eoagent.io.viewpicture import ViewPictures
from eoagent.io.zoomedmasks import MOST_SCENE_PIXELS, zoomed_grounding, zoomed_masks
from eoagent.io.zooming import Zooming

__all__ = ["SceneAsking"]

_SPECTRAL_PX = 448
"""Longest side of each of several pictures of one scene: six take the tokens of one large one."""

_TELL_EACH = 200
"""Characters of a reply after which it is told that the model still writes."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SceneAsking:
    """One question about one scene that is open."""

    services: Services
    """Deadline, progress and the rest."""
    reader: RasterReader
    """The scene."""
    reasoner: Reasoner
    """The model."""
    look: SceneLook
    """What it is shown of the whole scene."""
    question: str
    """The question."""
    parts: int
    """Most parts that are looked at closer; 0 where the picture shows every pixel."""
    candidates: Sequence[tuple[Window, float]]
    """Parts that look like the question, best first."""

    def places(
        self, findings: ReasonedFindings, outliner: Outliner | None, *, missing: str
    ) -> None:
        """Ask where the answer is, and add it to what was found.

        Args:
            findings: where it goes.
            outliner: draws masks; None draws none.
            missing: why there is none, where one is wanted.

        Raises:
            ModelError: if a model fails.
            BudgetExceeded: if the time is over.
            SourceError: if pixels could not be had, or nothing be kept.
        """
        self.services.deadline.check()
        self.services.progress(0.1, "asking the model where it is")
        if self.parts:
            zoomed = self._zooming().ground(self.question, on_text=self._still)
            grounding = zoomed_grounding(zoomed, self.look.view, zoomed.replies[0])
            findings.add_visits(zoomed.visits, zoomed.notes, zoomed.replies)
            findings.add_places(grounding, self._zoomed_drawing(zoomed, outliner, missing))
            return
        drawing = Drawing(missing=missing)
        if outliner is not None:
            closer = look_closer(self.reader, self.look, most_pixels=outliner.card.input_px**2)
            drawing = Drawing(outliner=outliner, look=closer)
        pixels = self.look.picture.pixels
        grounding = self.reasoner.ground(pixels, self.question, on_text=self._heard(0.1))
        findings.add_places(grounding, drawing)

    def answer(self, findings: ReasonedFindings, figures: Sequence[Figure]) -> None:
        """Ask for the answer in words, and add it to what was found.

        Raises:
            ModelError: if a model fails.
            BudgetExceeded: if the time is over.
            SourceError: if pixels could not be had.
        """
        said = self._told([], figures)
        if not self.parts:
            self._say(findings, [self.look.picture.pixels], said)
            return
        self.services.deadline.check()
        replied = self._zooming().answer(self.question, context=said.text, on_text=self._still)
        findings.add_visits(replied.visits, replied.notes)
        findings.add_answer(replied.reply, said)

    def answer_spectral(self, findings: ReasonedFindings, figures: Sequence[Figure]) -> None:
        """Ask for the answer with pictures of the bands outside the visible too.

        Raises:
            InputError: if the bands make fewer than two pictures.
            ModelError: if a model fails.
            BudgetExceeded: if the time is over.
            SourceError: if pixels could not be had.
        """
        made = pseudo_pictures(self.reader, max_px=_SPECTRAL_PX)
        said = self._told([made.description], figures, made.notes)
        self._say(findings, list(made.pictures), said)

    def answer_change(
        self, findings: ReasonedFindings, before: RasterReader, figures: Sequence[Figure]
    ) -> None:
        """Ask what changed since an earlier image of the same ground.

        Raises:
            InputError: if the two cannot be laid over each other.
            ModelError: if a model fails.
            BudgetExceeded: if the time is over.
            SourceError: if pixels could not be had.
        """
        most = pixel_cap(self.reasoner)
        made = date_pictures(before, self.reader, most_pixels=most)
        said = self._told([made.legend], figures, made.notes)
        self._say(findings, [made.before, made.after], said)

    def _say(self, findings: ReasonedFindings, pictures: list[Picture], said: Told) -> None:
        self.services.deadline.check()
        self.services.progress(0.8, "asking the model for an answer")
        reply = self.reasoner.answer(
            pictures, self.question, context=said.text, on_text=self._heard(0.8)
        )
        findings.add_answer(reply, said)

    def _told(
        self, legends: Sequence[str], figures: Sequence[Figure], notes: Sequence[str] = ()
    ) -> Told:
        grid, picture = self.reader.ref.grid, self.look.picture.pixels
        passages, chosen = passages_for(self.services, self.question, grid, picture)
        return told(legends=legends, figures=figures, passages=passages, notes=(*notes, *chosen))

    def _zooming(self) -> Zooming:
        return Zooming(
            ViewPictures(self.reader),
            self.reasoner,
            self.reader.ref.grid,
            candidates=self.candidates,
            rules=ZoomRules(tiles=self.parts, picture_px=pixel_cap(self.reasoner)),
            deadline=self.services.deadline,
            progress=self.services.progress,
        )

    def _zoomed_drawing(
        self, zoomed: ZoomedBoxes, outliner: Outliner | None, missing: str
    ) -> Drawing:
        if outliner is None or not len(zoomed.boxes):
            return Drawing(outliner=outliner, missing=missing)
        grid = self.reader.ref.grid
        if grid.width * grid.height > MOST_SCENE_PIXELS:
            return Drawing(
                missing="the scene is too large for masks of it; open a part of it around the boxes"
            )
        work = (self.services.deadline, self.services.progress)
        try:
            masks = zoomed_masks(self.reader, zoomed, outliner, work=work)
        except InputError as error:
            return Drawing(missing=error.explain())
        return Drawing(outliner=outliner, masks=masks)

    def _heard(self, done: float) -> OnText:
        """Return what ends a reply when the time is over, and tells how long it is by then."""
        written = told = 0

        def listen(piece: str) -> None:
            nonlocal written, told
            self._still(piece)
            written += len(piece)
            if written - told >= _TELL_EACH:
                told = written
                self.services.progress(done, f"the model has written {written} characters")

        return listen

    def _still(self, piece: str) -> None:
        """End a reply in the middle when the time is over."""
        del piece
        self.services.deadline.check()

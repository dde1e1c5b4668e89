"""Ask a model about a scene larger than it can take in: overview, then parts in full detail.

Which parts is decided by likeness to the question (from outside), by what the model found in the
overview, and by the model's own wish to look closer. Tiles and tokens are counted, and what was
looked at is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.dialogue import OnText, Picture
from eoagent.contracts.errors import BudgetExceeded, InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.raster import Grid
from eoagent.contracts.reasoner import Grounding, Reasoner
from eoagent.contracts.zoom import Visit, ZoomedBoxes, ZoomedReply, ZoomRules
from eoagent.geo.pyramid import overlap_share
from eoagent.geo.sceneview import SceneView, view_whole, view_window
from eoagent.io.viewpicture import ViewPictures
from eoagent.io.zoomed import join_visits
from eoagent.io.zoomtold import coverage, legend

__all__ = ["Zooming"]

_TOKEN_PX: Final = 28 * 28
"""Pixels that a token of a picture stands for in the models that are asked."""
_TEXT_TOKENS: Final = 700
"""Tokens that a question with its instructions takes, more or less."""
_AROUND: Final = 1.5
"""How much wider than a box of the overview the part around it is looked at."""
_SAME: Final = 0.75
"""Share of a part that another may cover before both are one visit."""
_FINER: Final = 0.8
"""Share of the ground of a pixel of the overview that one of a closer look shows at most."""


@dataclass(slots=True)
class _Spent:
    """Tokens and tiles that are used up."""

    rules: ZoomRules
    tokens: int = 0
    tiles: int = 0
    notes: list[str] = field(default_factory=list)

    def has_room(self, tokens: int) -> bool:
        return self.tiles < self.rules.tiles and self.tokens + tokens <= self.rules.tokens


class Zooming:
    """Asks one reasoner about one scene.

    Args:
        pictures: the scene, open.
        reasoner: the model.
        scene: its lattice.
        candidates: parts that look like the question with their likeness, best first.
        rules: how much may be looked at.
        deadline: checked before every question.
        progress: told how far it is.
    """

    def __init__(
        self,
        pictures: ViewPictures,
        reasoner: Reasoner,
        scene: Grid,
        *,
        candidates: Sequence[tuple[Window, float]] = (),
        rules: ZoomRules | None = None,
        deadline: Deadline,
        progress: Progress,
    ) -> None:
        self._pictures = pictures
        self._reasoner = reasoner
        self._rules = rules or ZoomRules()
        self._whole = view_whole(scene, most_pixels=self._rules.picture_px)
        self._candidates = tuple(candidates)
        self._deadline = deadline
        self._progress = progress

    def answer(
        self, question: str, *, context: str = "", on_text: OnText | None = None
    ) -> ZoomedReply:
        """Return the answer to a question, asked with the overview and the likeliest parts.

        Raises:
            InputError: if the question is empty, or the scene has no valid pixel.
            ModelError: if the model fails.
            BudgetExceeded: if the time is over, or not even the overview fits the tokens.
            SourceError: if pixels could not be had.
        """
        spent = _Spent(self._rules)
        shown = [self.picture(self._whole)]
        visits = [Visit(window=self._whole.window, by="overview")]
        cost = _TEXT_TOKENS + _tokens(self._whole)
        self._refuse_dear(cost)
        for window, score in self._candidates[: self._rules.at_once]:
            view = self._view(window)
            if not self._is_closer(view):
                continue
            if not spent.has_room(cost + _tokens(view)):
                spent.notes.append(self._short())
                break
            part = self._part(view, spent)
            if part is None:
                continue
            shown.append(part)
            visits.append(Visit(window=view.window, by="likeness", score=score))
            cost += _tokens(view)
            spent.tiles += 1
        spent.tokens = cost
        closer = _Closer(self, spent, visits)
        self._deadline.check()
        self._progress(0.5, "asking about the overview and its parts")
        reply = self._reasoner.answer(
            shown,
            question,
            context="\n\n".join(part for part in (legend(self._whole, visits), context) if part),
            zoom=closer,
            on_text=on_text,
        )
        return ZoomedReply(
            reply=reply, visits=tuple(visits), notes=(*spent.notes, coverage(self._whole, visits))
        )

    def ground(self, question: str, *, on_text: OnText | None = None) -> ZoomedBoxes:
        """Return where in the scene something is: asked of the overview and of parts of it.

        Raises:
            InputError: if the question is empty, or the scene has no valid pixel.
            ModelError: if the model fails.
            BudgetExceeded: if the time is over, or not even the overview fits the tokens.
            SourceError: if pixels could not be had.
        """
        self._refuse_dear(_TEXT_TOKENS + _tokens(self._whole))
        spent = _Spent(self._rules)
        held: list[tuple[SceneView, Visit, Grounding]] = []
        whole = self.picture(self._whole)
        overview = self._ground(self._whole, whole, question, spent, on_text=on_text)
        start = Visit(window=self._whole.window, by="overview", found=len(overview.boxes))
        held.append((self._whole, start, overview))
        for window, by, score in self._wishes(overview):
            view = self._view(window)
            seen = [visit.window for _, visit, _ in held[1:]]
            if not self._is_closer(view) or any(
                overlap_share(view.window, other) > _SAME for other in seen
            ):
                continue
            if not spent.has_room(_TEXT_TOKENS + _tokens(view)):
                spent.notes.append(self._short())
                break
            part = self._part(view, spent)
            if part is None:
                continue
            self._progress(len(held) / (self._rules.tiles + 1), "looking closer")
            found = self._ground(view, part, question, spent, on_text=on_text)
            spent.tiles += 1
            visit = Visit(window=view.window, by=by, score=score, found=len(found.boxes))
            held.append((view, visit, found))
        joined = join_visits(held)
        return replace(
            joined, notes=(*spent.notes, *joined.notes, coverage(self._whole, joined.visits))
        )

    def _wishes(
        self, overview: Grounding
    ) -> Iterator[tuple[Window, Literal["likeness", "model"], float | None]]:
        """Yield parts to look at: in turn what the model found coarsely, and what is alike."""
        own = [self._around(box) for box in self._whole.boxes_to_scene(overview.boxes)]
        for n in range(max(len(own), len(self._candidates))):
            if n < len(own):
                yield own[n], "model", None
            if n < len(self._candidates):
                window, score = self._candidates[n]
                yield window, "likeness", score

    def _ground(
        self,
        view: SceneView,
        picture: Picture,
        question: str,
        spent: _Spent,
        *,
        on_text: OnText | None,
    ) -> Grounding:
        self._deadline.check()
        found = self._reasoner.ground(picture, question, on_text=on_text)
        spent.tokens += found.reply.input_tokens or _TEXT_TOKENS + _tokens(view)
        return found

    def _view(self, window: Window) -> SceneView:
        return view_window(self._whole.scene, window, most_pixels=self._rules.picture_px)

    def _around(self, box: NDArray[np.float64]) -> Window:
        """Return the part around a box: at least what one picture shows in full detail."""
        side = math.isqrt(self._rules.picture_px)
        grid = self._whole.scene
        x1, y1, x2, y2 = (float(v) for v in box)
        row, height = _span(y1, y2, side, grid.height)
        col, width = _span(x1, x2, side, grid.width)
        return Window(row=row, col=col, height=height, width=width)

    def _is_closer(self, view: SceneView) -> bool:
        """Return whether a view shows more than the overview does."""
        return view.rows_per_px * view.cols_per_px < _FINER * (
            self._whole.rows_per_px * self._whole.cols_per_px
        )

    def _part(self, view: SceneView, spent: _Spent) -> Picture | None:
        """Return a part as a picture; None, and a note, where it is without data."""
        try:
            return self.picture(view)
        except InputError:
            place = f"column {view.window.col}, row {view.window.row}"
            spent.notes.append(f"the part from {place} on has no valid pixel and was passed over")
            return None

    def closer(self, box: tuple[float, float, float, float]) -> SceneView:
        """Return the view of a box of the overview in full detail.

        Raises:
            BudgetExceeded: if it has no area within the overview, or that shows all there is.
        """
        high = [self._whole.width, self._whole.height] * 2
        x1, y1, x2, y2 = (min(max(v, 0.0), most) for v, most in zip(box, high, strict=True))
        if not (x2 > x1 and y2 > y1):  # true of what is no number, too
            raise BudgetExceeded("the part that was asked for has no area in the first picture")
        placed = self._whole.boxes_to_scene(np.array([[x1, y1, x2, y2]]))
        view = self._view(self._around(placed[0]))
        if not self._is_closer(view):
            raise BudgetExceeded("the first picture shows that part in the same detail already")
        return view

    def picture(self, view: SceneView) -> Picture:
        """Return a view as a picture.

        Raises:
            InputError: if no pixel of it is valid.
            SourceError: if pixels could not be had.
        """
        return self._pictures.read(view).pixels

    def _refuse_dear(self, tokens: int) -> None:
        if tokens > self._rules.tokens:
            raise BudgetExceeded(
                f"the overview takes about {tokens:,} tokens, and {self._rules.tokens:,} are "
                "allowed",
            )

    def _short(self) -> str:
        rules = self._rules
        return f"no more was looked at: {rules.tiles} parts and {rules.tokens:,} tokens are allowed"


class _Closer:
    """The model's own wishes to look closer: a `Zoom` within the budget."""

    def __init__(self, zooming: Zooming, spent: _Spent, visits: list[Visit]) -> None:
        self._zooming = zooming
        self._spent = spent
        self._visits = visits
        self._said = spent.tokens
        """Tokens of the dialogue so far."""

    def __call__(self, box: tuple[float, float, float, float]) -> Picture:
        view = self._zooming.closer(box)
        due = self._said + _TEXT_TOKENS + _tokens(view)  # each turn is read from its beginning
        if not self._spent.has_room(due):
            raise BudgetExceeded("no more parts may be looked at")
        try:
            picture = self._zooming.picture(view)
        except InputError as error:
            raise BudgetExceeded("the part that was asked for has no valid pixel") from error
        self._said = due
        self._spent.tiles += 1
        self._spent.tokens += due
        self._visits.append(Visit(window=view.window, by="model"))
        return picture


def _tokens(view: SceneView) -> int:
    return math.ceil(view.height / 28) * math.ceil(view.width / 28)


def _span(low: float, high: float, side: int, length: int) -> tuple[int, int]:
    """Return start and length of a stretch around another, within a side of the scene."""
    size = min(max(side, math.ceil((high - low) * _AROUND)), length)
    start = round((low + high) / 2 - size / 2)
    return min(max(start, 0), length - size), size

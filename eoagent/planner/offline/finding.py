"""Questions of likeness over an index: search its tiles, say what was found, measure the best."""

from __future__ import annotations

from typing import Any, Final

from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import View
from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened, opened_of
from eoagent.planner.offline.families import draw
from eoagent.planner.offline.lexicon import is_chinese
from eoagent.planner.offline.likeness import Sought, read_sought
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reader import read
from eoagent.planner.offline.refusals import after_opening, ask, before_opening, refuse

__all__ = ["TileQuestion", "tile_question"]

_K: Final = 10
_MOST: Final = 200
_GOOD: Final = frozenset({"done", "cached"})
_SCENES: Final = frozenset({"scene", "image", "picture"})


def tile_question(view: View) -> TileQuestion | None:
    """Return the question as one about the tiles of an index, or None if it is about other things.

    Words of likeness or of tiles mean a search in any case; `find`, `show` and `where` do only
    where an index came with the question, and no image that they could be about.
    """
    sought = read_sought(view.question)
    if sought is None:
        return None
    kinds = {given.kind for given in view.inputs}
    if sought.is_alike:
        return TileQuestion(view, sought)
    if "index" not in kinds or "image" in kinds:
        return None
    if "catalog" in kinds and sought.noun in _SCENES:
        return None  # scenes are looked for in the catalog
    return TileQuestion(view, sought)


class TileQuestion:
    """One question over the tiles of an index: its steps, round by round, and its sentences."""

    def __init__(self, view: View, sought: Sought) -> None:
        self._view = view
        self._sought = sought
        self._zh = is_chinese(view.question)

    @property
    def summary(self) -> str:
        """How the question was understood, one line."""
        what = "the image" if self._sought.by_picture else f"'{self._sought.what}'"
        return f"tiles of the index that look like {what}"

    def steps(self) -> tuple[Step, ...]:
        """Return the next steps; none if there is nothing more to run."""
        view, first = self._view, self._opening()
        if not view.steps:
            return first.steps
        if len(view.steps) > len(first.steps) or any(s.status not in _GOOD for s in view.steps):
            return ()
        return self._measured(len(first.steps)).steps

    def blueprint(self) -> Blueprint:
        """Return all that answers, for the sentences."""
        first = self._opening()
        if any(step.tool in {"ask_user", "cannot_answer"} for step in first.steps):
            return first
        drawing = Drawing(next_n=len(first.steps) + 1)
        search = next((s for s in self._view.steps if s.tool == "search_tiles"), None)
        if search is not None and search.outputs:
            self._tell(drawing, search)
        measured = self._measured(len(first.steps))
        return Blueprint(results=(*drawing.results, *measured.results))

    def _opening(self) -> Blueprint:
        """Return the steps of the first round, or a question back, or a refusal."""
        sought, zh = self._sought, self._zh
        images = [given.href for given in self._view.inputs if given.kind == "image"]
        early = self._early(images)
        if early is not None:
            return early
        drawing = Drawing(next_n=1)
        like: list[str] = []
        if sought.by_picture:
            like = [
                drawing.add(
                    "open_image", "what is looked for", hrefs=[href], gsd_m=self._view.gsd_m
                )
                for href in images
            ]
        area = self._area(drawing)
        k = 1 if sought.is_one else min(sought.count or _K, _MOST)
        tiles = drawing.add(
            "search_tiles",
            "tiles that look like it",
            index=self._href("index") or None,
            text=[sought.what] if sought.what else None,
            like=like or None,
            unlike=list(sought.unlike) or None,
            datetime=sought.time or None,
            max_cloud_pct=sought.max_cloud_pct,
            k=k,
            **area,
        )
        if sought.measured:
            drawing.add("open_image", "the best tile", tiles=tiles, item="1")
        return drawing.done(say("tiles_like", chinese=zh, what=sought.what))

    def _early(self, images: list[str]) -> Blueprint | None:
        """Return a question back or a refusal that needs no look at anything, or None."""
        sought, zh = self._sought, self._zh
        if not sought.is_read:
            return ask(1, say("sought_in_english", chinese=zh))
        if sought.by_picture and not images:
            return ask(1, say("which_example", chinese=zh))
        if sought.in_area and not self._href("aoi"):
            return ask(1, say("which_area", chinese=zh))
        if not sought.measured:
            return None
        reading = read(sought.measured)
        return before_opening(reading, 1, 1)

    def _area(self, drawing: Drawing) -> dict[str, Any]:
        """Add the steps that make the area, and return the argument that names it."""
        aoi = self._href("aoi")
        if self._sought.place:
            places = self._href("places")
            found = drawing.add(
                "find_place",
                "where it is looked for",
                name=self._sought.place,
                places=[places] if places else None,
            )
            return {"aoi": f"{found}.aoi"}
        if not aoi:
            return {}
        parts = aoi.split(",")
        if len(parts) == 4 and all(_is_number(part) for part in parts):
            return {"bbox": [float(part) for part in parts]}
        return {"aoi": drawing.add("open_features", "where it is looked for", href=aoi)}

    def _measured(self, count: int) -> Blueprint:
        """Return the steps that measure the best tile, once it was opened."""
        records = self._view.steps[:count]
        if not self._sought.measured or len(records) < count:
            return Blueprint()
        opened = self._tile(records[-1])
        if opened is None:
            return Blueprint()
        reading = read(self._sought.measured)
        early = after_opening(reading, (opened,), count + 1)
        if early is not None:
            return early
        if not (reading.wants or reading.has_rule or reading.subjects):
            return refuse(count + 1, say("no_want", chinese=self._zh))
        return draw(reading, (opened,), count + 1)

    def _tile(self, record: StepRecord) -> Opened | None:
        given = tuple(i for i in self._view.inputs if i.kind == "index")[:1]
        if record.tool != "open_image" or record.status not in _GOOD or not record.outputs:
            return None
        if given:
            return next(iter(opened_of(given, (record,))), None)
        handle = next(iter(record.outputs.values()))
        preview = record.previews.get(handle, {})
        return Opened(n=record.n, href="", handle=handle, preview=preview, is_raster=True)

    def _tell(self, drawing: Drawing, search: StepRecord) -> None:
        """Note what the search found as results, with a sentence each."""
        sought, n = self._sought, search.n
        what = sought.what or say("the_image", chinese=self._zh)
        if sought.is_one or sought.count == 1:
            best = {"item": f"${n}.best_item"}
            drawing.answer(f"${n}.best_score", "best_tile", others=best, what=what)
        else:
            listed = {"list": f"${n}.list"}
            drawing.answer(f"${n}.count", "tiles_found", others=listed, what=what)
        if "best_lon" in search.outputs and (sought.is_where or sought.is_one):
            drawing.answer(f"${n}.best_lat", "best_lat")
            drawing.answer(f"${n}.best_lon", "best_lon")

    def _href(self, kind: str) -> str:
        return next((given.href for given in self._view.inputs if given.kind == kind), "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

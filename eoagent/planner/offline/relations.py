"""Questions about how things lie to each other: nearest, apart, how many within, tallest."""

from __future__ import annotations

from typing import Any, Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.frame import Frame, Relation
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.leftovers import leftovers
from eoagent.planner.offline.lexicon import spellings_of
from eoagent.planner.offline.phrases import has_phrase, say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, refuse, refuse_topics
from eoagent.planner.offline.sources import Sources

__all__ = ["draw_relation"]

_LENGTHS: Final = frozenset(("m", "km"))
_PAIR: Final = 2
_ANY_FEATURE: Final = frozenset({"district", "parcel"})
"""Nouns that say no more than that something is a feature."""


def draw_relation(
    frame: Frame, reading: Reading, opened: tuple[Opened, ...], next_n: int, *, places: str = ""
) -> Blueprint:
    """Return the steps for a relation between what was opened, or a question back."""
    assert frame.relation is not None
    stopped = refuse_topics(reading, next_n)
    if stopped is not None:
        return stopped
    beyond = (*frame.times, *frame.sensors, *frame.changes)
    is_more = frame.point is not None or frame.is_series or frame.is_search or frame.is_pair
    if beyond or is_more or frame.delta is not None:
        words = ", ".join(beyond) or say("word_more", chinese=reading.chinese)
        return refuse(next_n, say("unused", chinese=reading.chinese, words=words))
    family = _Relation(frame, reading, opened, next_n, places)
    drawn = {
        "nearest": family.nearest,
        "apart": family.apart,
        "within": family.within,
        "best": family.best,
    }[frame.relation.kind]
    return drawn()


def _is_named(noun: str, title: str) -> bool:
    """Return whether a file's name says that it holds features of a kind."""
    words = title.casefold().replace("_", " ").replace("-", " ")
    return any(word in words for word in (noun, *spellings_of(noun)))


class _Relation:
    """Draws one question."""

    def __init__(
        self, frame: Frame, reading: Reading, opened: tuple[Opened, ...], next_n: int, places: str
    ) -> None:
        assert frame.relation is not None
        self._frame, self._reading, self._places = frame, reading, places
        self._relation: Relation = frame.relation
        self._rasters = [o for o in opened if o.is_raster]
        self._features = [o for o in opened if not o.is_raster]
        self._drawing = Drawing(next_n=next_n)
        self._next_n = next_n
        rasters = tuple(o for o in opened if o.is_raster)
        self._sources = Sources(reading, rasters, self._drawing)

    def nearest(self) -> Blueprint:
        """Which feature is nearest to a scene, its largest region, or a named place."""
        reading = self._reading
        uses = {"cover", "condition", "largest", "area"} | AREA_UNITS | _LENGTHS
        unused = self._unused(uses if reading.largest else set(_LENGTHS))
        if unused is not None:
            return unused
        target = self._target()
        if isinstance(target, Blueprint):
            return target
        origin = self._origin(target)
        if isinstance(origin, Blueprint):
            return origin
        related = self._drawing.add(
            "relate",
            f"the nearest {self._relation.noun}",
            relation="nearest",
            first=origin,
            second=target.ref,
            from_centre=True,
        )
        others = {"name": f"{related}.name"}
        if self._relation.has_direction:
            others["direction"] = f"{related}.direction"
        self._drawing.answer(
            f"{related}.distance",
            "nearest_direction" if self._relation.has_direction else "nearest",
            reading.unit_for(_LENGTHS),
            others=others,
            noun=self._noun(),
        )
        return self._drawing.done()

    def apart(self) -> Blueprint:
        """How far two scenes' centres lie apart, and in which direction the second lies."""
        reading, zh = self._reading, self._reading.chinese
        unused = self._unused(set(_LENGTHS))
        if unused is not None:
            return unused
        given = [*self._rasters, *self._features]
        if len(given) != _PAIR or self._frame.names:
            names = ", ".join([*self._frame.names, *(o.title for o in given)])
            return ask(self._next_n, say("two_ends", chinese=zh, names=names or "-"))
        ends = given[::-1] if self._relation.is_swapped else given
        wants = ["distance"] if self._relation.has_distance else []
        wants += ["bearing", "direction"] if self._relation.has_direction else []
        measured = self._drawing.add(
            "measure",
            "between the centres",
            target=ends[0].ref,
            other=ends[1].ref,
            quantities=wants,
        )
        if self._relation.has_distance:
            unit = reading.unit_for(_LENGTHS)
            self._drawing.answer(f"{measured}.distance", "apart", unit)
        if self._relation.has_direction:
            others = {"direction": f"{measured}.direction"}
            phrase = "bearing_back" if self._relation.is_swapped else "bearing"
            self._drawing.answer(f"{measured}.bearing", phrase, others=others)
        return self._drawing.done()

    def best(self) -> Blueprint:
        """Which feature is highest by its mean height; how large it is and where."""
        unused = self._unused({"statistic", "area"} | AREA_UNITS | _LENGTHS)
        if unused is not None:
            return unused
        ranked = self._ranked()
        if isinstance(ranked, Blueprint):
            return ranked
        reading, noun = self._reading, self._noun()
        self._drawing.answer(
            f"{ranked}.value",
            "tallest",
            reading.unit_for(_LENGTHS),
            others={"best": f"{ranked}.best"},
            noun=noun,
            what=say(f"what_{self._statistic()}", chinese=reading.chinese),
        )
        has_area = any(want.kind == "area" for want in reading.wants)
        quantities = ["area"] if has_area else []
        quantities += ["centroid"] if self._relation.has_place else []
        if not quantities:
            return self._drawing.done()
        measured = self._drawing.add(
            "measure", "of that one", target=f"{ranked}.features", quantities=quantities
        )
        if has_area:
            self._drawing.answer(
                f"{measured}.area", "area", reading.unit_for(AREA_UNITS), subject=noun
            )
        if self._relation.has_place:
            self._drawing.answer(f"{measured}.centroid_lon", "longitude")
            self._drawing.answer(f"{measured}.centroid_lat", "latitude")
        return self._drawing.done()

    def within(self) -> Blueprint:
        """How many features lie within a distance of the tallest one, or of a place or scene."""
        relation = self._relation
        unused = self._unused({"statistic"} if relation.order else set())
        if unused is not None:
            return unused
        target = self._target()
        if isinstance(target, Blueprint):
            return target
        origin = self._ranked() if relation.order else self._origin(target)
        if isinstance(origin, Blueprint):
            return origin
        first = f"{origin}.features" if relation.order else origin
        related = self._drawing.add(
            "relate",
            "those within the distance",
            relation="within",
            first=first,
            second=target.ref,
            distance_m=relation.radius_m,
        )
        metres = f"{relation.radius_m:g}"
        self._drawing.answer(f"{related}.count", "within", noun=self._noun(), metres=metres)
        return self._drawing.done()

    def _ranked(self) -> str | Blueprint:
        """Add the steps that order the features by their mean height; return the ranking."""
        target = self._target()
        if isinstance(target, Blueprint):
            return target
        zh, statistic = self._reading.chinese, self._statistic()
        if not statistic:
            return ask(self._next_n, say("which_height", chinese=zh, noun=self._noun()))
        if len(self._rasters) != 1:
            names = ", ".join(o.title for o in self._rasters) or "none"
            return ask(self._next_n, say("no_height", chinese=zh, names=names))
        table = self._drawing.add(
            "zonal_stats",
            "the mean height in each outline",
            raster=self._rasters[0].ref,
            zones="$item",
            statistics=[statistic],
            unit="m",
        )
        step = self._drawing.steps[-1]
        self._drawing.steps[-1] = step.model_copy(update={"each": target.ref})
        return self._drawing.add(
            "rank", "in order", table=f"{table}.table", column=statistic, order=self._relation.order
        )

    def _statistic(self) -> str:
        """Return the statistic of the heights that decides, or empty if it is not said."""
        names = {want.what for want in self._reading.wants if want.kind == "statistic"}
        return names.pop() if len(names) == 1 else ""

    def _target(self) -> Opened | Blueprint:
        """Return the features that the question's noun means, or a question back."""
        noun, zh = self._relation.noun, self._reading.chinese
        named = [o for o in self._features if _is_named(noun, o.title)]
        if len(named) == 1:
            return named[0]
        if len(self._features) == 1 and noun in _ANY_FEATURE:
            return self._features[0]
        files = ", ".join(o.title for o in self._features) or "-"
        return ask(self._next_n, say("which_features", chinese=zh, noun=self._noun(), names=files))

    def _origin(self, target: Opened) -> str | Blueprint:
        """Return what the distance starts from: a place, the largest region, or the scene."""
        reading, zh = self._reading, self._reading.chinese
        if self._frame.names:
            if len(self._frame.names) > 1 or reading.largest or self._rasters:
                words = ", ".join(self._frame.names)
                return refuse(self._next_n, say("unused", chinese=zh, words=words))
            rest = [o.href for o in self._features if o is not target]
            files: list[Any] = [*rest, *([self._places] if self._places else [])]
            place = self._drawing.add(
                "find_place", "the place named", name=self._frame.names[0], places=files or None
            )
            return f"{place}.centre"
        if len(self._features) > 1:
            names = ", ".join(o.title for o in self._features if o is not target)
            return ask(self._next_n, say("unused_input", chinese=zh, names=names))
        if reading.largest:
            mask = self._sources.chosen()
            if isinstance(mask, Blueprint) or mask is None:
                return mask or ask(self._next_n, say("which_image", chinese=zh))
            region = self._sources.largest_region(mask)
            if any(want.kind == "area" for want in reading.wants):
                unit = reading.unit_for(AREA_UNITS)
                name = self._sources.chosen_name()
                self._drawing.answer(f"{region}.largest", "area", unit, subject=name)
            return f"{region}.features"
        return self._sources.scene()

    def _noun(self) -> str:
        phrase = f"feature_{self._relation.noun}"
        if has_phrase(phrase):
            return say(phrase, chinese=self._reading.chinese)
        return self._relation.noun

    def _unused(self, uses: set[str] | frozenset[str]) -> Blueprint | None:
        words = leftovers(self._reading, frozenset(uses))
        if not words:
            return None
        named = ", ".join(dict.fromkeys(words))
        return refuse(self._next_n, say("unused", chinese=self._reading.chinese, words=named))

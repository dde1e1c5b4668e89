"""The core of a question, asked of each of several images: a mask, a surface or a number each."""

from __future__ import annotations

from collections.abc import Sequence

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.leftovers import leftovers, subject_name, unit_of
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading, Subject
from eoagent.planner.offline.refusals import refuse
from eoagent.planner.offline.sources import Sources

__all__ = ["PerImage", "other_dates"]

_CHOICE = frozenset(("cover", "condition", "valid"))


class PerImage:
    """Draws the same steps for each image; a step that cannot be drawn ends the drawing."""

    def __init__(self, reading: Reading, rasters: Sequence[Opened], drawing: Drawing) -> None:
        self.reading = reading
        self.rasters = tuple(rasters)
        self.drawing = drawing
        self._sources = [Sources(reading, (raster,), drawing) for raster in rasters]

    @property
    def quantity(self) -> str:
        """What the core asks for: `area`, `share`, a statistic, or empty if it is not one thing."""
        wants = self.reading.wants
        if self.reading.has_rule and not any(w.kind == "statistic" for w in wants):
            kinds = {want.kind for want in wants} or {"area"}
            return kinds.pop() if len(kinds) == 1 else ""
        if len(self.reading.subjects) == 1 and not self.reading.has_rule:
            names = {want.what for want in wants if want.kind == "statistic"} or {"mean"}
            return names.pop() if len(names) == 1 else ""
        return ""

    @property
    def subject(self) -> Subject | None:
        """The quantity with a value at every pixel that is asked about, if there is one."""
        return self.reading.subjects[0] if len(self.reading.subjects) == 1 else None

    @property
    def unit(self) -> str:
        """Unit that the question asks for, or empty."""
        return self.reading.unit_for(AREA_UNITS) if self.quantity == "area" else ""

    def name(self) -> str:
        """Return what is measured, in words."""
        zh, subject = self.reading.chinese, self.subject
        if self.reading.has_rule or subject is None:
            what = self._sources[0].chosen_name()
            return say("share_of", chinese=zh, cover=what) if self.quantity == "share" else what
        what = say(f"what_{self.quantity or 'mean'}", chinese=zh)
        return f"{what} {subject_name(subject, chinese=zh)}"

    def unused(self) -> Blueprint | None:
        """Return a refusal that names what the core says and no step would use, or None."""
        uses = set(_CHOICE) | {"area", "share"} | AREA_UNITS if self.reading.has_rule else set()
        if self.subject is not None and not self.reading.has_rule:
            uses |= {"statistic", "subject", "parameters", unit_of(self.subject)}
        if self.quantity == "share":
            uses -= AREA_UNITS
        words = leftovers(self.reading, frozenset(uses))
        if not words:
            return None
        named = ", ".join(dict.fromkeys(words))
        return refuse(self.drawing.next_n, say("unused", chinese=self.reading.chinese, words=named))

    def masks(self) -> list[str] | Blueprint:
        """Add the steps that mark the core's rule or cover in each image."""
        made = []
        for sources in self._sources:
            mask = sources.chosen()
            if isinstance(mask, Blueprint):
                return mask
            assert mask is not None
            made.append(mask)
        return made

    def surfaces(self, subject: Subject) -> list[tuple[str, str | None]] | Blueprint:
        """Add the steps that give a quantity at every pixel of each image: raster and band."""
        made = []
        for sources in self._sources:
            surface = sources.surface(subject)
            if isinstance(surface, Blueprint):
                return surface
            made.append(surface)
        return made

    def scenes(self) -> list[str] | Blueprint:
        """Return each image as the question says it is to be opened."""
        made = []
        for sources in self._sources:
            scene = sources.scene()
            if isinstance(scene, Blueprint):
                return scene
            made.append(scene)
        return made

    def figures(self, *, no_black: bool = False) -> list[str] | Blueprint:
        """Add the steps that give the number asked for in each image; return references."""
        if self.reading.has_rule:
            masks = self.masks()
            if isinstance(masks, Blueprint):
                return masks
            if no_black:
                clipped = self._without_black(masks)
                if isinstance(clipped, Blueprint):
                    return clipped
                masks = clipped
            quantities = [self.quantity]
            measured = [
                self.drawing.add("measure", self.quantity, target=mask, quantities=quantities)
                for mask in masks
            ]
            return [f"{step}.{self.quantity}" for step in measured]
        assert self.subject is not None
        surfaces = self.surfaces(self.subject)
        if isinstance(surfaces, Blueprint):
            return surfaces
        made = [
            self.drawing.add(
                "zonal_stats",
                "statistics of the pixels",
                raster=raster,
                band=band,
                statistics=[self.quantity],
            )
            for raster, band in surfaces
        ]
        return [f"{step}.{self.quantity}" for step in made]

    def _without_black(self, masks: list[str]) -> list[str] | Blueprint:
        scenes = self.scenes()
        if isinstance(scenes, Blueprint):
            return scenes
        kept = []
        for scene, mask in zip(scenes, masks, strict=True):
            light = self.drawing.add(
                "band_math", "black has no light", raster=scene, expression="red + green + blue"
            )
            there = self.drawing.add(
                "threshold", "what is not black", raster=light, operator="gt", value=0.0
            )
            kept.append(
                self.drawing.add(
                    "combine", "black left out", operation="clip", first=mask, second=there
                )
            )
        return kept


def other_dates(frame: Frame, times: Sequence[str], *, chinese: bool) -> str:
    """Return what to ask where the question names dates that no image has, or empty.

    Args:
        frame: the question's frame.
        times: date of each image in the question's order, as ISO 8601; empty where not known.
        chinese: the language of the question.
    """
    said = [part for time in frame.times for part in time.split("/") if part != ".."]
    wanted = {1: said * len(times), 2: [said[0], *times[1:-1], said[-1]]} if said else {}
    named = wanted.get(len(said), said)
    is_known = all(times) and len(named) == len(times)
    if not said or (is_known and all(map(_agree, named, times))):
        return ""
    if not any(times) and len(said) > 1:
        return ""
    have = ", ".join(time or "?" for time in times)
    return say("other_dates", chinese=chinese, said=", ".join(said), have=have)


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)

"""The images of a question about things in pictures, with the steps that all its kinds share."""

from __future__ import annotations

from typing import Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectwords import Noun
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, refuse, too_coarse
from eoagent.planner.offline.sources import Sources

__all__ = ["ObjectScene", "heading"]

_NO_PICTURE: Final = frozenset({"height", "backscatter_db", "backscatter_power", "quality"})
"""Values of a raster that no model of pictures can look at."""
_AREAS: Final = frozenset({"object_area"})
"""Phrases that tell an area, in the unit that is asked for."""


class ObjectScene:
    """The images of one question; adds steps to a drawing and notes what they assume."""

    def __init__(
        self, found: ObjectAsk, opened: tuple[Opened, ...], drawing: Drawing, *, chinese: bool
    ) -> None:
        self.found = found
        self.chinese = chinese
        self.drawing = drawing
        self.nouns = found.nouns
        self.features = tuple(o for o in opened if not o.is_raster)
        self.images = _images(tuple(o for o in opened if o.is_raster), drawing)

    def problem(self) -> Blueprint | None:
        """Return a refusal where the images cannot show what is asked for, or None."""
        zh, n = self.chinese, self.drawing.next_n
        wrong = [i.title for i in self.images if i.preview.get("values") in _NO_PICTURE]
        if wrong:
            return refuse(n, say("no_picture", chinese=zh, names=", ".join(wrong)))
        looked_for = [*self.nouns, *([self.found.anchor] if self.found.anchor else [])]
        for noun in looked_for:
            message = too_coarse(heading(noun), noun.length_m, self.images, chinese=zh)
            if message:
                return refuse(n, message)
        sizeless = [i.title for i in self.images if i.preview.get("gsd_m", ()) is None]
        if self.found.unit and sizeless:
            return ask(n, say("needs_gsd", chinese=zh, name=sizeless[0]))
        for noun in looked_for:
            self._assume(noun)
        return None

    def segment(self, image: Opened | str, noun: Noun) -> str:
        """Add the step that marks a thing in an image; return the mask."""
        raster = image if isinstance(image, str) else image.ref
        return self.drawing.add("segment", noun.phrase, raster=raster, phrase=noun.phrase)

    def answer(
        self, image: Opened, reference: str, phrase: str, *, noun: Noun | None = None
    ) -> None:
        """Note an output that answers, with the image's name where there are several."""
        unit = self.found.unit if phrase in _AREAS else ""
        where = ""
        if len(self.images) > 1:
            where = say("object_in", chinese=self.chinese, image=image.title)
        name = heading(noun) if noun is not None else ""
        self.drawing.answer(reference, phrase, unit, noun=name, where=where)

    def _assume(self, noun: Noun) -> None:
        if not noun.key and not noun.cover:
            said = say("object_open", chinese=self.chinese, words=noun.phrase)
            self.drawing.assumptions.append(said)
        elif not noun.is_canonical:
            said = say(
                "object_called", chinese=self.chinese, said=noun.said.lower(), words=noun.phrase
            )
            self.drawing.assumptions.append(said)


def _images(rasters: tuple[Opened, ...], drawing: Drawing) -> tuple[Opened, ...]:
    """Return the images; files of one band each make one image together."""
    names = [name for o in rasters for name in o.bands]
    is_stack = len(rasters) > 1 and all(o.is_single for o in rasters)
    if not is_stack or len(set(names)) != len(names):
        return rasters
    whole = Sources(Reading(), rasters, drawing).scene()
    if isinstance(whole, Blueprint):
        return rasters
    first = rasters[0]
    return (
        Opened(
            n=first.n,
            href=first.href,
            handle=first.handle,
            preview=first.preview,
            is_raster=True,
            reference=whole,
        ),
    )


def heading(noun: Noun) -> str:
    """Return the words of a question for a thing, as a sentence begins with them."""
    return noun.said[:1].upper() + noun.said[1:]

"""The families of questions that the offline planner answers, each as a drawing of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.leftovers import leftovers, subject_name, unit_of
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading, Subject
from eoagent.planner.offline.refusals import ask, refuse, unused_inputs
from eoagent.planner.offline.sources import Sources

__all__ = ["draw"]

_CHOICE: Final = frozenset(("cover", "condition", "largest", "valid"))
"""Parts of a reading that choose pixels; those without a value are never among them."""
_LENGTH_UNITS: Final = frozenset(("m", "km"))


def draw(reading: Reading, opened: tuple[Opened, ...], next_n: int) -> Blueprint:
    """Return the steps for a reading over what was opened, or a question back, or a refusal."""
    family = _Family(reading, opened, next_n)
    kinds = {want.kind for want in reading.wants}
    is_plain = not reading.has_rule and reading.zone is None and not reading.subjects
    if reading.bit is not None and kinds:
        drawn = family.flagged_share()
    elif "extent" in kinds or (kinds == {"area"} and is_plain and reading.of_image):
        drawn = family.extent()
    elif "statistic" in kinds:
        drawn = family.statistics()
    elif reading.has_rule and (kinds or reading.greenness):
        drawn = family.cover()
    elif kinds == {"area"} and reading.zone is not None:
        drawn = family.outline_area()
    else:
        return refuse(next_n, say("no_want", chinese=reading.chinese))
    return unused_inputs(drawn, reading, opened, next_n) or drawn


class _Family:
    """Draws one question."""

    def __init__(self, reading: Reading, opened: tuple[Opened, ...], next_n: int) -> None:
        self._reading = reading
        self._drawing = Drawing(next_n=next_n)
        self._sources = Sources(reading, opened, self._drawing)
        self._next_n = next_n

    def cover(self) -> Blueprint:
        """Area and share of a cover, by an explicit rule or a named one; or of its largest part."""
        reading = self._reading
        wants: list[str] = [w.kind for w in reading.wants if w.kind != "statistic"]
        if reading.greenness:
            wants = wants or ["share"]
        uses = _CHOICE | {"area"} | AREA_UNITS if "area" in wants else _CHOICE
        alone = reading.largest or reading.zone is not None
        unused = self._unused(uses | {"zone" if "area" in wants else "", "" if alone else "share"})
        if unused is not None:
            return unused
        mask = self._sources.chosen()
        if isinstance(mask, Blueprint):
            return mask
        assert mask is not None
        self._measure(mask, wants, self._sources.chosen_name())
        if reading.greenness:
            ndvi = Subject(kind="index", id="ndvi")
            surface = self._sources.surface(ndvi)
            if isinstance(surface, Blueprint):
                return surface
            self._summarise(surface, ["mean"], ndvi, zones=None, side="inside")
        return self._drawing.done()

    def _measure(self, mask: str, wants: Sequence[str], subject: str) -> None:
        """Add the steps that measure a mask; of its largest region only, if that is asked."""
        unit = self._reading.unit_for(AREA_UNITS)
        if self._reading.largest:
            region = self._sources.largest_region(mask)
            self._drawing.answer(f"{region}.largest", "area", unit, subject=subject)
            return
        measured = self._drawing.add(
            "measure", "area and share", target=mask, quantities=list(wants)
        )
        for kind in wants:
            self._drawing.answer(
                f"{measured}.{kind}", kind, unit if kind == "area" else "", subject=subject
            )

    def flagged_share(self) -> Blueprint:
        """Area and share of the pixels whose quality band has a bit set."""
        reading = self._reading
        unused = self._unused(frozenset(("bit", "cloud", "valid", "area", "share")) | AREA_UNITS)
        if unused is not None:
            return unused
        raster = self._sources.scene()
        if isinstance(raster, Blueprint):
            return raster
        mask = self._drawing.add(
            "threshold",
            "pixels with the bit set",
            raster=raster,
            bit=reading.bit,
            exclude_bits=[0] if reading.without_fill else None,
            label=f"bit {reading.bit} set",
        )
        rule = say("bit_rule", chinese=reading.chinese, bit=str(reading.bit))
        wants = [w.kind for w in reading.wants]
        self._measure(mask, wants, say("cover_rule", chinese=reading.chinese, rule=rule))
        return self._drawing.done()

    def extent(self) -> Blueprint:
        """Size of the image on the ground."""
        reading = self._reading
        names = [want.what or "ground_area" for want in reading.wants]
        has_length = any(name != "ground_area" for name in names)
        uses = {"extent", "area"} | (_LENGTH_UNITS if has_length else set())
        unused = self._unused(uses | (AREA_UNITS if "ground_area" in names else set()))
        if unused is not None:
            return unused
        raster = self._sources.scene()
        if isinstance(raster, Blueprint):
            return raster
        names = list(dict.fromkeys(names))
        sizeless = self._sources.without_size()
        if sizeless and (reading.units or "ground_area" in names):
            return ask(self._next_n, say("needs_gsd", chinese=reading.chinese, name=sizeless))
        quantities = ["area" if name == "ground_area" else name for name in names]
        measured = self._drawing.add("measure", "its size", target=raster, quantities=quantities)
        for name, quantity in zip(names, quantities, strict=True):
            unit = reading.unit_for(AREA_UNITS if name == "ground_area" else _LENGTH_UNITS)
            what = say(f"what_{name}", chinese=reading.chinese)
            self._drawing.answer(f"{measured}.{quantity}", "extent", unit, what=what)
        return self._drawing.done()

    def outline_area(self) -> Blueprint:
        """Area of the outlines that were given, or of one of them."""
        unused = self._unused(frozenset(("area", "zone")) | AREA_UNITS)
        if unused is None and self._reading.in_image:
            words = say("word_in_image", chinese=self._reading.chinese)
            return refuse(self._next_n, say("unused", chinese=self._reading.chinese, words=words))
        return unused or self._outline() or self._drawing.done()

    def statistics(self) -> Blueprint:
        """Statistics of a quantity: everywhere, where a rule holds, inside or outside of outlines.

        With outlines and no rule, the area of the outlines may be asked for as well.
        """
        reading, subject = self._reading, self._sources.subject()
        if subject is None:
            return refuse(self._next_n, say("no_want", chinese=reading.chinese))
        uses = _CHOICE | {"statistic", "subject", "zone", "parameters"}
        uses |= _LENGTH_UNITS if unit_of(subject) == "m" else {unit_of(subject)}
        wants_area = any(w.kind == "area" for w in reading.wants)
        if wants_area and reading.zone is not None and not reading.has_rule:
            uses |= {"area"} | AREA_UNITS
        unused = self._unused(uses)
        if unused is not None:
            return unused
        stopped = self.outline_area() if wants_area and reading.in_image else None
        if stopped is not None:
            return stopped
        stopped = self._outline() if wants_area else None
        zones = self._sources.chosen() if stopped is None else stopped
        if isinstance(zones, Blueprint):
            return zones
        surface = self._sources.surface(subject)
        if isinstance(surface, Blueprint):
            return surface
        if reading.largest and zones is not None:
            zones = f"{self._sources.largest_region(zones)}.features"
        names = [w.what for w in reading.wants if w.kind == "statistic"]
        is_outline = reading.zone is not None and not reading.has_rule
        sides = reading.zone.sides if reading.zone is not None and is_outline else ("inside",)
        for side in sides:
            self._summarise(surface, names, subject, zones=zones, side=side)
        return self._in_order()

    def _outline(self) -> Blueprint | None:
        """Add the area of the outlines; or return a question back."""
        zones = self._sources.outlines()
        if isinstance(zones, Blueprint):
            return zones
        area = self._drawing.add(
            "measure", "area of the outline", target=zones, quantities=["area"]
        )
        unit, name = self._reading.unit_for(AREA_UNITS), self._sources.outline_name()
        self._drawing.answer(f"{area}.area", "area", unit, subject=name)
        return None

    def _summarise(
        self,
        surface: tuple[str, str | None],
        names: list[str],
        subject: Subject,
        *,
        zones: str | None,
        side: str,
    ) -> None:
        """Add the statistics of a surface on one side of the zones, and say them."""
        zh = self._reading.chinese
        is_height = subject.kind == "height"
        made = self._drawing.add(
            "zonal_stats",
            "statistics of the pixels",
            raster=surface[0],
            band=surface[1],
            zones=zones,
            side=side if zones else None,
            statistics=names,
            unit="m" if is_height else None,
        )
        where = ""
        if zones:
            where = say(f"where_{side}", chinese=zh, zone=self._sources.chosen_name())
        unit = (self._reading.unit_for(_LENGTH_UNITS) or "m") if is_height else ""
        for name in names:
            self._drawing.answer(
                f"{made}.{name}",
                "statistic",
                unit,
                what=say(f"what_{name}", chinese=zh),
                subject=subject_name(subject, chinese=zh),
                where=where,
            )

    def _in_order(self) -> Blueprint:
        """Put the results into the question's order: sides outermost, wants as they were said."""
        kinds = [want.kind for want in self._reading.wants]
        if "area" in kinds:
            areas = [r for r in self._drawing.results if r.phrase == "area"]
            others = [r for r in self._drawing.results if r.phrase != "area"]
            at = kinds.index("area")
            self._drawing.results = [*others[:at], *areas, *others[at:]]
        return self._drawing.done()

    def _unused(self, uses: frozenset[str] | set[str]) -> Blueprint | None:
        """Return a refusal that names what the family would leave out, or None."""
        reading = self._reading
        words = leftovers(reading, frozenset(uses))
        if not words:
            return None
        named = ", ".join(dict.fromkeys(words))
        return refuse(self._next_n, say("unused", chinese=reading.chinese, words=named))

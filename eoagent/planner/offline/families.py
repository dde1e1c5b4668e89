"""The families of questions that the offline planner answers, each as a drawing of steps."""

from __future__ import annotations

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading, Subject
from eoagent.planner.offline.refusals import refuse
from eoagent.planner.offline.sources import Sources

__all__ = ["draw"]


def draw(reading: Reading, opened: tuple[Opened, ...], next_n: int) -> Blueprint:
    """Return the steps for a reading over what was opened, or a question back, or a refusal."""
    family = _Family(reading, opened, next_n)
    kinds = {want.kind for want in reading.wants}
    if reading.bit is not None and kinds <= {"area", "share"} and kinds:
        return family.flagged_share()
    if kinds == {"extent"}:
        return family.extent()
    has_rule = reading.condition is not None or bool(reading.cover)
    if "statistic" in kinds:
        return family.statistics()
    if has_rule and (kinds or reading.greenness) and reading.zone is None:
        return family.cover()
    if kinds == {"area"} and reading.zone is not None and not has_rule:
        return family.statistics()
    return refuse(next_n, say("no_want", chinese=reading.chinese))


class _Family:
    """Draws one question."""

    def __init__(self, reading: Reading, opened: tuple[Opened, ...], next_n: int) -> None:
        self._reading = reading
        self._drawing = Drawing(next_n=next_n)
        self._sources = Sources(reading, opened, self._drawing)
        self._next_n = next_n

    def cover(self) -> Blueprint:
        """Area and share of a cover, by an explicit rule or a named one."""
        raster = self._sources.scene()
        if isinstance(raster, Blueprint):
            return raster
        mask = self._sources.mask(raster)
        reading = self._reading
        wants = [w.kind for w in reading.wants if w.kind in {"area", "share"}]
        if reading.greenness:
            wants = wants or ["share"]
        measured = self._drawing.add("measure", "area and share", target=mask, quantities=wants)
        for kind in wants:
            unit = reading.area_unit if kind == "area" else ""
            self._drawing.answer(
                f"{measured}.{kind}", kind, unit, subject=self._sources.cover_name()
            )
        if reading.greenness:
            self._mean_ndvi(raster)
        return self._drawing.done()

    def flagged_share(self) -> Blueprint:
        """Area and share of the pixels whose quality band has a bit set."""
        raster = self._sources.scene()
        if isinstance(raster, Blueprint):
            return raster
        reading = self._reading
        mask = self._drawing.add(
            "threshold",
            "pixels with the bit set",
            raster=raster,
            bit=reading.bit,
            exclude_bits=[0] if reading.without_fill else None,
            label=f"bit {reading.bit} set",
        )
        wants = [w.kind for w in reading.wants]
        measured = self._drawing.add("measure", "area and share", target=mask, quantities=wants)
        rule = f"bit {reading.bit} is set"
        subject = say("cover_rule", chinese=reading.chinese, rule=rule)
        for kind in wants:
            unit = reading.area_unit if kind == "area" else ""
            self._drawing.answer(f"{measured}.{kind}", kind, unit, subject=subject)
        return self._drawing.done()

    def extent(self) -> Blueprint:
        """Size of the image on the ground."""
        raster = self._sources.scene()
        if isinstance(raster, Blueprint):
            return raster
        names = [want.what for want in self._reading.wants]
        quantities = ["area" if name == "ground_area" else name for name in names]
        measured = self._drawing.add("measure", "its size", target=raster, quantities=quantities)
        for name, quantity in zip(names, quantities, strict=True):
            unit = self._reading.area_unit if name == "ground_area" else ""
            what = say(f"what_{name}", chinese=self._reading.chinese)
            self._drawing.answer(f"{measured}.{quantity}", "extent", unit, what=what)
        return self._drawing.done()

    def statistics(self) -> Blueprint:
        """Statistics of an index, a band or an elevation: everywhere, or inside and outside."""
        reading = self._reading
        statistics = [w.what for w in reading.wants if w.kind == "statistic"]
        subject = self._sources.subject()
        if statistics and subject is None:
            return refuse(self._next_n, say("no_want", chinese=reading.chinese))
        zones = self._sources.zones(subject)
        if isinstance(zones, Blueprint):
            return zones
        if any(w.kind == "share" for w in reading.wants):
            return refuse(self._next_n, say("no_want", chinese=reading.chinese))
        if any(w.kind == "area" for w in reading.wants):
            if reading.zone is None or zones is None:
                return refuse(self._next_n, say("no_want", chinese=reading.chinese))
            area = self._drawing.add(
                "measure", "area of the outline", target=zones, quantities=["area"]
            )
            self._drawing.answer(
                f"{area}.area", "area", reading.area_unit, subject=self._sources.zone_name()
            )
        if subject is None:
            return self._drawing.done()
        surface = self._sources.surface(subject)
        if isinstance(surface, Blueprint):
            return surface
        sides = reading.zone.sides if reading.zone else ("inside",)
        for side in sides:
            made = self._drawing.add(
                "zonal_stats",
                "statistics of the pixels",
                raster=surface[0],
                band=surface[1],
                zones=zones,
                side=side if zones else None,
                statistics=statistics,
                unit="m" if subject.kind == "height" else None,
            )
            self._answer_statistics(
                made, statistics, subject, side=side, has_zones=zones is not None
            )
        return self._in_order()

    def _answer_statistics(
        self, made: str, statistics: list[str], subject: Subject, *, side: str, has_zones: bool
    ) -> None:
        zh = self._reading.chinese
        where = (
            say(f"where_{side}", chinese=zh, zone=self._sources.zone_name()) if has_zones else ""
        )
        for name in statistics:
            self._drawing.answer(
                f"{made}.{name}",
                "statistic",
                what=say(f"what_{name}", chinese=zh),
                subject=self._sources.name_of(subject),
                where=where,
            )

    def _in_order(self) -> Blueprint:
        """Put the results into the question's order: sides outermost, wants as they were said."""
        kinds = [want.kind for want in self._reading.wants]
        if kinds and kinds[0] != "area" and "area" in kinds:
            areas = [r for r in self._drawing.results if r.phrase == "area"]
            others = [r for r in self._drawing.results if r.phrase != "area"]
            at = kinds.index("area")
            self._drawing.results = [*others[:at], *areas, *others[at:]]
        return self._drawing.done()

    def _mean_ndvi(self, raster: str) -> None:
        ndvi = Subject(kind="index", id="ndvi")
        made = self._drawing.add(
            "zonal_stats",
            "mean greenness",
            raster=self._sources.index(raster, ndvi),
            statistics=["mean"],
        )
        self._answer_statistics(made, ["mean"], ndvi, side="inside", has_zones=False)

"""The scene, surface, mask and zones of a question, out of what was opened for it."""

from __future__ import annotations

from typing import Any

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Condition, Reading, Subject
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["Sources", "rule_text"]

_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class Sources:
    """What was opened, in the roles that a question gives it; adds steps to a drawing."""

    def __init__(self, reading: Reading, opened: tuple[Opened, ...], drawing: Drawing) -> None:
        self._reading = reading
        self._rasters = [o for o in opened if o.is_raster]
        self._features = [o for o in opened if not o.is_raster]
        self._next_n = drawing.next_n
        self.drawing = drawing

    def scene(self, rasters: list[Opened] | None = None) -> str | Blueprint:
        """Return the one scene of the question, stacked from its files if need be."""
        reading, zh = self._reading, self._reading.chinese
        rasters = self._rasters if rasters is None else rasters
        if not rasters:
            return ask(self._next_n, say("which_image", chinese=zh))
        is_stack = len(rasters) > 1 and all(o.is_single for o in rasters)
        names = [name for o in rasters for name in o.bands]
        if len(rasters) > 1 and not (is_stack and len(set(names)) == len(names)):
            titles = ", ".join(o.title for o in rasters)
            message = say("one_of_images", chinese=zh, count=str(len(rasters)), names=titles)
            return ask(self._next_n, message)
        said: dict[str, Any] = {
            "bands": list(reading.bands) or None,
            "sensor": (reading.sensor or None) if reading.bands else None,
            "scale": reading.scale,
            "offset": reading.offset,
            "gsd_m": reading.gsd_m,
        }
        if not is_stack and all(value is None for value in said.values()):
            return f"${rasters[0].n}"
        if is_stack:
            said |= {"bands": None, "sensor": None}
        return self.drawing.add(
            "open_image", "as the question says", hrefs=[o.href for o in rasters], **said
        )

    def mask(self, raster: str) -> str:
        """Add the steps that mark the question's rule or cover."""
        reading = self._reading
        condition = reading.condition
        if condition is None:
            return self.drawing.add(
                "threshold", f"where there is {reading.cover}", raster=raster, rule=reading.cover
            )
        surface, band = raster, None
        if condition.subject.kind == "index":
            surface = self.index(raster, condition.subject)
        elif condition.subject.kind == "band":
            band = condition.subject.id
        return self.drawing.add(
            "threshold",
            "the rule of the question",
            raster=surface,
            band=band,
            operator=condition.operator,
            value=condition.value,
            upper=condition.upper,
            label=rule_text(condition),
        )

    def index(self, raster: str, subject: Subject) -> str:
        """Add the step that computes an index."""
        parameters = self._reading.parameters or None
        return self.drawing.add(
            "spectral_index",
            subject.id.upper(),
            raster=raster,
            index=subject.id,
            parameters=parameters,
        )

    def surface(self, subject: Subject) -> tuple[str, str | None] | Blueprint:
        """Return the raster (and band) whose values are summed up."""
        zh = self._reading.chinese
        if subject.kind == "height":
            height = self.height()
            if height is None:
                names = ", ".join(o.title for o in self._rasters) or "none"
                return refuse(self._next_n, say("no_height", chinese=zh, names=names))
            return f"${height.n}", None
        scene = self.scene()
        if isinstance(scene, Blueprint):
            return scene
        if subject.kind == "band":
            return scene, subject.id
        return self.index(scene, subject), None

    def height(self) -> Opened | None:
        """Return the elevation model, if one was opened."""
        singles = [o for o in self._rasters if o.is_single and not o.has_spectral_bands]
        said = [o for o in singles if o.preview.get("values") == "height"]
        return next(iter(said or singles), None)

    def subject(self) -> Subject | None:
        """Return the one quantity that the question is about, or None."""
        subjects = self._reading.subjects
        return subjects[0] if len(subjects) == 1 else None

    def zones(self, subject: Subject | None) -> str | Blueprint | None:
        """Return what the pixels must lie in: features, a mask by a rule, or nothing."""
        reading, zh = self._reading, self._reading.chinese
        if reading.zone is not None:
            if not self._features:
                noun = reading.zone.noun or reading.zone.name
                return ask(self._next_n, say("needs_features", chinese=zh, noun=noun))
            if reading.zone.name:
                return self.drawing.add(
                    "open_features",
                    f"the outline of {reading.zone.name}",
                    href=self._features[0].href,
                    named=reading.zone.name,
                )
            return f"${self._features[0].n}"
        if reading.condition is None and not reading.cover:
            return None
        if subject is not None and subject.kind == "height":
            raster = self.scene([o for o in self._rasters if o is not self.height()])
        else:
            raster = self.scene()
        return raster if isinstance(raster, Blueprint) else self.mask(raster)

    def name_of(self, subject: Subject) -> str:
        """Return a quantity's name in the question's language."""
        zh = self._reading.chinese
        return say("subject_height", chinese=zh) if subject.kind == "height" else subject.id.upper()

    def zone_name(self) -> str:
        """Return in words what the pixels lie in."""
        zone, zh = self._reading.zone, self._reading.chinese
        if zone is not None and (zone.name or zone.noun):
            return zone.name or zone.noun
        return self.cover_name() if zone is None else say("zone_features", chinese=zh)

    def cover_name(self) -> str:
        """Return in words what is measured."""
        reading = self._reading
        if reading.cover:
            return say(f"cover_{reading.cover}", chinese=reading.chinese)
        rule = rule_text(reading.condition) if reading.condition else ""
        return say("cover_rule", chinese=reading.chinese, rule=rule)


def rule_text(condition: Condition) -> str:
    """Return a condition as a person writes it: `NDWI > 0`."""
    name = condition.subject.id.upper()
    unit = f" {condition.unit}" if condition.unit else ""
    if condition.operator == "between":
        """Add the steps that give the mask of the question's rule or cover."""
        return f"{condition.value:g} <= {name} <= {condition.upper:g}{unit}"
    return f"{name} {_SIGNS[condition.operator]} {condition.value:g}{unit}"

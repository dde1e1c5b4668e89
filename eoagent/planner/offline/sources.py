"""The scene, surface, mask and outlines of a question, out of what was opened for it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.leftovers import subject_name
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Condition, Reading, Subject
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["Sources", "rule_text"]

_SIGNS: Final = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_COLOURS: Final = frozenset({"red", "green", "blue"})
"""Bands of a picture, in which no index shows a cover."""
_SEEN: Final = MappingProxyType(
    {
        "water": "water",
        "vegetation": "vegetation",
        "snow": "snow",
        "built_up": "built-up area",
        "bare": "bare land",
    }
)
"""What a model is asked for where no index shows a cover."""


class Sources:
    """What was opened, in the roles that a question gives it; adds steps to a drawing."""

    def __init__(self, reading: Reading, opened: tuple[Opened, ...], drawing: Drawing) -> None:
        self._reading = reading
        self._rasters = [o for o in opened if o.is_raster]
        self._features = [o for o in opened if not o.is_raster]
        self._next_n = drawing.next_n
        self._scene: str | None = None
        self._surfaces: dict[Subject, tuple[str, str | None]] = {}
        self.drawing = drawing

    def scene(self) -> str | Blueprint:
        """Return the one scene of the question, stacked from its files if need be."""
        if self._scene is not None:
            return self._scene
        reading, zh = self._reading, self._reading.chinese
        rasters = [o for o in self._rasters if not (self._has_height() and o is self._height())]
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
        unmasked: list[str] | None = [] if reading.no_cloud_mask else None
        if not is_stack and all(value is None for value in said.values()):
            self._scene = rasters[0].ref
            return self._scene
        if is_stack:
            said |= {"bands": None, "sensor": None}
        self._scene = self.drawing.add(
            "open_image",
            "as the question says",
            hrefs=[o.href for o in rasters],
            mask_classes=unmasked,
            **said,
        )
        return self._scene

    def without_size(self) -> str:
        """Return the name of an image whose pixels have no size on the ground, or empty."""
        if self._reading.gsd_m is not None:
            return ""
        known = (o for o in self._rasters if "gsd_m" in o.preview)
        return next((o.title for o in known if o.preview["gsd_m"] is None), "")

    def surface(self, subject: Subject) -> tuple[str, str | None] | Blueprint:
        """Return the raster and the band in which a quantity stands."""
        if subject in self._surfaces:
            return self._surfaces[subject]
        if subject.kind == "height":
            height = self._height()
            if height is None:
                names = ", ".join(o.title for o in self._rasters) or "none"
                message = say("no_height", chinese=self._reading.chinese, names=names)
                return refuse(self._next_n, message)
            self._surfaces[subject] = (height.ref, None)
            return self._surfaces[subject]
        scene = self.scene()
        if isinstance(scene, Blueprint):
            return scene
        self._surfaces[subject] = (scene, subject.id)
        if subject.kind == "index":
            index = self.drawing.add(
                "spectral_index",
                subject.id.upper(),
                raster=scene,
                index=subject.id,
                parameters=dict(self._reading.parameters) or None,
            )
            self._surfaces[subject] = (index, None)
        return self._surfaces[subject]

    def chosen(self) -> str | Blueprint | None:
        """Return the pixels that the question is about: a mask, outlines, or None for all."""
        reading = self._reading
        if not reading.has_rule:
            return None if reading.zone is None else self.outlines()
        if reading.zone is not None and reading.zone.sides != ("inside",):
            words = self.outline_name()
            return refuse(self._next_n, say("unused", chinese=reading.chinese, words=words))
        outlines = None if reading.zone is None else self.outlines()
        if isinstance(outlines, Blueprint):
            return outlines
        mask = self._mask()
        if isinstance(mask, Blueprint) or outlines is None:
            return mask
        why = f"inside {self.outline_name()} only"
        return self.drawing.add("combine", why, operation="clip", first=mask, second=outlines)

    def _mask(self) -> str | Blueprint:
        """Add the steps that mark the question's rule or cover, or all but it."""
        condition = self._reading.condition
        mask = self._of_cover() if condition is None else self._of_rule(condition)
        if isinstance(mask, Blueprint) or not self._reading.negated:
            return mask
        return self.drawing.add("combine", "all but that", operation="not", first=mask)

    def _of_cover(self) -> str | Blueprint:
        scene, cover = self.scene(), self._reading.cover
        if isinstance(scene, Blueprint):
            return scene
        if not self._has_colours_only() or cover not in _SEEN:
            why = f"where there is {cover}"
            return self.drawing.add("threshold", why, raster=scene, rule=cover)
        phrase = _SEEN[cover]
        said = say("object_seen", chinese=self._reading.chinese, said=phrase)
        self.drawing.assumptions.append(said)
        return self.drawing.add("segment", phrase, raster=scene, phrase=phrase)

    def _has_colours_only(self) -> bool:
        """Return whether an image has red, green and blue and nothing else, as far as is known."""
        if self._reading.bands:
            return False
        return {name for o in self._rasters for name in o.bands} == _COLOURS

    def _of_rule(self, condition: Condition) -> str | Blueprint:
        surface = self.surface(condition.subject)
        if isinstance(surface, Blueprint):
            return surface
        return self.drawing.add(
            "threshold",
            "the rule of the question",
            raster=surface[0],
            band=surface[1],
            operator=condition.operator,
            value=condition.value,
            upper=condition.upper,
            label=rule_text(condition),
        )

    def largest_region(self, mask: str) -> str:
        """Add the step that finds the largest connected region of a mask."""
        connectivity = self._reading.connectivity
        return self.drawing.add(
            "regions", "the largest region", mask=mask, keep=1, connectivity=connectivity
        )

    def outlines(self) -> str | Blueprint:
        """Return the features whose outlines the question names, or ask for them."""
        zone = self._reading.zone
        if not self._features or zone is None:
            noun = "" if zone is None else zone.noun or zone.name
            return ask(
                self._next_n, say("needs_features", chinese=self._reading.chinese, noun=noun)
            )
        if not zone.name:
            return self._features[0].ref
        why = f"the outline of {zone.name}"
        href = self._features[0].href
        return self.drawing.add("open_features", why, href=href, named=zone.name)

    def subject(self) -> Subject | None:
        """Return the one quantity that the question is about, or None."""
        subjects = self._reading.subjects
        return subjects[0] if len(subjects) == 1 else None

    def _has_height(self) -> bool:
        subjects = [*self._reading.subjects, *(c.subject for c in self._reading.conditions)]
        return any(subject.kind == "height" for subject in subjects)

    def _height(self) -> Opened | None:
        """Return the elevation model, if one was opened."""
        singles = [o for o in self._rasters if o.is_single and not o.has_spectral_bands]
        said = [o for o in singles if o.preview.get("values") == "height"]
        return next(iter(said or singles), None)

    def outline_name(self) -> str:
        """Return in words which outlines the pixels lie in."""
        zone = self._reading.zone
        name = "" if zone is None else zone.name or zone.noun
        return name or say("zone_features", chinese=self._reading.chinese)

    def chosen_name(self) -> str:
        """Return in words which pixels the question is about."""
        reading, zh = self._reading, self._reading.chinese
        if not reading.has_rule:
            return self.outline_name()
        if reading.cover:
            name = say(f"cover_{reading.cover}", chinese=zh)
        else:
            assert reading.condition is not None
            rule = rule_text(reading.condition, chinese=zh)
            name = say("cover_rule", chinese=zh, rule=rule)
        if reading.negated:
            name = say("cover_except", chinese=zh, cover=name)
        if reading.largest:
            name = say("cover_largest", chinese=zh, cover=name)
        if reading.zone is not None:
            name = say("cover_inside", chinese=zh, cover=name, zone=self.outline_name())
        return name


def rule_text(condition: Condition, *, chinese: bool = False) -> str:
    """Return a condition as a person writes it: `NDWI > 0`."""
    name = subject_name(condition.subject, chinese=chinese)
    unit = f" {condition.unit}" if condition.unit else ""
    if condition.operator == "between":
        return f"{condition.value:g} <= {name} <= {condition.upper:g}{unit}"
    return f"{name} {_SIGNS[condition.operator]} {condition.value:g}{unit}"

"""What the phrases of a question said, put together into one reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from eoagent.planner.offline.quantities import quantity
from eoagent.planner.offline.reading import Condition, Cover, Reading, Subject, Want, Zone

__all__ = ["AREA_UNITS", "Gathered"]

AREA_UNITS: Final = frozenset(("km2", "ha", "m2"))
"""Units of area that a result can be asked for in."""

_NDVI: Final = Subject(kind="index", id="ndvi")
_HEIGHT: Final = Subject(kind="height", id="height")


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Phrases' contents while a question is read, in its order; things may be said twice."""

    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of the reading that are said once."""
    wants: list[Want] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    sides: list[Literal["inside", "outside"]] = field(default_factory=list)
    nouns: list[str] = field(default_factory=list)
    """Kinds of feature."""
    names: list[str] = field(default_factory=list)
    """Names of features."""
    units: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    """Token types whose meaning hangs on the rest."""

    def reading(self, *, chinese: bool, partitive: bool) -> Reading:
        """Put the reading together."""
        has_statistic = any(want.kind == "statistic" for want in self.wants)
        if "GREENNESS" in self.said and (has_statistic or self.covers):
            self.subjects.append(_NDVI)
            self.wants += [] if has_statistic else [Want(kind="statistic", what="mean")]
            has_statistic = True
        elif "GREENNESS" in self.said:
            self.fields["greenness"] = True
            self.covers.append(Cover(name="vegetation"))
        elif "RELIEF" in self.said and has_statistic and not self.subjects:
            self.subjects.append(_HEIGHT)
        self._read_amount()
        if "BY_INDEX" in self.said and not has_statistic:
            self._read_index()
        zone = self._zone()
        return Reading(
            chinese=chinese,
            wants=tuple(dict.fromkeys(self.wants)),
            conditions=tuple(dict.fromkeys(self.conditions)),
            covers=tuple(dict.fromkeys(self.covers)),
            partitive=partitive,
            of_image={"IMAGE", "AREA"} <= self.said,
            subjects=tuple(dict.fromkeys(self.subjects)),
            zone=zone,
            units=tuple(dict.fromkeys(self.units)),
            topics=tuple(dict.fromkeys(self.topics)),
            objects=tuple(dict.fromkeys(self.objects)),
            unread=tuple(dict.fromkeys(self.unread)),
            **self.fields,
        )

    def _read_amount(self) -> None:
        """Take `how much`, or a unit alone, as asking for an area, where nothing else is asked."""
        has_rule = bool(self.covers or self.conditions)
        if self.wants or not has_rule:
            return
        if AREA_UNITS & set(self.units):
            self.wants.append(Want(kind="area"))
        elif "AMOUNT" in self.said:
            self.wants += [Want(kind="area"), Want(kind="share")]

    def _read_index(self) -> None:
        """Take `water by MNDWI` as the rule of that index with its published threshold."""
        if len(self.subjects) != 1 or self.conditions:
            return
        subject = self.subjects[0]
        known = quantity(subject.id)
        if known.usual is not None and {c.name for c in self.covers} & known.above:
            rule = Condition(subject=subject, operator="gt", value=known.usual)
            self.conditions.append(rule)
            self.subjects = []
            self.fields["usual_threshold"] = True

    def _zone(self) -> Zone | None:
        nouns, names = list(dict.fromkeys(self.nouns)), list(dict.fromkeys(self.names))
        if len(nouns) > 1 or len(names) > 1:
            self.unread += [*nouns, *names]
        if not nouns and not names:
            return None
        sides = tuple(dict.fromkeys(self.sides)) or ("inside",)
        return Zone(noun="".join(nouns[:1]), name="".join(names[:1]), sides=sides)

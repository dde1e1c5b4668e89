"""The part of a frame that relates things on the ground: nearest, apart, within, tallest."""

from __future__ import annotations

from typing import Any, Final

from eoagent.planner.offline.frame import Order, Relation
from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.peeler import Match, Peeler

__all__ = ["take_relation"]

_NOUN: Final = r"(?:FEATURE|ZONE|OBJECT):[^;]*;"
_TOP: Final = (
    "(?:LARGEST:largest|SMALLEST:smallest|STAT:maximum|STAT:minimum|RANKING:most|TALLEST:tallest);"
)
_OUTLINED: Final = frozenset({"footprint", "footprints"})
"""Words for a building that ask for its area, not for itself."""
_HEIGHT: Final = r"HEIGHT:height;"


def take_relation(peeler: Peeler) -> None:
    """Take what relates features or scenes, if anything does, as `relation`."""
    if peeler.has("RELATION:nearest;"):
        _take_nearest(peeler)
    elif peeler.has(r"COUNT:count;(?:RELATION:others;)?" + _NOUN):
        _take_within(peeler)
    elif peeler.has("RELATION:apart;") or (peeler.has("RELATION:far;") and peeler.has("TWODATES:")):
        _take_apart(peeler)
    elif peeler.has("TALLEST:|HEIGHT:") and peeler.has(_NOUN):
        _take_best(peeler)


def _nouns(words: list[Word]) -> set[str]:
    return {word.value for word in words if word.type in {"FEATURE", "ZONE", "OBJECT"}}


def _take_nearest(peeler: Peeler) -> None:
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    peeler.take(rf"{_NOUN}IMAGE:image;", lambda *_: None)  # "the airports file"
    which = "(?:(?:RANKING|WHICH):which;)?"
    peeler.take(rf"(?:WHICH:which;)?{_NOUN}{which}", lambda *_: None)
    said = _said(peeler)
    peeler.take(
        r"(?:TO:to;|WHICH:which;)?RELATION:(?:nearest|far|direction);"
        r"(?:(?:UNKNOWN:(?:away|to|离|距|距离|离开)|TO:to|BETWEEN:between);)*",
        lambda *_: None,
    )
    peeler.take(r"UNKNOWN:(?:离|距|away);", lambda *_: None)
    peeler.take(r"(?:IT:it;)?CENTRE:centre;", lambda *_: None)
    peeler.set("relation", Relation(kind="nearest", noun=nouns.pop(), **said))


def _said(peeler: Peeler) -> dict[str, Any]:
    return {
        "has_distance": peeler.has("RELATION:(?:far|apart);"),
        "has_direction": peeler.has("RELATION:direction;"),
    }


def _take_apart(peeler: Peeler) -> None:
    said = _said(peeler)
    back = (
        "(?<!BETWEEN:between;)TWODATES:first;TWODATES:second;|TWODATES:second;TO:to;TWODATES:first;"
    )
    swapped = peeler.has(back) and said["has_direction"]
    peeler.take("TWODATES:first;TO:to;TWODATES:second;|" + back, lambda *_: None)
    peeler.take(r"(?:BETWEEN:between;)?TWODATES:(?:first|second|both);", lambda *_: None)
    peeler.take(r"RELATION:(?:apart|far|direction);", lambda *_: None)
    peeler.take(r"(?:BETWEEN:between;)?CENTRE:centre;(?:IMAGE:image;)?", lambda *_: None)
    peeler.take(
        r"(?:BETWEEN:between;)?IMAGE:image;CENTRE:centre;(?:BETWEEN:between;)?", lambda *_: None
    )
    peeler.set("relation", Relation(kind="apart", is_swapped=swapped, **said))


def _take_within(peeler: Peeler) -> None:
    """Take `how many other buildings lie within 100 m of the building with the most ...`."""
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    found: dict[str, Any] = {}

    def radius(match: Match, _words: list[Word]) -> bool | None:
        metres = float(match["value"]) * (1000.0 if match["unit"] == "km" else 1.0)
        if metres <= 0 or "radius_m" in found:
            return False
        found["radius_m"] = metres
        return None

    number = "NUMBER:(?P<value>[^;]*);UNIT_LENGTH:(?P<unit>k?m);"
    for pattern in (f"INSIDE:inside;{number}(?:INSIDE:inside;)?", f"{number}INSIDE:inside;"):
        peeler.take(pattern, radius)
    if not found:
        return
    order = _order(peeler)
    others = peeler.has("RELATION:others;")
    is_counted = peeler.take(f"COUNT:count;(?:RELATION:others;)?{_NOUN}", lambda *_: None)
    if is_counted and len(order) <= 1:
        peeler.take("UNKNOWN:(?:距|离);|RELATION:far;", lambda *_: None)
        end = order[0] if order else None
        relation = Relation(kind="within", noun=nouns.pop(), order=end, others=others, **found)
        peeler.set("relation", relation)


def _order(peeler: Peeler) -> list[Order]:
    """Take `the building with the largest mean height`; return which ends of the order are said.

    The statistic of the height is left: it is part of what is asked.
    """
    found: list[Order] = []

    def note(_match: Match, words: list[Word]) -> None:
        lowest = any(w.type == "SMALLEST" or w.value == "minimum" for w in words)
        found.append("lowest" if lowest else "highest")

    which = "(?:(?:RANKING|WHICH):which;)"
    for pattern in (
        rf"{which}?{_NOUN}HAVE:have;{_TOP}(?=STAT:|HEIGHT:)",
        rf"{_HEIGHT}{_TOP}(?:{_NOUN})?",
        rf"(?:TALLEST:tallest|STAT:maximum);{_NOUN}{which}?",
        rf"{which}?{_NOUN}TALLEST:tallest;",
    ):
        peeler.take(pattern, note)
    peeler.take(rf"(?:UNKNOWN:by;)?(?:IT:it;)?{_HEIGHT}", lambda *_: None)
    peeler.take("UNKNOWN:by;(?:IT:it;)?(?=STAT:)", lambda *_: None)
    return found


def _take_best(peeler: Peeler) -> None:
    """Take `which building is tallest, by its mean height ...; its area and where it is`."""
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    found = _order(peeler)
    if len(found) != 1:
        return
    peeler.take(r"INSIDE:inside;(?:IT:it;)?OUTLINE:outline;", lambda *_: None)
    has_place = peeler.take(r"LOCATION:location;(?:IT:it;)?", lambda *_: None)
    own = rf"(?:IT:it;|(?:RANKING|WHICH):which;)?{_NOUN}"
    peeler.take(own, lambda _match, run: run[-1].text.lower() not in _OUTLINED)
    peeler.take(rf"(?:IT:it;)?{_NOUN}(?=AREA:)", lambda *_: None)
    relation = Relation(kind="best", noun=nouns.pop(), order=found[0], has_place=has_place)
    peeler.set("relation", relation)

"""The part of a frame that relates things on the ground: nearest, apart, within, tallest."""

from __future__ import annotations

from typing import Any, Final

from eoagent.planner.offline.frame import Order, Relation
from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.peeler import Match, Peeler

__all__ = ["take_relation"]

_NOUN: Final = r"(?:FEATURE|ZONE|OBJECT):[^;]*;"
_TOP: Final = r"(?:LARGEST:largest|SMALLEST:smallest|STAT:maximum|STAT:minimum|RANKING:most);"
_HEIGHT: Final = r"(?:STAT:mean;)?HEIGHT:height;"


def take_relation(peeler: Peeler) -> None:
    """Take what relates features or scenes, if anything does, as `relation`."""
    if peeler.has("RELATION:nearest;"):
        _take_nearest(peeler)
    elif peeler.has(r"COUNT:count;(?:RELATION:others;)?" + _NOUN):
        _take_within(peeler)
    elif peeler.has("RELATION:apart;") or (peeler.has("RELATION:far;") and peeler.has("TWODATES:")):
        _take_apart(peeler)
    elif peeler.has("TALLEST:") or peeler.has(rf"WHICH:which;{_NOUN}HAVE:have;{_TOP}"):
        _take_best(peeler)


def _nouns(words: list[Word]) -> set[str]:
    return {word.value for word in words if word.type in {"FEATURE", "ZONE", "OBJECT"}}


def _take_nearest(peeler: Peeler) -> None:
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    peeler.take(rf"{_NOUN}IMAGE:image;", lambda *_: None)  # "the airports file"
    peeler.take(rf"(?:WHICH:which;)?{_NOUN}(?:RANKING:which;)?", lambda *_: None)
    said = _said(peeler)
    peeler.take(
        r"RELATION:(?:nearest|far|direction);(?:UNKNOWN:(?:away|to|离|距|距离|离开);)*",
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
    peeler.take(r"(?:BETWEEN:between;)?TWODATES:(?:first|second|both);", lambda *_: None)
    peeler.take(r"RELATION:(?:apart|far|direction);", lambda *_: None)
    peeler.take(r"CENTRE:centre;(?:IMAGE:image;)?", lambda *_: None)
    peeler.set("relation", Relation(kind="apart", **said))


def _take_within(peeler: Peeler) -> None:
    """Take `how many other buildings lie within 100 m of the building with the most ...`."""
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    found: dict[str, Any] = {}

    def radius(match: Match, _words: list[Word]) -> None:
        metres = float(match["value"]) * (1000.0 if match["unit"] == "km" else 1.0)
        found.update(radius_m=metres, others=bool(match["others"]))

    is_taken = peeler.take(
        rf"COUNT:count;(?P<others>RELATION:others;)?{_NOUN}(?:INSIDE:inside;)"
        r"NUMBER:(?P<value>[^;]*);UNIT_LENGTH:(?P<unit>k?m);(?:BEYOND:outside;|INSIDE:inside;)?",
        radius,
    )
    if not is_taken or found["radius_m"] <= 0:
        return
    order = _order(peeler)
    peeler.set("relation", Relation(kind="within", noun=nouns.pop(), order=order, **found))


def _order(peeler: Peeler) -> Order | None:
    """Take `the building with the largest mean height`; return which end that is."""
    found: list[Order] = []

    def note(_match: Match, words: list[Word]) -> None:
        lowest = any(w.type == "SMALLEST" or w.value == "minimum" for w in words)
        found.append("lowest" if lowest else "highest")

    peeler.take(rf"{_NOUN}HAVE:have;{_TOP}{_HEIGHT}", note)
    peeler.take(rf"TALLEST:tallest;{_NOUN}", note)
    return found[0] if len(found) == 1 else None


def _take_best(peeler: Peeler) -> None:
    """Take `which building is tallest, by its mean height ...; its area and where it is`."""
    nouns = _nouns(peeler.words)
    if len(nouns) != 1:
        return
    found: list[Order] = []

    def note(_match: Match, words: list[Word]) -> None:
        lowest = any(w.type == "SMALLEST" or w.value == "minimum" for w in words)
        found.append("lowest" if lowest else "highest")

    peeler.take(rf"WHICH:which;{_NOUN}(?:TALLEST:tallest;|HAVE:have;{_TOP}{_HEIGHT})", note)
    peeler.take(rf"TALLEST:tallest;{_NOUN}(?:RANKING:which;|WHICH:which;)?", note)
    if len(found) != 1:
        return
    peeler.take(r"INSIDE:inside;(?:IT:it;)?OUTLINE:outline;", lambda *_: None)
    peeler.take(rf"(?:IT:it;)?{_HEIGHT}", lambda *_: None)
    has_place = peeler.take(r"LOCATION:location;(?:IT:it;)?", lambda *_: None)
    peeler.take(rf"(?:IT:it;)?{_NOUN}", lambda *_: None)
    relation = Relation(kind="best", noun=nouns.pop(), order=found[0], has_place=has_place)
    peeler.set("relation", relation)

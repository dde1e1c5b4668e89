"""Take the frame off a question: patterns of words that speak of dates, scenes and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from eoagent.planner.offline.datewords import join_dates
from eoagent.planner.offline.frame import Delta, Frame
from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.peeler import Match, Peeler
from eoagent.planner.offline.reading import Subject
from eoagent.planner.offline.relating import take_relation
from eoagent.planner.offline.searching import BY, take_conditions, take_order, take_search

__all__ = ["take_frame", "without_frame"]

_OWN: Final = frozenset(
    {"EVENT", "CATALOG", "STATED", "MONTH", "YEARMARK", "MONTHMARK", "DAYMARK", "SINCE", "DATE"}
    | {"NORTHING", "EASTING", "PLUS", "CENTRE", "AROUND", "PLACENAME", "BLACKFILL", "SMALLEST"}
    | {"FEATURE", "TALLEST"}
)
"""Types of word that only a frame gives a meaning."""
_KINDS: Final[dict[str, Literal["index", "band", "height"]]] = {
    "INDEX": "index",
    "BAND": "band",
    "HEIGHT": "height",
}


def without_frame(words: Sequence[Word]) -> list[Word]:
    """Return the words with those of a frame made unknown, for questions of one image."""
    return [
        Word(type="UNKNOWN", value=w.text, text=w.text, before=w.before) if w.type in _OWN else w
        for w in words
    ]


def take_frame(words: Sequence[Word]) -> tuple[Frame, list[Word]]:
    """Return the frame of a question and the words that are left: its core."""
    peeler = Peeler(words=join_dates(words))
    take_relation(peeler)
    take_search(peeler)
    _take_change(peeler)
    _take_series(peeler)
    take_conditions(peeler)
    fields: dict[str, Any] = {
        name: tuple(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in peeler.fields.items()
    }
    return Frame(**fields), without_frame(peeler.words)


def _take_change(peeler: Peeler) -> None:
    def delta(match: Match, _words: list[Word]) -> bool | None:
        named = match["subject"] or match["behind"]
        kind, _, identity = named.partition(":")
        value = float(match["value"])
        if value <= 0 or "delta" in peeler.fields:
            return False
        subject = Subject(kind=_KINDS[kind], id=identity)
        is_fall = match["way"] == "fell"
        peeler.set("delta", Delta(subject=subject, is_fall=is_fall, value=value))
        return None

    subject = r"(?P<{}>(?:INDEX|BAND|HEIGHT):[^;]*);"
    way = (
        rf"CHANGE:(?P<way>fell|rose);{BY}(?:CMP:gt;|OVER:over;)(?P<value_>NUMBER:(?P<value>[^;]*));"
    )
    peeler.take(rf"{subject.format('subject')}(?:IT:it;)?{way}(?P<behind>$^)?", delta)
    peeler.take(rf"(?P<subject>$^)?{way}{subject.format('behind')}", delta)
    is_pair = peeler.has("TWODATES:")
    peeler.take(
        r"(?:BETWEEN:between;)?TWODATES:(first|second);(?:TO:to;)?TWODATES:(first|second);",
        lambda match, _words: _pair(peeler, match),
    )
    peeler.take(r"TWODATES:[^;]*;", lambda *_: peeler.set("is_pair"))
    if is_pair or peeler.has("CHANGE:"):
        peeler.take(r"EVENT:event;", lambda *_: None)
    peeler.take(
        r"CHANGE:gained;PLUS:plus;(?:COVER:[^;]*;)?CHANGE:lost;",
        lambda *_: _sum(peeler),
    )
    peeler.take(
        r"UNKNOWN:(?:river|coast|coastline|shoreline|lake);CHANGE:moved;",
        lambda *_: peeler.add("changes", "moved"),
    )
    peeler.take(
        rf"(?:COUNT:count;)?CHANGE:([a-z]*);{BY}",
        lambda match, _words: peeler.add("changes", match[1]),
    )


def _pair(peeler: Peeler, match: Match) -> bool | None:
    if match[1] == match[2]:
        return False
    peeler.set("is_pair")
    peeler.set("is_reversed", match[1] == "second")
    return None


def _sum(peeler: Peeler) -> None:
    peeler.set("is_sum")
    peeler.add("changes", "gained")
    peeler.add("changes", "lost")


def _take_series(peeler: Peeler) -> None:
    peeler.take(
        r"(?:BETWEEN:between;)?(?:WHICH:which;)?(?:NUMBER:2\.0;)?SERIES:consecutive;",
        lambda *_: peeler.set("is_consecutive"),
    )
    peeler.take(
        r"(?:OVER:over;)?(?:NUMBER:(?P<count>[0-9]+)\.0;)?SERIES:all;(?:IMAGE:image;)?",
        lambda match, _words: peeler.set("said", int(match["count"])) if match["count"] else None,
    )
    peeler.take(r"SERIES:trend;", lambda *_: peeler.set("is_trend"))
    peeler.take(
        r"SERIES:peryear;",
        lambda *_: peeler.set("is_trend") if "is_trend" in peeler.fields else peeler.set("is_each"),
    )
    peeler.take(r"SERIES:each;(?:IMAGE:image;)?", lambda *_: peeler.set("is_each"))
    peeler.take(r"SERIES:which;(?:HAVE:have;)?", lambda *_: peeler.set("by_date"))
    if peeler.fields.keys() & {"by_date", "is_consecutive"}:
        take_order(peeler)

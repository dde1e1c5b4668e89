"""Take the frame off a question: patterns of words that speak of dates, scenes and change."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from eoagent.planner.offline.datewords import join_dates
from eoagent.planner.offline.frame import Delta, Frame
from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.reading import Subject

__all__ = ["take_frame", "without_frame"]

_OWN: Final = frozenset(
    "EVENT CATALOG STATED MONTH YEARMARK MONTHMARK DAYMARK SINCE NORTHING EASTING PLUS CENTRE "
    "DATE AROUND PLACENAME BLACKFILL SMALLEST".split()
)
"""Types of word that only a frame gives a meaning."""
_SUPERLATIVE: Final = r"(?:(RANKING:(?:most|least)|LARGEST:largest|SMALLEST:smallest|STAT:(?:maximum|minimum));)"
_SUBJECT: Final = r"((?:INDEX|BAND|HEIGHT):[^;]*);"
_BY: Final = r"(?:UNKNOWN:by;)?"
_ENDS: Final = {
    "RANKING:most": "highest",
    "LARGEST:largest": "highest",
    "STAT:maximum": "highest",
    "RANKING:least": "lowest",
    "SMALLEST:smallest": "lowest",
    "STAT:minimum": "lowest",
}
_KINDS: Final[dict[str, Literal["index", "band", "height"]]] = {
    "INDEX": "index",
    "BAND": "band",
    "HEIGHT": "height",
}


@dataclass(slots=True)
class _Peeler:
    """The words that are left, and what was taken off them."""

    words: list[Word]
    fields: dict[str, Any] = field(default_factory=dict)

    def take(self, pattern: str, note: Callable[[re.Match[str], list[Word]], Any]) -> bool:
        """Take each run of words that matches; a note that returns False leaves it."""
        found = False
        start = 0
        while True:
            text, places = _line(self.words)
            match = next(
                (m for m in re.finditer(pattern, text) if m.start() in places and m.start() >= start),
                None,
            )
            if match is None:
                return found
            first, last = places[match.start()], places[match.end()]
            if note(match, self.words[first:last]) is False:
                start = match.end()
                continue
            del self.words[first:last]
            found = True

    def add(self, name: str, value: Any) -> None:
        """Add a value to a list."""
        self.fields.setdefault(name, []).append(value)

    def set(self, name: str, value: Any = True) -> None:
        """Set a field."""
        self.fields[name] = value

    def has(self, pattern: str) -> bool:
        """Return whether the words that are left match somewhere."""
        return re.search(pattern, _line(self.words)[0]) is not None


def _line(words: Sequence[Word]) -> tuple[str, dict[int, int]]:
    """Return the words as one line of `TYPE:value;`, and where each starts in it."""
    line, places = "", {}
    for number, word in enumerate(words):
        places[len(line)] = number
        line += f"{word.type}:{word.value.replace(';', ' ').lower() if word.type == 'UNKNOWN' else word.value.replace(';', ' ')};"
    places[len(line)] = len(words)
    return line, places


def without_frame(words: Sequence[Word]) -> list[Word]:
    """Return the words with those of a frame made unknown, for questions of one image."""
    return [
        Word(type="UNKNOWN", value=w.text, text=w.text, before=w.before) if w.type in _OWN else w
        for w in words
    ]


def take_frame(words: Sequence[Word]) -> tuple[Frame, list[Word]]:
    """Return the frame of a question and the words that are left: its core."""
    peeler = _Peeler(words=join_dates(words))
    _take_search(peeler)
    _take_change(peeler)
    _take_series(peeler)
    _take_conditions(peeler)
    fields = {k: tuple(dict.fromkeys(v)) if isinstance(v, list) else v for k, v in peeler.fields.items()}
    return Frame(**fields), without_frame(peeler.words)


def _take_change(peeler: _Peeler) -> None:
    def delta(match: re.Match[str], _words: list[Word]) -> bool | None:
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
    way = rf"CHANGE:(?P<way>fell|rose);{_BY}(?:CMP:gt;|OVER:over;)(?P<value_>NUMBER:(?P<value>[^;]*));"
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
    peeler.take(r"UNKNOWN:(?:river|coast|coastline|shoreline|lake);CHANGE:moved;", lambda *_: peeler.add("changes", "moved"))
    peeler.take(
        rf"(?:COUNT:count;)?CHANGE:([a-z]*);{_BY}", lambda match, _words: peeler.add("changes", match[1])
    )


def _pair(peeler: _Peeler, match: re.Match[str]) -> bool | None:
    if match[1] == match[2]:
        return False
    peeler.set("is_pair")
    peeler.set("is_reversed", match[1] == "second")
    return None


def _sum(peeler: _Peeler) -> None:
    peeler.set("is_sum")
    peeler.add("changes", "gained")
    peeler.add("changes", "lost")


def _take_series(peeler: _Peeler) -> None:
    peeler.take(
        r"(?:BETWEEN:between;)?(?:WHICH:which;)?(?:NUMBER:2\.0;)?SERIES:consecutive;",
        lambda *_: peeler.set("is_consecutive"),
    )
    peeler.take(
        r"(?:OVER:over;)?(?:NUMBER:(?P<count>[0-9]+)\.0;)?SERIES:all;(?:IMAGE:image;)?",
        lambda match, _words: peeler.set("said", int(match["count"])) if match["count"] else None,
    )
    peeler.take(r"SERIES:trend;", lambda *_: peeler.set("is_trend"))
    peeler.take(r"SERIES:peryear;", lambda *_: peeler.set("is_trend") if "is_trend" in peeler.fields else peeler.set("is_each"))
    peeler.take(r"SERIES:each;(?:IMAGE:image;)?", lambda *_: peeler.set("is_each"))
    peeler.take(r"SERIES:which;(?:HAVE:have;)?", lambda *_: peeler.set("by_date"))
    if peeler.fields.keys() & {"by_date", "is_consecutive"}:
        _take_order(peeler)


def _take_search(peeler: _Peeler) -> None:
    """Take what looks for scenes: `which scene`, `among`, `how many scenes`, the most cloudy."""
    sensor = r"(?:SENSOR:[^;]*;)?"
    peeler.take(
        rf"{_SUPERLATIVE}(?:STATED:stated;)?CLOUD:cloud;(?:COVERS:covers;|SHARE:share;)?",
        lambda match, _words: _cloud(peeler, match),
    )
    named = r"(?:UNKNOWN:[^;]*;|DATE:[^;]*;|PLACENAME:[^;]*;)*"
    peeler.take(
        rf"COUNT:count;(?P<kept>{sensor}{named})IMAGE:image;",
        lambda match, words: _keep(peeler, "is_count", words),
    )
    counted = r"(?:NUMBER:(?P<count>[0-9]+)\.0;)?"
    peeler.take(
        rf"(?:RANKING:(?:among|which);){counted}(?P<kept>{sensor}{named})IMAGE:image;",
        lambda match, words: _scenes(peeler, match, words),
    )
    peeler.take(r"RANKING:only;", lambda *_: peeler.set("is_only"))
    peeler.take(
        rf"WHICH:which;(?P<kept>{sensor}{named})IMAGE:image;(?:COVERS:covers;|HAVE:have;)?",
        lambda match, words: _keep(peeler, "by_scene", words),
    )
    peeler.take(r"RANKING:(?:which|among);(?:HAVE:have;)?", lambda *_: peeler.set("by_scene"))
    if "by_scene" in peeler.fields or "is_count" in peeler.fields:
        peeler.take(r"WHICH:which;(?:HAVE:have;)?", lambda *_: peeler.set("by_scene") if "is_count" not in peeler.fields else None)
    peeler.take(r"RANKING:greener;" + _BY, lambda *_: _greener(peeler))
    if "by_scene" in peeler.fields and "order" not in peeler.fields:
        _take_order(peeler)
    peeler.take(r"CATALOG:catalog;", lambda *_: None)


def _cloud(peeler: _Peeler, match: re.Match[str]) -> None:
    peeler.set("is_cloud")
    peeler.set("order", _ENDS[match[1]])


def _greener(peeler: _Peeler) -> None:
    peeler.set("is_greener")
    peeler.set("by_scene")
    peeler.set("order", "highest")


def _scenes(peeler: _Peeler, match: re.Match[str], words: list[Word]) -> None:
    if match["count"]:
        peeler.set("said", int(match["count"]))
    _keep(peeler, "by_scene", words)


def _keep(peeler: _Peeler, name: str, words: list[Word]) -> None:
    """Note what the scenes are and keep what tells them apart."""
    peeler.set(name)
    for run in _runs([w for w in words if w.type not in {"RANKING", "IMAGE", "WHICH", "COUNT"}]):
        _note(peeler, run)


def _runs(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words in runs of unknown ones, and each other alone."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and word.type == runs[-1][-1].type == "UNKNOWN" and not word.before.strip():
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _note(peeler: _Peeler, run: list[Word]) -> None:
    kind, text = run[0].type, " ".join(word.text for word in run)
    if kind in {"UNKNOWN", "QUOTED"}:
        peeler.add("names", text.strip("'\""))
    elif kind == "PLACENAME":
        peeler.add("names", run[0].value)
    elif kind == "SENSOR":
        peeler.add("sensors", run[0].value)
    elif kind == "DATE":
        peeler.add("times", run[0].value)


def _take_order(peeler: _Peeler) -> None:
    """Take the first superlative as the end of the order that is asked for."""

    def note(match: re.Match[str], _words: list[Word]) -> bool | None:
        if "order" in peeler.fields:
            return False
        peeler.set("order", _ENDS[match[1]])
        return None

    peeler.take(rf"{_SUPERLATIVE}", note)


def _take_conditions(peeler: _Peeler) -> None:
    """Take dates, places, points and what else tells scenes apart."""
    peeler.take(
        r"NUMBER:(?P<a>[^;]*);NORTHING:(?P<ns>.);(?:TO:to;)?NUMBER:(?P<b>[^;]*);EASTING:(?P<ew>.);",
        lambda match, _words: _point(peeler, match),
    )
    peeler.take(
        r"NORTHING:(?P<ns>.);NUMBER:(?P<a>[^;]*);(?:UNKNOWN:度;)?EASTING:(?P<ew>.);NUMBER:(?P<b>[^;]*);(?:UNKNOWN:度;)?",
        lambda match, _words: _point(peeler, match),
    )
    peeler.take(r"DATE:[^;]*;", lambda _match, words: _note(peeler, words))
    peeler.take(r"PLACENAME:[^;]*;(?:AROUND:around;|INSIDE:inside;)?", lambda _match, words: _note(peeler, words[:1]))
    peeler.take(
        r"(?:AROUND:around;|INSIDE:inside;)?(?:UNKNOWN:[^;]*;)+",
        lambda _match, words: _names(peeler, words),
    )
    peeler.take(r"BLACKFILL:black;", lambda *_: peeler.set("no_black"))


def _point(peeler: _Peeler, match: re.Match[str]) -> bool | None:
    lat = float(match["a"]) * (-1 if match["ns"] == "s" else 1)
    lon = float(match["b"]) * (-1 if match["ew"] == "w" else 1)
    if not (abs(lat) <= 90 and abs(lon) <= 180) or "point" in peeler.fields:
        return False
    peeler.set("point", (lon, lat))
    return None


def _names(peeler: _Peeler, words: list[Word]) -> bool | None:
    """Take a run of unknown words as a name if each is written as one: with a capital."""
    run = [word for word in words if word.type == "UNKNOWN"]
    if not all(word.text[:1].isupper() for word in run):
        return False
    _note(peeler, run)
    return None

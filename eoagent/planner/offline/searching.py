"""The part of a frame that looks for scenes: which, how many, where, when, of which sensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.peeler import Match, Peeler

__all__ = ["BY", "take_conditions", "take_order", "take_search"]

BY: Final = r"(?:UNKNOWN:by;)?"
"""A `by` that may follow: `fell by`, `greener by`."""
_SUPERLATIVE: Final = (
    "(RANKING:(?:most|least)|LARGEST:largest|SMALLEST:smallest|STAT:(?:maximum|minimum));"
)
_ENDS: Final = {
    "RANKING:most": "highest",
    "LARGEST:largest": "highest",
    "STAT:maximum": "highest",
    "RANKING:least": "lowest",
    "SMALLEST:smallest": "lowest",
    "STAT:minimum": "lowest",
}


def take_search(peeler: Peeler) -> None:
    """Take what looks for scenes: `which scene`, `among`, `how many scenes`, the most cloudy."""
    sensor = r"(?:SENSOR:[^;]*;)?"
    peeler.take(
        rf"{_SUPERLATIVE}(?:STATED:stated;)?CLOUD:cloud;(?:COVERS:covers;|SHARE:share;)?",
        lambda match, _words: _cloud(peeler, match),
    )
    named = r"(?:UNKNOWN:[^;]*;|DATE:[^;]*;|PLACENAME:[^;]*;)*"
    peeler.take(
        rf"COUNT:count;(?P<kept>{sensor}{named})IMAGE:image;",
        lambda _match, words: _keep(peeler, "is_count", words),
    )
    counted = r"(?:NUMBER:(?P<count>[0-9]+)\.0;)?"
    peeler.take(
        rf"(?:RANKING:(?:among|which);){counted}(?P<kept>{sensor}{named})IMAGE:image;",
        lambda match, words: _scenes(peeler, match, words),
    )
    peeler.take(r"RANKING:only;", lambda *_: peeler.set("is_only"))
    peeler.take(
        rf"WHICH:which;(?P<kept>{sensor}{named})IMAGE:image;(?:COVERS:covers;|HAVE:have;)?",
        lambda _match, words: _keep(peeler, "by_scene", words),
    )
    peeler.take(r"RANKING:(?:which|among);(?:HAVE:have;)?", lambda *_: peeler.set("by_scene"))
    if "by_scene" in peeler.fields or "is_count" in peeler.fields:
        peeler.take(
            r"WHICH:which;(?:HAVE:have;)?",
            lambda *_: peeler.set("by_scene") if "is_count" not in peeler.fields else None,
        )
    peeler.take(r"RANKING:greener;" + BY, lambda *_: _greener(peeler))
    if "by_scene" in peeler.fields and "order" not in peeler.fields:
        take_order(peeler)
    if "by_scene" in peeler.fields and not peeler.has("CHANGE:|TWODATES:(?:first|second);"):
        peeler.take(r"TWODATES:both;", lambda *_: peeler.set("said", 2))
    peeler.take(r"CATALOG:catalog;", lambda *_: None)


def _cloud(peeler: Peeler, match: Match) -> None:
    peeler.set("is_cloud")
    peeler.set("order", _ENDS[match[1]])


def _greener(peeler: Peeler) -> None:
    peeler.set("is_greener")
    peeler.set("by_scene")
    peeler.set("order", "highest")


def _scenes(peeler: Peeler, match: Match, words: list[Word]) -> None:
    if match["count"]:
        peeler.set("said", int(match["count"]))
    _keep(peeler, "by_scene", words)


def _keep(peeler: Peeler, name: str, words: list[Word]) -> None:
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


def _note(peeler: Peeler, run: list[Word]) -> None:
    kind, text = run[0].type, " ".join(word.text for word in run)
    if kind in {"UNKNOWN", "QUOTED"}:
        peeler.add("names", text.strip("'\""))
    elif kind == "PLACENAME":
        peeler.add("names", run[0].value)
    elif kind == "SENSOR":
        peeler.add("sensors", run[0].value)
    elif kind == "DATE":
        peeler.add("times", run[0].value)


def take_order(peeler: Peeler) -> None:
    """Take the first superlative as the end of the order that is asked for."""

    def note(match: Match, _words: list[Word]) -> bool | None:
        if "order" in peeler.fields:
            return False
        peeler.set("order", _ENDS[match[1]])
        return None

    peeler.take(rf"{_SUPERLATIVE}", note)


def take_conditions(peeler: Peeler) -> None:
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
    peeler.take(
        r"PLACENAME:[^;]*;(?:AROUND:around;|INSIDE:inside;)?",
        lambda _match, words: _note(peeler, words[:1]),
    )
    peeler.take(
        r"(?:AROUND:around;|INSIDE:inside;)?(?:UNKNOWN:[^;]*;)+",
        lambda _match, words: _names(peeler, words),
    )
    peeler.take(r"BLACKFILL:black;", lambda *_: peeler.set("no_black"))


def _point(peeler: Peeler, match: Match) -> bool | None:
    lat = float(match["a"]) * (-1 if match["ns"] == "s" else 1)
    lon = float(match["b"]) * (-1 if match["ew"] == "w" else 1)
    if not (abs(lat) <= 90 and abs(lon) <= 180) or "point" in peeler.fields:
        return False
    peeler.set("point", (lon, lat))
    return None


def _names(peeler: Peeler, words: list[Word]) -> bool | None:
    """Take a run of unknown words as a name if each is written as one: with a capital."""
    run = [word for word in words if word.type == "UNKNOWN"]
    if not all(word.text[:1].isupper() for word in run):
        return False
    _note(peeler, run)
    return None

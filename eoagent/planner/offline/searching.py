"""The part of a frame that looks for scenes: which, how many, where, when, of which sensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from eoagent.planner.offline.lexicon import Word
from eoagent.planner.offline.peeler import Match, Peeler

__all__ = ["BY", "take_conditions", "take_order", "take_search"]

BY: Final = r"(?:UNKNOWN:by;)?"
"""A `by` that may follow: `fell by`, `greener by`."""
_SUPERLATIVE: Final = (
    "(RANKING:(?:most|least)|LARGEST:largest|SMALLEST:smallest|TALLEST:tallest"
    "|STAT:(?:maximum|minimum));"
)
_FILTER: Final = r"(?:(?:SENSOR|UNKNOWN|DATE|PLACENAME|CATALOG):[^;]*;)*"
_COUNTED: Final = r"(?:NUMBER:(?P<count>[0-9]+)\.0;)?"
_TELLING: Final = frozenset({"SENSOR", "UNKNOWN", "QUOTED", "DATE", "PLACENAME"})
"""Types of word that tell scenes apart."""
_LISTS: Final = re.compile(r"\b(?:and|or)\b|和|与|及|或")
_ENDS: Final = {
    "RANKING:most": "highest",
    "LARGEST:largest": "highest",
    "TALLEST:tallest": "highest",
    "RANKING:cloudiest": "highest",
    "STAT:maximum": "highest",
    "RANKING:least": "lowest",
    "SMALLEST:smallest": "lowest",
    "STAT:minimum": "lowest",
}


def take_search(peeler: Peeler) -> None:
    """Take what looks for scenes: `which scene`, `among`, `how many scenes`, the most cloudy."""
    cover = "(?:STATED:stated;)?CLOUD:cloud;(?:COVERS:covers;|SHARE:share;)?"
    for pattern in (_SUPERLATIVE + cover, cover + _SUPERLATIVE, "(RANKING:cloudiest);"):
        peeler.take(pattern, lambda match, _words: _cloud(peeler, match))
    for pattern in (
        rf"COUNT:count;{_FILTER}IMAGE:image;",
        rf"{_FILTER}IMAGE:image;COUNT:count;(?:IMAGE:image;)?",
    ):
        peeler.take(pattern, lambda _match, words: _keep(peeler, "is_count", words))
    for pattern in (
        rf"(?:RANKING:(?:among|which);){_COUNTED}{_FILTER}IMAGE:image;(?:{_FILTER}HAVE:have;)?",
        rf"{_COUNTED}{_FILTER}IMAGE:image;{_FILTER}(?:WHICH|RANKING):which;(?:HAVE:have;)?",
        rf"(?P<count>$^)?RANKING:(?:which|among);{_FILTER}HAVE:have;",
        rf"(?P<count>$^)?TWODATES:both;{_FILTER}(?:WHICH|RANKING):which;(?:HAVE:have;)?",
    ):
        peeler.take(pattern, lambda match, words: _scenes(peeler, match, words))
    peeler.take(r"RANKING:only;", lambda *_: peeler.set("is_only"))
    peeler.take(
        rf"WHICH:which;{_FILTER}IMAGE:image;(?:COVERS:covers;|HAVE:have;)?",
        lambda _match, words: _keep(peeler, "by_scene", words),
    )
    peeler.take(r"RANKING:greener;" + BY, lambda *_: _greener(peeler))
    peeler.take(r"RANKING:(?:which|among);(?:HAVE:have;)?", lambda *_: peeler.set("by_scene"))
    if "by_scene" in peeler.fields or "is_count" in peeler.fields:
        peeler.take(
            r"WHICH:which;(?:HAVE:have;)?",
            lambda *_: peeler.set("by_scene") if "is_count" not in peeler.fields else None,
        )
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


def _scenes(peeler: Peeler, match: Match, words: list[Word]) -> bool:
    is_kept = _keep(peeler, "by_scene", words)
    if is_kept and match["count"]:
        peeler.set("said", int(match["count"]))
    elif is_kept and any(word.type == "TWODATES" for word in words):
        peeler.set("said", 2)
    return is_kept


def _keep(peeler: Peeler, name: str, words: list[Word]) -> bool:
    """Note what the scenes are and what tells them apart; False if a word of it is no name."""
    runs = _runs([word for word in words if word.type in _TELLING])
    if not all(_is_name(word) for run in runs for word in run):
        return False
    peeler.set(name)
    for run in runs:
        _note(peeler, run)
    return True


def _is_name(word: Word) -> bool:
    """Return whether a word is known, or is written as a name is: with a capital."""
    is_listed = bool(_LISTS.search(word.before)) and word.type != "DATE"
    return not is_listed and (word.type != "UNKNOWN" or word.text[:1].isupper())


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

    peeler.take(rf"{_SUPERLATIVE}(?!BODY:)", note)


def take_conditions(peeler: Peeler) -> None:
    """Take dates, places, points and what else tells scenes apart."""
    peeler.take(
        r"(?:OVER:over;)?NUMBER:(?P<a>[^;]*);NORTHING:(?P<ns>.);(?:TO:to;)?NUMBER:(?P<b>[^;]*);EASTING:(?P<ew>.);",
        lambda match, _words: _point(peeler, match),
    )
    peeler.take(
        r"NORTHING:(?P<ns>.);NUMBER:(?P<a>[^;]*);(?:UNKNOWN:度;)?EASTING:(?P<ew>.);NUMBER:(?P<b>[^;]*);(?:UNKNOWN:度;)?",
        lambda match, _words: _point(peeler, match),
    )
    peeler.take(r"DATE:[^;]*;", lambda _match, words: _note(peeler, words))
    peeler.take(r"SENSOR:[^;]*;(?!BANDS:)", lambda _match, words: _names(peeler, words))
    near = "(?:AROUND:around;|INSIDE:inside;|OVER:over;)?"
    for name in ("PLACENAME:[^;]*;", "(?:UNKNOWN:[^;]*;)+"):
        peeler.take(near + name + near, lambda _match, words: _names(peeler, words))
    peeler.take(r"BLACKFILL:black;", lambda *_: peeler.set("no_black"))


def _point(peeler: Peeler, match: Match) -> bool | None:
    lat = float(match["a"]) * (-1 if match["ns"] == "s" else 1)
    lon = float(match["b"]) * (-1 if match["ew"] == "w" else 1)
    if not (abs(lat) <= 90 and abs(lon) <= 180) or "point" in peeler.fields:
        return False
    peeler.set("point", (lon, lat))
    return None


def _names(peeler: Peeler, words: list[Word]) -> bool | None:
    """Take a run of words as a name; unknown ones only if each is written as one."""
    run = [word for word in words if word.type in _TELLING]
    if not all(_is_name(word) for word in run):
        return False
    _note(peeler, run)
    return None

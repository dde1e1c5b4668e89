"""Take the frame off a question: patterns of words that speak of dates, scenes and change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
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
    | {"FEATURE", "TALLEST", "RAWCOUNTS"}
)
"""Types of word that only a frame gives a meaning."""
_KINDS: Final[dict[str, Literal["index", "band", "height"]]] = {
    "INDEX": "index",
    "BAND": "band",
    "HEIGHT": "height",
}


_ORDINALS: Final = frozenset({"first", "second"})
_ORDERED: Final = frozenset(
    {"RELATION:nearest", "LARGEST:largest", "SMALLEST:smallest", "STAT:minimum", "STAT:maximum"}
    | {"TALLEST:tallest", "RANKING:most", "RANKING:least", "RANKING:greener", "RANKING:cloudiest"}
    | {"RANKING:wetter"}
)
"""Words that ask for one end of an order."""
_APART: Final = (
    "(?:NOT:not;|OUTSIDE:outside;)(?:(?:IT|INSIDE|AROUND|OVER|ON|IMAGE):[^;]*;)*"
    "(?:PLACENAME|SENSOR|UNKNOWN|DATE|CHANGE|EVENT|TWODATES):[^;]*;"
    "|(?:PLACENAME|SENSOR|UNKNOWN|DATE|EVENT|TWODATES):[^;]*;(?:IMAGE:image;)?BEYOND:[^;]*;"
)
"""`Not in Italy`, `outside of April`: what is left out is not looked for."""
_SUMMED: Final = re.compile(r"\b(?:total|overall|together|sum|combined)\b|总|合计|一共")
_AFTER: Final = frozenset({"after", "之后", "后", "以后"})
_WAYS: Final = {"less": ("lost", "fell"), "more": ("gained", "rose")}
"""What a word for both can mean: of ground here and there, or of the whole."""
_BY_MORE: Final = frozenset({"more than", "over", "超过", "大于", "多于"})
_LEVEL: Final = (
    "CHANGE:[a-z]*;(?=(?:UNKNOWN:by;)?(?:NOT:not;)?"
    "(?:CMP:|(?:OVER:over;|BETWEEN:between;)?NUMBER:|CMPAFTER:))"
)
"""`Changed by more than 0.1`, `rose above 0.2`: rules on a change that are not worked out here."""


def without_frame(words: Sequence[Word]) -> list[Word]:
    """Return the words with those of a frame made unknown, for questions of one image."""
    return [
        Word(type="UNKNOWN", value=w.text, text=w.text, before=w.before) if w.type in _OWN else w
        for w in words
    ]


def take_frame(words: Sequence[Word]) -> tuple[Frame, list[Word]]:
    """Return the frame of a question and the words that are left: its core."""
    peeler = Peeler(words=_without_ordinals(join_dates(words)))
    peeler.spoil(_APART)
    take_relation(peeler)
    take_search(peeler)
    _take_change(peeler)
    _take_series(peeler)
    take_conditions(peeler)
    if "order" in peeler.fields or "relation" in peeler.fields:
        peeler.take("AMOUNT:amount;", lambda *_: None)  # "and how much": what the order goes by
    fields: dict[str, Any] = {
        name: tuple(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in peeler.fields.items()
    }
    return Frame(**fields), without_frame(peeler.words)


def _without_ordinals(words: Sequence[Word]) -> list[Word]:
    """Make `second` unknown in `second largest`: nothing here counts along an order."""
    following = [f"{word.type}:{word.value}" for word in words[1:]] + [""] * bool(words)
    return [
        replace(word, type="UNKNOWN", value=word.text.lower(), text=word.text.lower())
        if word.text.lower() in _ORDINALS and after in _ORDERED
        else word
        for word, after in zip(words, following, strict=True)
    ]


def _take_change(peeler: Peeler) -> None:
    def delta(match: Match, words: list[Word]) -> bool | None:
        if not match["by"] and not any(w.text.lower() in _BY_MORE for w in words):
            return False  # "rose above 0.2" is a level, "rose more than 0.2" an amount
        named = match["subject"] or match["behind"]
        kind, _, identity = named.partition(":")
        value = float(match["value"])
        if value <= 0 or "delta" in peeler.fields:
            return False
        subject = Subject(kind=_KINDS[kind], id=identity)
        is_fall = match["way"] in {"fell", "less", "lost"}
        peeler.set("delta", Delta(subject=subject, is_fall=is_fall, value=value))
        return None

    subject = r"(?P<{}>(?:INDEX|BAND|HEIGHT):[^;]*);"
    amount = "NUMBER:(?P<value>[^;]*);(?!PERCENT:|CMPAFTER:)"
    way = rf"(?P<by>{BY})(?P<more>CMP:gt;|OVER:over;){amount}"
    ahead = rf"(?:IT:it;)?CHANGE:(?P<way>fell|rose|less|more);{way}(?P<behind>$^)?"
    behind = rf"(?P<subject>$^)?CHANGE:(?P<way>fell|rose|lost|gained);{way}(?:IT:it;)?"
    peeler.take(subject.format("subject") + ahead, delta)
    peeler.take(behind + subject.format("behind"), delta)
    peeler.spoil(_LEVEL)
    _take_dates(peeler)
    peeler.words = _tell_ways(peeler.words)
    peeler.take(
        r"CHANGE:gained;PLUS:plus;(?:COVER:[^;]*;)?CHANGE:lost;",
        lambda *_: _sum(peeler),
    )
    peeler.take(
        r"UNKNOWN:(?:river|coast|coastline|shoreline|lake);CHANGE:moved;",
        lambda *_: peeler.add("changes", "moved"),
    )
    is_summed = any(_SUMMED.search(word.before.lower()) for word in peeler.words)
    if is_summed and peeler.has("CHANGE:gained;") and peeler.has("CHANGE:lost;"):
        peeler.spoil("CHANGE:(?:gained|lost);")
    peeler.take(
        rf"(?:COUNT:count;)?CHANGE:([a-z]*);{BY}",
        lambda match, _words: peeler.add("changes", match[1]),
    )


def _take_dates(peeler: Peeler) -> None:
    """Take words for the two images; a word for one of them alone asks for something else."""
    said = [word for word in peeler.words if word.type == "TWODATES"]
    values = {word.value for word in said}
    is_start = peeler.has("SINCE:since;TWODATES:first;")
    is_end = peeler.has("CHANGE:") and all(word.text.lower() in _AFTER for word in said)
    if values in ({"first"}, {"second"}) and not is_start and not is_end:
        peeler.spoil("TWODATES:[^;]*;")
    peeler.take("SINCE:since;TWODATES:first;", lambda *_: peeler.set("is_pair"))
    peeler.take(
        r"(?:BETWEEN:between;)?TWODATES:(first|second);(?:TO:to;)?TWODATES:(first|second);",
        lambda match, _words: _pair(peeler, match),
    )
    peeler.take(r"(?:BETWEEN:between;)?TWODATES:[^;]*;", lambda *_: peeler.set("is_pair"))
    if said or peeler.has("CHANGE:"):
        peeler.take(r"EVENT:event;", lambda *_: None)


def _tell_ways(words: Sequence[Word]) -> list[Word]:
    """Tell ground gained and lost from a net change, where one word is used for both.

    An area that 减少 is smaller on the whole, the area that 减少 is ground lost, and where 增加
    and 减少 are both asked for they are gained and lost; a cover that 减少 may be either.
    """
    values = {word.value for word in words if word.type == "CHANGE"}
    is_ground = bool(values & {"more", "gained"}) and bool(values & {"less", "lost"})
    is_cover = any(word.type in {"COVER", "BODY", "CMP"} for word in words)
    told = []
    for at, word in enumerate(words):
        ground, whole = _WAYS.get(word.value, ("", "")) if word.type == "CHANGE" else ("", "")
        before = words[at - 1].value if at else ""
        after = words[at + 1].value if at + 1 < len(words) else ""
        if ground and (is_ground or after == "area"):
            told.append(replace(word, value=ground))
        elif ground and (before == "area" or not is_cover):
            told.append(replace(word, value=whole))
        else:
            told.append(word)
    return told


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
        r"(?:BETWEEN:between;)?(?:WHICH:which;|RANKING:which;)?(?:NUMBER:2\.0;)?(?:UNKNOWN:期;)?"
        r"SERIES:consecutive;(?:NUMBER:2\.0;)?(?:UNKNOWN:期;)?(?:(?:SERIES:all|IMAGE:image);)?"
        r"(?:HAVE:have;)?(?:BETWEEN:between;)?",
        lambda *_: peeler.set("is_consecutive"),
    )
    if "is_consecutive" in peeler.fields:
        two = r"(?:WHICH:which;NUMBER:2\.0;(?:UNKNOWN:期;)?|RANKING:two;)"
        peeler.take(rf"{two}(?:BETWEEN:between;)?", lambda *_: None)
    counted = r"(?:NUMBER:(?P<count>[0-9]+)\.0;)?"
    peeler.take(
        rf"(?:ON:on;)?SERIES:each;{counted}(?:(?:IMAGE:image|SERIES:all);)?",
        lambda match, _words: _said(peeler, match, "is_each"),
    )
    peeler.take(
        rf"{counted}SERIES:all;(?:IMAGE:image;)?WHICH:which;(?:HAVE:have;)?",
        lambda match, _words: _said(peeler, match, "by_date"),
    )
    peeler.take(
        rf"(?:OVER:over;)?{counted}SERIES:all;(?:IMAGE:image;)?",
        lambda match, _words: _said(peeler, match),
    )
    peeler.take(r"SERIES:trend;", lambda *_: peeler.set("is_trend"))
    peeler.take(
        r"SERIES:peryear;",
        lambda *_: peeler.set("is_trend") if "is_trend" in peeler.fields else peeler.set("is_each"),
    )
    peeler.take(r"SERIES:which;(?:HAVE:have;)?", lambda *_: peeler.set("by_date"))
    if peeler.fields.keys() & {"by_date", "is_consecutive"}:
        take_order(peeler)


def _said(peeler: Peeler, match: Match, name: str = "") -> None:
    """Note how many images are spoken of, and what else the words say."""
    if match["count"]:
        peeler.set("said", int(match["count"]))
    if name:
        peeler.set(name)

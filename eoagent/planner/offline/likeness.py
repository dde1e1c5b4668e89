"""Read questions about likeness: what is looked for in an index, where, when, and how many tiles.

What is looked for is free text, which no grammar can hold; so it is what stands between a known
beginning (`show the ten tiles that look like`) and known endings (`in this area in April 2019`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from eoagent.planner.offline.datewords import join_dates
from eoagent.planner.offline.lexicon import is_chinese, tokenize
from eoagent.planner.offline.likewords import in_english, likeness_in_chinese
from eoagent.planner.offline.numerals import read_numeral

__all__ = ["Sought", "read_sought"]

_VERB: Final = (
    r"(?:please\s+)?(?:(?:can|could|would)\s+you\s+)?"
    r"(?:find|show|search(?:\s+for)?|look\s+for|locate|list|give|get|retrieve|return)(?:\s+me)?\s+"
)
_NUMBER: Final = (
    r"(?:all\s+|any\s+|some\s+)?(?:the\s+)?(?:(?:top|first|best|closest|nearest)\s+)?"
    r"(?:(?P<count>\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|"
    r"twenty|fifty|a hundred)\s+)?(?:(?:best|other|more)\s+)?"
)
_TILE: Final = r"(?P<noun>tile|chip|patch(?:e(?=s))?)s?"
_SPOT: Final = (
    r"(?P<noun>tile|chip|patch(?:e(?=s))?|place|spot|scene|image|picture|location|site|area)s?"
)
_OF_INDEX: Final = r"(?:\s+(?:of|in|from)\s+(?:the|this|my)\s+index)?"
_LIKE: Final = (
    r"(?:(?:that|which)\s+)?(?:(?:looks?|are|is)\s+)?(?:the\s+)?(?:most\s+|more\s+|very\s+)?"
    r"(?:similar\s+to|like|alike\s+to)"
)
_SHOWING: Final = (
    r"(?:(?:that|which)\s+)?(?:shows?|showing|contains?|containing|ha(?:s|ve)|with|of|"
    r"where\s+there\s+(?:is|are))"
)
_ANYONE: Final = r"(?:i|we|you)"
_ASK: Final = rf"(?:{_VERB}|(?:which|what)\s+(?:is|are)\s+)"
_REST: Final = r"\s+(?P<what>.+)"
_ALIKE: Final = tuple(
    re.compile(pattern + _REST, re.IGNORECASE)
    for pattern in (
        rf"{_VERB}{_NUMBER}(?:most\s+similar\s+)?{_SPOT}{_OF_INDEX}\s+{_LIKE}",
        rf"(?:which|what){_OF_INDEX}\s+{_NUMBER}{_SPOT}{_OF_INDEX}\s+{_LIKE}",
        rf"(?:which|what)\s+(?:is|are)\s+{_NUMBER}{_SPOT}{_OF_INDEX}\s+{_LIKE}",
        rf"{_VERB}{_NUMBER}{_TILE}{_OF_INDEX}\s+{_SHOWING}",
        rf"(?:which|what)\s+{_NUMBER}{_TILE}{_OF_INDEX}\s+{_SHOWING}",
        rf"{_ASK}{_NUMBER}most\s+similar\s+{_SPOT}{_OF_INDEX}\s+to",
        rf"{_VERB}(?P<noun>more)\s+like",
    )
)
"""Beginnings that speak of likeness or of tiles: they mean a search by meaning in any case."""
_LOOSE: Final = tuple(
    re.compile(pattern + _REST, re.IGNORECASE)
    for pattern in (
        rf"{_VERB}{_NUMBER}{_SPOT}{_OF_INDEX}\s+{_SHOWING}",
        rf"(?:which|what)\s+{_NUMBER}{_SPOT}{_OF_INDEX}\s+{_SHOWING}",
        rf"where\s+(?:is|are|(?:can|do)\s+{_ANYONE}\s+(?:see|find))(?:\s+there)?",
    )
)
"""Beginnings that mean a search by meaning only where an index is there to be searched."""
_FIND: Final = re.compile(rf"{_VERB}{_NUMBER}(?P<what>\S.*)", re.IGNORECASE)
_MEASURED: Final = re.compile(
    r"\s*[,;]?\s+and\s+(?P<rest>(?:how|what|tell|give|is|does|do)\b.+)$", re.IGNORECASE
)
_PICTURE: Final = re.compile(
    r"(?:(?:this|the|that|my)\s+(?:one|image|picture|photo|photograph|scene|raster|tile|example)"
    r"|this|it|that)",
    re.IGNORECASE,
)
_RANKED: Final = re.compile(
    r"(?:the\s+)?(?:most|least|highest|lowest|largest|smallest)\b", re.IGNORECASE
)
_AREA: Final = re.compile(
    r"\s+(?:(?:in|inside|within|over|on|of)\s+(?:this|the|my|that)\s+"
    r"(?:area(?:\s+of\s+interest)?|region|place|box|polygon|outline|aoi|district)|here)$",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    r"\s+(?:in|from|of|within)\s+(?:the|this|my)\s+(?:index|archive|collection)$", re.IGNORECASE
)
_CLOUD: Final = re.compile(
    r",?\s+(?:with|and)\s+(?:at\s+most|less\s+than|under|below|no\s+more\s+than)\s+"
    r"(?P<pct>\d+(?:\.\d+)?)\s*(?:%|percent)(?:\s+(?:of\s+)?clouds?(?:\s+cover)?)?$",
    re.IGNORECASE,
)
_UNLIKE: Final = re.compile(
    r"(?:\s*,\s*|\s+)(?:but\s+|and\s+)?(?:not|unlike|less\s+like|rather\s+than)\s+(?:like\s+)?"
    r"(?P<what>[^,]+)$",
    re.IGNORECASE,
)
_TIMED: Final = re.compile(
    r",?\s+(?=(?:in|of|on|during|from|between|since|after|before|until)\s+[^,]*\d)", re.IGNORECASE
)
_PLACED: Final = re.compile(
    r"\s+(?:in|near|around|at|over|by|close\s+to|within)\s+(?P<name>(?:the\s+)?[A-Z][\w.'’-]*"
    r"(?:,?\s+(?:(?:of|de|la|le|du|am|an|der)\s+)?[A-Z][\w.'’-]*)*)$"
)
_END: Final = " \t\n.?!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a question looks for in an index."""

    what: str = ""
    """What it looks like, in English words; empty where it is a picture."""
    unlike: tuple[str, ...] = ()
    """What it does not look like."""
    by_picture: bool = False
    """Whether it is to look like the image that came with the question."""
    is_alike: bool = False
    """Whether the question speaks of likeness or tiles, and so of a search in any case."""
    is_where: bool = False
    """Whether places are asked for."""
    is_one: bool = False
    """Whether a single tile is asked for."""
    count: int | None = None
    """How many tiles are asked for."""
    noun: str = ""
    """What the question calls the tiles."""
    time: str = ""
    """Date or span, ISO 8601."""
    place: str = ""
    """Name of a place."""
    in_area: bool = False
    """Whether the area that came with the question is spoken of."""
    max_cloud_pct: float | None = None
    measured: str = ""
    """A second question, about the tile that is found; empty if there is none."""
    is_read: bool = True
    """Whether what is looked for could be put into English."""


@dataclass(slots=True)
class _Tail:
    """What stands behind the thing that is looked for, while it is taken off."""

    what: str
    found: dict[str, object] = field(default_factory=dict)

    def take(self) -> bool:
        """Take one ending off; False if there is none."""
        area, cloud = _AREA.search(self.what), _CLOUD.search(self.what)
        if area is not None:
            return self._cut(area.start(), in_area=True)
        if cloud is not None:
            return self._cut(cloud.start(), max_cloud_pct=float(cloud["pct"]))
        source = _SOURCE.search(self.what)
        if source is not None:
            return self._cut(source.start())
        for match in _TIMED.finditer(self.what):
            words = join_dates(tokenize(self.what[match.end() :]))
            if len(words) == 1 and words[0].type == "DATE" and "time" not in self.found:
                return self._cut(match.start(), time=words[0].value)
        placed = _PLACED.search(self.what)
        if placed is not None and "place" not in self.found:
            return self._cut(placed.start(), place=placed["name"])
        unlike = _UNLIKE.search(self.what)
        if unlike is not None and "unlike" not in self.found:
            return self._cut(unlike.start(), unlike=(unlike["what"].strip(_END),))
        return False

    def _cut(self, end: int, **found: object) -> bool:
        self.what = self.what[:end].rstrip(" ,")
        self.found.update(found)
        return True


def read_sought(question: str) -> Sought | None:
    """Return what a question looks for in an index, or None if it asks for something else."""
    text = " ".join(question.split()).strip(_END)
    if is_chinese(question):
        return _in_chinese(text)
    measured = ""
    asked = _MEASURED.search(text)
    if asked is not None:
        text, measured = text[: asked.start()], asked["rest"]
    for patterns, is_alike in ((_ALIKE, True), (_LOOSE, False), ((_FIND,), False)):
        for pattern in patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                return _sought(match, is_alike=is_alike, measured=measured)
    return None


def _sought(match: re.Match[str], *, is_alike: bool, measured: str) -> Sought | None:
    said = match.groupdict()
    tail = _Tail(match["what"].strip(_END))
    while tail.take():
        pass
    what = tail.what.strip(_END)
    if not what or _RANKED.match(what):
        return None
    head = match.group()[: match.start("what") - match.start()].lower()
    noun = said.get("noun") or ""
    is_plural = bool(re.search(rf"\b{re.escape(noun)}(?:e?s)\b", head)) if noun else True
    by_picture = _PICTURE.fullmatch(what) is not None
    return Sought(
        what="" if by_picture else what,
        by_picture=by_picture,
        is_alike=is_alike,
        is_where=head.startswith("where"),
        is_one=not is_plural and not said.get("count") and noun != "more",
        count=_count(said.get("count") or ""),
        noun=noun,
        measured=measured,
        **tail.found,  # type: ignore[arg-type]
    )


def _count(text: str) -> int | None:
    found = read_numeral(text, 0) if text else None
    return None if found is None else int(found[0])


def _in_chinese(text: str) -> Sought | None:
    found = likeness_in_chinese(text)
    if found is None:
        return None
    time = next((w.value for w in join_dates(tokenize(text)) if w.type == "DATE"), "")
    what = in_english(found.what)
    return Sought(
        what=what,
        by_picture=found.by_picture,
        is_alike=found.is_alike,
        is_where=found.is_where,
        count=found.count,
        noun="tile" if found.is_alike else "",
        time=time,
        in_area=found.in_area,
        is_read=found.by_picture or bool(what),
    )

"""Read English questions about things in pictures: whole sentences of a known shape, or nothing.

What is looked for is free text, which no grammar can hold; it is what stands between known words.
A sentence in which anything else is left over is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from eoagent.planner.offline.numerals import read_numeral
from eoagent.planner.offline.objectask import Bound, ObjectAsk
from eoagent.planner.offline.objectpatterns import SHAPES
from eoagent.planner.offline.objectwords import Noun, cover_in_english, noun_in_english

__all__ = ["ask_in_english"]

_POLITE: Final = re.compile(
    r"^(?:(?:please|hello|hi|for\s+the\s+report)\s*[,:]?\s+|(?:can|could|would)\s+you\s+(?:please\s+)?"
    r"(?:tell\s+me\s+)?|(?:i\s+(?:would\s+like|want|need)|i'd\s+like)\s+(?:to\s+know\s+)?|"
    r"tell\s+me\s+|(?:work\s+out|determine|report|give\s+me|compute|estimate|calculate)\s+|"
    r"(?:find|state|give)\s+(?=the\s+(?:total\s+)?(?:number|count|area|distance|share|percentage|"
    r"fraction|proportion)\b))+",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(r"(?:[\s,.?!]+(?:please|thanks|thank\s+you))+$", re.IGNORECASE)
_WHATS: Final = re.compile(r"^what's\b", re.IGNORECASE)
_WHICH_ONE: Final = re.compile(r"(?:which|what)\s+(?!distance|is\s+the\s+distance)", re.IGNORECASE)
_MAX_CHARS: Final = 300
"""Longest question of this kind; longer ones say more than one thing."""
_END: Final = " \t\n.?!"
_LISTED: Final = re.compile(
    r"\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|as\s+well\s+as|or)\s+(?:how\s+many\s+)?", re.IGNORECASE
)
_OPERATORS: Final = {
    "more than": "gt",
    "over": "gt",
    "at least": "ge",
    "fewer than": "lt",
    "less than": "lt",
    "under": "lt",
    "at most": "le",
    "no more than": "le",
}
_UNITS: Final = {"k": "km2", "h": "ha", "m": "m2"}

_Match = re.Match[str]


def ask_in_english(question: str) -> ObjectAsk | None:
    """Return what an English question asks about things in pictures, or None if it does not."""
    text = " ".join(question.replace("’", "'").split()).strip(_END)
    text = _WHATS.sub("what is", _POLITE.sub("", _THANKS.sub("", text))).strip(_END)
    if len(text) > _MAX_CHARS:
        return None
    for name, pattern in SHAPES:
        match = pattern.fullmatch(text)
        if match is not None:
            ask = _BUILDERS[name](match)
            if ask is not None:
                return ask
    return None


def _one(match: _Match, *, is_open: bool = False) -> tuple[Noun, ...]:
    said = match.groupdict()
    noun = noun_in_english(said["x"] or said.get("xx") or "", is_open=is_open)
    return () if noun is None else (noun,)


def _nouns(text: str, *, is_open: bool = False) -> tuple[Noun, ...]:
    """Return the nouns of a list; none if one of them is not known."""
    found = [noun_in_english(part, is_open=is_open) for part in _LISTED.split(text.strip(" ,"))]
    nouns = tuple(noun for noun in found if noun is not None)
    phrases = {noun.phrase for noun in nouns}
    return nouns if len(nouns) == len(found) == len(phrases) else ()


def _count(match: _Match) -> ObjectAsk | None:
    nouns = _one(match, is_open=True) or _nouns(match["x"])
    return ObjectAsk(kind="count", nouns=nouns) if nouns else None


def _most(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    if not nouns:
        return None
    said = match.groupdict()
    number, word = _number_said(match), match["most"].lower()
    if word in {"more", "fewer"} and (number or 2) != 2:
        return None
    order: Any = "lowest" if re.match(r"few|least|smallest|lowest", word) else ""
    wants: list[Any] = ["count"]
    wants += ["area"] if said.get("area") or said.get("area2") else []
    return ObjectAsk(
        kind="most",
        nouns=nouns,
        order=order or "highest",
        wants=tuple(wants),
        unit=_area_unit(match),
        said=2 if word in {"more", "fewer"} else number,
    )


def _bound(match: _Match) -> ObjectAsk | None:
    nouns, value = _one(match), read_numeral(match["value"], 0)
    if not nouns or value is None:
        return None
    operator: Any = _OPERATORS[" ".join(match["operator"].lower().split())]
    bound = Bound(operator=operator, value=value[0])
    return ObjectAsk(kind="bound", nouns=nouns, bound=bound, said=_number_said(match))


def _shows(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    return ObjectAsk(kind="shows", nouns=nouns, said=_number_said(match)) if nouns else None


def _more(match: _Match) -> ObjectAsk | None:
    nouns = tuple(n for n in map(noun_in_english, (match["x"], match["z"])) if n is not None)
    is_two = len({noun.phrase for noun in nouns}) == 2
    order: Any = "lowest" if match["less"].lower() == "fewer" else "highest"
    return ObjectAsk(kind="more", nouns=nouns, order=order) if is_two else None


def _present(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    return ObjectAsk(kind="present", nouns=nouns) if nouns else None


def _measure(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    if not nouns or nouns[0].cover:
        return None
    said = match.groupdict()
    kinds = ("area", "share")  # the group of an area may be empty: a unit says it
    found = [(match.start(name), name) for name in kinds if said.get(name) is not None]
    wants: Any = tuple(name for _, name in sorted(found))
    return ObjectAsk(kind="measure", nouns=nouns, wants=wants, unit=_area_unit(match))


def _map(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    return ObjectAsk(kind="map", nouns=nouns) if nouns else None


def _map_open(match: _Match) -> ObjectAsk | None:
    nouns = _one(match, is_open=True)
    return ObjectAsk(kind="map", nouns=nouns) if nouns else None


def _within(match: _Match) -> ObjectAsk | None:
    nouns, anchor = _one(match), _anchor(match)
    radius = _metres(match)
    if anchor is None or not nouns or not radius:
        return None
    return ObjectAsk(
        kind="within",
        nouns=nouns,
        anchor=anchor,
        radius_m=radius,
        is_outlined=bool(match["outline"] or match["outlined"]),
    )


def _anchor(match: _Match) -> Noun | None:
    return noun_in_english(match["y"]) or cover_in_english(match["y"])


def _nearest(match: _Match) -> ObjectAsk | None:
    nouns, anchor = _one(match), _anchor(match)
    if anchor is None or not nouns:
        return None
    return ObjectAsk(
        kind="nearest",
        nouns=nouns,
        anchor=anchor,
        is_outlined=bool(match["outline"] or match["outlined"]),
        has_direction="direction" in match.string.lower(),
        has_place=_WHICH_ONE.match(match.string) is not None,
    )


def _new(match: _Match) -> ObjectAsk | None:
    nouns = _one(match)
    if not nouns:
        return None
    said = match.groupdict()
    kinds = ("area", "share", "count")  # the group of a count may be empty
    found = [(match.start(name), name) for name in kinds if said.get(name) is not None]
    wants: Any = tuple(name for _, name in sorted(found))
    return ObjectAsk(
        kind="new",
        nouns=nouns,
        wants=wants,
        is_lost=bool(said.get("gone")),
        unit=_area_unit(match),
        is_pair=True,
    )


def _describe(_match: _Match) -> ObjectAsk:
    return ObjectAsk(kind="describe")


def _metres(match: _Match) -> float:
    text = match["radius"].lower()
    number = 0.5 if text.startswith("half") else 100.0 if "hundred" in text else 1.0
    if text not in {"a", "half a", "a hundred"}:
        read = read_numeral(text.replace(",", "."), 0)
        number = 0.0 if read is None else read[0]
    return number * (1000.0 if match["metres"].lower().startswith("k") else 1.0)


def _area_unit(match: _Match) -> str:
    text = (match.groupdict().get("unit") or "").lower()
    if not text:
        return ""
    kind = text.replace("square", "").replace("sq", "").strip()
    return _UNITS[kind[0]]


def _number_said(match: _Match) -> int | None:
    text = match.groupdict().get("said")
    number = read_numeral(text, 0) if text else None
    return None if number is None else int(number[0])


_BUILDERS: Final[Mapping[str, Callable[[_Match], ObjectAsk | None]]] = MappingProxyType(
    {
        "count": _count,
        "most": _most,
        "bound": _bound,
        "shows": _shows,
        "more": _more,
        "present": _present,
        "measure": _measure,
        "map": _map,
        "map_open": _map_open,
        "within": _within,
        "nearest": _nearest,
        "new": _new,
        "describe": _describe,
    }
)

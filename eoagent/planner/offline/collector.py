"""Gather what the phrases of a question say, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from lark import Token, Tree

from eoagent.planner.offline.gathered import AREA_UNITS, Gathered
from eoagent.planner.offline.quantities import in_own_unit, quantity
from eoagent.planner.offline.reading import (
    Condition,
    Cover,
    Operator,
    Subject,
    Want,
    WantKind,
)

__all__ = ["Collector"]

_TOPICS: Final = frozenset(
    ("CHANGE", "TWODATES", "SERIES", "RANKING", "RELATION", "LOCATION", "DNBR", "COUNT", "LENGTH")
)
_SILENT: Final = frozenset(("STOP", "IT", "IMAGE", "COVERS", "HAVE", "BY", "COMPUTE", "GIVE"))
"""Words that may stand anywhere: they change nothing in what is measured."""
_UNITS: Final = frozenset(("UNIT_AREA", "UNIT_LEVEL", "UNIT_LENGTH"))
_WANTS: Final[Mapping[str, WantKind]] = MappingProxyType(
    {"SHARE": "share", "PERCENT": "share", "STAT": "statistic", "EXTENT": "extent"}
)
_FLAGS: Final = MappingProxyType(
    {
        "QA": "quality",
        "CLOUD": "clouds",
        "NOFILL": "without_fill",
        "PLACE": "place",
        "VALID": "valid",
        "NOCLOUDMASK": "no_cloud_mask",
    },
)
_SUBJECTS: Final[Mapping[str, Literal["index", "band", "height"]]] = MappingProxyType(
    {"INDEX": "index", "BAND": "band", "HEIGHT": "height"}
)
_OPPOSITE: Final[Mapping[str, Operator]] = MappingProxyType(
    {"gt": "le", "ge": "lt", "lt": "ge", "le": "gt"},
)
_OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {"gt": "gt", "ge": "ge", "lt": "lt", "le": "le", "over": "gt"},
)
_MAX_BAND_NUMBER: Final = 20


class Collector:
    """Gathers phrase by phrase; a phrase that makes no sense leaves its words unread."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take the words as they were written, in order."""
        self._texts = texts
        self.gathered = Gathered()

    def take(self, phrase: Tree[Token]) -> None:
        """Add one phrase."""
        handler: Callable[[Tree[Token]], None] = getattr(self, f"_{phrase.data}")
        handler(phrase)

    def _cannot(self, phrase: Tree[Token]) -> None:
        """Note the words of a phrase as unread."""
        self.gathered.unread += [self._text(token) for token in _tokens(phrase)]

    def _text(self, token: Token) -> str:
        return self._texts[token.start_pos or 0]

    def _bands(self, phrase: Tree[Token]) -> None:
        names = [n for t in _tokens(phrase) if t.type.startswith("BAND") for n in t.split(",")]
        self._set(phrase, "bands", tuple(name for name in names if name != "bands"))

    def _numbered_bands(self, phrase: Tree[Token]) -> None:
        sensors = [t for t in _tokens(phrase) if t.type == "SENSOR"]
        numbers: list[int] = []
        for part in next(phrase.find_data("numbers")).children:
            ends = [float(t) for t in _tokens(part) if t.type == "NUMBER"]
            if not all(e.is_integer() and 0 < e < _MAX_BAND_NUMBER for e in ends):
                self._cannot(phrase)
                return
            numbers += range(int(ends[0]), int(ends[-1]) + 1)
        if len(numbers) < 2 and not sensors:
            self._cannot(phrase)
            return
        if sensors:
            self._set(phrase, "sensor", str(sensors[0]))
        self._set(phrase, "bands", tuple(f"B{number}" for number in numbers))

    def _sensor_bands(self, phrase: Tree[Token]) -> None:
        self._numbered_bands(phrase)

    def _set(self, phrase: Tree[Token], name: str, value: object) -> None:
        """Set a field that can be said once; said again with another value, it is not read."""
        if self.gathered.fields.setdefault(name, value) != value:
            self._cannot(phrase)

    def _gsd(self, phrase: Tree[Token]) -> None:
        number, unit = _number(phrase), _of(phrase, "UNIT_LENGTH")
        self._set(phrase, "gsd_m", number * (1000.0 if unit == "km" else 1.0))

    def _scale(self, phrase: Tree[Token]) -> None:
        self._set(phrase, "scale", _number(phrase))

    def _offset(self, phrase: Tree[Token]) -> None:
        self._set(phrase, "offset", _number(phrase))

    def _parameter(self, phrase: Tree[Token]) -> None:
        self._set(phrase, "parameters", {_of(phrase, "PARAM"): _number(phrase)})

    def _bitflag(self, phrase: Tree[Token]) -> None:
        number = _number(phrase)
        if not number.is_integer() or number < 0:
            self._cannot(phrase)
            return
        self._set(phrase, "bit", int(number))

    def _condition(self, phrase: Tree[Token]) -> None:
        said = _of(phrase, "CMP") or _of(phrase, "OVER") or _of(phrase, "CMPAFTER")
        operator = _OPERATORS[said]
        if _of(phrase, "NOT"):
            operator = _OPPOSITE[operator]
        self._add_condition(phrase, operator, [_number(phrase)])

    def _between(self, phrase: Tree[Token]) -> None:
        self._add_condition(
            phrase, "between", [float(t) for t in _tokens(phrase) if t.type == "NUMBER"]
        )

    def _add_condition(self, phrase: Tree[Token], operator: Operator, numbers: list[float]) -> None:
        subject = self._subject(next(phrase.find_data("subject")))
        levels = {str(t) for tree in phrase.find_data("level") for t in _tokens(tree)}
        if subject is None or len(levels) > 1 or numbers != sorted(numbers):
            self._cannot(phrase)
            return
        said = Condition(
            subject=subject,
            operator=operator,
            value=numbers[0],
            upper=numbers[1] if operator == "between" else None,
            unit=next(iter(levels), ""),
        )
        made = in_own_unit(said)
        if made is None:
            self._cannot(phrase)
            return
        self.gathered.conditions.append(made)

    def _subject(self, tree: Tree[Token]) -> Subject | None:
        """Return the quantity of a phrase; None if two are named, or its bands are others."""
        note = [n for part in tree.find_data("note") for t in _tokens(part) for n in t.split(",")]
        named = dict.fromkeys(
            Subject(kind=_SUBJECTS[t.type], id=str(t))
            for child in tree.children
            if isinstance(child, Token)
            for t in [child]
            if t.type in _SUBJECTS
        )
        if len(named) != 1:
            return None
        subject = next(iter(named))
        if note and set(note) != quantity(subject.id).bands:
            return None
        return subject

    def _except_cover(self, phrase: Tree[Token]) -> None:
        self.gathered.covers.append(Cover(name=_covered(phrase), negated=True))

    def _in_cover(self, phrase: Tree[Token]) -> None:
        self.gathered.covers.append(Cover(name=_covered(phrase)))

    def _largest(self, phrase: Tree[Token]) -> None:
        superlative = next(_tokens(phrase))
        if superlative.type == "STAT" and self._text(superlative) != "最大":
            self._cannot(phrase)
            return
        self.gathered.fields["largest"] = True
        self.gathered.covers.append(Cover(name=_of(phrase, "BODY")))

    def _bearer(self, phrase: Tree[Token]) -> None:
        self._cannot(phrase)

    def _which(self, phrase: Tree[Token]) -> None:
        self._plain(list(_tokens(phrase))[-1])

    def _where_side(self, phrase: Tree[Token]) -> None:
        self._where(phrase)

    def _where_name(self, phrase: Tree[Token]) -> None:
        self._where(phrase)

    def _where(self, phrase: Tree[Token]) -> None:
        for token in _tokens(phrase):
            if token.type in {"INSIDE", "ON"}:
                self.gathered.sides.append("inside")
            elif token.type in {"OUTSIDE", "BEYOND"}:
                self.gathered.sides.append("outside")
            elif token.type == "ZONE":
                self.gathered.nouns.append(str(token))
        for name in phrase.find_data("name"):
            if not self._is_name(name):
                self._cannot(phrase)
            self.gathered.names.append(" ".join(str(t) for t in _tokens(name)))

    def _is_name(self, name: Tree[Token]) -> bool:
        """Return whether words are written as a name is: quoted, with capitals, or in Chinese."""
        texts = [self._text(token) for token in _tokens(name) if token.type != "QUOTED"]
        is_latin = {text[:1].isascii() for text in texts}
        is_sign = is_latin == {False} and len("".join(texts)) < 2
        return len(is_latin) < 2 and not is_sign and not any(t[:1].islower() for t in texts)

    def _scope(self, phrase: Tree[Token]) -> None:
        if _of(phrase, "PLACE"):
            self.gathered.fields["place"] = True
        named = {t.type for t in _tokens(phrase)} & {"IMAGE", "RELIEF"}
        if named and _of(phrase, "INSIDE"):
            self.gathered.fields["in_image"] = True
        self.gathered.said |= named

    def _loose_index(self, phrase: Tree[Token]) -> None:
        subject = self._subject(phrase)
        if subject is None:
            self._cannot(phrase)
            return
        self.gathered.subjects.append(subject)

    def _by_index(self, phrase: Tree[Token]) -> None:
        self._loose_index(phrase)
        self.gathered.said.add("BY_INDEX")

    def _loose(self, phrase: Tree[Token]) -> None:
        self._plain(next(_tokens(phrase)))

    def _plain(self, token: Token) -> None:
        """Add a word that says something by itself; note any other as unread."""
        kind, value = token.type, str(token)
        if kind in _WANTS:
            what = value if kind in {"STAT", "EXTENT"} else ""
            self.gathered.wants.append(Want(kind=_WANTS[kind], what=what))
        elif kind == "AREA":
            if value != "size":
                self.gathered.said.add("AREA")
            self.gathered.wants.append(Want(kind="area"))
            self.gathered.units += {value} & AREA_UNITS
        elif kind in _UNITS:
            self.gathered.units.append(value)
        elif kind in {"COVER", "BODY"}:
            self.gathered.covers.append(Cover(name=value))
        elif kind in {"BAND", "HEIGHT"}:
            self.gathered.subjects.append(Subject(kind=_SUBJECTS[kind], id=value))
        elif kind in {"OUTSIDE", "BEYOND"} and self.gathered.sides == ["inside"]:
            self.gathered.sides.append("outside")
        elif kind in _FLAGS:
            self.gathered.fields[_FLAGS[kind]] = True
        elif not self._topic(kind, value):
            self.gathered.unread.append(self._text(token))

    def _topic(self, kind: str, value: str) -> bool:
        """Note what a question is about besides numbers; False if the word says nothing alone."""
        if kind in _TOPICS or kind == "LARGEST":
            self.gathered.topics.append("RANKING" if kind == "LARGEST" else kind)
        elif kind == "OBJECT":
            self.gathered.objects.append(value)
        elif kind == "ZONE":
            self.gathered.nouns.append(value)
        elif kind in {"SENSOR", "CONNECTIVITY"}:
            self.gathered.fields[kind.lower()] = int(value) if kind == "CONNECTIVITY" else value
        elif kind in {"AMOUNT", "GREENNESS", "RELIEF", "IMAGE"}:
            self.gathered.said.add(kind)
        else:
            return kind in _SILENT
        return True


def _tokens(tree: Any) -> Iterator[Token]:
    if isinstance(tree, Token):
        yield tree
        return
    for child in tree.children:
        yield from _tokens(child)


def _of(phrase: Tree[Token], kind: str) -> str:
    return next((str(token) for token in _tokens(phrase) if token.type == kind), "")


def _covered(phrase: Tree[Token]) -> str:
    return _of(phrase, "COVER") or _of(phrase, "BODY")


def _number(phrase: Tree[Token]) -> float:
    return float(_of(phrase, "NUMBER"))

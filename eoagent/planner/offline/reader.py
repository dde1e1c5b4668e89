"""Read a question: tokens, then phrases by the grammar, then one reading of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from lark import Lark, Token, Tree
from lark.lexer import Lexer

from eoagent.planner.offline.lexicon import Word, is_chinese, tokenize
from eoagent.planner.offline.reading import (
    Condition,
    Operator,
    Reading,
    Subject,
    Want,
    WantKind,
    Zone,
)

__all__ = ["read"]

_TOPICS: Final = ("CHANGE", "TWODATES", "SERIES", "RANKING", "RELATION", "DNBR", "COUNT", "LENGTH")
_UNREAD: Final = ("UNKNOWN", "QUOTED", "NUMBER", "BIT", "CMP", "BETWEEN")
_WANTS: Final[Mapping[str, WantKind]] = MappingProxyType(
    {"AREA": "area", "SHARE": "share", "STAT": "statistic", "EXTENT": "extent"}
)
_FIELDS: Final = MappingProxyType({"COVER": "cover", "UNIT_AREA": "area_unit", "SENSOR": "sensor"})
_FLAGS: Final = MappingProxyType({"QA": "mentions_quality", "NOFILL": "without_fill"})
_BAND_LIST: Final = 3
_MAX_BAND_NUMBER: Final = 20


class _Words(Lexer):
    """Hands the lexicon's words to the grammar."""

    def __init__(self, lexer_conf: Any) -> None:
        del lexer_conf

    def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]  # Earley hands over the data alone
        """Yield a token per word."""
        for word in data:
            yield Token(word.type, word.value)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = (files(__package__) / "question.lark").read_text(encoding="utf-8")
    return Lark(text, parser="earley", lexer=_Words, ambiguity="resolve")


def read(question: str) -> Reading:
    """Return the reading of a question; what could not be read is listed in it.

    Raises:
        InputError: if the question is empty or too long.
    """
    tree = _grammar().parse(_join_bands(tokenize(question)))
    collector = _Collector()
    for phrase in tree.children:
        if isinstance(phrase, Tree):
            collector.take(phrase)
    return collector.reading(chinese=is_chinese(question))


def _join_bands(words: Sequence[Word]) -> list[Word]:
    """Make one BANDLIST of three or more bands in a row: an order of bands, not a formula."""
    joined: list[Word] = []
    run: list[Word] = []
    for word in [*words, Word(type="STOP", value="", text="")]:
        if word.type == "BAND":
            run.append(word)
            continue
        if len(run) >= _BAND_LIST:
            names = ",".join(w.value for w in run)
            joined.append(Word(type="BANDLIST", value=names, text=names))
        else:
            joined.extend(run)
        run = []
        joined.append(word)
    return joined[:-1]


class _Collector:
    """Gathers what the phrases say."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._wants: list[Want] = []
        self._conditions: list[Condition] = []
        self._subjects: list[Subject] = []
        self._sides: list[Literal["inside", "outside"]] = []
        self._zone = {"noun": "", "name": ""}
        self._topics: list[str] = []
        self._objects: list[str] = []
        self._unread: list[str] = []
        self._amount = False

    def take(self, phrase: Tree[Token]) -> None:
        """Add one phrase."""
        handler: Callable[[Tree[Token]], None] = getattr(self, f"_{phrase.data}")
        handler(phrase)

    def reading(self, *, chinese: bool) -> Reading:
        """Put the reading together."""
        cover = self._fields.get("cover", "")
        has_size = any(want.kind in {"area", "share"} for want in self._wants)
        if self._amount and (cover or self._conditions) and not has_size:
            self._wants += [Want(kind="area"), Want(kind="share")]
        if self._fields.get("area_unit") and not self._wants:
            self._wants.append(Want(kind="area"))
        zone = None
        if self._zone["noun"] or self._zone["name"]:
            sides = tuple(dict.fromkeys(self._sides)) or ("inside",)
            zone = Zone(noun=self._zone["noun"], name=self._zone["name"], sides=sides)
        return Reading(
            chinese=chinese,
            wants=tuple(dict.fromkeys(self._wants)),
            condition=self._conditions[0] if self._conditions else None,
            more_conditions=max(0, len(set(self._conditions)) - 1),
            subjects=tuple(dict.fromkeys(self._subjects)),
            zone=zone,
            topics=tuple(dict.fromkeys(self._topics)),
            objects=tuple(dict.fromkeys(self._objects)),
            unread=tuple(self._unread),
            **self._fields,
        )

    def _bands(self, phrase: Tree[Token]) -> None:
        self._fields["bands"] = tuple(_last(phrase).split(","))

    def _numbered_bands(self, phrase: Tree[Token]) -> None:
        sensors = [t for t in _tokens(phrase) if t.type == "SENSOR"]
        numbers: list[int] = []
        for part in next(phrase.find_data("numbers")).children:
            ends = [float(t) for t in _tokens(part) if t.type == "NUMBER"]
            if not all(e.is_integer() and 0 < e < _MAX_BAND_NUMBER for e in ends):
                self._unread += [str(t) for t in _tokens(phrase) if t.type == "NUMBER"]
                return
            numbers += range(int(ends[0]), int(ends[-1]) + 1)
        if sensors:
            self._fields["sensor"] = str(sensors[0])
        self._fields["bands"] = tuple(f"B{number}" for number in numbers)

    def _gsd(self, phrase: Tree[Token]) -> None:
        number, unit = _number(phrase), _of(phrase, "UNIT_LENGTH")
        self._fields["gsd_m"] = number * (1000.0 if unit == "km" else 1.0)

    def _scale(self, phrase: Tree[Token]) -> None:
        self._fields["scale"] = _number(phrase)

    def _offset(self, phrase: Tree[Token]) -> None:
        self._fields["offset"] = _number(phrase)

    def _parameter(self, phrase: Tree[Token]) -> None:
        self._fields["parameters"] = {_of(phrase, "PARAM"): _number(phrase)}

    def _bitflag(self, phrase: Tree[Token]) -> None:
        self._fields["bit"] = int(_number(phrase))

    def _condition(self, phrase: Tree[Token]) -> None:
        self._conditions.append(
            Condition(
                subject=_subject(phrase),
                operator=_operator(phrase),
                value=_number(phrase),
                unit=_of(phrase, "UNIT_LEVEL") or _of(phrase, "UNIT_LENGTH"),
            )
        )

    def _between(self, phrase: Tree[Token]) -> None:
        low, high = sorted(float(t) for t in _tokens(phrase) if t.type == "NUMBER")
        unit = _of(phrase, "UNIT_LEVEL") or _of(phrase, "UNIT_LENGTH")
        self._conditions.append(
            Condition(
                subject=_subject(phrase), operator="between", value=low, upper=high, unit=unit
            )
        )

    def _where_side(self, phrase: Tree[Token]) -> None:
        self._where(phrase)

    def _where_name(self, phrase: Tree[Token]) -> None:
        self._where(phrase)

    def _where(self, phrase: Tree[Token]) -> None:
        for token in _tokens(phrase):
            if token.type in {"INSIDE", "ON"}:
                self._sides.append("inside")
            elif token.type == "OUTSIDE":
                self._sides.append("outside")
            elif token.type == "ZONE":
                self._zone["noun"] = str(token)
        for name in phrase.find_data("name"):
            self._zone["name"] = " ".join(str(t) for t in _tokens(name))

    def _scope(self, phrase: Tree[Token]) -> None:
        del phrase

    def _loose_index(self, phrase: Tree[Token]) -> None:
        self._subjects.append(Subject(kind="index", id=_of(phrase, "INDEX")))

    def _loose(self, phrase: Tree[Token]) -> None:
        token = next(_tokens(phrase))
        kind, value = token.type, str(token)
        if kind in _TOPICS:
            self._topics.append(kind)
        elif kind in _UNREAD:
            self._unread.append(value)
        elif kind == "OBJECT":
            self._objects.append(value)
        elif kind == "ZONE":
            self._zone["noun"] = value
        elif kind == "BANDLIST":
            self._fields["bands"] = tuple(value.split(","))
        else:
            self._plain(kind, value)

    def _plain(self, kind: str, value: str) -> None:
        if kind in _WANTS:
            what = value if kind in {"STAT", "EXTENT"} else ""
            self._wants.append(Want(kind=_WANTS[kind], what=what))
        elif kind == "AMOUNT":
            self._amount = True
        elif kind == "GREENNESS":
            self._fields |= {"cover": "vegetation", "greenness": True}
        elif kind in _FIELDS:
            self._fields[_FIELDS[kind]] = value
        elif kind in _FLAGS:
            self._fields[_FLAGS[kind]] = True
        elif kind == "BAND":
            self._subjects.append(Subject(kind="band", id=value))
        elif kind == "HEIGHT" and value != "relief_file":
            self._subjects.append(Subject(kind="height", id=value))


def _tokens(tree: Any) -> Iterator[Token]:
    if isinstance(tree, Token):
        yield tree
        return
    for child in tree.children:
        yield from _tokens(child)


def _of(phrase: Tree[Token], kind: str) -> str:
    return next((str(token) for token in _tokens(phrase) if token.type == kind), "")


def _last(phrase: Tree[Token]) -> str:
    return str(list(_tokens(phrase))[-1])


def _number(phrase: Tree[Token]) -> float:
    return float(_of(phrase, "NUMBER"))


def _operator(phrase: Tree[Token]) -> Operator:
    said = _of(phrase, "CMP")
    known: dict[str, Operator] = {"ge": "ge", "lt": "lt", "le": "le"}
    return known.get(said, "gt")


def _subject(phrase: Tree[Token]) -> Subject:
    for kind in ("INDEX", "BAND", "HEIGHT"):
        tree = next(phrase.find_data("subject"))
        identity = [str(t) for t in _tokens(tree) if t.type == kind]
        if identity:
            named: dict[str, Literal["index", "band", "height"]] = {
                "INDEX": "index",
                "BAND": "band",
                "HEIGHT": "height",
            }
            return Subject(kind=named[kind], id=identity[-1])
    msg = "the grammar let a condition through without a subject"
    raise AssertionError(msg)

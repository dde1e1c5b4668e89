"""Figure references in a text become values with unit and rounding; bare numbers are found out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.units import convert, display_unit, format_number

__all__ = ["REFERENCE_IN_TEXT", "bare_claims", "numbers_in", "pretty_unit", "quantity", "render"]

REFERENCE_IN_TEXT: Final = re.compile(r"\{(f[1-9][0-9]*)(?::([A-Za-z0-9*/]+))?\}")
"""`{f3}` in the unit that fits, `{f3:ha}` in a unit asked for, `{f3:zh}` a choice in Chinese."""

_MALFORMED: Final = re.compile(r"\{\s*[fF]\s*\d[^{}]*\}")
_LETTER: Final = r"A-Za-z_\u00c0-\u024f"
_NUMBER: Final = re.compile(
    rf"(?<![{_LETTER}\d])(?<!\d\.)[-+−]?(?:\d(?:[\d,]*\d)?(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)
"""A number, glued to what follows it or not (`42km2`, `42平方公里`); digits in a name are none."""
_HASH: Final = re.compile(r"\b(?=\d*[a-f])[0-9a-f]{12,}\b")
_TOKEN: Final = re.compile(r"[^\s\u3000-\u9fff\uff00-\uffef]*\d[^\s\u3000-\u9fff\uff00-\uffef]*")
_NAME: Final = re.compile(r"[A-Za-z_][\w./-]*|[a-z]+:[0-9a-f]{12}")
_DATE: Final = re.compile(
    r"(?<![\d.])\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?(?:T[\d:.]+Z?)?(?!\d)"
)
_DIRECTION: Final = re.compile(
    r"\b(increas\w*|decreas\w*|rose|risen|fell|fallen|grew|grown|shr[aiu]nk\w*|declin\w*|"
    r"larger than|smaller than|more than|less than|higher than|lower than)\b|"
    r"(增加|减少|上升|下降|扩大|缩小|大于|小于)",
    re.IGNORECASE,
)
_UP: Final = re.compile(r"increas|rose|risen|grew|grown|增加|上升|扩大", re.IGNORECASE)
_DOWN: Final = re.compile(r"decreas|fell|fallen|shr|declin|减少|下降|缩小", re.IGNORECASE)
_BOUND: Final = re.compile(
    r"\s*(?:or equal to\s+|等于\s*)?[-+−]?(?:\d|\.\d)|\s*(?:its|their|the|that)\s+(?:own\s+)?error|"
    r"\s*(?:其|它的?|自身的?|该)?误差"
)
"""What follows a word that compares to a stated bound, or to an error: no claim of direction."""
_COORDINATES: Final = frozenset({"lon", "lat", "west", "south", "east", "north"})
_PRETTY: Final = {"m2": "m²", "km2": "km²", "m3": "m³", "px2": "px²", "percent": "%", "deg": "°"}


_CHOICES_ZH: Final = MappingProxyType(
    {
        "increased": "增加",
        "decreased": "减少",
        "unchanged": "不变",
        "increasing": "呈增加趋势",
        "decreasing": "呈减少趋势",
        "north": "北",
        "north-east": "东北",
        "east": "东",
        "south-east": "东南",
        "south": "南",
        "south-west": "西南",
        "west": "西",
        "north-west": "西北",
        "north-north-east": "东北偏北",
        "east-north-east": "东北偏东",
        "east-south-east": "东南偏东",
        "south-south-east": "东南偏南",
        "south-south-west": "西南偏南",
        "west-south-west": "西南偏西",
        "west-north-west": "西北偏西",
        "north-north-west": "西北偏北",
        "yes": "是",
        "no": "否",
    }
)


def render(text: str, figures: Mapping[str, Figure]) -> str:
    """Return a text with each figure reference replaced by value, error and unit.

    Raises:
        InputError: if a reference names no figure, asks for a unit of another kind, or cannot be
            read.
    """
    malformed = _MALFORMED.search(REFERENCE_IN_TEXT.sub(" ", text))
    if malformed is not None:
        raise InputError(
            f"'{malformed.group(0)[:40]}' is no reference to a figure",
            hint="write {f1}, or {f1:ha} for a unit",
        )

    def replace(match: re.Match[str]) -> str:
        figure = figures.get(match.group(1))
        if figure is None:
            known = ", ".join(figures) or "none"
            raise InputError(
                f"{match.group(0)} names no figure of this run", hint=f"known: {known}"
            )
        return quantity(figure, match.group(2))

    return REFERENCE_IN_TEXT.sub(replace, text)


def quantity(figure: Figure, unit: str | None = None) -> str:
    """Return a figure as a person reads it: `30.85 ± 0.21 km²`, `19.7 %`, `2010`.

    Raises:
        InputError: if the unit is of another kind than the figure's.
    """
    if isinstance(figure.value, str):
        if unit == "zh":
            return _CHOICES_ZH.get(figure.value, figure.value)
        convert(1.0, figure.unit, unit or figure.unit)
        return figure.value
    target = unit or display_unit(figure.number, figure.unit)
    value = convert(figure.number, figure.unit, target)
    error = None if figure.error is None else convert(figure.error, figure.unit, target)
    text = f"{value:.5f}" if _is_coordinate(figure) else format_number(value, error=error)
    if error:
        text += f" ± {format_number(error, digits=2)}"
    if target in {"1", "count", "choice"}:
        return text
    return f"{text}{'' if target == 'deg' else ' '}{pretty_unit(target)}"


def _is_coordinate(figure: Figure) -> bool:
    """Whether a figure is a longitude or latitude, which five decimals place to a metre."""
    return figure.unit == "deg" and figure.name.rpartition("_")[2] in _COORDINATES


def pretty_unit(unit: str) -> str:
    """Return a unit as a person writes it: `km²/yr`."""
    return "/".join(_PRETTY.get(part, part) for part in unit.split("/"))


def numbers_in(text: str) -> set[float]:
    """Return the numbers written in a text, signs dropped and thousands separators removed.

    Hashes and the ids made of them hold no numbers.
    """
    found = _NUMBER.findall(_HASH.sub(" ", text))
    return {abs(float(m.replace(",", "").replace("−", "-"))) for m in found}


def bare_claims(
    text: str, *, allowed: Iterable[str], choices: Collection[str] = ()
) -> tuple[str, ...]:
    """Return what a text claims by hand: numbers without a figure, directions without a choice.

    Args:
        text: the draft, with its references still in place.
        allowed: texts whose numbers may be quoted (question, step arguments, dates, titles).
        choices: values of the figures that are choices and that the draft refers to.
    """
    plain = _DATE.sub(" ", REFERENCE_IN_TEXT.sub(" ", text))
    quotable: set[float] = set()
    words: set[str] = set()
    said = ""
    for source in allowed:
        quotable |= numbers_in(_DATE.sub(" ", source)) | numbers_in(source)
        words |= set(_TOKEN.findall(source))
        said += f" {source.lower()}"
    plain = _TOKEN.sub(lambda m: " " if _is_name(m.group(0), words) else m.group(0), plain)
    claims = [
        number
        for number in _NUMBER.findall(plain)
        if abs(float(number.replace(",", "").replace("−", "-"))) not in quotable
    ]
    found = (m.group(0) for m in _DIRECTION.finditer(plain) if not _BOUND.match(plain, m.end()))
    claims += [word for word in found if word.lower() not in said and not _is_borne(word, choices)]
    return tuple(dict.fromkeys(claims))


def _is_borne(word: str, choices: Collection[str]) -> bool:
    """Whether a choice bears a word out: up and down need one that says so, comparisons any."""
    if _UP.match(word):
        return any(choice.startswith("increas") for choice in choices)
    if _DOWN.match(word):
        return any(choice.startswith("decreas") for choice in choices)
    return bool(choices)


def _is_name(token: str, quoted: set[str]) -> bool:
    """Whether a token with digits is a name (km2, B04, f3c..) or was quoted as it stands."""
    bare = token.strip(".,;:!?()[]\"'")
    has_letter = any(c.isalpha() or c in "_:/" for c in bare)
    return has_letter and (token in quoted or bare in quoted or bool(_NAME.fullmatch(bare)))

"""Read Chinese questions about things in pictures: whole sentences about things known by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from eoagent.planner.offline.numerals import read_numeral
from eoagent.planner.offline.objectask import Bound, ObjectAsk
from eoagent.planner.offline.objectwords import Noun, noun_in_chinese, nouns_in_chinese

__all__ = ["ask_in_chinese"]

_MEASURE: Final = r"(?:个|只|艘|条|辆|架|栋|座|棵|块|片|处|幢|台|间|根)?"
_IMG: Final = r"(?:影像|图像|图片|照片|场景|图)"
_IN: Final = rf"(?:(?:在)?(?:这|该|此|整)?(?:幅|张|景|个)?{_IMG}(?:中|里|上|内)?(?:的)?)?"
_MANY: Final = r"(?:多少|几)"
_ASKED: Final = re.compile(r"^(?:请问|请计算|请|计算一下|计算|告诉我|帮我算一下|求|给出)+(?=.)")
_COUNTED: Final = re.compile(r"^(?:请|帮我)*(?:统计一下|统计|数一下|数一数|数数)(?=.)")
_TOLD: Final = r"(?:分别|各)?(?:是|为|有)?(?:多少|几个|多大)?"
_SHARE: Final = r"(?:比例|百分比|百分之几|百分之多少|占比|比重)"
_METRES: Final = r"(?P<radius>\d+(?:\.\d+)?|[一二两三五十百千]+)(?P<metres>米|公里|千米)"
_WITHIN: Final = r"(?:以内|之内|范围内|范围之内|内)"
_MORE_THAN: Final = "(?P<operator>超过|多于|少于|不少于|至少)"
_DRAW: Final = "(?:在地图上)?(?:标出|圈出|勾画|勾绘|分割|提取|显示)(?:所有的?|出)?"
_PAIR: Final = r"(?:两(?:期|幅|个日期|张)?(?:影像|图像)?之间)?新(?:增|建)"
_OF_GROUND: Final = r"(?:整个|整幅)?(?:影像|图像|地面)?的?"
_WHICH: Final = r"哪(?:一|些|几)?(?:幅|张|景)"
_THERE: Final = r"(?:中|里|上)?"
_X: Final = "(?P<x>{x})"
_ASKS: Final = r"(?:是多少|有多大|多大)?"
_TABLE: Final[tuple[tuple[str, ...], ...]] = (
    ("new", _PAIR, r"(?:了|的)?(?P<count>", _MANY, ")", _MEASURE, _X),
    ("new", _PAIR, "的?", _X, r"(?:有|是)?(?P<count>", _MANY, ")", _MEASURE),
    ("new", _PAIR, "的?", _X, "占", _OF_GROUND, "(?P<share>", _SHARE, ")", _ASKS),
    ("new", _PAIR, "的?", _X, "的?(?P<area>面积)", _ASKS),
    ("within", "(?P<y>{y})", _METRES, _WITHIN, "的", _X, "有", _MANY, _MEASURE),
    ("within", _IN, "(?:离|距|距离)?(?P<y>{y})", _METRES, _WITHIN, "有?", _MANY, _MEASURE, _X),
    ("nearest", _IN, "(?:离|距|距离)(?P<y>{y})最近的", _X, "(?:有多远|距离(?:是)?多少)"),
    ("nearest", _IN, "(?:离|距|距离)(?P<y>{y})最近的", _X, "是哪(?:一)?(?:个|艘|栋|座|架|辆)"),
    ("most", _WHICH, _IMG, "?", _THERE, "的?", _X, "(?P<most>最多|最少)"),
    ("bound", _WHICH, _IMG, "?", _THERE, "(?:有|的)?", _X, _MORE_THAN, r"(?P<value>\d+)", _MEASURE),
    ("shows", _WHICH, _IMG, "?", _THERE, "(?:有|显示了?|包含)", _X),
    ("present", _IN, "(?:有没有|是否有)", _X),
    ("present", _IN, "有", _X, "吗"),
    ("measure", _IN, _X, "的?(?:总|覆盖的?)?(?P<area>面积)", _ASKS),
    ("measure", _IN, _X, "(?:覆盖|占)了?", _OF_GROUND, "(?P<share>", _SHARE, ")", _ASKS),
    ("measure", _IN, _X, "(?:覆盖)?的?面积占", _OF_GROUND, "(?P<share>", _SHARE, ")", _ASKS),
    ("map", _DRAW, _IN, _X),
    ("map", _IN, _X, "在哪(?:里|儿)?"),
    ("describe", "描述(?:一下)?(?:这|该|此)?(?:幅|张|景)?", _IMG),
    ("describe", _IN, "(?:能|可以)?(?:看到|看见|有)了?(?:些?什么|哪些东西)(?:东西)?"),
    ("count", _IN, "(?:共|一共|总共)?有", _MANY, _MEASURE, "的?", _X),
    ("count", _IN, _X, "的?总?(?:数量|个数|总数|数目)", _TOLD),
    ("count", _IN, _X, "有", _MANY, _MEASURE),
)
_OPERATORS: Final[Mapping[str, Any]] = MappingProxyType(
    {"超过": "gt", "多于": "gt", "少于": "lt", "不少于": "ge", "至少": "ge"}
)
_COVERS: Final = MappingProxyType(
    {"水体": "water", "水域": "water", "水面": "water", "水": "water"}
)

_MAX_CHARS: Final = 120
"""Longest question of this kind; longer ones say more than one thing."""

_Match = re.Match[str]


def ask_in_chinese(question: str) -> ObjectAsk | None:
    """Return what a Chinese question asks about things in pictures, or None if it does not."""
    text = re.sub(r"\s+", "", question).strip("。？?！!，,")
    text = re.sub(r"(?:呢|，?谢谢)+$", "", text).strip("。？?！!，,")
    if len(text) > _MAX_CHARS:
        return None
    bare = _COUNTED.sub("", text)
    for said in dict.fromkeys((_ASKED.sub("", text), bare)):
        for kind, shape in _shapes():
            match = shape.fullmatch(said)
            ask = None if match is None else _ask(kind, match)
            if ask is not None:
                return ask
    found = re.fullmatch(rf"{_IN}(?P<x>{nouns_in_chinese()})", bare) if bare != text else None
    return None if found is None else _ask("count", found)


def _ask(kind: Any, match: _Match) -> ObjectAsk | None:
    said = match.groupdict()
    if kind == "describe":
        return ObjectAsk(kind="describe")
    noun = noun_in_chinese(said["x"])
    if noun is None or (kind == "measure" and noun.cover):
        return None
    wants: Any = tuple(name for name in ("area", "share", "count") if said.get(name))
    ask = ObjectAsk(kind=kind, nouns=(noun,), wants=wants, is_pair=kind == "new")
    return _MORE[kind](ask, match) if kind in _MORE else ask


def _near(ask: ObjectAsk, match: _Match) -> ObjectAsk | None:
    anchor = _anchor(match["y"])
    number = read_numeral(match["radius"], 0)
    if anchor is None or number is None:
        return None
    metres = number[0] * (1.0 if match["metres"] == "米" else 1000.0)
    return ObjectAsk(kind=ask.kind, nouns=ask.nouns, anchor=anchor, radius_m=metres)


def _nearest(ask: ObjectAsk, match: _Match) -> ObjectAsk | None:
    anchor = _anchor(match["y"])
    if anchor is None:
        return None
    is_which = "哪" in match.string
    return ObjectAsk(kind=ask.kind, nouns=ask.nouns, anchor=anchor, has_place=is_which)


def _anchor(text: str) -> Noun | None:
    if text in _COVERS:
        return Noun(phrase=_COVERS[text], said=text, cover=_COVERS[text])
    return noun_in_chinese(text)


def _most(ask: ObjectAsk, match: _Match) -> ObjectAsk:
    order: Any = "highest" if match["most"] == "最多" else "lowest"
    return ObjectAsk(kind=ask.kind, nouns=ask.nouns, order=order, wants=("count",))


def _bound(ask: ObjectAsk, match: _Match) -> ObjectAsk:
    bound = Bound(operator=_OPERATORS[match["operator"]], value=float(match["value"]))
    return ObjectAsk(kind=ask.kind, nouns=ask.nouns, bound=bound)


_MORE: Final[Mapping[str, Callable[[ObjectAsk, _Match], ObjectAsk | None]]] = MappingProxyType(
    {"within": _near, "nearest": _nearest, "most": _most, "bound": _bound}
)


@lru_cache(maxsize=1)
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    nouns = nouns_in_chinese()
    anchors = "|".join([nouns, *_COVERS])
    return tuple(
        (kind, re.compile("".join(parts).replace("{x}", nouns).replace("{y}", anchors)))
        for kind, *parts in _TABLE
    )

"""Read Chinese questions that a picture answers by reasoning: whole sentences, or nothing."""

from __future__ import annotations

import re
from typing import Final

from eoagent.planner.offline.objectwords import Noun, noun_in_chinese
from eoagent.planner.offline.reasonask import ReasonAsk
from eoagent.planner.offline.reasonphrases import stop_words

__all__ = ["reason_in_chinese"]

_MAX_CHARS: Final = 100
"""Longest question of this kind; longer ones say more than one thing."""
_ASKED: Final = re.compile(r"^(?:请问|请|告诉我|帮我)+(?=.)")
_IMG: Final = r"(?:影像|图像|图片|照片|场景|图)"
_IN: Final = re.compile(rf"(?:在)?(?:这|该|此)?(?:幅|张|景)?{_IMG}(?:中|里|上|内)(?:的)?，?")
_WHERE: Final = (
    r"(?:哪里|哪儿|哪个地方|哪些地方|什么地方|哪块地|哪片(?:区域|地方|土地)|"
    r"哪(?:个|些|一个)(?:区域|位置|地点|部分|建筑|田块|地块|地区))"
)
_MARK: Final = (
    "(?:适合|适宜|可以|能够|能|最安全|最好|最佳|最容易|最可能|可能|应该|应当|最危险|有风险|风险|"
    "容易|易受|便于|用来|用于)"
)
_HERE: Final = "(?:这|这里|此处|该处|这个地方|这个区域|该区域|那里)"
_PAIR: Final = rf"(?:这)?(?:两(?:幅|期|张|景|个)(?:{_IMG}|日期|时期)|前后)(?:之间)?(?:的)?"
_DIFFERS: Final = r"(?:变化|不同|区别|差异)"
_TELL: Final = "(?:(?:用文字)?(?:描述|说明|概括)(?:一下)?)"
_TABLE: Final[tuple[tuple[str, str], ...]] = (
    ("change", rf"{_PAIR}(?:有|发生了|出现了|都有)?(?:了)?(?:什么|哪些)(?:样的)?{_DIFFERS}"),
    ("change", rf"{_TELL}{_PAIR}{_DIFFERS}"),
    ("change", rf"{_HERE}?(?:有|发生了)(?:什么|哪些)(?:样的)?变化"),
    ("cover", rf"{_TELL}(?:{_PAIR})?(?P<x>[\u3400-\u9fff]{{1,6}}?)的?变化"),
    ("happened", rf"{_HERE}?(?:正在)?发生了?什么(?:事|事情)?"),
    ("words", rf"{_HERE}?(?:是|显示的是)(?:一个)?什么(?:样的)?(?:地方|场所|区域|设施)"),
    ("words", "(?:为什么|为何|怎么会).+|.+(?:为什么|为何|怎么会).+"),
    ("words", ".*(?:用来|用于|用作)(?:做|干)?(?:什么|哪些).*|.+(?:的)?用途是什么"),
    ("words", r".*(?:什么|哪种)(?:类型|种类|样|性质)的(?:地方|区域|建筑|设施|农田|作物|土地).*"),
    ("words", rf"(?:{_HERE}|.+)(?:适合|适宜|可以|能|可能).+吗"),
    ("place", rf".*{_WHERE}.*{_MARK}.*|.*{_MARK}.*{_WHERE}.*"),
    ("place", rf"(?:找出|找到|标出|圈出|指出).*{_MARK}.*的(?:地方|区域|位置|地点|场所)"),
)
_SHAPES: Final = tuple((kind, re.compile(shape)) for kind, shape in _TABLE)
_CHANGED: Final = re.compile("变|消失|减少|增加|不见|前后|之间|新")


def reason_in_chinese(question: str) -> ReasonAsk | None:
    """Return what a Chinese question asks of a picture by reasoning, or None if it does not."""
    text = re.sub(r"\s+", "", question).strip("。？?！!，,")
    text = re.sub(r"(?:呢|，?谢谢)+$", "", text).strip("。？?！!，,")
    text = _IN.sub("", _ASKED.sub("", text))
    if len(text) > _MAX_CHARS or re.search(r"[A-Za-z0-9。？！；：]", text):
        return None
    if any(word in text for word in stop_words() if not word.isascii()):
        return None
    for name, shape in _SHAPES:
        match = shape.fullmatch(text)
        if match is None:
            continue
        if name == "cover":
            noun = _noun(match["x"])
            return None if noun is None else ReasonAsk(kind="change", noun=noun)
        if name == "change":
            return ReasonAsk(kind="change")
        if re.search(_IMG, text):
            return None  # of the picture itself, not of what it shows
        if name == "place":
            return ReasonAsk(kind="place")
        is_changed = name == "happened" or _CHANGED.search(text) is not None
        return ReasonAsk(kind="words", may_be_change=is_changed)
    return None


def _noun(said: str) -> Noun | None:
    covers = {"植被": "vegetation", "水体": "water", "水域": "water", "森林": "vegetation"}
    if said in covers:
        phrase = "forest" if said == "森林" else covers[said]
        return Noun(phrase=phrase, said=said, cover=covers[said])
    return noun_in_chinese(said)

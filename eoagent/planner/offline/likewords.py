"""Chinese questions about likeness, and the English for what they look for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from eoagent.planner.offline.numerals import read_numeral

__all__ = ["ChineseLikeness", "in_english", "likeness_in_chinese"]

_PICTURE: Final = r"这(?:张|幅|景|个)?(?:图|影像|图像|图片|照片|瓦片)"
_TILES: Final = r"(?:瓦片|图块|切片|地方|地点|位置|影像|图像|图片|场景)"
_COUNT: Final = r"(?P<count>[0-9]{1,4}|[一二两三四五六七八九十]{1,3})?(?:个|张|幅|处|块)?"
_VERB: Final = r"(?:请)?(?:帮我)?(?:找出|找到|查找|搜索|寻找|检索|显示|列出|给出|找)(?:与|和|跟)?"
_SHAPES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:{_VERB})?(?:与|和|跟)?(?P<picture>{_PICTURE})最?(?:相似|像|接近)的?{_COUNT}{_TILES}.*",
        rf"(?:{_VERB})?(?:哪个|哪些|哪张)?{_TILES}(?:看起来)?最像(?P<alike>.+)",
        rf"{_VERB}{_COUNT}(?:看起来)?(?:最像|像|类似)(?P<alike>.+?)的{_TILES}",
        rf"{_VERB}{_COUNT}(?:含有|包含|有)?(?P<loose>.+?)(?:的{_TILES})?",
        r"(?P<where>.+?)(?:在哪里|在哪儿|在哪|位于哪里)",
    )
)
_ENDINGS: Final = re.compile(
    r"(?:在)?(?:这个|该|此)(?:区域|地区|范围)(?:内|里|中)?|"
    r"(?:[0-9]{4}年)?[0-9]{1,2}月(?:份)?的?|[0-9]{4}年的?|[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?"
)
_AREA: Final = re.compile(r"(?:这个|该|此)(?:区域|地区|范围)")
_AHEAD: Final = re.compile(r"^(?:请)?在?(?:这个|该|此)(?:区域|地区|范围)(?:内|里|中)?[，,]?")
_FILLERS: Final = "的有里中内很许多大量一些所"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChineseLikeness:
    """What a Chinese question looks for."""

    what: str
    """The thing, in Chinese."""
    by_picture: bool
    """Whether it is to look like the image that came with the question."""
    is_alike: bool
    """Whether the question speaks of likeness."""
    is_where: bool
    """Whether places are asked for."""
    count: int | None
    """How many."""
    in_area: bool
    """Whether the area that came with the question is spoken of."""


def likeness_in_chinese(text: str) -> ChineseLikeness | None:
    """Return what a Chinese question looks for, or None if it asks for something else."""
    whole = text.replace(" ", "").strip("。？?！!，")
    bare = _ENDINGS.sub("", _AHEAD.sub("", whole))
    for shape in _SHAPES:
        match = shape.fullmatch(bare)
        if match is None:
            continue
        said = match.groupdict()
        what = next((said[k] for k in ("alike", "loose", "where") if said.get(k)), "")
        is_picture = bool(said.get("picture")) or bool(re.fullmatch(_PICTURE, what))
        number = read_numeral(said.get("count") or "", 0) if said.get("count") else None
        return ChineseLikeness(
            what="" if is_picture else what.strip(_FILLERS),
            by_picture=is_picture,
            is_alike=bool(said.get("alike")) or is_picture,
            is_where=bool(said.get("where")),
            count=None if number is None else int(number[0]),
            in_area=_AREA.search(whole) is not None,
        )
    return None


def in_english(chinese: str) -> str:
    """Return the English for things that are known by name; empty if one is not known."""
    nouns = _nouns()
    rest, found = chinese, []
    for name in sorted(nouns, key=len, reverse=True):
        at = rest.find(name)
        if at >= 0:
            found.append((chinese.find(name), nouns[name]))
            rest = rest.replace(name, "", 1)
    if rest.strip(_FILLERS + "和与及、或带着附近"):
        return ""
    return " and ".join(english for _, english in sorted(found))


@lru_cache(maxsize=1)
def _nouns() -> Mapping[str, str]:
    text = (files(__package__) / "likewords.toml").read_text(encoding="utf-8")
    nouns: Mapping[str, str] = tomllib.loads(text)["zh"]
    return nouns

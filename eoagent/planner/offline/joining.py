"""Join words that say one thing together: an order of bands, a share of area, a list of statistics.

What two words mean together hangs on what stands between them, which the grammar does not see.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eoagent.planner.offline.lexicon import Word

__all__ = ["is_partitive", "join"]

_BAND_LIST: Final = 3
_LISTS: Final = re.compile(r"[,;、，；/]|\band\b|和|与|及|又")
_OF: Final = re.compile(
    r"[\s(（]*(?:\b(?:of|the|a|an|in|total|whole|entire|valid)\b\s*|的|总|整个)*"
)
_WHOLE: Final = frozenset({"IMAGE", "IT", "PLACE", "VALID", "COVER", "BODY"})
_SHARES: Final = frozenset({"SHARE", "PERCENT"})
_WITHIN: Final = re.compile(r"\s*(?:之?中|里|当中|其中)")
_AND: Final = re.compile(r"\band\b|和|与|及")
_ORDER: Final = re.compile(
    r"\b(?:tell|give|report|show|find|estimate|determine)\b|告诉|给出|统计|求"
)
_BESIDE: Final = re.compile(r"\bat\b")
_TOTAL: Final = re.compile(r"\btotal\b|总")
_PARTS: Final = frozenset({"COVER", "BODY", "CMP", "OVER", "CMPAFTER", "BETWEEN"})
"""Types of word that choose a part of the image."""


def join(words: Sequence[Word]) -> list[Word]:
    """Return the words with what belongs together joined."""
    checked = [part for at in range(len(words)) for part in _apart(words, at)]
    return _check_statistics(_drop_area_of_shares(_join_bands(checked)))


def is_partitive(words: Sequence[Word]) -> bool:
    """Return whether a share of a cover is spoken of: `share of the water`, `水体中`."""
    for first, second in itertools.pairwise(words):
        said = first.type in _SHARES | {"AMOUNT"} and second.type in {"COVER", "BODY"}
        if said and re.search(r"\bof\b|的", second.before):
            return True
        if first.type in {"COVER", "BODY"} and _WITHIN.match(second.before):
            return True
    return False


def _apart(words: Sequence[Word], at: int) -> list[Word]:
    """Return a word, with a stop before it where it is one more name in a list of names."""
    word = _checked(words, at)
    is_name = word.type == "UNKNOWN" and at > 0 and words[at - 1].type == "UNKNOWN"
    if is_name and _LISTS.search(word.before):
        return [Word(type="STOP", value=".", text=""), word]
    return [word]


def _checked(words: Sequence[Word], at: int) -> Word:
    """Return a word, made unknown where its neighbours give it a sense that is not read."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else Word(type="STOP", value="", text="")
    if word.type == "NOT":
        is_both = at > 0 and words[at - 1].type == "HAVE" and bool(_AND.search(word.before))
        is_odd = is_both or bool(_ORDER.search(following.before.lower()))
    elif word.type == "OUTLINE":
        is_odd = bool(_BESIDE.search(word.before.lower()))
    elif word.type in {"INDEX", "BAND", "HEIGHT"}:
        is_odd = bool(_TOTAL.search(word.before.lower()))
    else:
        is_odd = word.type == "IMAGE" and _is_apart(words, at, following)
    return replace(word, type="UNKNOWN") if is_odd else word


def _is_apart(words: Sequence[Word], at: int, following: Word) -> bool:
    """Return whether the image's own area is asked for beside that of a part of it.

    `The area of the image and of the water` are two areas; `the water area of the image` is one.
    """
    word, before = words[at], words[:at]
    if before and before[-1].type in {"COVER", "BODY", "NUMBER"} and _AND.search(word.before):
        return True
    if not before or before[-1].type != "AREA":
        return False
    if _AND.search(following.before):
        return following.type in {"SHARE", "PERCENT", "AREA", "COVER", "BODY"}
    is_new = len(before) > 1 and (before[-2].type == "STOP" or _LISTS.search(before[-1].before))
    earlier = {w.type for w in before[:-1]}
    is_last = following.type in {"STOP", "COVERS", "UNIT_AREA"}
    return bool(is_new) and is_last and "AREA" in earlier and bool(earlier & _PARTS)


def _join_bands(words: Sequence[Word]) -> list[Word]:
    """Make one BANDLIST of three or more bands in a row: an order of bands, not a formula."""
    joined: list[Word] = []
    run: list[Word] = []
    for word in [*words, Word(type="STOP", value="", text="")]:
        if word.type == "BAND":
            run.append(word)
            continue
        if len(run) >= _BAND_LIST:
            names, text = ",".join(w.value for w in run), ", ".join(w.text for w in run)
            joined.append(Word(type="BANDLIST", value=names, text=text, before=run[0].before))
        else:
            joined.extend(run)
        run = []
        joined.append(word)
    return joined[:-1]


def _drop_area_of_shares(words: list[Word]) -> list[Word]:
    """Drop the area of `share of the area`, `area share` and `面积占比`: one number is meant."""
    dropped = set()
    for at, word in enumerate(words):
        if word.type not in _SHARES or (at and words[at - 1].type == "NUMBER"):
            continue
        if at and words[at - 1].type == "AREA" and _is_of(word):
            dropped.add(at - 1)
        after = at + 1
        while after < len(words) and words[after].type in _WHOLE and _is_of(words[after]):
            after += 1
        if after < len(words) and words[after].type == "AREA" and _is_of(words[after]):
            dropped.add(after)
    return [word for at, word in enumerate(words) if at not in dropped]


def _is_of(word: Word) -> bool:
    return bool(_OF.fullmatch(word.before))


def _check_statistics(words: list[Word]) -> list[Word]:
    """Make a statistic unknown that stands in no list with the one before it.

    `The mean and the lowest NDVI` are two of one thing; `the mean NDVI of the lowest` is not.
    """
    checked: list[Word] = []
    seen = False
    for at, word in enumerate(words):
        said = word
        if word.type == "STOP":
            seen = False
        elif word.type == "STAT":
            its = words[at - 1].before if at and words[at - 1].type == "IT" else ""
            if seen and not _LISTS.search(its + word.before):
                said = replace(word, type="UNKNOWN")
            seen = True
        checked.append(said)
    return checked

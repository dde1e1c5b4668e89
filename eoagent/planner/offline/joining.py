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


def join(words: Sequence[Word]) -> list[Word]:
    """Return the words with what belongs together joined."""
    return _check_statistics(_drop_area_of_shares(_join_bands(words)))


def is_partitive(words: Sequence[Word]) -> bool:
    """Return whether a share of a cover is spoken of: `share of the water`, `水体中`."""
    for first, second in itertools.pairwise(words):
        said = first.type in _SHARES | {"AMOUNT"} and second.type in {"COVER", "BODY"}
        if said and re.search(r"\bof\b|的", second.before):
            return True
        if first.type in {"COVER", "BODY"} and _WITHIN.match(second.before):
            return True
    return False


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
    for word in words:
        said = word
        if word.type == "STOP":
            seen = False
        elif word.type == "STAT":
            if seen and not _LISTS.search(word.before):
                said = replace(word, type="UNKNOWN")
            seen = True
        checked.append(said)
    return checked

"""Tell file names that are numbered from those that hold a year, by the files beside them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

__all__ = ["numbered"]

_NUMBER = re.compile(r"\d+")
_YEAR = re.compile(r"(19\d|20[0-3])\d")


def numbered(paths: Iterable[Path]) -> frozenset[Path]:
    """Return the paths whose year-like number is the running number of a series.

    `field_1920.jpg` says no year where `field_1047.jpg` or `field_7.jpg` lies beside it: names of
    one folder that differ in their numbers only are one series, and a place in the name where one
    of them has no year from 1900 to 2039 holds no years.
    """
    series: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in paths:
        series[path.parent, _NUMBER.sub("#", path.name)].append(path)
    found = set[Path]()
    for members in series.values():
        columns = zip(*(_NUMBER.findall(path.name) for path in members), strict=True)
        counts = [not all(map(_YEAR.fullmatch, column)) for column in columns]
        for path in members:
            years = [bool(_YEAR.fullmatch(number)) for number in _NUMBER.findall(path.name)]
            first = years.index(True) if True in years else None
            if first is not None and counts[first]:
                found.add(path)
    return frozenset(found)

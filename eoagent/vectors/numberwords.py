"""Re-rank counts of one to ten by how well a sentence with the number fits a picture.

This is the protocol of RemoteCount: the number word of a caption is swapped for each of one to
ten, and the sentence nearest to the picture tells the number. It re-ranks and does not count:
encoders of this kind learnt no number above ten, so a higher count can never come out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import best_rows, cosines

__all__ = ["LARGEST_COUNT", "CountPick", "number_sentences", "pick_counts"]

_WORDS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LARGEST_COUNT: Final = len(_WORDS)
"""The highest number that can come out."""
_ABOVE: Final = (
    "eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|"
    "forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand"
)
_NUMBER: Final = re.compile(
    rf"\b(?:(?P<word>{'|'.join(_WORDS)})|(?P<above>{_ABOVE})|(?P<digits>\d+))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountPick:
    """Which number fits each picture best; numbers above ten are impossible by construction."""

    counts: NDArray[np.intp]
    """The number whose sentence is nearest, 1 to 10, (pictures,)."""
    ranking: NDArray[np.intp]
    """All numbers, nearest first, (pictures, 10); of equal cosines the lower number first."""
    cosines: NDArray[np.float32]
    """Their cosines, in that order, (pictures, 10); no probabilities."""

    @property
    def margins(self) -> NDArray[np.float32]:
        """How far the best number is above the second, (pictures,)."""
        return np.asarray(self.cosines[:, 0] - self.cosines[:, 1])


def number_sentences(caption: str, *, digits: bool | None = None) -> tuple[str, ...]:
    """Return the caption with its number swapped for each of one to ten.

    Args:
        caption: a sentence with exactly one number, in words or digits.
        digits: whether to write digits; None writes as the caption does.

    Raises:
        InputError: if the caption holds no number, several, or one that is not 1 to 10.
    """
    found = list(_NUMBER.finditer(caption))
    if len(found) != 1:
        names = ", ".join(match.group() for match in found)
        raise InputError(
            f"'{caption[:80]}' must hold one number to swap; it holds {names or 'none'}",
            hint="write one sentence for one kind of object, such as 'three planes are parked'",
        )
    match = found[0]
    stated = match["digits"]
    if match["above"] or (stated and not 1 <= int(stated[:9]) <= LARGEST_COUNT):
        raise InputError(
            f"'{match.group()}' cannot be told by number words: they end at ten",
            hint="count with a detector",
        )
    as_digits = bool(stated) if digits is None else digits
    numbers = [str(n) for n in range(1, LARGEST_COUNT + 1)] if as_digits else list(_WORDS)
    if match.group()[0].isupper():
        numbers = [number.capitalize() for number in numbers]
    return tuple(caption[: match.start()] + n + caption[match.end() :] for n in numbers)


def pick_counts(pictures: NDArray[Any], sentences: NDArray[Any]) -> CountPick:
    """Return which of the ten sentences fits each picture.

    Args:
        pictures: unit vectors, (n, d).
        sentences: unit vectors of the ten sentences, one to ten in order, (10, d).

    Raises:
        InputError: if there are not ten sentences, or something is no unit vector.
    """
    if len(np.asarray(sentences)) != LARGEST_COUNT:
        raise InputError(
            f"{len(np.asarray(sentences))} sentences were given; there is one for each of one to "
            "ten"
        )
    scores = cosines(pictures, sentences)
    order = np.stack([best_rows(row, LARGEST_COUNT) for row in scores])
    ranked = np.take_along_axis(scores, order, axis=1)
    return CountPick(counts=order[:, 0] + 1, ranking=order + 1, cosines=ranked)

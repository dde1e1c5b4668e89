"""How well captions agree with those of people: BLEU-4, CIDEr and CIDEr-D.

BLEU: Papineni et al., ACL 2002, over the whole set, with the length of the nearest reference.
CIDEr and CIDEr-D: Vedantam et al., CVPR 2015; document frequencies are those of the references of
the set, one document a picture. Words are lower-case runs of letters and digits, not stemmed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["bleu4", "caption_words", "cider", "cider_d"]

_LONGEST: Final = 4
_SIGMA: Final = 6.0
_SCALE: Final = 10.0
_WORD: Final = re.compile(r"[a-z0-9]+(?:['\-][a-z0-9]+)*")

Words = tuple[str, ...]
_Grams = Counter[Words]
_Weights = tuple[dict[Words, float], ...]


def caption_words(text: str) -> Words:
    """Return the words of a caption."""
    return tuple(_WORD.findall(text.casefold()))


def bleu4(found: Sequence[str], truth: Sequence[Sequence[str]]) -> float:
    """Return BLEU-4 of captions, 0 to 1.

    Args:
        found: a caption for each picture.
        truth: captions of people, one or more for each.
    """
    right, all_said = [0] * _LONGEST, [0] * _LONGEST
    said_length = near_length = 0
    for text, references in zip(found, truth, strict=True):
        words = caption_words(text)
        others = [caption_words(one) for one in references]
        said_length += len(words)
        near_length += min(map(len, others), key=lambda own: (abs(own - len(words)), own))
        for size in range(1, _LONGEST + 1):
            said = _grams(words, size)
            most: _Grams = Counter()
            for one in others:
                most |= _grams(one, size)
            right[size - 1] += sum((said & most).values())
            all_said[size - 1] += sum(said.values())
    if not all(right):
        return 0.0
    mean = sum(math.log(a / b) for a, b in zip(right, all_said, strict=True)) / _LONGEST
    brevity = min(0.0, 1 - near_length / said_length)
    return math.exp(mean + brevity)


def cider(found: Sequence[str], truth: Sequence[Sequence[str]]) -> float:
    """Return CIDEr of captions, 0 to 10; arguments as for `bleu4`."""
    return _consensus(found, truth, is_robust=False)


def cider_d(found: Sequence[str], truth: Sequence[Sequence[str]]) -> float:
    """Return CIDEr-D of captions, 0 to 10: words said too often and other lengths cost.

    What published code calls CIDEr is this one.
    """
    return _consensus(found, truth, is_robust=True)


def _consensus(found: Sequence[str], truth: Sequence[Sequence[str]], *, is_robust: bool) -> float:
    others = [[caption_words(one) for one in references] for references in truth]
    seen: Counter[Words] = Counter()
    for references in others:
        seen.update({own for one in references for own in _all_grams(one)})
    log_count = math.log(max(len(others), 1))
    scores = []
    for text, references in zip(found, others, strict=True):
        words = caption_words(text)
        ours = _weighed(words, seen, log_count)
        close = [
            _likeness(ours, _weighed(one, seen, log_count), is_robust=is_robust)
            * (_nearness(len(words) - len(one)) if is_robust else 1.0)
            for one in references
        ]
        scores.append(_SCALE * sum(close) / len(close))
    return sum(scores) / len(scores)


def _grams(words: Words, size: int) -> _Grams:
    return Counter(words[start : start + size] for start in range(len(words) - size + 1))


def _all_grams(words: Words) -> _Grams:
    total: _Grams = Counter()
    for size in range(1, _LONGEST + 1):
        total.update(_grams(words, size))
    return total


def _weighed(words: Words, seen: Mapping[Words, int], log_count: float) -> _Weights:
    """Return how often each run of words is said, weighed by how rare it is, by its length."""
    return tuple(
        {
            own: count * (log_count - math.log(max(seen.get(own, 0), 1)))
            for own, count in _grams(words, size).items()
        }
        for size in range(1, _LONGEST + 1)
    )


def _likeness(ours: _Weights, theirs: _Weights, *, is_robust: bool) -> float:
    """Return the mean cosine over the lengths of runs; robust, no run counts above the truth's."""
    total = 0.0
    for own, other in zip(ours, theirs, strict=True):
        norms = math.sqrt(sum(w * w for w in own.values()) * sum(w * w for w in other.values()))
        if norms:
            product = sum(
                (min(weight, other[gram]) if is_robust else weight) * other[gram]
                for gram, weight in own.items()
                if gram in other
            )
            total += product / norms
    return total / _LONGEST


def _nearness(off: int) -> float:
    return math.exp(-(off**2) / (2 * _SIGMA**2))

"""Find the passages of a knowledge base that speak of a question: by words, place and picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.knowledge import PassageHit
from eoagent.geo.around import around
from eoagent.geo.nearest import geodesic_distance_between
from eoagent.io.knowledge import KnowledgeBase

__all__ = ["PassageRules", "find_passages", "passages_text"]

_LISTED: Final = 50
_FUSION: Final = 60.0
"""Constant of reciprocal rank fusion. Source: Cormack, Clarke & Buettcher 2009, SIGIR."""
_FEW: Final = 20
_MEASURED: Final = 500
"""Places of which the distance is measured along geodesics; of more, those that look nearest."""
_BRACKETS: Final = str.maketrans("[]［］【】", "()()()")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageRules:
    """When a passage speaks of what was asked; what does not is left out."""

    least_coverage: float = 0.4
    """Share of what the question's words tell that a passage found by words holds at least."""
    within_m: float = 10_000.0
    """Distance from the area within which a passage is found by place, metres."""
    least_z: float = 2.0
    """Standard deviations above the likeness of all pictures, where there are 20 or more."""
    least_cosine: float = 0.8
    """Least likeness of a picture, where there are fewer."""


def find_passages(
    base: KnowledgeBase,
    question: str,
    *,
    area: BaseGeometry | None = None,
    vector: NDArray[np.float32] | None = None,
    k: int = 4,
    rules: PassageRules | None = None,
) -> tuple[PassageHit, ...]:
    """Return the passages that speak of a question, best first; none where none does.

    Each way of finding ranks by itself, and a passage's place is that of its summed reciprocal
    ranks; what is found by place counts twice, since coordinates tell more than looks.

    Args:
        base: the knowledge base.
        question: in words.
        area: where the picture is, WGS84 degrees; None where nobody knows.
        vector: unit vector of the picture, (d,), by the model of the knowledge base.
        k: most passages.
        rules: when a passage counts.

    Raises:
        InputError: if the vector is of another length than those of the knowledge base.
    """
    rules = rules or PassageRules()
    coverage = _by_words(base, question, rules)
    distances = {} if area is None else _by_place(base, area, rules)
    cosines = {} if vector is None else _by_picture(base, vector, rules)
    points: dict[int, float] = {}
    for found, weight in ((coverage, 1.0), (distances, 2.0), (cosines, 1.0)):
        for rank, row in enumerate(found, start=1):
            points[row] = points.get(row, 0.0) + weight / (_FUSION + rank)
    best = sorted(points, key=lambda row: (-points[row], row))[:k]
    ways: tuple[tuple[str, Mapping[int, float]], ...] = (
        ("words", coverage),
        ("place", distances),
        ("picture", cosines),
    )
    return tuple(
        PassageHit.model_validate(
            {
                "passage": base.passages[row],
                "by": tuple(name for name, found in ways if row in found),
                "coverage": coverage.get(row),
                "distance_m": distances.get(row),
                "cosine": cosines.get(row),
            }
        )
        for row in best
    )


def passages_text(hits: Sequence[PassageHit], *, most: int = 6000) -> str:
    """Return passages as a model is shown them: each with its id, cut to a length together.

    Only ids stand in square brackets; those of the texts become round ones, so that no passage can
    pass for another.

    Args:
        hits: the passages, best first.
        most: most characters; passages that do not fit are left out, the first is cut.
    """
    shown: list[str] = []
    left = most
    for hit in hits:
        passage = hit.passage
        told = f"{passage.title}: {passage.text}" if passage.title else passage.text
        piece = f"[{passage.id}] {told.translate(_BRACKETS)}"
        if len(piece) > left and shown:
            break
        shown.append(piece[:left])
        left -= len(piece) + 2
    return "\n\n".join(shown)


def _by_words(base: KnowledgeBase, question: str, rules: PassageRules) -> dict[int, float]:
    hits = base.words.search(question, _LISTED)
    return {hit.row: hit.coverage for hit in hits if hit.coverage >= rules.least_coverage}


def _by_place(base: KnowledgeBase, area: BaseGeometry, rules: PassageRules) -> dict[int, float]:
    known = [(row, place) for row, place in enumerate(base.places) if place is not None]
    if not known:
        return {}
    places = np.array([place for _, place in known], dtype=object)
    tree = shapely.STRtree(places)
    inside = np.sort(tree.query(area, predicate="intersects"))[:_LISTED]
    found = [(0.0, known[number][0]) for number in inside.tolist()]
    if len(found) < _LISTED:
        near = np.setdiff1d(
            tree.query(around(area, rules.within_m), predicate="intersects"), inside
        )
        for number in _nearest(places, near, area):
            row, place = known[number]
            found.append((geodesic_distance_between(area, place), row))
    return {row: metres for metres, row in sorted(found)[:_LISTED] if metres <= rules.within_m}


def _nearest(places: NDArray[np.object_], near: NDArray[np.intp], area: BaseGeometry) -> list[int]:
    """Return which places are to be measured: all, or those nearest on a map about the area."""
    if len(near) <= _MEASURED:
        return [int(number) for number in near]
    narrow = math.cos(math.radians((area.bounds[1] + area.bounds[3]) / 2))

    def flatten(points: NDArray[np.float64]) -> NDArray[np.float64]:
        narrowed: NDArray[np.float64] = points * np.array([narrow, 1.0])
        return narrowed

    flat = shapely.transform(places[near], flatten)
    order = np.argsort(shapely.distance(flat, shapely.transform(area, flatten)), kind="stable")
    return [int(number) for number in near[order[:_MEASURED]]]


def _by_picture(
    base: KnowledgeBase, vector: NDArray[np.float32], rules: PassageRules
) -> dict[int, float]:
    if base.vectors is None:
        return {}
    if vector.shape != base.vectors.shape[1:]:
        raise InputError(
            f"the picture's vector has shape {vector.shape}, those of '{base.name}' "
            f"{base.vectors.shape[1:]}",
            hint=f"encode it with {base.encoder}",
        )
    has: NDArray[np.bool_] = np.any(base.vectors != 0, axis=1)
    cosines = base.vectors.astype(np.float64) @ vector.astype(np.float64)
    known = cosines[has]
    least = rules.least_cosine
    if len(known) >= _FEW:
        least = float(known.mean() + rules.least_z * known.std())
    order = np.lexsort((np.arange(len(cosines)), -cosines))
    chosen = [int(row) for row in order if has[row] and cosines[row] >= least][:_LISTED]
    return {row: float(cosines[row]) for row in chosen}

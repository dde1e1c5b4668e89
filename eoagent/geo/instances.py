"""Objects of a scene from the strips of its mask: one for each region, whatever the tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.geo.area import Bools, PixelAreas
from eoagent.geo.boxes import Boxes, Scores
from eoagent.geo.components import Components, ComponentTable
from eoagent.geo.grid import strips
from eoagent.geo.projection import Floats

__all__ = ["InstanceTable", "Instances", "apart_boxes", "outer_boxes"]

_STRIP_PIXELS: Final = 1 << 18


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InstanceTable:
    """The objects of a mask in the order of their first pixel; all arrays have shape (n,)."""

    table: ComponentTable
    """Pixels, area and place of each."""
    scores: Scores
    """Mean probability of the pixels of each."""

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def boxes(self) -> Boxes:
        """First column, first row, column after the last, row after the last of each, (n, 4)."""
        table = self.table
        edges = (table.col_start, table.row_start, table.col_stop, table.row_stop)
        return np.column_stack(edges).astype(np.int64).reshape(len(self), 4)

    def choose(
        self,
        *,
        least_px: float = 0.0,
        least_score: float = 0.0,
        drops_inner: bool = False,
        most_overlap: float = 1.0,
        among: Bools | None = None,
    ) -> NDArray[np.intp]:
        """Return the places of the objects that stay, best first.

        Args:
            least_px: objects of fewer pixels are dropped.
            least_score: objects of a lower score are dropped.
            drops_inner: drop objects whose box lies in the box of another.
            most_overlap: of two boxes whose intersection over union is above it, the better one
                stays; 1 keeps both.
            among: objects that may stay, (n,); None means all.
        """
        may_stay = (self.table.pixels >= least_px) & (self.scores >= least_score)
        kept = np.flatnonzero(may_stay if among is None else may_stay & among)
        if drops_inner and len(kept):
            kept = kept[outer_boxes(self.boxes[kept], self.scores[kept])]
        if most_overlap < 1 and len(kept):
            kept = kept[apart_boxes(self.boxes[kept], self.scores[kept], most_overlap)]
        return kept[np.argsort(-self.scores[kept], kind="stable")]


class Instances:
    """Finds the objects of a mask that comes in strips; memory grows with their number only.

    Args:
        areas: areas of the pixels, or None to count pixels only.
        connectivity: 4, sides join pixels; 8, corners too, as RemoteSAM's detection has it.
    """

    def __init__(self, areas: PixelAreas | None, *, connectivity: Literal[4, 8] = 8) -> None:
        self._regions = Components(connectivity, areas=areas)
        # A region's sum of probabilities is its area where each pixel is as large as probable.
        self._held = np.zeros((1, 1))
        weights = PixelAreas(method="probability", source=lambda _window: self._held)
        self._weighed = Components(connectivity, areas=weights)

    def add(
        self, window: Window, yes: Bools, valid: Bools, probability: NDArray[np.float32]
    ) -> None:
        """Add the next strip.

        Args:
            window: where it lies; strips come from top to bottom, equally wide.
            yes: (height, width), True where an object is; counts only where valid.
            valid: (height, width), True = valid.
            probability: (height, width), of the object.

        Raises:
            InputError: if an object has a pixel off the map, which has no area.
            InternalError: if strips come out of order.
        """
        for part in strips((window.height, window.width), _STRIP_PIXELS):
            cut = slice(part.row, part.row + part.height)
            here = part.model_copy(update={"row": window.row + part.row, "col": window.col})
            self._held = probability[cut].astype(np.float64)
            self._regions.add(here, yes[cut], valid[cut])
            self._weighed.add(here, yes[cut], valid[cut])

    def finish(self) -> InstanceTable:
        """Return the objects; no strip can be added afterwards."""
        table, weighed = self._regions.finish(), self._weighed.finish()
        sums: Floats = np.zeros(len(table)) if weighed.area_m2 is None else weighed.area_m2
        return InstanceTable(table=table, scores=sums / np.maximum(table.pixels, 1))


def outer_boxes(boxes: Boxes, scores: Scores) -> NDArray[np.intp]:
    """Return the places of the boxes that lie in no other, as `eoagent.geo.boxes.inside` has it.

    Of equal boxes the one with the best score stays; of equal scores, the first. Only boxes that
    meet are compared, so that a scene may have many.

    Args:
        boxes: (n, 4).
        scores: (n,).
    """
    shapes = [shapely.box(*box) for box in boxes.tolist()]
    inner, outer = shapely.STRtree(shapes).query(np.array(shapes, object), predicate="covered_by")
    other = inner != outer
    inner, outer = inner[other], outer[other]
    is_equal = (boxes[inner] == boxes[outer]).all(axis=1)
    first = (scores[outer] > scores[inner]) | ((scores[outer] == scores[inner]) & (outer < inner))
    gone = np.zeros(len(boxes), bool)
    gone[inner[~is_equal | first]] = True
    return np.flatnonzero(~gone)


def apart_boxes(boxes: Boxes, scores: Scores, most: float) -> NDArray[np.intp]:
    """Return the places of the boxes that stay, as `eoagent.geo.boxes.suppress` has it, in order.

    Only boxes that meet are compared, so that a scene may have many.

    Args:
        boxes: (n, 4).
        scores: (n,); of equal scores the earlier box is better.
        most: intersection over union above which the better of two alone stays.
    """
    shapes = np.array([shapely.box(*box) for box in boxes.tolist()], object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    rank = np.empty(len(boxes), np.intp)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(boxes))
    is_better = rank[first] < rank[second]
    first, second = first[is_better], second[is_better]
    clash = _overlap(boxes[first], boxes[second]) > most
    first, second = first[clash], second[clash]
    stays = np.ones(len(boxes), bool)
    # from the best on: whoever still stays removes the worse ones that it covers
    for better, worse in sorted(
        zip(first.tolist(), second.tolist(), strict=True), key=lambda pair: int(rank[pair[0]])
    ):
        stays[worse] &= not stays[better]
    return np.flatnonzero(stays)


def _overlap(some: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of boxes (n, 4) with as many others, pair by pair."""
    sides = np.minimum(some[:, 2:], others[:, 2:]) - np.maximum(some[:, :2], others[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1, dtype=np.float64)
    own, other = (np.prod(b[:, 2:] - b[:, :2], axis=1, dtype=np.float64) for b in (some, others))
    found: NDArray[np.float64] = shared / (own + other - shared)
    return found

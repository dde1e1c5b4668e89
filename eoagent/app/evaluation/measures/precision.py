"""Average precision of boxes, reckoned by pycocotools from what it is given here."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.benchmarks.truths import ObjectPicture
from eoagent.contracts.errors import ModelMissing

__all__ = ["BoxScores", "FoundBoxes", "need_pycocotools", "score_boxes"]

_OURS: Final = (
    ("ap", 0),
    ("ap50", 1),
    ("ap75", 2),
    ("ap_small", 3),
    ("ap_medium", 4),
    ("ap_large", 5),
    ("ar100", 8),
)
"""Names of ours for the statistics of COCO, with their places."""
_UNKNOWN: Final = -1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FoundBoxes:
    """Boxes of one class that were found in one picture."""

    label: str
    """The class."""
    boxes: NDArray[np.float64]
    """(n, 4) as x1, y1, x2, y2, pixels."""
    scores: NDArray[np.float64]
    """(n,), 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxScores:
    """Average precision; what cannot be reckoned, as no such object is there, is left out."""

    overall: dict[str, float]
    """COCO's statistics, 0 to 1."""
    by_class: dict[str, tuple[float, float]]
    """AP and AP50 of each class that has objects."""


def need_pycocotools() -> None:
    """Do nothing where pycocotools is installed.

    Raises:
        ModelMissing: if it is not; the command adds it.
    """
    _library()


def score_boxes(
    classes: Sequence[str], truth: Sequence[ObjectPicture], found: Sequence[Sequence[FoundBoxes]]
) -> BoxScores:
    """Return the average precision of boxes.

    Args:
        classes: names of the classes.
        truth: pictures with their objects.
        found: what was found in each picture, by class.

    Raises:
        ModelMissing: if pycocotools is not installed.
    """
    coco, evaluator = _library()
    numbers = {name: number for number, name in enumerate(classes, start=1)}
    listed = {
        "info": {},
        "images": [{"id": number} for number in range(1, len(truth) + 1)],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": [],
    }
    annotations = [
        {"image_id": image, "category_id": numbers[label], **own}
        for image, picture in enumerate(truth, start=1)
        for label, own in _objects(picture)
    ]
    listed["annotations"] = [{"id": n, **own} for n, own in enumerate(annotations, start=1)]
    results = [
        {"image_id": image, "category_id": numbers[own.label], "bbox": box, "score": float(score)}
        for image, some in enumerate(found, start=1)
        for own in some
        for box, score in zip(_sides(own.boxes), own.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of its own code
        known = coco()
        known.dataset = listed
        known.createIndex()
        told = known.loadRes(results) if results else _nothing(coco, listed)
        run = evaluator(known, told, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    overall = {name: float(run.stats[place]) for name, place in _OURS}
    return BoxScores(
        overall={name: value for name, value in overall.items() if value != _UNKNOWN},
        by_class=_by_class(run.eval["precision"], list(numbers)),
    )


def _library() -> tuple[Any, Any]:
    try:
        from pycocotools.coco import COCO  # noqa: PLC0415 - of the extra `eval`
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415
    except ImportError as error:
        raise ModelMissing(
            f"average precision needs pycocotools, which cannot be imported: {error}",
            command="pip install 'eoagent[eval]'",
        ) from error
    return COCO, COCOeval


def _nothing(coco: Any, listed: dict[str, Any]) -> Any:
    empty = coco()
    empty.dataset = {**listed, "annotations": []}
    empty.createIndex()
    return empty


def _objects(picture: ObjectPicture) -> list[tuple[str, dict[str, Any]]]:
    return [
        (label, {"bbox": box, "area": float(area), "iscrowd": int(group)})
        for label, box, area, group in zip(
            picture.labels, _sides(picture.boxes), picture.areas_px, picture.groups, strict=True
        )
    ]


def _sides(boxes: NDArray[np.float64]) -> list[list[float]]:
    """Return boxes as COCO has them: x, y, width, height."""
    held = np.asarray(boxes, np.float64).reshape(-1, 4)
    sides: list[list[float]] = np.concatenate(
        [held[:, :2], held[:, 2:] - held[:, :2]], axis=1
    ).tolist()
    return sides


def _by_class(
    precision: NDArray[np.float64], names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Return AP and AP50; the array is (overlaps, recalls, classes, areas, most boxes)."""
    found = {}
    for place, name in enumerate(names):
        own = precision[:, :, place, 0, -1]
        if (own > _UNKNOWN).any():
            found[name] = float(own[own > _UNKNOWN].mean()), float(own[0][own[0] > _UNKNOWN].mean())
    return found

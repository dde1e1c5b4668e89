"""How many objects of each class an image of any size shows, with the boxes behind the counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.foundobjects import FoundObjects
from eoagent.io.modelstate import model_named
from eoagent.io.objectrequest import ObjectRequest, objects_price, objects_state
from eoagent.io.scenedetect import find_objects

__all__ = ["TOOL", "CountObjects", "count_objects"]

_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_NAME_CHARS: Final = 30


class CountObjects(ObjectRequest):
    """Arguments of `count_objects`."""


def count_objects(arguments: CountObjects, services: Services) -> ToolResult:
    """Return the number of objects of each class and of all; none found is a count of zero.

    Whether the pixels can show the classes is checked before the model is looked for.

    Raises:
        InputError: if the pixels are too coarse, or none is valid.
        ModelMissing: if the model is not installed.
        ModelError: if it fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    scene, segmenter = arguments.opened(services)
    found = find_objects(
        services, scene, segmenter, arguments.classes, min_score=arguments.min_score
    )
    return ToolResult(
        artifacts=found.artifacts,
        figures=(*_counts(found, scene.ref.title), found.area),
        assumptions=(
            model_named(segmenter, is_asked_for=bool(arguments.model)),
            *found.assumptions,
        ),
        warnings=found.warnings,
    )


def _counts(found: FoundObjects, title: str) -> list[FigureDraft]:
    asked = [one.phrase.asked_as[0] for one in found.classes]
    rows = [("count", found.count, f"objects ({', '.join(asked)})")]
    rows += [
        (name, len(one.chosen), f"number of {own}")
        for name, own, one in zip(_names(asked), asked, found.classes, strict=True)
    ]
    return [
        FigureDraft(
            name=name,
            value=value,
            unit="count",
            label=f"{what} in {title}"[:200],
            method=found.method[:600],
            sources=found.sources,
        )
        for name, value, what in rows
    ]


def _names(classes: Iterable[str]) -> list[str]:
    """Return names of figures for classes: letters, digits and underscores, each once."""
    found: list[str] = []
    for own in classes:
        stem = _NO_NAME.sub("_", own.lower()).strip("_")[:_NAME_CHARS].strip("_") or "class"
        taken = sum(re.fullmatch(rf"count_{stem}(_\d+)?", name) is not None for name in found)
        found.append(f"count_{stem}_{taken + 1}" if taken else f"count_{stem}")
    return found


TOOL = FunctionTool(
    card=ToolCard(
        name="count_objects",
        summary="How many objects of each class (ships, airplanes, storage tanks) an image of any "
        "size shows, with the boxes behind the counts.",
        outputs=(
            Output(name="boxes", kind="boxes", about="the objects, with class, score and area"),
            Output(name="mask", kind="mask", about="pixels of all classes together"),
            Output(name="table", kind="table", about="count, area and mean score by class"),
            Output(name="count", kind="figure", about="objects of all classes, count"),
            Output(name="count_*", kind="figure", about="objects of one class, count"),
            Output(name="area", kind="figure", about="what they cover, m2 (px2 without a scale)"),
        ),
        group="model",
    ),
    arguments=CountObjects,
    function=count_objects,
    price=objects_price,
    depends=objects_state,
)

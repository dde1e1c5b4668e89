"""Boxes around the objects of some classes in an image of any size, with score and area."""

from __future__ import annotations

from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.modelstate import model_named
from eoagent.io.objectrequest import ObjectRequest, objects_price, objects_state
from eoagent.io.scenedetect import find_objects

__all__ = ["TOOL", "Detect", "detect"]


class Detect(ObjectRequest):
    """Arguments of `detect`."""

    oriented: bool = False
    """Whether the boxes are turned as the objects lie."""


def detect(arguments: Detect, services: Services) -> ToolResult:
    """Return boxes, mask and a table by class; nothing found is an empty set of boxes.

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
        services,
        scene,
        segmenter,
        arguments.classes,
        min_score=arguments.min_score,
        is_turned=arguments.oriented,
    )
    names = ", ".join(one.phrase.name for one in found.classes)
    count = FigureDraft(
        name="count",
        value=found.count,
        unit="count",
        label=f"objects found ({names}) in {scene.ref.title}"[:200],
        method=found.method[:600],
        sources=found.sources,
    )
    turned = (
        ("each box is the smallest rectangle around the outline",) if arguments.oriented else ()
    )
    return ToolResult(
        artifacts=found.artifacts,
        figures=(count, found.area),
        assumptions=(
            model_named(segmenter, is_asked_for=bool(arguments.model)),
            *found.assumptions,
            *turned,
        ),
        warnings=found.warnings,
    )


TOOL = FunctionTool(
    card=ToolCard(
        name="detect",
        summary="Where the objects of some classes (ships, airplanes, storage tanks) lie in an "
        "image of any size: boxes with scores, a mask, and a table by class.",
        outputs=(
            Output(name="boxes", kind="boxes", about="the objects, with class, score and area"),
            Output(name="mask", kind="mask", about="pixels of all classes together"),
            Output(name="table", kind="table", about="count, area and mean score by class"),
            Output(name="count", kind="figure", about="objects of all classes, count"),
            Output(name="area", kind="figure", about="what they cover, m2 (px2 without a scale)"),
        ),
        group="model",
    ),
    arguments=Detect,
    function=detect,
    price=objects_price,
    depends=objects_state,
)

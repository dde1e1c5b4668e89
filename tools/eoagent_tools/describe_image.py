"""A caption of an image: from the objects that are found in it, or in a reasoner's own words."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, JsonValue

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.price import Price
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.text import plain_text
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.askedscene import SceneToAsk, asking_price, scene_to_ask
from eoagent.io.blockwise import open_reader
from eoagent.io.foundobjects import ClassObjects, FoundObjects
from eoagent.io.modelstate import card_source, model_named, model_state
from eoagent.io.objectrequest import ClassName
from eoagent.io.readprice import reading_price
from eoagent.io.scenedetect import find_objects, question_of
from eoagent.io.tileview import show_window
from eoagent.runners.remotesam.captions import describe
from eoagent.runners.remotesam.detection import Detection
from eoagent.vectors.objectsizes import too_small

__all__ = ["CLASSES", "TOOL", "DescribeImage", "describe_image"]

CLASSES: Final = (
    "airplane",
    "ship",
    "vehicle",
    "storage tank",
    "building",
    "bridge",
    "road",
    "harbor",
    "swimming pool",
    "tennis court",
    "baseball field",
    "basketball court",
    "ground track field",
    "tree",
    "water",
)
"""Classes that are looked for where none are given: the usual ones of captioned data sets."""
_MOST_PX: Final = 2048
"""Longer side of the picture that a reasoner is shown."""
_CAPTION_CHARS: Final = 2000


class DescribeImage(Arguments):
    """Arguments of `describe_image`."""

    raster: RasterHandle
    """The image, of any size."""
    classes: tuple[ClassName, ...] = Field(default=(), max_length=40)
    """Kinds of objects that the caption tells of, in a few English words each; left out, a list of
    usual ones, which the answer states."""
    by: Literal["auto", "detections", "reasoner"] = "auto"
    """From counted objects in fixed sentences, or in the words of a reasoner; auto takes a reasoner
    where one is installed and no classes are given."""
    places: Literal[4, 9] = 4
    """Into how many parts the image is divided to say where things are."""
    model: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default. It goes with detections or reasoner."""
    gsd_m: float | None = Field(default=None, gt=0, le=1000)
    """Metres per pixel: of an image without georeference its own, of any other those at which the
    model is to look at it; left out, the image's own."""


def describe_image(arguments: DescribeImage, services: Services) -> ToolResult:
    """Return a caption, and where it rests on objects, their boxes, mask and counts.

    Raises:
        InputError: if the pixels are too coarse, none is valid, or a model is named and not how.
        ModelMissing: if no model is installed.
        ModelError: if it fails, or a reasoner says nothing.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    reasoner, why = _reasoner(arguments, services)
    if reasoner is not None:
        return _in_its_words(arguments, services, reasoner, why)
    scene, classes, notes = _looked_for(arguments, services)
    segmenter = scene.segmenter(services, arguments.model)
    found = find_objects(services, scene, segmenter, classes)
    caption = FigureDraft(
        name="caption",
        value=_caption(found, arguments.places)[:_CAPTION_CHARS],
        unit="choice",
        label=f"caption of {scene.ref.title}"[:200],
        method=f"fixed sentences from counts and places of objects; {found.method}"[:600],
        sources=found.sources,
    )
    return ToolResult(
        artifacts={name: found.artifacts[name] for name in ("table", "boxes")},
        figures=(caption,),
        assumptions=(
            model_named(segmenter, is_asked_for=bool(arguments.model)),
            *((why,) if why else ()),
            *notes,
            f"the image is divided into {arguments.places} parts to say where things are",
            *found.assumptions,
        ),
        warnings=found.warnings,
    )


def _in_its_words(
    arguments: DescribeImage, services: Services, reasoner: Reasoner, why: str
) -> ToolResult:
    ref = scene_to_ask(services, arguments.raster, gsd_m=arguments.gsd_m).ref
    with open_reader(services, ref) as reader:
        shown = show_window(reader, max_px=_MOST_PX)
    reply = reasoner.describe(shown.pixels)
    answer = plain_text(reply.answer).strip()[:_CAPTION_CHARS]
    if reply.status in {"none", "unparseable"} or not answer:
        raise ModelError(
            f"{reasoner.card.id} was asked to describe '{ref.title}' and gave no description "
            f"({reply.status})",
            hint="ask by detections",
        )
    height, width = shown.pixels.shape[:2]
    caption = FigureDraft(
        name="caption",
        value=answer,
        unit="choice",
        label=f"caption of {ref.title}"[:200],
        method=f"{reasoner.card.title} in its own words; nothing in it was measured",
        sources=(*ref.sources, card_source(reasoner.card)),
    )
    cut = (f"the description by {reasoner.card.id} was broken off",)
    return ToolResult(
        figures=(caption,),
        assumptions=(
            model_named(reasoner, is_asked_for=bool(arguments.model)),
            *((why,) if why else ()),
            f"the model was shown a picture of {width} x {height} pixels, as {shown.rule}",
            *reply.notes,
        ),
        warnings=cut if reply.status == "truncated" else (),
    )


def _reasoner(arguments: DescribeImage, services: Services) -> tuple[Reasoner | None, str]:
    """Return the reasoner that describes, or None for detections, and why where nobody said."""
    if arguments.by == "detections":
        return None, ""
    if arguments.by == "auto" and arguments.model:
        raise InputError(
            f"the model {arguments.model} was named, and not how the image is to be described",
            hint="give by: detections or reasoner",
        )
    if arguments.by == "auto" and arguments.classes:
        return None, "described by detections, as classes are given"
    scene = scene_to_ask(services, arguments.raster, gsd_m=arguments.gsd_m)
    try:
        found = services.models.reasoner(arguments.model, gsd_m=scene.looked_m)
    except (ModelMissing, InputError) as error:
        if arguments.by == "reasoner":
            raise
        return None, f"described by detections, as no reasoner could be had: {error}"
    return found, "described by a reasoner, as one is installed" if arguments.by == "auto" else ""


def _looked_for(
    arguments: DescribeImage, services: Services
) -> tuple[SceneToAsk, tuple[str, ...], tuple[str, ...]]:
    """Return the scene, the classes that are looked for, and what is to be said of them."""
    scene = scene_to_ask(services, arguments.raster, gsd_m=arguments.gsd_m, names=arguments.classes)
    if arguments.classes:
        return scene, arguments.classes, ()
    small = too_small(CLASSES, scene.looked_m)
    classes = tuple(name for name in CLASSES if name not in small)
    said = f"no classes were given; looked for: {', '.join(classes)}"
    if small:
        said += f"; left out, as the pixels are too coarse for them: {', '.join(small)}"
    return scene, classes, (said,)


def _caption(found: FoundObjects, places: Literal[4, 9]) -> str:
    """Return what was found and where, always in the same words."""
    objects = {one.phrase.name: _detections(one) for one in found.classes}
    grid = found.sampling.grid
    return describe(objects, height=grid.height, width=grid.width, cells=places)


def _detections(one: ClassObjects) -> list[Detection]:
    held = one.objects.instances
    return [
        Detection(
            box=(int(x1), int(y1), int(x2), int(y2)),
            score=float(held.scores[place]),
            pixels=int(held.table.pixels[place]),
        )
        for place, (x1, y1, x2, y2) in zip(one.chosen, held.boxes[one.chosen], strict=True)
    ]


def _price(arguments: DescribeImage, services: Services) -> Price:
    reasoner, _ = _reasoner(arguments, services)
    scene, classes, _ = _looked_for(arguments, services)
    if reasoner is not None:
        return reading_price(scene.ref, side=_MOST_PX)
    segmenter = scene.segmenter(services, arguments.model)
    question = question_of(services, segmenter, classes)
    return asking_price(services, scene, question.segmenter, question.phrases)


def _depends(arguments: DescribeImage, services: Services) -> JsonValue:
    reasoner, _ = _reasoner(arguments, services)
    if reasoner is not None:
        return model_state(reasoner)
    scene, classes, _ = _looked_for(arguments, services)
    segmenter = scene.segmenter(services, arguments.model)
    return model_state(question_of(services, segmenter, classes).segmenter)


TOOL = FunctionTool(
    card=ToolCard(
        name="describe_image",
        summary="What an image shows in a few sentences: which objects, how many and where, from "
        "counted objects, or in the words of a reasoner.",
        outputs=(
            Output(name="table", kind="table", about="count, area and mean score by class"),
            Output(name="boxes", kind="boxes", about="the objects that the caption rests on"),
            Output(name="caption", kind="figure", about="the caption, choice"),
        ),
        group="model",
    ),
    arguments=DescribeImage,
    function=describe_image,
    price=_price,
    depends=_depends,
)

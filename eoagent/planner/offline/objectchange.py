"""Draw what things two pictures of one place differ in: what is new, or gone, of two masks."""

from __future__ import annotations

from typing import Any

from eoagent.planner.offline.blueprint import Blueprint, Opened
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectscene import ObjectScene, heading
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.refusals import ask

__all__ = ["draw_new"]

_CODES = frozenset({"scl", "qa_pixel"})


def draw_new(found: ObjectAsk, scene: ObjectScene) -> Blueprint:
    """Ground that a thing covers in the second picture and not in the first, or how many are new.

    The second picture is brought to the grid of the first, the thing is marked in each, and the
    masks are compared: no model looks at both pictures, and the answer says what that means.
    """
    drawing, zh, noun = scene.drawing, scene.chinese, scene.nouns[0]
    first, second = scene.images
    times = [str(image.preview.get("time", ""))[:10] for image in scene.images]
    if all(times) and times[0] > times[1]:
        message = say("dates_reversed", chinese=zh, first=times[0], second=times[1])
        return ask(drawing.next_n, message)
    pair = (first.ref, _onto(scene, first, second))
    drawing.assumptions.append(say("object_pair", chinese=zh))
    way = "lost" if found.is_lost else "gained"
    if "count" in found.wants and _is_placed(first):
        here, gone = pair if found.is_lost else pair[::-1]
        _counted(scene, here, scene.segment(gone, noun), way=way)
    else:
        _compared(found, scene, pair, way)
    return drawing.done()


def _is_placed(image: Opened) -> bool:
    """Return whether an image has a place on Earth, as far as is known."""
    return bool(image.preview.get("crs", True))


def _onto(scene: ObjectScene, first: Opened, second: Opened) -> str:
    """Add the step that brings the second picture to the grid of the first, where it has one."""
    if not _is_placed(first):
        return second.ref
    has_codes = bool(_CODES & set(second.bands))
    return scene.drawing.add(
        "align",
        "onto the grid of the first",
        rasters=[second.ref],
        onto=first.ref,
        resampling="nearest" if has_codes else "bilinear",
    )


def _compared(found: ObjectAsk, scene: ObjectScene, pair: tuple[str, str], way: str) -> None:
    """Area and share of what is in one mask and not in the other; the pieces of it, if counted."""
    drawing, noun = scene.drawing, heading(scene.nouns[0])
    masks = [scene.segment(raster, scene.nouns[0]) for raster in pair]
    compared = drawing.add("compare", "second against first", first=masks[0], second=masks[1])
    wants: tuple[Any, ...] = found.wants or ("area", "share")
    for want in wants:
        if want == "area":
            drawing.answer(f"{compared}.{way}", f"object_{way}", found.unit, noun=noun)
        elif want == "share":
            share = drawing.add(
                "measure", "share", target=f"{compared}.{way}_mask", quantities=["share"]
            )
            drawing.answer(f"{share}.share", f"object_{way}_share", noun=noun)
        else:
            pieces = drawing.add("regions", "pieces of it", mask=f"{compared}.{way}_mask")
            drawing.assumptions.append(say("object_pieces", chinese=scene.chinese))
            drawing.answer(f"{pieces}.count", f"object_{way}_count", noun=noun)


def _counted(scene: ObjectScene, raster: str, other: str, *, way: str) -> None:
    """How many boxes of one picture hold nothing of what a mask marks in the other."""
    drawing, noun = scene.drawing, scene.nouns[0]
    without = drawing.add("combine", "where it is not in the other", operation="not", first=other)
    free = drawing.add("regions", "as outlines", mask=without)
    boxes = drawing.add("detect", noun.phrase, raster=raster, classes=[noun.phrase])
    inside = drawing.add(
        "relate",
        "boxes that lie wholly there",
        relation="inside",
        first=f"{free}.features",
        second=boxes,
    )
    drawing.assumptions.append(say("object_boxes", chinese=scene.chinese))
    drawing.answer(f"{inside}.count", f"object_{way}_count", noun=heading(noun))

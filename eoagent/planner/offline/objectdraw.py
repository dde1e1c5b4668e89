"""Draw the steps for questions about things in pictures, and pick what answers them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectchange import draw_new
from eoagent.planner.offline.objectnear import draw_nearest, draw_within
from eoagent.planner.offline.objectscene import ObjectScene, heading
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, unused_inputs

__all__ = ["draw_objects"]

_COMPARED: Final = frozenset({"most", "bound", "shows"})
"""Kinds of question that compare images."""
_ONE: Final = frozenset({"within", "nearest"})
"""Kinds of question about a single image."""
_SLUG: Final = re.compile(r"[^a-z0-9]+")
_NAME_CHARS: Final = 30
"""Letters of a class that stand in the name of its count."""


def draw_objects(
    found: ObjectAsk,
    opened: tuple[Opened, ...],
    next_n: int,
    values: Mapping[str, float],
    *,
    chinese: bool,
) -> Blueprint:
    """Return the steps for a question, and what answers it once there are numbers.

    Args:
        found: the question, read.
        opened: what came with it.
        next_n: number of the next step.
        values: numbers of the run by reference, empty while it is planned.
        chinese: the language of the question.
    """
    scene = ObjectScene(found, opened, Drawing(next_n=next_n), chinese=chinese)
    problem = scene.problem() or _wrong_count(found, scene)
    if problem:
        return problem
    drawn = _drawn(found, scene, values)
    reading = Reading(chinese=chinese)
    return unused_inputs(drawn, reading, opened, next_n) or drawn


def _wrong_count(found: ObjectAsk, scene: ObjectScene) -> Blueprint | None:
    """Return what to ask where more or fewer images came than the question is about, or None."""
    zh, n, count = scene.chinese, scene.drawing.next_n, len(scene.images)
    names = ", ".join(image.title for image in scene.images)
    if found.said is not None and found.said != count:
        said = str(found.said)
        return ask(n, say("other_count", chinese=zh, said=said, given=str(count)))
    if found.is_pair and count != 2:
        phrase = "second_date" if count < 2 else "pair_of_images"
        return ask(n, say(phrase, chinese=zh, count=str(count), names=names))
    if found.kind in _COMPARED and count < 2:
        return ask(n, say("needs_images", chinese=zh, names=names))
    if found.kind in _ONE and count > 1:
        return ask(n, say("one_of_images", chinese=zh, count=str(count), names=names))
    return None


def _drawn(found: ObjectAsk, scene: ObjectScene, values: Mapping[str, float]) -> Blueprint:
    if found.kind == "within":
        return draw_within(found, scene)
    if found.kind == "nearest":
        return draw_nearest(found, scene)
    if found.kind == "new":
        return draw_new(found, scene)
    if found.kind == "describe":
        _describe(scene)
    elif found.kind == "shows":
        _shows(scene)
    elif found.kind in {"most", "bound"}:
        _count_images(found, scene, values)
    elif found.kind == "present":
        _present(scene, values)
    elif found.kind in {"measure", "map"}:
        _segment(found, scene)
    else:
        _count(found, scene, values)
    return scene.drawing.done()


def _count_step(scene: ObjectScene, image: Opened) -> str:
    return scene.drawing.add(
        "count_objects",
        f"{', '.join(n.phrase for n in scene.nouns)} in the image",
        raster=image.ref,
        classes=[noun.phrase for noun in scene.nouns],
    )


def _count(found: ObjectAsk, scene: ObjectScene, values: Mapping[str, float]) -> None:
    """How many of each thing, in each image; of which there are more, where that is asked."""
    drawing, nouns = scene.drawing, scene.nouns
    for image in scene.images:
        made = _count_step(scene, image)
        references = [_count_of(made, phrase.phrase, many=len(nouns) > 1) for phrase in nouns]
        for noun, reference in zip(nouns, references, strict=True):
            scene.answer(image, reference, "object_count", noun=noun)
        if found.kind == "more":
            ranked = drawing.add("rank", "in order", figures=references, order=found.order)
            counts = [values.get(reference, 0.0) for reference in references]
            best = nouns[counts.index(max(counts) if found.order == "highest" else min(counts))]
            phrase = "equal_count" if len(set(counts)) == 1 else f"object_{found.order}"
            drawing.answer(f"{ranked}.value", phrase, noun=heading(best))


def _count_of(step: str, phrase: str, *, many: bool) -> str:
    """Return the reference to the count of one class."""
    stem = _SLUG.sub("_", phrase.lower()).strip("_")[:_NAME_CHARS].strip("_")
    return f"{step}.count_{stem}" if many else f"{step}.count"


def _present(scene: ObjectScene, values: Mapping[str, float]) -> None:
    """Whether there is one: how many were found says so."""
    noun = scene.nouns[0]
    for image in scene.images:
        reference = f"{_count_step(scene, image)}.count"
        phrase = "object_there" if values.get(reference, 0.0) > 0 else "object_absent"
        scene.answer(image, reference, phrase, noun=noun)


def _shows(scene: ObjectScene) -> None:
    """Which image shows the thing: that in which the model is surest of it."""
    noun = scene.nouns[0]
    figures = [f"{scene.segment(image, noun)}.presence" for image in scene.images]
    ranked = scene.drawing.add("rank", "in order", figures=figures, order="highest")
    others = {"best": f"{ranked}.best"}
    scene.drawing.answer(f"{ranked}.value", "object_shown", others=others, noun=heading(noun))


def _count_images(found: ObjectAsk, scene: ObjectScene, values: Mapping[str, float]) -> None:
    """Which image has most or fewest, with their area; or which have more than a number."""
    drawing, noun = scene.drawing, scene.nouns[0]
    steps = [_count_step(scene, image) for image in scene.images]
    counts = [f"{step}.count" for step in steps]
    if found.bound is not None:
        met = [found.bound.is_met(values.get(count, float("nan"))) for count in counts]
        chosen = [n for n, is_met in enumerate(met) if is_met] or list(range(len(counts)))
        for n in chosen:
            phrase = "object_met" if any(met) else "object_not_met"
            scene.answer(scene.images[n], counts[n], phrase, noun=noun)
        return
    ranked = drawing.add("rank", "in order", figures=counts, order=found.order)
    others: dict[str, str] = {"best": f"{ranked}.best"}
    drawing.answer(f"{ranked}.value", f"rank_{found.order}", others=others, subject=heading(noun))
    if "area" in found.wants:
        numbers = [values.get(count, 0.0) for count in counts]
        best = numbers.index(max(numbers) if found.order == "highest" else min(numbers))
        scene.answer(scene.images[best], f"{steps[best]}.area", "object_area", noun=noun)


def _segment(found: ObjectAsk, scene: ObjectScene) -> None:
    """Area and share of a thing in each image; and a map of it, where it is asked where it is."""
    noun = scene.nouns[0]
    for image in scene.images:
        made = scene.segment(image, noun)
        wants: tuple[Any, ...] = found.wants or ("area", "share")
        if found.kind == "map":
            scene.drawing.add(
                "render_map", "where it is", layers=[image.ref, made], title=heading(noun)[:120]
            )
            wants = ("objects", "area")
        for want in wants:
            scene.answer(image, f"{made}.{want}", f"object_{want}", noun=noun)


def _describe(scene: ObjectScene) -> None:
    for image in scene.images:
        made = scene.drawing.add("describe_image", "what it shows", raster=image.ref)
        scene.answer(image, f"{made}.caption", "object_caption")

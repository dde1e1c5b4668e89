"""Draw the steps for implicit questions, and pick what answers them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from eoagent.contracts.figure import Figure
from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectscene import ObjectScene
from eoagent.planner.offline.objectwords import Noun
from eoagent.planner.offline.phrases import has_phrase, say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.reasonask import ReasonAsk
from eoagent.planner.offline.refusals import ask, refuse, unused_inputs

__all__ = ["draw_reasoning"]

_PAIR: Final = 2
_INFRARED: Final = frozenset({"nir", "nir08"})
_BESIDE: Final = (("vegetation", "red"), ("water", "green"))
"""Covers that an index shows, with the band it needs beside near-infrared."""
_ASKED: Final = " was asked"
_BRACES: Final = re.compile(r"[{}]")
_ANY: Final = ObjectAsk(kind="describe")
"""A question about a picture as such, for the checks that all such questions share."""


def draw_reasoning(
    found: ReasonAsk,
    question: str,
    opened: tuple[Opened, ...],
    next_n: int,
    figures: Mapping[str, Figure],
    *,
    chinese: bool,
) -> Blueprint:
    """Return the steps for a question, and what answers it once there are figures.

    Args:
        found: the question, read.
        question: the question as it was put; it goes to the model so.
        opened: what came with it.
        next_n: number of the next step.
        figures: figures of the run by reference, empty while it is planned.
        chinese: the language of the question.
    """
    scene = ObjectScene(_ANY, opened, Drawing(next_n=next_n), chinese=chinese)
    is_change = found.kind == "change" or (found.may_be_change and len(scene.images) == _PAIR)
    problem = scene.problem() or _wrong_count(scene, is_change=is_change)
    problem = problem or _no_bands(found, scene)
    if problem:
        return problem
    if chinese:
        scene.drawing.assumptions.append(say("reason_chinese", chinese=True))
    if is_change:
        _change(found, question, scene, figures)
    elif found.kind == "place":
        _places(question, scene, figures)
    else:
        pictures = "spectral" if found.is_spectral else None
        made = scene.drawing.add(
            "reason",
            "an answer in words",
            raster=scene.images[0].ref,
            question=question,
            want=["answer"],
            pictures=pictures,
        )
        _words(scene, made, figures)
    drawn = scene.drawing.done()
    return unused_inputs(drawn, Reading(chinese=chinese), opened, next_n) or drawn


def _wrong_count(scene: ObjectScene, *, is_change: bool) -> Blueprint | None:
    """Return what to ask where more or fewer images came than the question is about, or None."""
    zh, n, count = scene.chinese, scene.drawing.next_n, len(scene.images)
    names = ", ".join(image.title for image in scene.images)
    if not is_change:
        if count == 1:
            return None
        return ask(n, say("one_of_images", chinese=zh, count=str(count), names=names))
    if count != _PAIR:
        phrase = "second_date" if count < _PAIR else "pair_of_images"
        return ask(n, say(phrase, chinese=zh, count=str(count), names=names))
    times = [str(image.preview.get("time", ""))[:10] for image in scene.images]
    if all(times) and times[0] > times[1]:
        return ask(n, say("dates_reversed", chinese=zh, first=times[0], second=times[1]))
    return None


def _no_bands(found: ReasonAsk, scene: ObjectScene) -> Blueprint | None:
    """Return a refusal where an image has no bands besides those of a picture, or None."""
    bands = scene.images[0].bands
    if not found.is_spectral or _INFRARED & set(bands) or not bands:
        return None
    names = ", ".join(bands)
    title = scene.images[0].title
    message = say("reason_no_bands", chinese=scene.chinese, name=title, bands=names)
    return refuse(scene.drawing.next_n, message)


def _places(question: str, scene: ObjectScene, figures: Mapping[str, Figure]) -> None:
    """Where the model says that it is: how many places, and the area of what was outlined."""
    drawing = scene.drawing
    made = drawing.add(
        "reason", "where the answer is", raster=scene.images[0].ref, question=question
    )
    count, area = figures.get(f"{made}.found"), figures.get(f"{made}.area")
    is_none = count is not None and count.value == 0
    drawing.answer(f"{made}.found", "reason_none" if is_none else "reason_found")
    if count is None or (area is not None and not is_none):
        drawing.answer(f"{made}.area", "reason_area")


def _words(scene: ObjectScene, made: str, figures: Mapping[str, Figure]) -> None:
    """Quote what the model answered under its name, which the method of the figure begins with."""
    figure = figures.get(f"{made}.answer")
    name, asked, _ = ("", "", "") if figure is None else figure.method.partition(_ASKED)
    model = _BRACES.sub("", name) if asked else say("reason_model", chinese=scene.chinese)
    scene.drawing.answer(f"{made}.answer", "reason_words", model=model)


def _change(
    found: ReasonAsk, question: str, scene: ObjectScene, figures: Mapping[str, Figure]
) -> None:
    """What was measured of both dates, and the words of a model that was told the numbers."""
    drawing = scene.drawing
    first, second = scene.images
    measured = []
    for noun in _compared(found, scene):
        masks = [_mask(scene, image, noun) for image in scene.images]
        compared = drawing.add("compare", "second against first", first=masks[0], second=masks[1])
        subject = _name(noun, chinese=scene.chinese)
        for way in ("gained", "lost"):
            measured.append(f"{compared}.{way}")
            drawing.answer(f"{compared}.{way}", f"reason_{way}", subject=subject)
    if not measured:
        drawing.assumptions.append(say("reason_unmeasured", chinese=scene.chinese))
    made = drawing.add(
        "reason",
        "what changed, in words",
        raster=second.ref,
        before=first.ref,
        question=question,
        want=["answer"],
        measured=measured or None,
    )
    _words(scene, made, figures)


def _compared(found: ReasonAsk, scene: ObjectScene) -> tuple[Noun, ...]:
    """Return what is measured of both dates: the cover spoken of, else what indices show."""
    if found.noun is not None:
        noun = found.noun
        if noun.cover and noun.phrase != noun.cover and _has_index(scene):
            said = say(
                "reason_cover",
                chinese=scene.chinese,
                said=noun.said,
                cover=say(f"cover_{noun.cover}", chinese=scene.chinese),
            )
            scene.drawing.assumptions.append(said)
        return (noun,)
    if not _has_index(scene):
        return ()
    bands = set(scene.images[0].bands) & set(scene.images[1].bands)
    return tuple(Noun(phrase=c, said=c, cover=c) for c, band in _BESIDE if band in bands)


def _has_index(scene: ObjectScene) -> bool:
    """Return whether both images have a band in which indices see."""
    return all(_INFRARED & set(image.bands) for image in scene.images)


def _mask(scene: ObjectScene, image: Opened, noun: Noun) -> str:
    """Add the step that marks a cover: by an index, or by a model where no index shows it."""
    if not noun.cover or not _has_index(scene):
        return scene.segment(image, noun)
    why = f"where there is {noun.cover}"
    return scene.drawing.add("threshold", why, raster=image.ref, rule=noun.cover)


def _name(noun: Noun, *, chinese: bool) -> str:
    phrase = f"cover_{noun.cover}"
    name = say(phrase, chinese=chinese) if has_phrase(phrase) else noun.said
    return name[:1].upper() + name[1:]

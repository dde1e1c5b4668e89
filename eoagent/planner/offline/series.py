"""Questions about several images of one place or kind: a number each, trends, least and most."""

from __future__ import annotations

import itertools

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.perimage import PerImage, other_dates
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading, Subject
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["draw_series", "with_greenness"]

_NDVI = Subject(kind="index", id="ndvi")


def draw_series(
    frame: Frame, reading: Reading, rasters: tuple[Opened, ...], next_n: int
) -> Blueprint:
    """Return the steps for a number of each image, and what is asked of the row of numbers."""
    drawing, zh = Drawing(next_n=next_n), reading.chinese
    images = PerImage(reading, rasters, drawing)
    times = sorted(str(image.preview.get("time", ""))[:10] for image in rasters)
    problem = other_dates(frame, times, chinese=zh)
    if problem:
        return ask(next_n, problem)
    unused = images.unused()
    if unused is not None:
        return unused
    if not images.quantity:
        return refuse(next_n, say("no_want", chinese=zh))
    if frame.is_consecutive:
        return _neighbours(frame, images)
    figures = images.figures(no_black=frame.no_black)
    if isinstance(figures, Blueprint):
        return figures
    if frame.is_trend:
        return _trend(images, figures)
    if frame.order is not None:
        return _extreme(frame, images, figures)
    if frame.by_date:
        return refuse(next_n, say("no_want", chinese=zh))
    for image, figure in zip(rasters, figures, strict=True):
        title = str(image.preview.get("time", "")) or image.title
        drawing.answer(figure, "each", images.unit, subject=images.name(), image=title)
    return drawing.done()


def with_greenness(frame: Frame, reading: Reading) -> Reading:
    """Return the reading with mean NDVI as what `greener` means, where no other is said."""
    if not frame.is_greener or reading.subjects or reading.has_rule:
        return reading
    return reading.with_subject(_NDVI)


def _trend(images: PerImage, figures: list[str]) -> Blueprint:
    drawing = images.drawing
    made = drawing.add("time_series", "trend over the dates", figures=figures)
    unit = f"{images.unit}/yr" if images.unit else ""
    drawing.answer(
        f"{made}.trend",
        "trend",
        unit,
        others={"direction": f"{made}.direction"},
        subject=images.name(),
    )
    return drawing.done()


def _extreme(frame: Frame, images: PerImage, figures: list[str]) -> Blueprint:
    drawing = images.drawing
    made = drawing.add(
        "rank",
        "in order",
        figures=figures,
        order=frame.order,
        name_by="time" if frame.by_date else "item",
    )
    drawing.answer(
        f"{made}.value",
        f"rank_{frame.order}",
        images.unit,
        others={"best": f"{made}.best"},
        subject=images.name(),
    )
    return drawing.done()


def _neighbours(frame: Frame, images: PerImage) -> Blueprint:
    """Between which two neighbours most, or least, changed."""
    drawing, reading = images.drawing, images.reading
    is_both = frame.is_sum or "moved" in frame.changes or "changed" in frame.changes
    words = [w for w in frame.changes if w in {"gained", "lost"}]
    if not reading.has_rule or frame.order is None or not (is_both or len(words) == 1):
        return refuse(drawing.next_n, say("no_want", chinese=reading.chinese))
    what = "changed" if is_both else words[0]
    masks = images.masks()
    if isinstance(masks, Blueprint):
        return masks
    compared = [
        drawing.add("compare", "an image and the next", first=first, second=second)
        for first, second in itertools.pairwise(masks)
    ]
    figures = [f"{step}.{what}" for step in compared]
    unit = reading.unit_for(AREA_UNITS)
    phrase = f"change_{'both' if what == 'changed' else what}"
    if len(figures) == 1:
        drawing.answer(figures[0], phrase, unit, subject=images.name())
        return drawing.done()
    made = drawing.add("rank", "in order", figures=figures, order=frame.order, name_by="time")
    drawing.answer(
        f"{made}.value",
        f"neighbours_{frame.order}",
        unit,
        others={"best": f"{made}.best"},
        subject=images.name(),
    )
    return drawing.done()

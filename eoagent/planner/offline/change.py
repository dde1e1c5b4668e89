"""Questions about two images of one place: what was gained and lost, what rose and fell."""

from __future__ import annotations

from typing import Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.frame import Delta, Frame
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.leftovers import leftovers, subject_name
from eoagent.planner.offline.perimage import PerImage, other_dates
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["draw_change"]

_SIGNED: Final = ("net", "changed", "fell", "rose", "direction", "amount")
"""Words that ask for the signed change."""


def draw_change(
    frame: Frame, reading: Reading, rasters: tuple[Opened, ...], next_n: int
) -> Blueprint:
    """Return the steps for a change between two images, a first and a second."""
    drawing = Drawing(next_n=next_n)
    pair = tuple(reversed(rasters)) if frame.is_reversed else rasters
    images = PerImage(reading, pair, drawing)
    problem = _out_of_order(frame, pair, chinese=reading.chinese)
    if problem:
        return ask(next_n, problem)
    if frame.delta is not None:
        return _where_it_changed(frame.delta, images)
    unused = images.unused()
    if unused is not None:
        return unused
    if reading.cover == "burned":
        return _burned(images)
    if not images.quantity and not reading.has_rule:
        return refuse(next_n, say("no_want", chinese=reading.chinese))
    problem = _two_senses(frame, images)
    if problem:
        return ask(next_n, problem)
    if frame.is_each or not frame.changes:
        return _each(frame, images)
    if reading.has_rule:
        return _cover(frame, images)
    return _statistic(images)


def _two_senses(frame: Frame, images: PerImage) -> str:
    """Return what to ask where a change can be meant in two ways, or empty."""
    reading, zh = images.reading, images.reading.chinese
    if frame.changes and {"less", "more"} & set(frame.changes):
        return say("gross_or_net", chinese=zh, cover=images.name())
    if images.quantity in {"minimum", "maximum"} and frame.changes:
        return say("value_or_change", chinese=zh, subject=images.name())
    is_ground = {"gained", "lost"} & set(frame.changes) or reading.partitive
    if images.quantity == "share" and frame.changes and is_ground:
        return say("share_of_which", chinese=zh)
    return ""


def _out_of_order(frame: Frame, pair: tuple[Opened, ...], *, chinese: bool) -> str:
    """Return what to ask where the images' dates contradict the question, or empty."""
    times = [str(image.preview.get("time", ""))[:10] for image in pair]
    problem = other_dates(frame, times, chinese=chinese)
    if problem or not all(times):
        return problem
    if times[0] > times[1] and not frame.is_reversed:
        return say("dates_reversed", chinese=chinese, first=times[0], second=times[1])
    return ""


def _where_it_changed(delta: Delta, images: PerImage) -> Blueprint:
    """Area and share of the ground where a quantity fell or rose by more than a value."""
    reading, drawing = images.reading, images.drawing
    words = leftovers(reading, frozenset(("area", "share")) | AREA_UNITS)
    if words or reading.has_rule or reading.subjects:
        named = ", ".join(dict.fromkeys(words)) or subject_name(delta.subject, chinese=False)
        return refuse(drawing.next_n, say("unused", chinese=reading.chinese, words=named))
    surfaces = images.surfaces(delta.subject)
    if isinstance(surfaces, Blueprint):
        return surfaces
    (first, band), (second, _) = surfaces
    compared = drawing.add("compare", "second minus first", first=first, second=second, band=band)
    zh = reading.chinese
    way = "fell" if delta.is_fall else "rose"
    subject = subject_name(delta.subject, chinese=zh)
    where = say(f"where_{way}", chinese=zh, subject=subject, value=f"{delta.value:g}")
    mask = drawing.add(
        "threshold",
        "where it changed by more",
        raster=f"{compared}.difference",
        operator="lt" if delta.is_fall else "gt",
        value=-delta.value if delta.is_fall else delta.value,
        label=where[:120],
    )
    _measure(images, mask, where)
    return drawing.done()


def _measure(images: PerImage, mask: str, name: str) -> None:
    reading, drawing = images.reading, images.drawing
    wants = [w.kind for w in reading.wants if w.kind in {"area", "share"}] or ["area", "share"]
    measured = drawing.add("measure", "area and share", target=mask, quantities=wants)
    for kind in wants:
        unit = reading.unit_for(AREA_UNITS) if kind == "area" else ""
        drawing.answer(f"{measured}.{kind}", kind, unit, subject=name)


def _burned(images: PerImage) -> Blueprint:
    scenes = images.scenes()
    if isinstance(scenes, Blueprint):
        return scenes
    mask = images.drawing.add(
        "threshold", "what burned in between", raster=scenes[0], after=scenes[1], rule="burned"
    )
    _measure(images, mask, say("cover_burned", chinese=images.reading.chinese))
    return images.drawing.done()


def _cover(frame: Frame, images: PerImage) -> Blueprint:
    """Ground gained, lost, or both, of a cover or rule."""
    reading, drawing = images.reading, images.drawing
    if images.quantity == "share":
        return _difference(images)
    masks = images.masks()
    if isinstance(masks, Blueprint):
        return masks
    compared = drawing.add("compare", "second against first", first=masks[0], second=masks[1])
    zh, unit = reading.chinese, reading.unit_for(AREA_UNITS)
    name = images.name()
    if frame.is_sum or set(frame.changes) == {"moved"}:
        drawing.answer(f"{compared}.changed", "change_both", unit, subject=name)
        return drawing.done()
    for word in frame.changes:
        if word in {"gained", "lost"}:
            drawing.answer(f"{compared}.{word}", f"change_{word}", unit, subject=name)
    signed = [word for word in frame.changes if word in _SIGNED]
    if signed and (set(signed) != {"amount"} or not drawing.results):
        drawing.answer(
            f"{compared}.net",
            "change_net",
            unit,
            others={"direction": f"{compared}.direction"},
            subject=name,
        )
    if "moved" in frame.changes:
        return refuse(
            drawing.next_n, say("unused", chinese=zh, words=say("word_moved", chinese=zh))
        )
    return drawing.done()


def _statistic(images: PerImage) -> Blueprint:
    """How a statistic of a quantity changed; the mean over the pixels valid in both."""
    drawing, subject = images.drawing, images.subject
    assert subject is not None
    if images.quantity != "mean":
        return _difference(images)
    surfaces = images.surfaces(subject)
    if isinstance(surfaces, Blueprint):
        return surfaces
    (first, band), (second, _) = surfaces
    compared = drawing.add("compare", "second minus first", first=first, second=second, band=band)
    drawing.answer(
        f"{compared}.mean_change",
        "change_net",
        others={"direction": f"{compared}.direction"},
        subject=images.name(),
    )
    return drawing.done()


def _difference(images: PerImage) -> Blueprint:
    """The number of the second image minus that of the first, each on its own grid."""
    figures = images.figures()
    if isinstance(figures, Blueprint):
        return figures
    made = _subtract(images, figures)
    images.drawing.answer(
        f"{made}.value", "change_net", others={"direction": f"{made}.direction"},
        subject=images.name(),
    )  # fmt: skip
    return images.drawing.done()


def _subtract(images: PerImage, figures: list[str]) -> str:
    return images.drawing.add(
        "calculate",
        "second minus first",
        expression="after - before",
        values={"before": figures[0], "after": figures[1]},
        label=f"change of {images.name()}"[:120],
        is_change=True,
    )


def _each(frame: Frame, images: PerImage) -> Blueprint:
    """The number of each image; with the direction of the change where that is asked."""
    drawing, reading = images.drawing, images.reading
    if not images.quantity:
        return refuse(drawing.next_n, say("no_want", chinese=reading.chinese))
    figures = images.figures(no_black=frame.no_black)
    if isinstance(figures, Blueprint):
        return figures
    asks = set(frame.changes) - {"amount"}
    others = {}
    if asks:
        others = {"direction": f"{_subtract(images, figures)}.direction"}
    for image, figure in zip(images.rasters, figures, strict=True):
        is_last = image is images.rasters[-1]
        drawing.answer(
            figure,
            "each_then" if is_last and others else "each",
            images.unit,
            others=others if is_last else {},
            subject=images.name(),
            image=image.title,
        )
    return drawing.done()

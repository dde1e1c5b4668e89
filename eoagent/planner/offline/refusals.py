"""Questions back and refusals: when a question cannot be answered with what there is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading

__all__ = ["after_opening", "ask", "before_opening", "refuse"]

_LENGTHS_M: Final = MappingProxyType(
    {
        "car": 4.5,
        "airplane": 30.0,
        "ship": 25.0,
        "building": 12.0,
        "storage_tank": 15.0,
        "tree": 6.0,
        "bridge": 40.0,
    },
)
"""Typical lengths in metres: a passenger car, a narrow-body airliner, a coaster, a house, ..."""
_PIXELS_ACROSS: Final = 5.0
"""Johnson's criteria ask for some three line pairs across an object to recognise it; five pixels
is the mild end of that (Johnson, J., 1958, Analysis of image forming systems)."""
_CHANGE_TOPICS: Final = frozenset({"CHANGE", "TWODATES"})


def ask(next_n: int, message: str) -> Blueprint:
    """Return a blueprint that asks the user and ends the run."""
    drawing = Drawing(next_n=next_n)
    drawing.add("ask_user", "the question has to be asked back", question=message)
    return drawing.done()


def refuse(next_n: int, message: str, needs: str = "") -> Blueprint:
    """Return a blueprint that refuses with a reason and ends the run."""
    drawing = Drawing(next_n=next_n)
    drawing.add("cannot_answer", "the question cannot be answered", reason=message, needs=needs)
    return drawing.done()


def before_opening(reading: Reading, inputs: int, next_n: int) -> Blueprint | None:
    """Return a refusal that needs no look at the files, or None."""
    zh = reading.chinese
    if "person" in reading.objects:
        return refuse(next_n, say("needs_census", chinese=zh))
    if inputs == 0 and not reading.unread:
        return ask(next_n, say("which_image", chinese=zh))
    change = _CHANGE_TOPICS & set(reading.topics)
    if change and inputs == 1 and reading.cover and not reading.unread:
        return ask(next_n, say("second_date", chinese=zh))
    if reading.objects and not reading.unread:
        return None
    topics = [t for t in reading.topics if not (t == "LENGTH" and _asks_extent(reading))]
    if topics and (not reading.unread or "DNBR" in topics):
        named = "; ".join(say(f"topic_{topic}", chinese=zh) for topic in topics)
        if reading.cover:
            named = f"{named} ({say(f'cover_{reading.cover}', chinese=zh)})"
        return refuse(next_n, say("beyond", chinese=zh, topic=named))
    if reading.unread:
        words = ", ".join(f"'{word}'" for word in reading.unread)
        return refuse(next_n, say("cannot_read", chinese=zh, words=words))
    if reading.more_conditions:
        return ask(next_n, say("many_conditions", chinese=zh))
    return None


def after_opening(reading: Reading, opened: tuple[Opened, ...], next_n: int) -> Blueprint | None:
    """Return a refusal that rests on what the files are, or None."""
    seen = [o for o in reading.objects if not _is_zone(o, opened)]
    if not seen:
        return None
    zh, kind = reading.chinese, seen[0]
    length, name = _LENGTHS_M[kind], say(f"object_{kind}", chinese=zh)
    for image in (o for o in opened if o.is_raster):
        gsd = image.preview.get("gsd_m")
        if isinstance(gsd, list) and max(gsd) > length / _PIXELS_ACROSS:
            message = say(
                "too_coarse",
                chinese=zh,
                object=name[:1].upper() + name[1:],
                size=f"{length:g}",
                gsd=f"{max(gsd):g}",
                wanted=f"{length / _PIXELS_ACROSS:g}",
            )
            return refuse(next_n, message)
    return refuse(next_n, say("needs_detector", chinese=zh, object=name, tool="count_objects"))


def _asks_extent(reading: Reading) -> bool:
    return any(want.kind == "extent" for want in reading.wants)


def _is_zone(kind: str, opened: tuple[Opened, ...]) -> bool:
    return kind == "building" and any(not o.is_raster for o in opened)

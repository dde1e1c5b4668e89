"""Questions back and refusals: when a question cannot be answered with what there is."""

from __future__ import annotations

from typing import Final

from eoagent.contracts.plan import references_in
from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.leftovers import subject_name
from eoagent.planner.offline.objectwords import known_length_m
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.quantities import defines, is_in_range, quantity
from eoagent.planner.offline.reading import Reading

__all__ = [
    "after_opening",
    "ask",
    "before_opening",
    "before_opening_several",
    "refuse",
    "refuse_topics",
    "too_coarse",
    "unused_inputs",
]

_PIXELS_ACROSS: Final = 5.0
"""Johnson's criteria ask for some three line pairs across an object to recognise it; five pixels
is the mild end of that (Johnson, J., 1958, Analysis of image forming systems)."""
_LARGEST_REFLECTANCE: Final = 1.5
"""Beyond it a number said of an optical band is a count, not a reflectance."""
_GSD_TOLERANCE: Final = 0.05
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
    """Return a refusal or a question back that needs no look at the files, or None."""
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
    stopped = refuse_topics(reading, next_n)
    if stopped is not None:
        return stopped
    message = _ambiguity(reading)
    return ask(next_n, message) if message else None


def before_opening_several(reading: Reading, next_n: int) -> Blueprint | None:
    """Return what `before_opening` does for the core of a question about several images."""
    if "person" in reading.objects:
        return refuse(next_n, say("needs_census", chinese=reading.chinese))
    if reading.objects and not reading.unread:
        return None
    stopped = refuse_topics(reading, next_n)
    if stopped is not None:
        return stopped
    message = _ambiguity(reading)
    return ask(next_n, message) if message else None


def refuse_topics(reading: Reading, next_n: int) -> Blueprint | None:
    """Return a refusal that names what the question is about or what cannot be read, or None."""
    zh = reading.chinese
    if reading.topics and (not reading.unread or "DNBR" in reading.topics):
        named = "; ".join(say(f"topic_{topic}", chinese=zh) for topic in reading.topics)
        if reading.cover:
            named = f"{named} ({say(f'cover_{reading.cover}', chinese=zh)})"
        return refuse(next_n, say("beyond", chinese=zh, topic=named))
    if reading.unread:
        words = ", ".join(f"'{word}'" for word in reading.unread)
        return refuse(next_n, say("cannot_read", chinese=zh, words=words))
    return None


def _ambiguity(reading: Reading) -> str:
    """Return what to ask where a question can be meant in more than one way, or empty."""
    zh, covers = reading.chinese, reading.covers
    if len(reading.conditions) > 1:
        return say("many_conditions", chinese=zh)
    if len(covers) > 1:
        names = ", ".join(dict.fromkeys(say(f"cover_{c.name}", chinese=zh) for c in covers))
        return say("many_covers", chinese=zh, names=names)
    condition = reading.condition
    if condition is None:
        return ""
    name = subject_name(condition.subject, chinese=zh)
    if not is_in_range(condition):
        low, high = quantity(condition.subject.id).range or (0, 0)
        return say(
            "out_of_range",
            chinese=zh,
            name=name,
            value=f"{condition.value:g}",
            low=f"{low:g}",
            high=f"{high:g}",
        )
    share_of_part = reading.partitive and any(want.kind == "share" for want in reading.wants)
    is_both = reading.cover and (not defines(condition, reading.cover) or reading.negated)
    if is_both or (reading.cover and share_of_part):
        return say(
            "rule_and_cover",
            chinese=zh,
            rule=name,
            cover=say(f"cover_{covers[0].name}", chinese=zh),
        )
    return ""


def after_opening(reading: Reading, opened: tuple[Opened, ...], next_n: int) -> Blueprint | None:
    """Return a refusal or a question back that rests on what the files are, or None."""
    zh = reading.chinese
    seen = [o for o in reading.objects if not _is_zone(o, opened)]
    if seen:
        return _unseen(seen[0], opened, next_n, chinese=zh)
    if reading.place and reading.zone is None and any(not o.is_raster for o in opened):
        return ask(next_n, say("which_place", chinese=zh))
    message = _misfit(reading, [o for o in opened if o.is_raster])
    return ask(next_n, message) if message else None


def _unseen(kind: str, opened: tuple[Opened, ...], next_n: int, *, chinese: bool) -> Blueprint:
    """Refuse to see objects: the pixels are too coarse, or the question is not one about them."""
    name = say(f"object_{kind}", chinese=chinese)
    title = name[:1].upper() + name[1:]
    message = too_coarse(title, known_length_m(kind), opened, chinese=chinese)
    return refuse(next_n, message or say("objects_unread", chinese=chinese, object=name))


def too_coarse(
    name: str, length_m: float | None, opened: tuple[Opened, ...], *, chinese: bool
) -> str:
    """Return why an image is too coarse to show things of a length, or an empty text."""
    for image in (o for o in opened if o.is_raster):
        gsd = image.preview.get("gsd_m")
        if length_m is not None and isinstance(gsd, list) and max(gsd) > length_m / _PIXELS_ACROSS:
            return say(
                "too_coarse",
                chinese=chinese,
                object=name,
                size=f"{length_m:g}",
                gsd=f"{max(gsd):g}",
                wanted=f"{length_m / _PIXELS_ACROSS:g}",
            )
    return ""


def _misfit(reading: Reading, rasters: list[Opened]) -> str:
    """Return what to ask where the question's numbers do not fit the files', or empty."""
    zh = reading.chinese
    for raster in rasters:
        gsd = raster.preview.get("gsd_m")
        said = reading.gsd_m
        if said is not None and isinstance(gsd, list) and not _is_near(said, gsd):
            known = " x ".join(f"{g:g}" for g in gsd)
            return say("other_gsd", chinese=zh, said=f"{said:g}", known=known, name=raster.title)
    condition = reading.condition
    if condition is None or condition.subject.kind != "band" or reading.scale is not None:
        return ""
    own = quantity(condition.subject.id).unit
    numbers = [n for n in (condition.value, condition.upper) if n is not None]
    is_small = all(abs(n) <= _LARGEST_REFLECTANCE for n in numbers)
    for raster in rasters:
        values = str(raster.preview.get("values", "unknown"))
        if own == "dB":
            fits = values == "backscatter_db"
        elif is_small:
            fits = values == "reflectance" or not any(numbers)
        else:
            fits = values in {"counts", "picture"}
        if not fits and values != "height":
            name = subject_name(condition.subject, chinese=zh)
            return say("other_values", chinese=zh, band=name, name=raster.title, values=values)
    return ""


def _is_near(said: float, known: list[float]) -> bool:
    return all(abs(said - g) <= _GSD_TOLERANCE * g for g in known)


def unused_inputs(
    drawn: Blueprint, reading: Reading, opened: tuple[Opened, ...], next_n: int
) -> Blueprint | None:
    """Return a question back if the steps leave out something that came with the question."""
    if any(step.tool in {"ask_user", "cannot_answer"} for step in drawn.steps):
        return None
    used = {r.partition(".")[0] for s in drawn.steps for r in references_in(s.arguments).values()}
    texts = {
        text
        for step in drawn.steps
        for value in step.arguments.values()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    }
    unused = [o.title for o in opened if f"${o.n}" not in used and o.href not in texts]
    if not unused:
        return None
    return ask(next_n, say("unused_input", chinese=reading.chinese, names=", ".join(unused)))


def _is_zone(kind: str, opened: tuple[Opened, ...]) -> bool:
    return kind == "building" and any(not o.is_raster for o in opened)

"""Draw how things in a picture lie to something else: how many within a distance, the nearest."""

from __future__ import annotations

from eoagent.planner.offline.blueprint import Blueprint, Opened
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectscene import ObjectScene, heading
from eoagent.planner.offline.objectwords import Noun
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["draw_nearest", "draw_within"]

_INFRARED = frozenset({"nir", "nir08", "swir16", "swir22"})


def draw_within(found: ObjectAsk, scene: ObjectScene) -> Blueprint:
    """How many things lie within a distance of others, edge to edge."""
    ends = _ends(found, scene)
    if isinstance(ends, Blueprint):
        return ends
    first, second = ends
    related = scene.drawing.add(
        "relate",
        "those within the distance",
        relation="within",
        first=first,
        second=second,
        distance_m=found.radius_m,
    )
    scene.drawing.answer(
        f"{related}.count",
        "object_within",
        noun=heading(scene.nouns[0]),
        metres=f"{found.radius_m:g}",
        anchor="" if found.anchor is None else found.anchor.said,
    )
    return scene.drawing.done()


def draw_nearest(found: ObjectAsk, scene: ObjectScene) -> Blueprint:
    """Which thing is nearest to others, how far away, edge to edge, and in which direction."""
    ends = _ends(found, scene)
    if isinstance(ends, Blueprint):
        return ends
    related = scene.drawing.add(
        "relate",
        f"the nearest {scene.nouns[0].phrase}",
        relation="nearest",
        first=ends[0],
        second=ends[1],
    )
    phrase, others = "object_nearest", {}
    if found.has_direction:
        phrase, others = "object_nearest_at", {"direction": f"{related}.direction"}
    noun = scene.nouns[0].said
    scene.drawing.answer(f"{related}.distance", phrase, found.unit, others=others, noun=noun)
    if found.has_place:
        centre = scene.drawing.add(
            "measure", "where it is", target=f"{related}.features", quantities=["centroid"]
        )
        scene.drawing.answer(f"{centre}.centroid_lon", "longitude")
        scene.drawing.answer(f"{centre}.centroid_lat", "latitude")
    return scene.drawing.done()


def _ends(found: ObjectAsk, scene: ObjectScene) -> tuple[str, str] | Blueprint:
    """Add the steps that give both ends as outlines: what is measured from, what is looked for."""
    image, zh, n = scene.images[0], scene.chinese, scene.drawing.next_n
    assert found.anchor is not None
    if not image.preview.get("crs", True):
        return refuse(n, say("needs_place", chinese=zh, name=image.title))
    first = _anchor(found, scene, image, found.anchor)
    if isinstance(first, Blueprint):
        return first
    looked_for = scene.drawing.add(
        "detect", scene.nouns[0].phrase, raster=image.ref, classes=[scene.nouns[0].phrase]
    )
    return first, looked_for


def _anchor(found: ObjectAsk, scene: ObjectScene, image: Opened, anchor: Noun) -> str | Blueprint:
    """Return the outlines that are measured from: a file's, a cover's, or what a model marks."""
    zh, drawing = scene.chinese, scene.drawing
    if len(scene.features) > 1:
        names = ", ".join(o.title for o in scene.features)
        message = say("which_features", chinese=zh, noun=anchor.said, names=names)
        return ask(drawing.next_n, message)
    if scene.features:
        file = scene.features[0]
        drawing.assumptions.append(
            say("object_features", chinese=zh, said=anchor.said, name=file.title)
        )
        return file.ref
    if found.is_outlined:
        return ask(drawing.next_n, say("which_outlines", chinese=zh, noun=anchor.said))
    has_index = bool(anchor.cover and _INFRARED & set(image.bands))
    if has_index:
        mask = drawing.add(
            "threshold", f"where there is {anchor.cover}", raster=image.ref, rule=anchor.cover
        )
        if anchor.key:
            said = say("object_cover", chinese=zh, said=anchor.said, cover=anchor.cover)
            drawing.assumptions.append(said)
        return f"{drawing.add('regions', f'outlines of {anchor.phrase}', mask=mask)}.features"
    return f"{scene.segment(image, anchor)}.features"

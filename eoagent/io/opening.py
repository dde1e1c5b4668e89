"""Open what a user or plan names as an image: files of one scene, or a STAC item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import QaRule, RasterRef
from eoagent.contracts.store import Origins
from eoagent.io.describe import Described, describe_files
from eoagent.io.href import redact
from eoagent.io.scene import Scene
from eoagent.io.scene_bands import BandHint, SceneHints, scene_band_hints
from eoagent.io.stac import open_catalog
from eoagent.io.stated import Reading, Stated
from eoagent.spectral.qa import decode

__all__ = ["open_described", "open_scene"]

_ITEM_SUFFIXES = (".json", ".geojson")


def open_described(
    hrefs: Sequence[str], origins: Origins, *, stated: Stated, reading: Reading | None = None
) -> Described:
    """Return the raster reference to files of one scene, or to the bands of a STAC item.

    Raises:
        InputError: if what was stated does not fit, the files do not belong together, or a
            document is no single item.
        NotFound: if a local file does not exist.
        SourceError: if a file is refused, damaged or out of reach.
    """
    is_document = len(hrefs) == 1 and hrefs[0].split("?", 1)[0].lower().endswith(_ITEM_SUFFIXES)
    if not is_document:
        return _dated(describe_files(hrefs, origins, stated=stated, reading=reading))
    scenes = open_catalog(hrefs[0], origins).scenes
    if len(scenes) != 1:
        raise InputError(
            f"{redact(hrefs[0])} holds {len(scenes)} scenes, and an image is one",
            hint="name one item of it",
        )
    return open_scene(scenes[0], origins, stated=stated, reading=reading)


def open_scene(
    scene: Scene, origins: Origins, *, stated: Stated | None = None, reading: Reading | None = None
) -> Described:
    """Return the raster reference to the bands of a scene, named and scaled as its item says.

    Raises:
        InputError: if the scene has no raster bands.
        SourceError: if a file is refused, damaged or out of reach.
    """
    hints = scene_band_hints(scene)
    listed: dict[str, list[BandHint]] = {}
    for hint in hints.bands:
        listed.setdefault(hint.href, []).append(hint)
    if not listed:
        raise InputError(
            f"item {scene.id} lists no raster of data", hint="name another item, or its file"
        )
    said = stated or Stated()
    merged = replace(
        said,
        sensor=said.sensor or scene.sensor,
        item_id=scene.id,
        time=scene.time,
        title=scene.title or scene.id,
        listed=listed,
        qa=None,
    )
    described = describe_files(
        list(listed), origins, base=hints.base, stated=merged, reading=reading
    )
    ref, said_of_quality = _masked(described.ref, hints, said.qa, origins)
    notes = (*scene.notes, *hints.notes, *described.assumptions, *said_of_quality)
    return _dated(Described(ref=ref, assumptions=notes))


def _dated(described: Described) -> Described:
    """Return the raster with its item and time in every source, for the figures that cite them."""
    ref = described.ref
    said = {"item_id": ref.item_id, "time": ref.time}
    sources = tuple(source.model_copy(update=said) for source in ref.sources)
    return replace(described, ref=ref.model_copy(update={"sources": sources}))


def _masked(
    ref: RasterRef, hints: SceneHints, classes: tuple[str, ...] | None, origins: Origins
) -> tuple[RasterRef, tuple[str, ...]]:
    """Return the raster with the item's quality band applied as asked, and what to say of it."""
    if hints.qa is None:
        if classes:
            raise InputError(
                f"{ref.title} has no quality band, and {', '.join(classes)} cannot be left out",
                hint="open it without mask_classes",
            )
        return ref, ()
    if not classes:
        return ref, (f"the quality band '{hints.qa.key}' was not applied: clouds count as ground",)
    href = origins.admit(hints.qa.href, base=hints.base).href
    rule = QaRule(href=href, index=hints.qa.index, kind=hints.qa.kind, exclude=classes)
    decode(rule.kind, [0], classes)
    left_out = f"pixels that '{hints.qa.key}' flags as {', '.join(classes)} are left out"
    return ref.model_copy(update={"qa": rule}), (left_out,)

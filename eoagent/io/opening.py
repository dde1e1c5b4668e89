"""Open what a user or plan names as an image: files of one scene, or a STAC item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.store import Origins
from eoagent.io.dataset import open_dataset
from eoagent.io.describe import Described, describe_files
from eoagent.io.header import read_header
from eoagent.io.href import redact
from eoagent.io.quality import applied_note, qa_rule, unapplied_note
from eoagent.io.scene import Scene, SceneConditions
from eoagent.io.scene_bands import BandHint, QaHint, scene_band_hints
from eoagent.io.stac import open_catalog
from eoagent.io.stac_item import names_item, split_member
from eoagent.io.stated import Reading, Stated
from eoagent.spectral.qa import LEFT_OUT

__all__ = ["open_described", "open_scene"]


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
    if len(hrefs) != 1 or not names_item(hrefs[0]):
        return _dated(describe_files(hrefs, origins, stated=stated, reading=reading))
    document, member = split_member(hrefs[0])
    wanted = SceneConditions(ids=(member,) if member else ())
    scenes = open_catalog(document, origins, conditions=wanted).scenes
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
        qa=said.qa if hints.qa is None else (),
    )
    described = describe_files(
        list(listed), origins, base=hints.base, stated=merged, reading=reading
    )
    ref, notes = described.ref, (*scene.notes, *hints.notes, *described.assumptions)
    if hints.qa is not None:
        ref, note = _masked(
            ref, hints.qa, said.qa, base=hints.base, origins=origins, reading=reading or Reading()
        )
        notes = (*notes, note)
    return _dated(Described(ref=ref, assumptions=notes))


def _dated(described: Described) -> Described:
    """Return the raster with its item and time in every source, for the figures that cite them."""
    ref = described.ref
    said = {"item_id": ref.item_id, "time": ref.time}
    sources = tuple(source.model_copy(update=said) for source in ref.sources)
    return replace(described, ref=ref.model_copy(update={"sources": sources}))


def _masked(
    ref: RasterRef,
    hint: QaHint,
    classes: tuple[str, ...] | None,
    *,
    base: str,
    origins: Origins,
    reading: Reading,
) -> tuple[RasterRef, str]:
    """Return the raster with the item's quality band applied as asked, and what to say of it."""
    if classes is not None and not classes:
        return ref, unapplied_note(hint.key)
    with open_dataset(
        origins.admit(hint.href, base=base),
        origins=origins,
        limits=reading.limits,
        cache_mb=reading.cache_mb,
        timeout_s=reading.timeout_s,
        wires=reading.wires,
    ) as file:
        header = read_header(file, origins.admit(hint.href, base=base).href, gsd_m=None)
    chosen = LEFT_OUT[hint.kind] if classes is None else classes
    rule = qa_rule(header.href, hint.kind, chosen, index=hint.index)
    sources = tuple(dict.fromkeys((*ref.sources, header.source)))
    masked = ref.model_copy(update={"qa": rule, "sources": sources})
    return masked, applied_note(rule, hint.key, is_default=classes is None)

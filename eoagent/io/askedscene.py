"""Ask a stored scene for phrases: check it against the model, and use again what was asked before.

What the tools over a phrase segmenter share. What the image cannot show is refused before the model
is looked for, so that the reason is told whether it is installed or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import InputError
from eoagent.contracts.price import Price
from eoagent.contracts.progress import Deadline
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.record import digest
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.tool import Services
from eoagent.geo.sampling import choose_sampling
from eoagent.geo.scenetiles import tile_scene
from eoagent.io.blockwise import open_reader
from eoagent.io.keptmasks import KeptMask, KeptMasks
from eoagent.io.modelstate import model_state
from eoagent.io.readprice import reading_price
from eoagent.io.scenesegment import SceneMask, SceneRules, SegmentedScene, Work, segment_scene
from eoagent.io.windowvectors import known_gsd_m
from eoagent.vectors.objectsizes import check_visible

__all__ = [
    "PARTED",
    "SceneToAsk",
    "asked_scene",
    "asking_price",
    "check_valid",
    "scene_rules",
    "scene_to_ask",
]

PARTED: Final = " | parted"
"""At the end of a phrase: the same model is asked, and its answer is parted."""
_LAYOUT: Final = 1
"""Raised when masks change for the same model and scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneToAsk:
    """A scene as it is to be looked at."""

    ref: RasterRef
    """The scene; with the stated size of its pixels where it has no georeference."""
    gsd_m: float | None
    """Metres per pixel at which it is to be looked at; None takes its own."""
    looked_m: float | None
    """Metres per pixel that the model will see; None where nobody knows."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""

    def segmenter(self, services: Services, model: str = "") -> PhraseSegmenter:
        """Return the model, whose card allows the pixels.

        Raises:
            NotFound: if there is no such model.
            InputError: if it is of no use for these pixels.
            ModelMissing: if it is not installed; says the command.
        """
        return services.models.segmenter(model, gsd_m=self.looked_m)


def scene_to_ask(
    services: Services, raster: str, *, gsd_m: float | None = None, names: Sequence[str] = ()
) -> SceneToAsk:
    """Return a scene as it is to be looked at, once its pixels can show what is asked for.

    Args:
        services: the store.
        raster: handle of the image.
        gsd_m: metres per pixel: of an image whose scale nobody knows, its own; of any other, that
            at which it is to be looked at.
        names: classes that are looked for.

    Raises:
        NotFound: if there is no such image.
        InputError: if its pixels are too coarse for a class.
    """
    ref = RasterRef.model_validate(services.store.get(raster).payload)
    own_m, notes = known_gsd_m(ref.grid), []
    if own_m is None and gsd_m is not None and not ref.grid.is_georeferenced:
        grid = ref.grid.model_copy(update={"gsd_m": gsd_m})
        ref = ref.model_copy(update={"grid": grid})
        notes.append(f"the image has no georeference; its pixels are {gsd_m:g} m as stated")
        own_m, gsd_m = gsd_m, None
    looked_m = own_m if gsd_m is None or own_m is None else max(own_m, gsd_m)
    check_visible(names, looked_m)
    return SceneToAsk(ref=ref, gsd_m=gsd_m, looked_m=looked_m, notes=tuple(notes))


@contextmanager
def asked_scene(
    services: Services,
    scene: SceneToAsk,
    segmenter: PhraseSegmenter,
    phrases: Sequence[str],
    *,
    above: float = 0.5,
    is_kept: bool = True,
) -> Iterator[SegmentedScene]:
    """Ask a scene for phrases; mask files that are not moved away within the block are removed.

    Masks of the same scene, phrase and model that were made before are used again, where the
    options name a folder for them.

    Args:
        services: store, guard, deadline, progress and options.
        scene: what is looked at, and how.
        segmenter: the model.
        phrases: what is asked.
        above: pixels whose probability is above it are of the object.
        is_kept: masks are kept and used again; else the model is asked in any case.

    Raises:
        InputError: if no phrase is given, or the model is of no use at that pixel size.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had, or a mask not be written.
    """
    rules = scene_rules(segmenter.card, above=above)
    folder = services.options.masks_dir if is_kept else None
    kept = None if folder is None else _Kept(KeptMasks(folder), scene, segmenter, rules)
    asked = tuple(dict.fromkeys(phrases))
    files = [services.store.scratch(".tif") for _ in asked]
    try:
        # steps that run side by side ask for the same: the second finds what the first kept
        with nullcontext() if kept is None else kept.alone(services.deadline):
            known = {} if kept is None else kept.known(dict(zip(asked, files, strict=True)))
            rest = [phrase for phrase in asked if phrase not in known]
            free = iter([file for file in files if not file.exists()])
            found = None
            if rest or not asked:
                found = _asked(services, scene, segmenter, rest, rules=rules, free=free)
            if found is not None and kept is not None:
                kept.keep(found)
        yield _joined(scene, segmenter, phrases, known=known, found=found)
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def check_valid(scene: SceneToAsk, asked: SegmentedScene) -> None:
    """Refuse to tell what a scene without a valid pixel shows.

    Raises:
        InputError: if no pixel is valid.
    """
    if not asked.masks[0].valid_pixels:
        raise InputError(
            f"'{scene.ref.title}' has no valid pixel: all of it is nodata or masked out",
            hint="check it with describe_data",
        )


def scene_rules(card: ModelCard, *, above: float = 0.5) -> SceneRules:
    """Return how a model's scenes are cut: into tiles of its size that share a quarter."""
    return SceneRules(tile_px=card.input_px, overlap_px=card.input_px // 4, above=above)


def asking_price(
    services: Services,
    scene: SceneToAsk,
    segmenter: PhraseSegmenter,
    phrases: Sequence[str],
    *,
    above: float = 0.5,
    is_kept: bool = True,
) -> Price:
    """Return what asking takes: reading the image, and the model's time for all tiles and phrases.

    The time is what the model's card states for the kind of device that it runs on
    (`options.phrase_s`), and none where it states nothing. What is kept from before takes nothing.

    Raises:
        InputError: if the model is of no use at that pixel size.
    """
    card, rules = segmenter.card, scene_rules(segmenter.card, above=above)
    sampling = choose_sampling(scene.ref.grid, card, gsd_m=scene.gsd_m)
    folder = services.options.masks_dir if is_kept else None
    kept = None if folder is None else _Kept(KeptMasks(folder), scene, segmenter, rules)
    left = [one for one in dict.fromkeys(phrases) if kept is None or not kept.has(one)]
    if not left:
        return Price()
    tiles = tile_scene(
        sampling.grid.height,
        sampling.grid.width,
        tile_px=rules.tile_px,
        overlap_px=rules.overlap_px,
    )
    passes = len({one.removesuffix(PARTED) for one in left})
    seconds = _phrase_s(segmenter) * tiles.count * passes
    return reading_price(scene.ref) + Price(seconds=seconds)


def _phrase_s(segmenter: PhraseSegmenter) -> float:
    """Return the seconds that a phrase takes in one tile; 0 where the card does not say."""
    stated = segmenter.card.options.get("phrase_s")
    manner: dict[str, str] = getattr(segmenter, "manner", {})
    device = manner.get("device", "cpu").partition(":")[0]
    each = stated.get(device) if isinstance(stated, dict) else None
    return float(each) if isinstance(each, int | float) else 0.0


def _asked(
    services: Services,
    scene: SceneToAsk,
    segmenter: PhraseSegmenter,
    phrases: Sequence[str],
    *,
    rules: SceneRules,
    free: Iterator[Any],
) -> SegmentedScene:
    work = Work(new_file=lambda: next(free), deadline=services.deadline, progress=services.progress)
    with open_reader(services, scene.ref) as reader:
        return segment_scene(reader, segmenter, phrases, work, rules=rules, gsd_m=scene.gsd_m)


def _joined(
    scene: SceneToAsk,
    segmenter: PhraseSegmenter,
    phrases: Sequence[str],
    *,
    known: dict[str, KeptMask],
    found: SegmentedScene | None,
) -> SegmentedScene:
    """Return what was found and what was known as one."""
    masks: dict[str, SceneMask] = {phrase: one.mask for phrase, one in known.items()}
    if found is None:
        first = next(iter(known.values()))
        found = SegmentedScene(
            sampling=choose_sampling(scene.ref.grid, segmenter.card, gsd_m=scene.gsd_m),
            masks=(),
            tiles=first.tiles,
            empty_tiles=first.empty_tiles,
            assumptions=first.assumptions,
        )
    masks |= {mask.phrase: mask for mask in found.masks}
    return replace(found, masks=tuple(masks[phrase] for phrase in phrases))


class _Kept:
    """What is kept of one scene as one model sees it."""

    def __init__(
        self, masks: KeptMasks, scene: SceneToAsk, segmenter: PhraseSegmenter, rules: SceneRules
    ) -> None:
        self._masks = masks
        ref = scene.ref.model_copy(update={"title": "", "item_id": "", "time": None})
        prints = [source.fingerprint for source in scene.ref.sources]
        self._is_sure = (
            segmenter.card.weights.sha256 != UNKNOWN
            and bool(prints)
            and all(one.kind != "none" for one in prints)
        )
        self._about = [
            _LAYOUT,
            ref.to_dict(),
            scene.gsd_m,
            model_state(segmenter),
            [rules.tile_px, rules.overlap_px, rules.edge_share, rules.above],
        ]

    def known(self, files: dict[str, Any]) -> dict[str, KeptMask]:
        """Return what is kept, by phrase; the masks are put into the files."""
        if not self._is_sure:
            return {}
        found = {phrase: self._masks.get(self._key(phrase), file) for phrase, file in files.items()}
        return {phrase: one for phrase, one in found.items() if one is not None}

    def alone(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Return a block that nobody else enters who asks about the same scene."""
        return self._masks.alone(digest(self._about), deadline)

    def has(self, phrase: str) -> bool:
        """Return whether a phrase was asked before."""
        return self._is_sure and self._masks.has(self._key(phrase))

    def keep(self, scene: SegmentedScene) -> None:
        """Keep what was found."""
        for mask in scene.masks if self._is_sure else ():
            one = KeptMask(
                mask=mask,
                tiles=scene.tiles,
                empty_tiles=scene.empty_tiles,
                assumptions=scene.assumptions,
            )
            self._masks.put(self._key(mask.phrase), one)

    def _key(self, phrase: str) -> str:
        return digest([*self._about, phrase])

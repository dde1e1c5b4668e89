"""Objects of several classes in a scene: which of them count, and their boxes, mask and table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import shapely

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.card import ModelCard
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.tool import Services
from eoagent.geo.area import Bools
from eoagent.geo.sampling import Sampling
from eoagent.io.askedscene import SceneToAsk, asked_scene, check_valid
from eoagent.io.blockwise import MaskDraft, mask_strips, write_mask
from eoagent.io.contours import contour_model, contour_note
from eoagent.io.featureset import FeatureSet, feature_set
from eoagent.io.foundobjects import ClassObjects, FoundObjects
from eoagent.io.gridded import grid_warnings
from eoagent.io.measured import measure_shape
from eoagent.io.modelstate import card_source
from eoagent.io.partedscene import PartingSegmenter, parted, parts_that_stay
from eoagent.io.plaintable import store_table
from eoagent.io.regiontrace import find_regions
from eoagent.io.sceneobjects import object_boxes, store_mask
from eoagent.io.scenesegment import SceneMask
from eoagent.io.stored_features import store_features
from eoagent.io.turnedobjects import turned_boxes
from eoagent.vectors.classphrases import ClassPhrase, class_phrases, phrases_stated

__all__ = ["find_objects", "question_of"]

_MOST_OVERLAP: Final = 0.5
_RULE: Final = (
    "regions of pixels that touch by sides or corners; boxes inside others dropped, and of boxes "
    f"that overlap by more than {_MOST_OVERLAP:g} of their union the better one kept"
)
_LABEL_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked, and of which models."""

    classes: tuple[ClassPhrase, ...]
    """The classes."""
    segmenter: PhraseSegmenter
    """What is asked: a model of phrases, with one of contours where that is installed."""
    cards: tuple[ModelCard, ...]
    """Cards of both."""
    phrases: tuple[str, ...]
    """What is put to it: for each class its phrase, and the same parted."""


def question_of(services: Services, segmenter: PhraseSegmenter, names: Sequence[str]) -> _Question:
    """Return how objects of some classes are asked for.

    Raises:
        InputError: if a class has no name, or none is given.
        ModelError: if the card of the model states its names in another form.
    """
    classes = class_phrases(segmenter.card, names)
    own = tuple(one.phrase for one in classes)
    contours = contour_model(services.models)
    if contours is None:
        return _Question(classes=classes, segmenter=segmenter, cards=(segmenter.card,), phrases=own)
    return _Question(
        classes=classes,
        segmenter=PartingSegmenter(segmenter, contours),
        cards=(segmenter.card, contours.card),
        phrases=tuple(way for phrase in own for way in (phrase, parted(phrase))),
    )


def find_objects(
    services: Services,
    scene: SceneToAsk,
    segmenter: PhraseSegmenter,
    names: Sequence[str],
    *,
    min_score: float = 0.01,
    is_turned: bool = False,
) -> FoundObjects:
    """Return the objects of some classes in a scene of any size.

    Args:
        services: store, guard, deadline and progress.
        scene: what is looked at, and how.
        segmenter: the model.
        names: classes; two that come to one phrase are one.
        min_score: objects of a lower mean probability are dropped.
        is_turned: boxes are turned as the objects lie.

    Raises:
        InputError: if no class is given, the model is of no use at that pixel size, or the scene
            has no valid pixel.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had, or the store not be written.
    """
    question = question_of(services, segmenter, names)
    told = tuple(card_source(card) for card in question.cards)
    method = f"{segmenter.card.title}: {_RULE}"
    with asked_scene(services, scene, question.segmenter, question.phrases) as asked:
        check_valid(scene, asked)
        keep = _Keeping(services, scene, asked.sampling, method=method, sources=told)
        masks = dict(zip(question.phrases, asked.masks, strict=True))
        kept = [_class_of(keep, one, masks, min_score) for one in question.classes]
    found, refs, parts = (tuple(column) for column in zip(*kept, strict=True))
    mask = _together(services, scene, found, refs, method=method)
    sources = (*scene.ref.sources, *told)
    boxes = _boxes(services, scene, found, parts, sampling=asked.sampling, is_turned=is_turned)
    framed = store_features(services.store, replace(boxes, sources=sources), kind="boxes")
    (area,) = measure_shape(services, mask).figures("area")
    limits = f"objects of a score below {min_score:g} are dropped; a score is the mean probability"
    return FoundObjects(
        classes=found,
        sampling=asked.sampling,
        artifacts={"boxes": framed, "mask": mask, "table": _table(services, scene, found)},
        area=area,
        sources=sources,
        method=method,
        assumptions=(
            phrases_stated(segmenter.card, question.classes),
            *scene.notes,
            *asked.assumptions,
            f"objects are {_RULE}; {limits}",
            contour_note(services.models),
        ),
        warnings=grid_warnings(asked.sampling.grid),
    )


def _class_of(
    keep: _Keeping, phrase: ClassPhrase, masks: Mapping[str, SceneMask], min_score: float
) -> tuple[ClassObjects, MaskRef, MaskRef]:
    """Return the objects of a class, with the masks of its regions and of their parts."""
    whole, objects = masks[phrase.phrase], masks.get(parted(phrase.phrase))
    ref = keep.mask(phrase, whole)
    if objects is None:
        return _chosen(phrase, whole, whole, min_score, among=None), ref, ref
    part = keep.mask(phrase, objects)
    among = parts_that_stay(keep.services, ref, part, objects.instances.table.pixels)
    return _chosen(phrase, whole, objects, min_score, among=among), ref, part


def _chosen(
    phrase: ClassPhrase,
    whole: SceneMask,
    objects: SceneMask,
    min_score: float,
    *,
    among: Bools | None,
) -> ClassObjects:
    return ClassObjects(
        phrase=phrase,
        mask=replace(whole, phrase=phrase.name),
        shown=np.flatnonzero(whole.instances.scores >= min_score),
        objects=replace(objects, phrase=phrase.name),
        chosen=objects.instances.choose(
            least_score=min_score, drops_inner=True, most_overlap=_MOST_OVERLAP, among=among
        ),
    )


@dataclass(frozen=True, slots=True)
class _Keeping:
    """Keeps the masks of single classes, which stand behind what is handed over."""

    services: Services
    scene: SceneToAsk
    sampling: Sampling
    method: str = field(kw_only=True)
    sources: tuple[Source, ...] = field(kw_only=True)

    def mask(self, phrase: ClassPhrase, mask: SceneMask) -> MaskRef:
        """Keep a mask, whose file is moved into the store."""
        kept = store_mask(
            self.services,
            self.scene.ref,
            replace(mask, phrase=phrase.name),
            sampling=self.sampling,
            rule=f"'{mask.phrase}', {self.method}",
            sources=self.sources,
        )
        return MaskRef.model_validate(kept.payload)


def _together(
    services: Services,
    scene: SceneToAsk,
    found: Sequence[ClassObjects],
    refs: Sequence[MaskRef],
    *,
    method: str,
) -> Artifact:
    """Keep one mask of what all classes show, without the objects that are not probable enough."""
    label = ", ".join(one.phrase.name for one in found)[:_LABEL_CHARS]
    first = refs[0]
    draft = MaskDraft(
        label=label,
        rule=method,
        title=f"{label} in {scene.ref.title}"[:120],
        time=first.time,
        item_id=first.item_id,
        sources=first.sources,
    )

    def parts() -> Iterator[tuple[Window, Bools, Bools]]:
        layers = [_shown(services, one, ref) for one, ref in zip(found, refs, strict=True)]
        with ExitStack() as closing:
            for layer in layers:
                closing.callback(layer.close)
            for strips in zip(*layers, strict=True):
                window, _, valid = strips[0]
                yield window, np.logical_or.reduce([yes for _, yes, _ in strips]), valid

    return write_mask(services, first.grid, parts(), draft)


def _shown(services: Services, one: ClassObjects, ref: MaskRef) -> Any:
    """Yield the mask of a class in strips, without what is not shown."""
    is_whole = len(one.shown) == len(one.mask.instances)
    regions = None if is_whole else find_regions(services, ref, 8)
    keeps = np.zeros(len(one.mask.instances) + 1, bool)
    keeps[one.shown + 1] = True
    for window, yes, valid in mask_strips(services, ref, what="joining masks"):
        if regions is not None:
            yes = keeps[regions.components.relabel(window, yes & valid, valid)]  # noqa: PLW2901
        yield window, yes & valid, valid


def _boxes(
    services: Services,
    scene: SceneToAsk,
    found: Sequence[ClassObjects],
    refs: Sequence[MaskRef],
    *,
    sampling: Sampling,
    is_turned: bool,
) -> FeatureSet:
    outlines: list[shapely.Geometry] = []
    columns: dict[str, list[Any]] = {}
    for one, ref in zip(found, refs, strict=True):
        boxes = object_boxes(one.objects, sampling, one.chosen, own=scene.ref.grid)
        upright = list(boxes.geometries)
        outlines += (
            turned_boxes(services, ref, one.chosen, upright, sampling=sampling)
            if is_turned
            else upright
        )
        for name in boxes.column_names:
            columns.setdefault("class" if name == "label" else name, []).extend(boxes.values(name))
    columns["id"] = list(range(1, len(outlines) + 1))
    label = ", ".join(one.phrase.name for one in found)
    return feature_set(
        outlines,
        columns,
        crs=sampling.grid.crs,
        label=f"{'turned ' if is_turned else ''}boxes of {label} in {scene.ref.title}"[
            :_LABEL_CHARS
        ],
    )


def _table(services: Services, scene: SceneToAsk, found: Sequence[ClassObjects]) -> Artifact:
    has_area = found[0].area_m2 is not None
    columns = {"class": "", "count": "count"}
    columns |= {"area_m2": "m2"} if has_area else {"area_px2": "px2"}
    columns |= {"mean_score": "1", "asked_as": ""}
    rows = [
        (
            one.phrase.name,
            len(one.chosen),
            one.area_m2 if has_area else one.pixels,
            one.mean_score,
            one.phrase.phrase,
        )
        for one in found
    ]
    return store_table(
        services.store, columns, rows, label=f"objects by class in {scene.ref.title}"
    )

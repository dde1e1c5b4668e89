"""Read COCO files of objects: `images`, `annotations` and `categories`, as NWPU VHR-10 has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import Field, TypeAdapter

from eoagent.app.evaluation.adapters.reading import Layout, read_layout
from eoagent.app.evaluation.benchmarks.files import find_listing, picture_path
from eoagent.app.evaluation.benchmarks.outlines import Bools, draw_outline
from eoagent.app.evaluation.benchmarks.truths import Benchmark, MaskTruth, ObjectPicture
from eoagent.contracts.errors import InputError

__all__ = ["read_coco"]

_LAYOUT: Final = "COCO (`images`, `annotations` with `bbox`, `categories`)"


class _Image(Layout):
    id: int | str
    file_name: str = Field(min_length=1)


class _Category(Layout):
    id: int
    name: str = Field(min_length=1, max_length=200)


class _Annotation(Layout):
    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    area: float | None = None
    segmentation: list[list[float]] | dict[str, Any] | None = None


class _Coco(Layout):
    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


def read_coco(
    data: Path, file: Path | None = None, *, classes: Sequence[str] = ()
) -> tuple[Benchmark, tuple[ObjectPicture, ...]]:
    """Return the pictures of a COCO file with their objects, in the order of the file.

    Args:
        data: folder with the file, and the pictures in it or in `images`.
        file: the file in it; the only JSON file by default.
        classes: classes that count; none takes all.

    Raises:
        NotFound: if there is no such file.
        InputError: if it has another layout, or lists no object; file and entry are named.
        SourceError: if it cannot be read.
    """
    path = find_listing(data, file, endings=(".json",), what="objects")
    found = read_layout(path, TypeAdapter(_Coco), _LAYOUT)
    names = {own.id: own.name for own in found.categories}
    kept = _chosen(path, tuple(names.values()), classes)
    by_image: dict[int | str, list[_Annotation]] = {own.id: [] for own in found.images}
    if len(by_image) != len(found.images):
        raise InputError(f"{path}: two of its images have one id")
    for number, own in enumerate(found.annotations):
        _check(path, number, own, by_image, names)
        if names[own.category_id] in kept:
            by_image[own.image_id].append(own)
    if not any(by_image.values()):
        raise InputError(f"{path} lists no object", hint="name the file with annotations (--file)")
    pictures = tuple(
        _picture(data, image.file_name, by_image[image.id], names) for image in found.images
    )
    return Benchmark(listing=path, classes=kept), pictures


def _chosen(path: Path, known: tuple[str, ...], wanted: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(
            f"{path} has no class '{unknown[0]}'", hint=f"it has: {', '.join(known)[:300]}"
        )
    return tuple(dict.fromkeys(name for name in known if not wanted or name in wanted))


def _check(
    path: Path,
    number: int,
    own: _Annotation,
    images: Mapping[int | str, object],
    names: Mapping[int, str],
) -> None:
    where = f"{path}: annotations.{number}"
    if own.image_id not in images:
        raise InputError(f"{where} is of the image {own.image_id}, which is not listed")
    if own.category_id not in names:
        raise InputError(f"{where} is of the category {own.category_id}, which is not listed")
    if not np.isfinite(own.bbox).all() or min(own.bbox[2:]) < 0:
        raise InputError(f"{where} has the box {own.bbox}, which is not x, y, width, height")


def _picture(
    data: Path, name: str, objects: Sequence[_Annotation], names: Mapping[int, str]
) -> ObjectPicture:
    labels = tuple(names[own.category_id] for own in objects)
    sides = np.array([own.bbox for own in objects], np.float64).reshape(-1, 4)
    groups = np.array([bool(own.iscrowd) for own in objects], np.bool_)
    areas = [own.bbox[2] * own.bbox[3] if own.area is None else own.area for own in objects]
    counted = [label for label, is_group in zip(labels, groups, strict=True) if not is_group]
    outlined = any(own.segmentation for own in objects) or not objects

    def mask(label: str, height: int, width: int) -> MaskTruth:
        yes = np.zeros((height, width), np.bool_)
        for own, its in zip(objects, labels, strict=True):
            if its == label:
                yes |= _drawn(name, own, height, width)
        return yes, np.ones_like(yes)

    return ObjectPicture(
        name=name,
        file=picture_path(data, name),
        counts=Counter(counted),
        boxes=np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1),
        labels=labels,
        areas_px=np.array(areas, np.float64),
        groups=groups,
        mask=mask if outlined else None,
    )


def _drawn(name: str, own: _Annotation, height: int, width: int) -> Bools:
    try:
        return draw_outline(own.segmentation or [], height, width)
    except InputError as error:
        raise InputError(f"the outline of an object of {name} is wrong: {error}") from error

"""From the boxes that were found in parts of a large scene to masks on the scene's own pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.reasoner import Grounding, Reply
from eoagent.contracts.zoom import ZoomedBoxes
from eoagent.geo.sceneview import SceneView, view_whole, view_window
from eoagent.io.raster import RasterReader
from eoagent.io.reasonedmasks import FoundMasks, ObjectMask, outline_boxes
from eoagent.io.reasonedview import SceneLook
from eoagent.io.scenepictures import ScenePicture
from eoagent.io.viewpicture import ViewPictures

__all__ = ["MOST_SCENE_PIXELS", "zoomed_grounding", "zoomed_masks"]

MOST_SCENE_PIXELS: Final = 1 << 28
"""Scenes of more pixels get boxes only: masks of the whole are held in memory."""


def zoomed_grounding(found: ZoomedBoxes, view: SceneView, reply: Reply) -> Grounding:
    """Return boxes of a scene as a grounding in a picture of it.

    Args:
        found: boxes in pixels of the scene.
        view: how the picture lies in the scene.
        reply: the reply that stands for those of all visits.
    """
    return Grounding(
        reply=replace(reply, status=found.status),
        boxes=view.from_scene(found.boxes.reshape(-1, 2)).reshape(-1, 4),
        points=view.from_scene(found.points),
        labels=found.labels,
    )


def zoomed_masks(
    reader: RasterReader,
    found: ZoomedBoxes,
    outliner: Outliner,
    *,
    work: tuple[Deadline, Progress],
) -> FoundMasks:
    """Return masks on the pixels of the scene, each drawn in the part in which it was found.

    Pixels count where the scene has data, as its overview shows.

    Args:
        reader: the scene, open.
        found: what was found in which part.
        outliner: the model.
        work: time left, and what is told how far it is.

    Raises:
        InputError: if the scene has too many pixels for it.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    grid = reader.ref.grid
    if grid.width * grid.height > MOST_SCENE_PIXELS:
        raise InputError(
            f"the scene has {grid.width} x {grid.height} pixels, more than {MOST_SCENE_PIXELS:,}, "
            "so that masks of it are not drawn",
            hint="open a part of the image around the boxes",
        )
    pictures = ViewPictures(reader)
    objects: list[ObjectMask | None] = [None] * len(found.boxes)
    whole = np.zeros((grid.height, grid.width), bool)
    for number in dict.fromkeys(found.origins):
        rows = [n for n, origin in enumerate(found.origins) if origin == number]
        window = found.visits[number].window
        view = view_window(grid, window, most_pixels=outliner.card.input_px**2)
        look = SceneLook(view=view, picture=pictures.read(view), rule=pictures.rule)
        drawn = outline_boxes(look, found.boxes[rows], found.points[rows], outliner, work=work)
        for n, mask in zip(rows, drawn.objects, strict=True):
            objects[n] = None if mask is None else _on_scene(mask, view)
            _add(whole, objects[n])
    valid = _valid(reader, pictures)
    own = view_whole(grid, most_pixels=grid.width * grid.height)
    empty = np.zeros((0, 0, 3), np.uint8)  # the masks are all that is used of it
    picture = ScenePicture(pixels=empty, valid=valid)
    return FoundMasks(
        look=SceneLook(view=own, picture=picture, rule=pictures.rule),
        whole=whole & valid,
        objects=tuple(objects),
    )


def _on_scene(mask: ObjectMask, view: SceneView) -> ObjectMask:
    """Return a mask of a picture on the pixels of the scene, each as the picture's nearest one."""
    part = mask.window
    corners = np.array([[part.col, part.row], [part.col + part.width, part.row + part.height]])
    (x1, y1), (x2, y2) = view.to_scene(corners.astype(np.float64)).tolist()
    top, bottom = int(np.floor(y1)), int(np.ceil(y2))
    left, right = int(np.floor(x1)), int(np.ceil(x2))
    rows = view.nearest_rows(np.arange(top, bottom)) - part.row
    cols = view.nearest_cols(np.arange(left, right)) - part.col
    is_there = _inside(rows, part.height)[:, np.newaxis] & _inside(cols, part.width)
    held = mask.yes[np.clip(rows, 0, part.height - 1)][:, np.clip(cols, 0, part.width - 1)]
    return ObjectMask(
        window=Window(row=top, col=left, height=bottom - top, width=right - left),
        yes=held & is_there,
    )


def _inside(places: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    return np.asarray((places >= 0) & (places < count))


def _add(whole: NDArray[np.bool_], mask: ObjectMask | None) -> None:
    if mask is not None:
        part = mask.window
        rows, cols = slice(part.row, part.row + part.height), slice(part.col, part.col + part.width)
        whole[rows, cols] |= mask.yes


def _valid(reader: RasterReader, pictures: ViewPictures) -> NDArray[np.bool_]:
    """Return which pixels of the scene are valid, as coarse as an overview of it."""
    grid = reader.ref.grid
    view = view_whole(grid, most_pixels=4_000_000)
    seen = pictures.read(view).valid
    rows = view.nearest_rows(np.arange(grid.height))
    cols = view.nearest_cols(np.arange(grid.width))
    spread: NDArray[np.bool_] = seen[rows][:, cols]
    return spread

"""Show the same ground at two dates as two pictures, pixel for pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import RasterRef
from eoagent.geo.sceneview import SceneView, view_whole
from eoagent.io.raster import RasterReader
from eoagent.io.viewpicture import ViewPictures

__all__ = ["DatePictures", "date_pictures"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DatePictures:
    """Two pictures of one size and place."""

    before: NDArray[np.uint8]
    """The earlier one, (height, width, 3); black where either has no data."""
    after: NDArray[np.uint8]
    """The later one."""
    view: SceneView
    """How both lie in the earlier scene."""
    legend: str
    """For a model: which picture is which, and what is known of the dates."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""


def date_pictures(before: RasterReader, after: RasterReader, *, most_pixels: int) -> DatePictures:
    """Return an earlier and a later image as pictures on the grid of the earlier one.

    Args:
        before: the earlier image, open.
        after: the later one, open; the user or a step before says that it is later.
        most_pixels: most pixels of each.

    Raises:
        InputError: if they cannot be brought to one grid, share no valid pixel, or their dates say
            that they stand in the wrong order.
        SourceError: if pixels could not be had.
    """
    one, two = before.ref, after.ref
    _refuse_disorder(one, two)
    both = (one.grid.is_georeferenced, two.grid.is_georeferenced)
    if not all(both):
        sizes = [(ref.grid.height, ref.grid.width) for ref in (one, two)]
        if any(both) or sizes[0] != sizes[1]:
            raise InputError(
                f"'{one.title}' and '{two.title}' cannot be laid over each other: without "
                f"georeference both must have one size, and they have {sizes[0][1]} x "
                f"{sizes[0][0]} and {sizes[1][1]} x {sizes[1][0]} pixels",
                hint="give images with georeference, or cut them to the same part",
            )
    grid = None if one.grid == two.grid or not all(both) else one.grid
    view = view_whole(one.grid, most_pixels=most_pixels)
    first, second = ViewPictures(before), ViewPictures(after, grid=grid)
    earlier, later = first.read(view), second.read(view)
    valid = earlier.valid & later.valid
    if not valid.any():
        raise InputError(
            f"'{one.title}' and '{two.title}' share no valid pixel",
            hint="give two images of one place",
        )
    notes = [f"the earlier image is shown as {first.rule}, the later one as {second.rule}"]
    if grid is not None:
        notes.append(f"{two.title} was read on the grid of {one.title} by nearest neighbour")
    return DatePictures(
        before=np.where(valid[..., np.newaxis], earlier.pixels, 0).astype(np.uint8),
        after=np.where(valid[..., np.newaxis], later.pixels, 0).astype(np.uint8),
        view=view,
        legend=(
            "Picture 1 shows the ground before, picture 2 the same ground after, pixel for pixel."
            f"{_date(1, one)}{_date(2, two)} Black is without data in either."
        ),
        notes=tuple(notes),
    )


def _date(number: int, ref: RasterRef) -> str:
    return "" if ref.time is None else f" Picture {number} was taken {ref.time.label}."


def _refuse_disorder(one: RasterRef, two: RasterRef) -> None:
    if one.time is None or two.time is None:
        return
    start, end = one.time.start, two.time.end
    if start is not None and end is not None and start > end:
        raise InputError(
            f"'{one.title}' was taken {one.time.label}, after '{two.title}' ({two.time.label})",
            hint="give the earlier image first",
        )

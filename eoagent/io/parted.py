"""Keep one side of a mask: a half or a quarter of its image, the rest is not valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, MaskRef
from eoagent.contracts.tool import Services, ToolResult
from eoagent.io.blockwise import MaskDraft, mask_strips, write_mask

__all__ = ["Side", "part_of_mask"]

Side = Literal[
    "north", "south", "east", "west", "north-east", "north-west", "south-east", "south-west"
]
Bools = NDArray[np.bool_]
_WORDS: Final = {"north": "northern", "south": "southern", "east": "eastern", "west": "western"}


def part_of_mask(services: Services, mask: str, side: Side) -> ToolResult:
    """Return a mask that is valid on one side of its image only.

    The middle is that of the image's rows and columns; where their number is odd, the middle one
    goes to the southern and eastern side of a north-up image.

    Raises:
        InputError: if the image has no georeference, or its rows do not run east and west.
    """
    ref = MaskRef.model_validate(services.store.get(mask).payload)
    rows, columns = _kept(ref.grid, side)
    sides = side.split("-")
    name = "-".join([*sides[:-1], _WORDS[sides[-1]]])
    what = f"{name} {'quarter' if len(sides) > 1 else 'half'}"

    def parts() -> Iterator[tuple[Window, Bools, Bools]]:
        for window, yes, valid in mask_strips(services, ref, what="taking a part"):
            inside = (
                rows[window.row : window.row + window.height, None]
                & columns[None, window.col : window.col + window.width]
            )
            yield window, yes & inside, valid & inside

    draft = MaskDraft(
        label=f"{ref.label}, {what}"[:200],
        rule=f"{ref.rule}; {what} of the image, by rows and columns",
        title=f"{ref.label}, {what}"[:120],
        time=ref.time,
        item_id=ref.item_id,
        sources=ref.sources,
    )
    said = f"the {what} is that of the image, divided in the middle of its rows and columns"
    return ToolResult(
        artifacts={"mask": write_mask(services, ref.grid, parts(), draft)}, assumptions=(said,)
    )


def _kept(grid: Grid, side: Side) -> tuple[Bools, Bools]:
    """Return which rows and which columns lie on a side."""
    if not (grid.is_georeferenced and grid.is_north_up):
        raise InputError(
            f"the {side} of this image is not known: it has no georeference, or it is rotated",
            hint="clip to features instead",
        )
    rows, columns = np.ones(grid.height, bool), np.ones(grid.width, bool)
    is_upper = np.arange(grid.height) < grid.height // 2
    is_left = np.arange(grid.width) < grid.width // 2
    if grid.transform[4] > 0:  # rows run northward
        is_upper = ~is_upper
    if grid.transform[0] < 0:  # columns run westward
        is_left = ~is_left
    for word in side.split("-"):
        if word in {"north", "south"}:
            rows &= is_upper if word == "north" else ~is_upper
        else:
            columns &= is_left if word == "west" else ~is_left
    return rows, columns

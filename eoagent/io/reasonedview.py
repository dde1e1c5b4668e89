"""Look at a scene as a reasoner does: as one picture of at most the pixels that it takes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.reasoner import Reasoner
from eoagent.geo.sceneview import SceneView, view_whole, view_window
from eoagent.io.raster import RasterReader
from eoagent.io.scenepictures import ScenePicture
from eoagent.io.viewpicture import ViewPictures

__all__ = ["SceneLook", "look_at_scene", "look_closer", "pixel_cap"]

_CAP: Final = "pixel_cap"
"""Under this name a reasoner's manner says how many pixels of a picture it is shown."""
_SAME: Final = 0.005
"""Maps stretch that much, so that pixels this close to the card's limit count as within."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SceneLook:
    """A scene as a reasoner is shown it."""

    view: SceneView
    """How the picture lies in the scene."""
    picture: ScenePicture
    """The picture."""
    rule: str
    """How values became colours, in words."""

    def note(self, who: str = "the model") -> str:
        """Return how the picture came about that a model was shown, a sentence."""
        view = self.view
        size = f"{view.width} x {view.height} pixels"
        whole = view.window == view.scene.window
        what = "the whole image" if whole else f"{_part(view.window)} of the image"
        if view.is_own:
            return f"{who} was shown {what} as one picture of {size}, {self.rule}"
        metres = "" if view.gsd_m is None else f", {view.gsd_m:.4g} m on the ground"
        return (
            f"{who} was shown {what} as one picture of {size}, each the mean of "
            f"{view.cols_per_px:.4g} x {view.rows_per_px:.4g} pixels of the image{metres}, "
            f"{self.rule}; what is smaller may be missed"
        )


def look_at_scene(
    reader: RasterReader,
    reasoner: Reasoner,
    *,
    window: Window | None = None,
    any_scale: bool = False,
) -> SceneLook:
    """Return a scene, or a part of it, as a reasoner is shown it.

    Args:
        reader: the scene, open.
        reasoner: whose pixel cap and card count.
        window: the part; None is the whole.
        any_scale: whether the picture may be coarser than the card allows, since parts of it are
            looked at closer.

    Raises:
        InputError: if the scene is so large that the model is of no use at the pixels that are
            left of it, or no pixel is valid.
        SourceError: if pixels could not be had.
    """
    grid, most = reader.ref.grid, pixel_cap(reasoner)
    view = (
        view_whole(grid, most_pixels=most)
        if window is None
        else view_window(grid, window, most_pixels=most)
    )
    gsd_m = view.gsd_m
    if not any_scale and gsd_m is not None and gsd_m > reasoner.card.gsd_max_m * (1 + _SAME):
        raise InputError(
            f"{view.window.width} x {view.window.height} pixels seen as one picture of "
            f"{view.width} x {view.height} have {gsd_m:.4g} m each; "
            f"{reasoner.card.refusal(gsd_m)}",
            hint="find the places first (find_regions, segment, detect), or open a part of the "
            "image",
        )
    pictures = ViewPictures(reader)
    return SceneLook(view=view, picture=pictures.read(view), rule=pictures.rule)


def look_closer(reader: RasterReader, look: SceneLook, *, most_pixels: int) -> SceneLook:
    """Return the same part of a scene in a picture of more pixels, where so many are allowed.

    Args:
        reader: the scene, open.
        look: the picture that there is.
        most_pixels: most pixels of the new one; where it would be no finer, the old one is given.

    Raises:
        SourceError: if pixels could not be had.
    """
    view = view_window(look.view.scene, look.view.window, most_pixels=most_pixels)
    if view.height * view.width <= look.view.height * look.view.width:
        return look
    return replace(look, view=view, picture=ViewPictures(reader).read(view))


def pixel_cap(reasoner: Reasoner) -> int:
    """Return the most pixels of a picture that a reasoner is shown: what it says, else its card."""
    said = reasoner.manner.get(_CAP, "")
    return int(said) if said.isascii() and said.isdigit() else reasoner.card.input_px**2


def _part(window: Window) -> str:
    return (
        f"columns {window.col} to {window.col + window.width} and rows {window.row} to "
        f"{window.row + window.height}"
    )

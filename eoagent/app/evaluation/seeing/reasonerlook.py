"""Show a reasoner the pictures of a benchmark: as the tools do, or whole as published code does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.seeing.pixels import check_size, open_picture
from eoagent.app.evaluation.seeing.seen import Way
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.session import Clock
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.store import Origins
from eoagent.geo.sceneview import view_whole
from eoagent.io.raster import RasterReader
from eoagent.io.reasonedmasks import outline_boxes
from eoagent.io.reasonedview import SceneLook, look_at_scene, look_closer, pixel_cap
from eoagent.io.viewpicture import ViewPictures

__all__ = ["ReasonerLook", "on_scene", "outlined", "way_note"]

_AS_PUBLISHED: Final = "parity"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class ReasonerLook:
    """Reads pictures for one reasoner, in the way that a request asks for."""

    def __init__(self, request: SuiteRequest, reasoner: Reasoner, origins: Origins) -> None:
        self._request = request
        self._reasoner = reasoner
        self._origins = origins

    def look(self, file: Path, outliner: Outliner | None = None) -> tuple[SceneLook, SceneLook]:
        """Return a picture as the reasoner is shown it, and as the outliner is.

        Args:
            file: the picture.
            outliner: the model that outlines; the tools show it more pixels where there are more.

        Raises:
            NotFound: if it is not there.
            InputError: if it has no valid pixel, or the model is of no use for it.
            SourceError: if it is damaged.
        """
        ref = open_picture(file, self._origins, gsd_m=self._request.gsd_m)
        with RasterReader(ref, self._origins) as reader:
            if self._request.way != _AS_PUBLISHED:
                look = look_at_scene(reader, self._reasoner)
                most = 0 if outliner is None else outliner.card.input_px**2
                return look, look_closer(reader, look, most_pixels=most) if most else look
            check_size(ref)
            view = view_whole(ref.grid, most_pixels=ref.grid.height * ref.grid.width)
            pictures = ViewPictures(reader)
            look = SceneLook(view=view, picture=pictures.read(view), rule=pictures.rule)
            return look, look


def outlined(look: SceneLook, outliner: Outliner, boxes: Floats, points: Floats) -> Bools:
    """Return where any of some boxes has its object, (height, width) of the picture.

    Args:
        look: the picture that the outliner is shown.
        outliner: the model.
        boxes: (n, 4) as x1, y1, x2, y2, pixels of the scene.
        points: (n, 2) as x, y, likewise.

    Raises:
        ModelError: if the model fails, or gives masks of another size.
    """
    work = Clock(math.inf), lambda _done, _what: None
    return outline_boxes(look, boxes, points, outliner, work=work).whole


def on_scene(look: SceneLook, mask: Bools) -> Bools:
    """Return a mask of a picture in the pixels of its scene, each the nearest one."""
    view = look.view
    rows = view.nearest_rows(np.arange(view.scene.height))
    cols = view.nearest_cols(np.arange(view.scene.width))
    return mask[np.ix_(rows, cols)]


def way_note(way: Way, reasoner: Reasoner) -> str:
    """Return in words how a reasoner was shown pictures."""
    if way == _AS_PUBLISHED:
        return "parity: pictures were given whole, and the model made them smaller itself"
    return (
        f"as the tool does: pictures of more than {pixel_cap(reasoner):,} pixels were shown "
        "smaller, each pixel the mean of those it stands for"
    )

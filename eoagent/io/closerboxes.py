"""Ask a reasoner where exactly something is in places of a scene that look like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from eoagent.contracts.geometry import Window
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.tool import Services
from eoagent.contracts.zoom import ZoomedBoxes, ZoomRules
from eoagent.geo.grid import pixel_to_crs
from eoagent.io.featureset import FeatureSet, feature_set
from eoagent.io.raster import RasterReader
from eoagent.io.reasonedview import pixel_cap
from eoagent.io.reasonerstate import reasoner_source
from eoagent.io.viewpicture import ViewPictures
from eoagent.io.zooming import Zooming

__all__ = ["box_features", "look_into"]


def look_into(
    services: Services,
    reader: RasterReader,
    reasoner: Reasoner,
    text: str,
    places: Sequence[tuple[Window, float]],
) -> ZoomedBoxes:
    """Return where in some places of a scene, and in its overview, something is.

    Args:
        services: deadline and progress.
        reader: the scene, open.
        reasoner: the model.
        text: what is looked for.
        places: parts of the scene with their likeness, best first; each is looked at.

    Raises:
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    zooming = Zooming(
        ViewPictures(reader),
        reasoner,
        reader.ref.grid,
        candidates=places,
        rules=ZoomRules(tiles=len(places), picture_px=pixel_cap(reasoner)),
        deadline=services.deadline,
        progress=services.progress,
    )

    def still(piece: str) -> None:
        del piece
        services.deadline.check()

    return zooming.ground(text, on_text=still)


def box_features(
    reader: RasterReader, reasoner: Reasoner, text: str, found: ZoomedBoxes
) -> FeatureSet:
    """Return what was found as boxes in the CRS of the scene, or in its pixels.

    Columns: id, label, `col, row, width, height` in pixels of the scene, the part of the scene that
    showed it (`overview`, `likeness` or `model`) and the likeness of that part.
    """
    ref, boxes = reader.ref, found.boxes
    visits = [found.visits[number] for number in found.origins]
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    x, y = pixel_to_crs(ref.grid, corners[..., 1], corners[..., 0])
    return feature_set(
        [shapely.Polygon(ring) for ring in np.stack([x, y], axis=-1)],
        {
            "id": list(range(1, len(boxes) + 1)),
            "label": [label or text for label in found.labels],
            "col": boxes[:, 0].tolist(),
            "row": boxes[:, 1].tolist(),
            "width": (boxes[:, 2] - boxes[:, 0]).tolist(),
            "height": (boxes[:, 3] - boxes[:, 1]).tolist(),
            "seen_by": [visit.by for visit in visits],
            "z": [visit.score for visit in visits],
        },
        crs=ref.grid.crs,
        label=f"'{text}' in {ref.title}"[:200],
        sources=(*ref.sources, reasoner_source(reasoner)),
    )

"""Keep what a reasoner found in a scene: boxes, mask and outlines, on the map or in its pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.contracts.reasoner import Grounding
from eoagent.contracts.text import plain_text
from eoagent.contracts.tool import Services
from eoagent.geo.area import MaskArea, PixelAreas, pixel_areas
from eoagent.geo.grid import pixel_size_m, pixel_to_crs, pixel_to_lonlat, strips
from eoagent.geo.polygons import estimate_vertices, mask_to_polygons, trace_step
from eoagent.geo.sceneview import SceneView
from eoagent.io.blockwise import MaskDraft, write_mask
from eoagent.io.featureset import FeatureSet, feature_set
from eoagent.io.reasonedmasks import FoundMasks, ObjectMask
from eoagent.io.reasonedview import SceneLook
from eoagent.io.stored_features import store_features

__all__ = ["ReasonedArea", "ReasonedScene"]

_LABEL = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonedArea:
    """How large what was found is."""

    value: float
    """Area; parts that several objects share count once."""
    unit: str
    """`m2`, or `px2` of the image where nobody knows the size of its pixels."""
    error: float
    """Half a pixel of the picture that was looked at, along the outline."""
    method: str
    """How it was measured."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReasonedScene:
    """A scene with what was asked about it, to keep what was found."""

    services: Services
    """The store, and the limits."""
    ref: RasterRef
    """The scene."""
    look: SceneLook
    """What the model was shown of it."""
    question: str
    """What was asked."""
    sources: tuple[Source, ...]
    """The scene's files, and the model that was asked."""

    def store_boxes(self, grounding: Grounding) -> Artifact:
        """Keep the boxes of a grounding, in the CRS of the scene or in its own pixels.

        Columns: id, label, `col, row, width, height` in pixels of the scene, and the numbers that
        the model wrote.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        boxes = self.look.view.boxes_to_scene(grounding.boxes)
        columns: dict[str, list[Any]] = {
            "id": list(range(1, len(boxes) + 1)),
            "label": self._labels(grounding),
            "col": boxes[:, 0].tolist(),
            "row": boxes[:, 1].tolist(),
            "width": (boxes[:, 2] - boxes[:, 0]).tolist(),
            "height": (boxes[:, 3] - boxes[:, 1]).tolist(),
        }
        if len(grounding.stated) == len(boxes):
            columns["stated"] = [json.dumps(list(numbers)) for numbers in grounding.stated]
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        x, y = pixel_to_crs(self.ref.grid, corners[..., 1], corners[..., 0])
        outlines = [shapely.Polygon(ring) for ring in np.stack([x, y], axis=-1)]
        return store_features(self.services.store, self._features(outlines, columns), kind="boxes")

    def store_mask(self, found: FoundMasks, *, rule: str) -> tuple[Artifact, ReasonedArea]:
        """Keep where the objects are, on the lattice of the scene, and return their area too.

        A pixel of the scene is as the pixel of the picture at its middle is.

        Raises:
            InputError: if a valid pixel lies off the map, which has no area.
            SourceError: if the disk is full or cannot be written.
        """
        grid = self.ref.grid
        areas = _areas(grid)
        total = MaskArea(areas)

        def parts() -> Iterator[tuple[Window, NDArray[np.bool_], NDArray[np.bool_]]]:
            for window in strips(grid, self.services.options.block_pixels):
                self.services.deadline.check()
                yes, valid = _on_scene(found, window)
                total.add(window, yes, valid)
                yield window, yes, valid

        draft = MaskDraft(
            label=self._name,
            rule=rule,
            title=plain_text(f"{self._name} in {self.ref.title}", 120),
            time=self.ref.time,
            item_id=self.ref.item_id,
            sources=self.sources,
        )
        artifact = write_mask(self.services, grid, parts(), draft)
        view = found.look.view
        coarser = max(1.0, view.rows_per_px, view.cols_per_px)
        area, error = total.area_m2, total.error_m2
        if areas is None or area is None or error is None:
            area, error, how = float(total.yes_pixels), total.error_pixels, "pixels counted"
        else:
            how = areas.method
        return artifact, ReasonedArea(
            value=area,
            unit="px2" if areas is None else "m2",
            error=error * coarser,
            method=f"{rule}; {how}; error: half a pixel of the picture along the outline",
        )

    def store_outlines(self, found: FoundMasks, grounding: Grounding) -> tuple[Artifact, str]:
        """Keep the objects as polygons with their holes; return too how they were traced.

        They follow the edges of the pixels of the picture. Columns: id of the box, label, area
        and its error, and the middle in degrees.

        Returns:
            The features, and what is to be said of the tracing; empty where it is exact.

        Raises:
            SourceError: if the disk is full or cannot be written.
        """
        seen = [(n, mask) for n, mask in enumerate(found.objects) if mask is not None]
        corners = sum(estimate_vertices(mask.yes) for _, mask in seen)
        step = trace_step(corners, self.services.options.max_vertices)
        view = found.look.view
        traced = [(n, mask, _outline(view, mask, step)) for n, mask in seen]
        kept = [(n, mask, outline) for n, mask, outline in traced if not shapely.is_empty(outline)]
        labels, areas = self._labels(grounding), _areas(view.grid)
        rows = [
            {"id": n + 1, "label": labels[n], **_sizes(view, mask, areas)} for n, mask, _ in kept
        ]
        names = list(rows[0]) if rows else ["id", "label"]
        features = self._features(
            [outline for _, _, outline in kept],
            {name: [row[name] for row in rows] for name in names},
        )
        grid = view.grid
        edge = max(pixel_size_m(grid)) * step if grid.is_georeferenced else None
        said = (
            f"the outlines have {corners} corners and were traced at a step of {step} pixels of "
            f"the picture; {len(seen) - len(kept)} smaller than half a step are without an outline"
        )
        artifact = store_features(self.services.store, features, pixel_edge_m=edge)
        return artifact, said if step > 1 else ""

    @property
    def _name(self) -> str:
        return plain_text(" ".join(self.question.split()), _LABEL)

    def _labels(self, grounding: Grounding) -> list[str]:
        said = [plain_text(label, _LABEL).strip() for label in grounding.labels]
        said += [""] * (len(grounding.boxes) - len(said))
        return [label or self._name for label in said[: len(grounding.boxes)]]

    def _features(
        self, outlines: Sequence[shapely.Geometry], columns: dict[str, list[Any]]
    ) -> FeatureSet:
        return feature_set(
            outlines,
            columns,
            crs=self.ref.grid.crs,
            label=plain_text(f"{self._name} in {self.ref.title}", 200),
            sources=self.sources,
        )


def _on_scene(found: FoundMasks, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return yes and valid of a window of the scene; outside the picture nothing is valid."""
    view = found.look.view
    rows = view.nearest_rows(np.arange(window.row, window.row + window.height))
    cols = view.nearest_cols(np.arange(window.col, window.col + window.width))
    inside = (rows >= 0)[:, np.newaxis] & (cols >= 0)
    valid = _spread(found.look.picture.valid, rows, cols) & inside
    return _spread(found.whole, rows, cols) & valid, valid


def _outline(view: SceneView, mask: ObjectMask, step: int) -> shapely.Geometry:
    parts = mask_to_polygons(mask.yes, view.grid, mask.window, step, connectivity=8)
    # regions of pixels that touch nowhere, so that together they are one valid geometry
    pieces = shapely.get_parts(np.array(parts, object))
    whole = pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(list(pieces))
    if view.grid.is_georeferenced:
        return whole
    return shapely.transform(whole, view.to_scene)


def _sizes(view: SceneView, mask: ObjectMask, areas: PixelAreas | None) -> dict[str, float]:
    """Return area, error and middle of an object, as its pixels have them."""
    grid = view.grid
    total = MaskArea(areas)
    total.add(mask.window, mask.yes, np.ones_like(mask.yes))
    area, error, unit = total.area_m2, total.error_m2, "m2"
    if area is None or error is None:
        share = view.rows_per_px * view.cols_per_px
        area, error, unit = total.yes_pixels * share, total.error_pixels * share, "px2"
    sizes = {f"area_{unit}": area, f"area_error_{unit}": error}
    if grid.is_georeferenced:
        rows, cols = (places.mean() + 0.5 for places in np.nonzero(mask.yes))
        lon, lat = pixel_to_lonlat(grid, mask.window.row + rows, mask.window.col + cols)
        sizes |= {"lon": float(lon), "lat": float(lat)}
    return sizes


def _areas(grid: Grid) -> PixelAreas | None:
    """Return the areas of a grid's pixels; None where nobody knows them."""
    return pixel_areas(grid) if grid.is_georeferenced or grid.gsd_m is not None else None


def _spread(
    band: NDArray[np.bool_], rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return a band at rows and columns, of which many are the same; any value where one is -1."""
    first = max(0, int(rows.min()))
    few = band[first : int(rows.max()) + 1][:, cols] if rows.max() >= 0 else band[:1][:, cols]
    spread: NDArray[np.bool_] = few[np.maximum(rows - first, 0)]
    return spread

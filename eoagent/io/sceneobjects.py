"""Masks, boxes and outlines of what was found in a scene, placed on the map or in its pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import Source
from eoagent.contracts.raster import Grid, MaskRef, RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo.antimeridian import bring_near, wrap_lon
from eoagent.geo.grid import pixel_to_crs, pixel_to_lonlat
from eoagent.geo.sampling import Sampling
from eoagent.io.featureset import FeatureSet, feature_set, with_column
from eoagent.io.regiontrace import find_regions, trace_regions
from eoagent.io.scenesegment import SceneMask

__all__ = ["object_boxes", "object_outlines", "store_mask"]

_GEOTIFF: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
_SIDE_POINTS: Final = 8


def store_mask(
    services: Services,
    ref: RasterRef,
    mask: SceneMask,
    *,
    sampling: Sampling,
    rule: str,
    sources: tuple[Source, ...] = (),
) -> Artifact:
    """Keep the mask of a phrase as an artifact; its file is moved into the store.

    Args:
        services: the store.
        ref: the scene.
        mask: what was found; its path is from the store's scratch.
        sampling: how the scene was looked at.
        rule: how the mask was made, in words.
        sources: what stands behind it besides the scene, such as the model.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    title = f"{mask.phrase} in {ref.title}"[:120]
    kept = MaskRef(
        grid=sampling.grid,
        path="",
        label=mask.phrase,
        rule=rule[:600],
        time=ref.time,
        item_id=ref.item_id,
        sources=(*ref.sources, *sources),
        title=title,
    )
    size = [sampling.grid.width, sampling.grid.height]
    return services.store.put(
        "mask",
        title=title,
        payload=kept.to_dict(),
        preview={"label": mask.phrase, "size": size, "objects": len(mask.instances)},
        file=mask.path,
        media_type=_GEOTIFF,
    )


def object_boxes(
    mask: SceneMask, sampling: Sampling, chosen: NDArray[np.intp], *, own: Grid
) -> FeatureSet:
    """Return the boxes around some objects, in the order chosen.

    They are rectangles of pixels, so turned ones on a turned grid, in the CRS of the scene; or in
    its own pixels where it has none. Columns: label, score, pixels on the lattice of the mask,
    `col, row, width, height` in pixels of the file, area in square metres, and
    `west, south, east, north` on WGS84, where the west of a box over the antimeridian is above
    its east.

    Args:
        mask: what was found.
        sampling: how the scene was looked at.
        chosen: places of the objects.
        own: lattice of the file.
    """
    found, grid = mask.instances, sampling.grid
    boxes = found.boxes[chosen].astype(np.float64)
    scale = np.array([sampling.cols_per_px, sampling.rows_per_px] * 2)
    ends = np.array([own.width, own.height] * 2, np.float64)
    pixels = np.minimum(boxes * scale, ends)
    columns: dict[str, list[Any]] = {
        "id": list(range(1, len(chosen) + 1)),
        "label": [mask.phrase] * len(chosen),
        "score": found.scores[chosen].tolist(),
        "pixels": found.table.pixels[chosen].tolist(),
        "col": pixels[:, 0].tolist(),
        "row": pixels[:, 1].tolist(),
        "width": (pixels[:, 2] - pixels[:, 0]).tolist(),
        "height": (pixels[:, 3] - pixels[:, 1]).tolist(),
    }
    if found.table.area_m2 is not None:
        columns["area_m2"] = found.table.area_m2[chosen].tolist()
    if grid.is_georeferenced:
        columns |= _degrees(boxes, grid)
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        x, y = pixel_to_crs(grid, corners[..., 1], corners[..., 0])
        outlines = [shapely.Polygon(ring) for ring in np.stack([x, y], axis=-1)]
    else:
        outlines = [shapely.box(*box) for box in pixels.tolist()]
    label = f"boxes of {mask.phrase}"
    return feature_set(outlines, columns, crs=grid.crs, label=label)


def object_outlines(
    services: Services,
    ref: MaskRef,
    mask: SceneMask,
    chosen: NDArray[np.intp],
    *,
    sampling: Sampling,
) -> FeatureSet:
    """Return some objects as polygons along pixel edges, with score and geodesic area.

    Args:
        services: store, deadline, progress and the most vertices that are traced.
        ref: the mask as `store_mask` kept it.
        mask: what was found.
        chosen: places of the objects.
        sampling: how the scene was looked at.

    Raises:
        NotFound: if the mask has gone.
        SourceError: if it is damaged.
    """
    found = find_regions(services, ref, 8)
    traced = trace_regions(services, ref, found, chosen)
    scores = pa.array(mask.instances.scores[traced.regions])
    columns = with_column(traced.features.columns, "score", scores)
    features = replace(traced.features, columns=columns, assumptions=traced.assumptions)
    if ref.grid.is_georeferenced or sampling.is_own:
        return features
    scale = np.array([sampling.cols_per_px, sampling.rows_per_px])
    moved = shapely.transform(features.geometries, lambda points: points * scale)
    return replace(features, geometries=moved)


def _degrees(boxes: NDArray[np.float64], grid: Grid) -> dict[str, list[Any]]:
    """Return the bounds of boxes on WGS84; sides that are bent there are followed."""
    along = np.linspace(0, 1, _SIDE_POINTS)
    zero = np.zeros_like(along)
    right = np.concatenate([along, along, zero, zero + 1])
    down = np.concatenate([zero, zero + 1, along, along])
    x1, y1, x2, y2 = (edge[:, np.newaxis] for edge in boxes.T)
    lon, lat = pixel_to_lonlat(grid, y1 + (y2 - y1) * down, x1 + (x2 - x1) * right)
    # longitudes next to the first point's, so that a box over the antimeridian stays narrow
    near = bring_near(lon, lon[:, :1])
    return {
        "west": wrap_lon(near.min(axis=1)).tolist(),
        "south": lat.min(axis=1).tolist(),
        "east": wrap_lon(near.max(axis=1)).tolist(),
        "north": lat.max(axis=1).tolist(),
    }

"""Find the connected regions of a stored mask and trace them as polygons, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from shapely.geometry import shape

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, MaskRef
from eoagent.contracts.tool import Services
from eoagent.geo.area import pixel_areas
from eoagent.geo.components import Components, ComponentTable
from eoagent.geo.grid import pixel_size_m, pixel_to_crs, pixel_to_lonlat
from eoagent.geo.polygons import trace_step
from eoagent.io.blockwise import mask_strips
from eoagent.io.featureset import FeatureSet, feature_set

__all__ = ["FoundRegions", "TracedRegions", "find_regions", "trace_regions"]

Labels = NDArray[np.int32]
_COARSE_PIXELS: Final = 16_000_000
_VERTICES_PER_EDGE: Final = 1.0
_CURVED_SEGMENT_PX: Final = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRegions:
    """The regions of a mask as a table, region i with label i + 1."""

    grid: Grid
    table: ComponentTable
    components: Components
    """What found them; a second pass gives each pixel its label."""

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.table)

    def choose(self, *, min_area_m2: float, keep: int | None) -> NDArray[np.intp]:
        """Return the indices of the regions that are large enough, largest first."""
        sizes = self._sizes()
        order = np.argsort(-sizes, kind="stable")
        chosen = order[sizes[order] >= min_area_m2]
        return chosen if keep is None else chosen[:keep]

    def size(self, index: int) -> tuple[float, float, str]:
        """Return (area, error, unit) of a region: m2, or px2 without georeference."""
        table = self.table
        if table.area_m2 is None or table.edge_error_m2 is None:
            return float(table.pixels[index]), float(table.edges[index]) / 2, "px2"
        return float(table.area_m2[index]), float(table.edge_error_m2[index]), "m2"

    def centre(self, index: int) -> tuple[float | None, float | None]:
        """Return (longitude, latitude) of a region's centroid; None without georeference."""
        if not self.grid.is_georeferenced:
            return None, None
        row, col = self.table.centroid_row[index], self.table.centroid_col[index]
        lon, lat = pixel_to_lonlat(self.grid, [row], [col])
        return float(lon[0]), float(lat[0])

    def reaches_edge(self, index: int) -> bool:
        """Return whether a region has a pixel in the first or last row or column of the image."""
        table, grid = self.table, self.grid
        return bool(
            table.row_start[index] == 0
            or table.col_start[index] == 0
            or table.row_stop[index] == grid.height
            or table.col_stop[index] == grid.width
        )

    def _sizes(self) -> NDArray[np.float64]:
        if self.table.area_m2 is not None:
            return np.asarray(self.table.area_m2, dtype=np.float64)
        return self.table.pixels.astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRegions:
    """Regions as features."""

    features: FeatureSet
    regions: NDArray[np.intp]
    """Which region each feature is; one smaller than half a step has no outline."""
    assumptions: tuple[str, ...]
    pixel_edge_m: float | None
    """Length of the pixel edge that outlines run along, metres, if known."""


def find_regions(services: Services, ref: MaskRef, connectivity: Literal[4, 8]) -> FoundRegions:
    """Return the regions of a mask, joined across strips; memory grows with their number only."""
    has_area = ref.grid.is_georeferenced or ref.grid.gsd_m is not None
    areas = pixel_areas(ref.grid) if has_area else None
    components = Components(connectivity, areas=areas)
    for window, yes, valid in mask_strips(services, ref, what="finding regions"):
        components.add(window, yes & valid, valid)
    return FoundRegions(grid=ref.grid, table=components.finish(), components=components)


def trace_regions(
    services: Services, ref: MaskRef, found: FoundRegions, chosen: NDArray[np.intp]
) -> TracedRegions:
    """Return the chosen regions as polygons along pixel edges, in the order of `chosen`."""
    edges = int(found.table.edges[chosen].sum() * _VERTICES_PER_EDGE)
    step = trace_step(edges, services.options.max_vertices)
    if step > 1:
        pixels = ref.grid.width * ref.grid.height
        step = max(step, math.ceil(math.sqrt(pixels / _COARSE_PIXELS)))
    rank = np.zeros(found.count + 1, dtype=np.int32)
    rank[chosen + 1] = np.arange(1, len(chosen) + 1)
    labels = _labels(services, ref, found, rank)
    pieces: dict[int, list[shapely.Geometry]] = {}
    for window, ids in labels if step == 1 else _coarsened(labels, ref.grid, step):
        for outline, value in shapes(ids, mask=ids > 0, connectivity=4):
            piece = _in_pixels(shape(outline), ref.grid, window, step)
            pieces.setdefault(int(value), []).append(piece)
    kept = [i for i in range(1, len(chosen) + 1) if i in pieces]
    outlines = [_placed(_joined(pieces.pop(i)), ref.grid) for i in kept]
    outlined = chosen[np.array(kept, dtype=np.intp) - 1]
    columns = _columns(found, outlined)
    features = feature_set(
        outlines,
        columns,
        crs=ref.grid.crs,
        label=f"regions of {ref.label}",
        sources=ref.sources,
    )
    edge = max(pixel_size_m(ref.grid)) * step if ref.grid.is_georeferenced else None
    return TracedRegions(
        features=features,
        regions=outlined,
        assumptions=_stated(step, edges, len(chosen) - len(kept)),
        pixel_edge_m=edge,
    )


def _labels(
    services: Services, ref: MaskRef, found: FoundRegions, rank: Labels
) -> Iterator[tuple[Window, Labels]]:
    """Yield each strip's pixels as rank among the chosen regions, 0 elsewhere."""
    for window, yes, valid in mask_strips(services, ref, what="tracing outlines"):
        ids = found.components.relabel(window, yes & valid, valid)
        yield window, rank[ids]


def _coarsened(
    strips: Iterator[tuple[Window, Labels]], grid: Grid, step: int
) -> Iterator[tuple[Window, Labels]]:
    """Yield the whole grid at one label per square of pixels of which at least half are set.

    Where regions share a square it is the largest one's, which has the lowest label.
    """
    whole = np.zeros((math.ceil(grid.height / step), math.ceil(grid.width / step)), np.int32)
    rest = np.zeros((0, grid.width), np.int32)
    row = 0
    for _, ids in strips:
        rest = np.concatenate([rest, ids])
        full = len(rest) // step * step
        block = _majority_label(rest[:full], step)
        whole[row : row + len(block)] = block
        row += len(block)
        rest = rest[full:]
    if len(rest):
        whole[row:] = _majority_label(rest, step)
    yield grid.window, whole


def _majority_label(ids: Labels, step: int) -> Labels:
    height, width = ids.shape
    padded = np.zeros((math.ceil(height / step) * step, math.ceil(width / step) * step), np.int32)
    padded[:height, :width] = ids
    shape_4d = (padded.shape[0] // step, step, padded.shape[1] // step, step)
    squares = padded.reshape(shape_4d).swapaxes(1, 2)
    high, wide = (np.minimum(step, size - np.arange(0, size, step)) for size in ids.shape)
    is_set = np.count_nonzero(squares, axis=(2, 3)) * 2 >= high[:, np.newaxis] * wide
    largest = np.where(squares > 0, squares, np.iinfo(np.int32).max).min(axis=(2, 3))
    return np.where(is_set, largest, 0).astype(np.int32)


def _in_pixels(
    outline: shapely.Geometry, grid: Grid, window: Window, step: int
) -> shapely.Geometry:
    """Return an outline traced in a window, valid, in pixels of the grid (x = column, y = row)."""

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        cols = np.minimum(points[:, 0] * step + window.col, grid.width)
        rows = np.minimum(points[:, 1] * step + window.row, grid.height)
        return np.column_stack([cols, rows])

    valid = (
        outline if shapely.is_valid(outline) else shapely.make_valid(outline, method="structure")
    )
    return shapely.transform(valid, move)


def _placed(outline: shapely.Geometry, grid: Grid) -> shapely.Geometry:
    """Return an outline in the grid's CRS; its edges follow those of the pixels."""

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(pixel_to_crs(grid, points[:, 1], points[:, 0]))

    fine = shapely.segmentize(outline, _CURVED_SEGMENT_PX) if grid.gcps else outline
    return shapely.transform(fine, place)


def _joined(parts: list[shapely.Geometry]) -> shapely.Geometry:
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _columns(found: FoundRegions, chosen: NDArray[np.intp]) -> dict[str, list[float]]:
    sizes = [found.size(int(i)) for i in chosen]
    unit = sizes[0][2] if sizes else "m2"
    columns: dict[str, list[float]] = {
        "id": list(range(1, len(chosen) + 1)),
        f"area_{unit}": [s[0] for s in sizes],
        f"area_error_{unit}": [s[1] for s in sizes],
        "pixels": [int(found.table.pixels[i]) for i in chosen],
    }
    if found.grid.is_georeferenced:
        rows, cols = found.table.centroid_row[chosen], found.table.centroid_col[chosen]
        lon, lat = pixel_to_lonlat(found.grid, rows, cols)
        columns |= {"lon": lon.tolist(), "lat": lat.tolist()}
    return columns


def _stated(step: int, edges: int, lost: int) -> tuple[str, ...]:
    if step == 1:
        return ()
    said = f"the outlines have about {edges} pixel edges and were traced at a step of {step} pixels"
    if lost:
        said += f"; {lost} regions smaller than half a step have no outline"
    return (f"{said}; areas are those of the pixels",)

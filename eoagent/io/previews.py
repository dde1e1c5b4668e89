"""Maps of stored artifacts: each as layers on one grid, read no finer than the picture needs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import cycle
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.artifact import Artifact, FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.contracts.raster import Grid, MaskRef, RasterRef
from eoagent.contracts.store import ArtifactStore, Origins
from eoagent.contracts.tool import Options
from eoagent.geo.antimeridian import wrap_lon
from eoagent.geo.grid import bounds, crs_to_pixel, lonlat_to_pixel
from eoagent.geo.projection import is_lonlat
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.figuretable import TableContent, read_table
from eoagent.io.freegrid import grid_about, near_grid
from eoagent.io.mapcolour import PALETTE, Color, color_of_cover
from eoagent.io.maplayers import Layer, MaskLayer, OutlineLayer, RgbLayer, ScalarLayer
from eoagent.io.picture import render
from eoagent.io.raster import RasterReader
from eoagent.io.store_files import StoreOrigins, mask_as_raster, place_in_store
from eoagent.io.stored_features import load_stored

__all__ = ["MapMaker", "png_bytes", "shown_bands"]

_TRIOS: Final = MappingProxyType(
    {
        ("red", "green", "blue"): "true colour",
        ("nir", "red", "green"): "false colour: nir, red, green",
    }
)
_DIVERGING: Final = frozenset({"index"})
_UNITS: Final = {"height": "m", "backscatter_db": "dB", "temperature": "K"}


class MapMaker:
    """Draws artifacts of one store.

    Args:
        store: where the artifacts lie.
        origins: the guard, for rasters whose pixels lie elsewhere.
        options: how files are read.
    """

    def __init__(
        self, store: ArtifactStore, origins: Origins, options: Options | None = None
    ) -> None:
        self._store = store
        self._origins = origins
        self._options = options or Options()

    def draw(self, handles: Sequence[str], *, title: str = "", width_px: int = 900) -> bytes:
        """Return a PNG map of artifacts, from the bottom up, on the grid of the first with one.

        Raises:
            InputError: if there is nothing to draw, or features have no place on the map.
            NotFound: if an artifact has gone.
            SourceError: if pixels could not be had.
        """
        if not handles:
            raise InputError("a map of nothing was asked for", hint="give at least one artifact")
        artifacts = [self._store.get(handle) for handle in handles]
        grid = self._grid(artifacts)
        colors = cycle(PALETTE)  # contrast falls along it: pictures below take none
        layers = [self._layer(artifact, grid, colors, width_px) for artifact in artifacts]
        lines = dict.fromkeys(a for artifact in artifacts for a in _sources_of(artifact))
        picture = render(
            layers,
            grid=grid,
            title=title or artifacts[-1].title,
            attribution=", ".join(lines)[:200],
            width_px=width_px,
        )
        return png_bytes(picture)

    def picture(self, handle: str, *, over: Sequence[str] = (), width_px: int = 900) -> bytes:
        """Return a PNG of one artifact: a map of it, or the picture that it is.

        Args:
            handle: the artifact.
            over: rasters that a mask or features may lie over; the first in colour that has the
                same source, or else shares some ground with features, is drawn below them; below
                features, for want of colour, the first that has the same source.
            width_px: width of a map.

        Raises:
            InputError: if it cannot be drawn.
            NotFound: if it has gone.
            SourceError: if pixels could not be had.
        """
        artifact = self._store.get(handle)
        if artifact.kind == "picture" and artifact.path is not None:
            if artifact.media_type != "image/png":
                raise InputError(f"{artifact.title} is a page of its own", hint="open it")
            return self._store.locate(artifact.path).read_bytes()
        below = self._backdrop(artifact, over)
        return self.draw([*below, handle], width_px=width_px)

    def table(self, handle: str) -> TableContent:
        """Return the content of a table, for a page that shows it.

        Raises:
            NotFound: if it has gone.
        """
        return read_table(self._store, handle)

    def _backdrop(self, artifact: Artifact, over: Sequence[str]) -> tuple[str, ...]:
        if artifact.kind not in {"mask", "features", "boxes", "aoi"}:
            return ()
        rasters = {
            handle: RasterRef.model_validate(self._store.get(handle).payload) for handle in over
        }
        colour = {h: ref for h, ref in rasters.items() if _trio(ref) is not None}
        mine = _hrefs_of(artifact)
        for handle, ref in colour.items():
            if mine & {source.href for source in ref.sources}:
                return (handle,)
        if artifact.kind == "mask":
            return ()
        ground = self._ground(FeaturesRef.model_validate(artifact.payload))
        for handle, ref in colour.items():
            if ground is not None and ref.grid.crs and bounds(ref.grid).intersects(ground):
                return (handle,)
        for handle, ref in rasters.items():  # outlines are seen over any one, a mask is not
            if mine & {source.href for source in ref.sources}:
                return (handle,)
        return ()

    def _ground(self, ref: FeaturesRef) -> BBox | None:
        """Return the box around features, or None if they are in pixels, or nowhere."""
        if not ref.crs or not ref.count:
            return None
        features = load_stored(self._store, ref)
        boxes = np.array([to_lonlat(g, ref.crs).bounds for g in features.geometries])
        (west, south), (east, north) = np.nanmin(boxes[:, :2], 0), np.nanmax(boxes[:, 2:], 0)
        if not np.isfinite([west, south, east, north]).all() or east - west >= 360:
            return None
        low, high = wrap_lon(west), wrap_lon(east)
        return BBox(west=float(low), south=south, east=float(high), north=north)

    def _grid(self, artifacts: Sequence[Artifact]) -> Grid:
        for artifact in artifacts:
            if artifact.kind in {"raster", "mask"}:
                return Grid.model_validate(artifact.payload["grid"])
        return self._free_grid(artifacts)

    def _free_grid(self, artifacts: Sequence[Artifact]) -> Grid:
        """Return a grid in longitude and latitude about features that have no raster below."""
        shapes: list[BaseGeometry] = []
        for artifact in artifacts:
            ref = FeaturesRef.model_validate(artifact.payload)
            if not ref.crs:
                raise InputError(f"{ref.label} is in pixels", hint="draw it over its image")
            features = load_stored(self._store, ref)
            shapes += [to_lonlat(g, ref.crs) for g in features.geometries]
        return grid_about(shapes)

    def _layer(
        self, artifact: Artifact, grid: Grid, colors: Iterator[Color], width_px: int
    ) -> Layer:
        if artifact.kind == "raster":
            return self._raster(RasterRef.model_validate(artifact.payload), grid, width_px)
        if artifact.kind == "mask":
            mask = MaskRef.model_validate(artifact.payload)
            values, valid = self._read(mask_as_raster(mask), ("mask",), grid, width_px)
            yes = np.nan_to_num(values[0]) > 0
            return MaskLayer(
                yes=yes,
                valid=valid,
                label=mask.label,
                color=color_of_cover(mask.label) or next(colors),
            )
        if artifact.kind in {"features", "boxes", "aoi"}:
            ref = FeaturesRef.model_validate(artifact.payload)
            shapes = self._outlines(ref, grid)
            return OutlineLayer(geometries=shapes, label=ref.label, color=next(colors))
        raise InputError(
            f"a {artifact.kind} cannot be drawn on a map", hint="give rasters, masks, features"
        )

    def _raster(self, ref: RasterRef, grid: Grid, width_px: int) -> Layer:
        trio = _trio(ref)
        if trio is not None:
            values, valid = self._read(ref, trio, grid, width_px)
            return RgbLayer(values=values, valid=valid, label=_TRIOS[trio])
        names = ref.band_names
        band = names[0]
        values, valid = self._read(ref, (band,), grid, width_px)
        return ScalarLayer(
            values=values[0],
            valid=valid,
            label=band if len(names) > 1 else ref.title,
            unit=_UNITS.get(ref.values, ""),
            ramp="diverging" if ref.values in _DIVERGING else "sequential",
        )

    def _read(
        self, ref: RasterRef, names: Sequence[str], grid: Grid, width_px: int
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        share = min(1.0, width_px / max(grid.width, grid.height))
        shape = (max(1, round(grid.height * share)), max(1, round(grid.width * share)))
        placed = place_in_store(ref, self._store)
        guard = StoreOrigins(self._origins, placed, ref)
        own = None if ref.grid == grid else grid
        with RasterReader(placed, guard, self._options) as reader:
            return reader.read(names, grid=own, out_shape=shape)

    def _outlines(self, ref: FeaturesRef, grid: Grid) -> list[BaseGeometry]:
        features = load_stored(self._store, ref)
        if not ref.crs:
            if grid.crs:
                raise InputError(
                    f"{ref.label} is in pixels, and the map is on the ground",
                    hint="draw it over its own image",
                )
            return list(features.geometries)
        if ref.crs == grid.crs:
            shapes = list(features.geometries)
            if is_lonlat(grid.crs):
                shapes = near_grid(shapes, grid)

            def flat(xy: NDArray[np.float64]) -> NDArray[np.float64]:
                rows, cols = crs_to_pixel(grid, xy[:, 0], xy[:, 1])
                return np.column_stack([cols, rows])

            return [shapely.transform(g, flat) for g in shapes]

        def place(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
            rows, cols = lonlat_to_pixel(grid, lonlat[:, 0], lonlat[:, 1])
            return np.column_stack([cols, rows])

        return [shapely.transform(to_lonlat(g, ref.crs), place) for g in features.geometries]


def shown_bands(ref: RasterRef) -> tuple[str, ...]:
    """Return the bands that a picture of a raster is made of."""
    return _trio(ref) or ref.band_names[:1]


def _trio(ref: RasterRef) -> tuple[str, str, str] | None:
    """Return the three bands that show a raster in colour, or None."""
    return next((trio for trio in _TRIOS if set(trio) <= set(ref.band_names)), None)


def _hrefs_of(artifact: Artifact) -> set[str]:
    return {str(s["href"]) for s in artifact.payload.get("sources", []) if s.get("href")}


def _sources_of(artifact: Artifact) -> list[str]:
    names = (str(s.get("href", "")) for s in artifact.payload.get("sources", []))
    return [name.rsplit("/", 1)[-1].split("?", 1)[0] for name in names if name]


def png_bytes(picture: Image.Image) -> bytes:
    """Return a Pillow picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()

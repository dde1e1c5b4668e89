"""Write the world's vector files: places, buildings, roads, and an airport and a harbour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage

from eoagent.io.sampleworld.names import NAMES, ORIGIN, WORLD_CRS
from eoagent.io.sampleworld.settlement import Settlement
from eoagent.io.sampleworld.terrain import PIXEL_M, PLACES, Terrain
from eoagent.io.sampleworld.truth import RoadTruth

__all__ = ["VECTOR_FILES", "Mapper", "write_vectors"]

VECTOR_FILES: Final = ("places.geojson", "buildings.geojson", "roads.geojson", "facilities.geojson")
"""Names of the vector files."""

_DECIMALS = 8
_POINT_KINDS: Final = {
    "village_east": "village",
    "village_north": "village",
    "hill": "hill",
    "island": "island",
    "river_mouth": "river mouth",
    "cape": "cape",
}


@dataclass(frozen=True, slots=True)
class Mapper:
    """Brings pixel positions of the ten-metre grid to longitude and latitude."""

    transformer: pyproj.Transformer
    """From the world's CRS to WGS84, longitude first."""

    @classmethod
    def of_world(cls) -> Mapper:
        """Return the mapper of the sample world."""
        return cls(pyproj.Transformer.from_crs(WORLD_CRS, "EPSG:4326", always_xy=True))

    def lon_lat(self, rows: Sequence[float], cols: Sequence[float]) -> list[list[float]]:
        """Return [lon, lat] in degrees per position, counted from the outer upper left corner."""
        x = ORIGIN[0] + PIXEL_M * np.asarray(cols, dtype=np.float64)
        y = ORIGIN[1] - PIXEL_M * np.asarray(rows, dtype=np.float64)
        lon, lat = self.transformer.transform(x, y)
        pairs: list[list[float]] = np.round(np.stack([lon, lat], axis=1), _DECIMALS).tolist()
        return pairs

    def outline(self, yes: NDArray[np.bool_]) -> list[list[list[float]]]:
        """Return the rings of the largest patch of a mask, along pixel edges."""
        found = shapes(yes.astype(np.uint8), mask=yes, connectivity=4)
        rings = max((geometry["coordinates"] for geometry, _ in found), key=_extent)
        return [self.lon_lat([p[1] for p in ring], [p[0] for p in ring]) for ring in rings]


def write_vectors(
    folder: Path, mapper: Mapper, *, terrain: Terrain, settlement: Settlement
) -> tuple[RoadTruth, ...]:
    """Write the vector files into a folder, WGS84, and return the roads' lengths.

    Args:
        folder: where to write; exists.
        mapper: from pixels to longitude and latitude.
        terrain: the natural world.
        settlement: what is built.
    """
    side = terrain.side
    roads = _roads(mapper, settlement, side)
    files = (
        _places(mapper, terrain, settlement),
        _buildings(mapper, settlement),
        roads,
        _facilities(mapper, settlement, side),
    )
    for name, features in zip(VECTOR_FILES, files, strict=True):
        document = {"type": "FeatureCollection", "name": Path(name).stem, "features": features}
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(text + "\n", encoding="utf-8")
    geod = pyproj.Geod(ellps="WGS84")
    return tuple(
        RoadTruth(
            name=road["properties"]["name"],
            kind=road["properties"]["kind"],
            length_m=_length_m(geod, road["geometry"]["coordinates"]),
        )
        for road in roads
    )


def _length_m(geod: pyproj.Geod, line: list[list[float]]) -> float:
    return float(geod.line_length([p[0] for p in line], [p[1] for p in line]))


def _extent(rings: Sequence[Sequence[Sequence[float]]]) -> float:
    """Return the area inside the outer ring, in pixels (shoelace formula)."""
    ring = np.asarray(rings[0])
    x, y = ring[:, 0], ring[:, 1]
    return float(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2)


def _feature(
    number: int, geometry: str, coordinates: object, **properties: object
) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": number,
        "properties": properties,
        "geometry": {"type": geometry, "coordinates": coordinates},
    }


def _point(mapper: Mapper, side: int, at: tuple[float, float]) -> list[float]:
    return mapper.lon_lat([at[1] * side], [at[0] * side])[0]


def _places(mapper: Mapper, terrain: Terrain, settlement: Settlement) -> list[dict[str, Any]]:
    side = terrain.side
    # The lakes' outlines stand a few pixels off the shore, so that all water lies inside.
    margin = 3
    areas = {
        "town": ("town", ndimage.binary_fill_holes(settlement.town)),
        "lake": ("lake", ndimage.binary_dilation(terrain.lake_level < 1.0, iterations=margin)),
    }
    for key, pond in terrain.ponds:
        areas[key] = ("lake", ndimage.binary_dilation(pond, iterations=margin))
    features = [
        _feature(number, "Polygon", mapper.outline(yes), name=NAMES[key], kind=kind)
        for number, (key, (kind, yes)) in enumerate(areas.items(), start=1)
    ]
    for number, (key, kind) in enumerate(_POINT_KINDS.items(), start=len(areas) + 1):
        at = _point(mapper, side, PLACES[key])
        features.append(_feature(number, "Point", at, name=NAMES[key], kind=kind))
    return features


def _buildings(mapper: Mapper, settlement: Settlement) -> list[dict[str, Any]]:
    features = []
    for item in settlement.buildings:
        bottom, right = item.row + item.height, item.col + item.width
        # Counter-clockwise, as RFC 7946 asks of outer rings.
        rows = [item.row, bottom, bottom, item.row, item.row]
        cols = [item.col, item.col, right, right, item.col]
        ring = mapper.lon_lat(rows, cols)
        features.append(
            _feature(item.number, "Polygon", [ring], kind=item.kind, place=NAMES[item.place])
        )
    return features


def _roads(mapper: Mapper, settlement: Settlement, side: int) -> list[dict[str, Any]]:
    features = []
    for number, road in enumerate(settlement.roads, start=1):
        line = mapper.lon_lat((road.line[:, 1] * side).tolist(), (road.line[:, 0] * side).tolist())
        features.append(_feature(number, "LineString", line, name=road.name, kind=road.kind))
    return features


def _facilities(mapper: Mapper, settlement: Settlement, side: int) -> list[dict[str, Any]]:
    airfield = _point(mapper, side, PLACES["airfield"])
    harbour = _point(mapper, side, settlement.harbour)
    return [
        _feature(1, "Point", airfield, name=NAMES["airfield"], kind="airport"),
        _feature(2, "Point", harbour, name=NAMES["harbour"], kind="harbour"),
    ]

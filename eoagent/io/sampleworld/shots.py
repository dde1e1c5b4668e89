"""Take the scenes: dress the world for each date, expose it on a sensor's grid, write the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.raster import Grid
from eoagent.geo.area import pixel_areas
from eoagent.io.sampleworld.catalog import COLLECTIONS, SceneCard
from eoagent.io.sampleworld.covers import COVERS
from eoagent.io.sampleworld.farmland import Farmland, lay_farmland
from eoagent.io.sampleworld.imaging import LANDSAT, SENTINEL, brightness, reflectance, store
from eoagent.io.sampleworld.names import NAMES, ORIGIN, TITLE, WORLD_CRS
from eoagent.io.sampleworld.rasters import Layer, quality_codes, write_cog
from eoagent.io.sampleworld.seasons import DATES, Dressed, Moment, dress
from eoagent.io.sampleworld.settlement import Settlement, lay_settlement
from eoagent.io.sampleworld.terrain import PIXEL_M, Terrain, lay_terrain

__all__ = ["Place", "Shot", "lay_place", "take_shots", "write_shot"]

_COARSE_DATE: Final = 4
_STEP: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The world without dates."""

    terrain: Terrain
    """Nature."""
    farmland: Farmland
    """Fields."""
    settlement: Settlement
    """Buildings, roads, town."""
    lit: NDArray[np.float64]
    """Brightness per pixel, the same at all dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A scene before it is written; arrays are on the scene's own grid."""

    card: SceneCard
    """What the catalog says of it."""
    stored: NDArray[np.uint16]
    """Numbers of the file, (bands, h, w)."""
    dressed: Dressed
    """The world that it shows."""
    pixel_m2: NDArray[np.float64]
    """Geodesic area of each pixel, (h, w)."""
    lakes: tuple[tuple[str, NDArray[np.bool_]], ...]
    """Standing water by name."""

    @property
    def values(self) -> NDArray[np.float64]:
        """Reflectance from the stored numbers."""
        how = self.card.encoding
        values: NDArray[np.float64] = self.stored.astype(np.float64) * how.scale + how.offset
        return values


def lay_place(rng: np.random.Generator, side: int) -> Place:
    """Return the world of a seed, without dates.

    Args:
        rng: source of randomness.
        side: pixels of ten metres per side.
    """
    terrain = lay_terrain(rng, side)
    farmland = lay_farmland(rng, terrain)
    settlement = lay_settlement(rng, terrain)
    return Place(
        terrain=terrain,
        farmland=farmland,
        settlement=settlement,
        lit=brightness(terrain, farmland),
    )


def take_shots(rng: np.random.Generator, place: Place) -> Iterator[Shot]:
    """Yield all scenes in order of time; the coarse one shares a state with the fifth date.

    Args:
        rng: source of randomness for clouds, snow and noise.
        place: the world without dates.
    """
    for number, moment in enumerate(DATES):
        dressed = dress(
            rng,
            moment,
            terrain=place.terrain,
            farmland=place.farmland,
            settlement=place.settlement,
        )
        if number == _COARSE_DATE:
            earlier = replace(moment, time=moment.time - timedelta(days=1, minutes=11))
            yield _expose(rng, place, dressed, earlier, step=_STEP)
        yield _expose(rng, place, dressed, moment, step=1)


def _expose(
    rng: np.random.Generator, place: Place, dressed: Dressed, moment: Moment, *, step: int
) -> Shot:
    """Return a scene of every pixel, or of the middle one of each step x step block."""
    side = place.terrain.side // step
    take = slice(step // 2, side * step, step)
    encoding, collection = (SENTINEL, COLLECTIONS[0]) if step == 1 else (LANDSAT, COLLECTIONS[1])
    values = reflectance(rng, dressed, place.terrain, place.lit)[:, take, take]
    sampled = Dressed(
        look=dressed.look[take, take],
        ground=dressed.ground[take, take],
        seen=dressed.seen[take, take],
        cloud=dressed.cloud[take, take],
    )
    pixel = PIXEL_M * step
    grid = Grid(
        width=side,
        height=side,
        crs=WORLD_CRS,
        transform=(pixel, 0.0, ORIGIN[0], 0.0, -pixel, ORIGIN[1]),
    )
    valid = sampled.ground > 0
    clouds = int((sampled.seen == COVERS.index("cloud")).sum())
    basin = place.terrain.lake_level < moment.lake
    lakes = [(NAMES["lake"], basin), *((NAMES[key], pond) for key, pond in place.terrain.ponds)]
    return Shot(
        card=SceneCard(
            id=f"{collection.id}-{moment.time:%Y%m%d}",
            collection=collection,
            time=moment.time,
            grid=grid,
            encoding=encoding,
            cloud_pct=100.0 * clouds / int(valid.sum()),
        ),
        stored=store(values, valid, encoding),
        dressed=sampled,
        pixel_m2=np.broadcast_to(pixel_areas(grid).block(grid.window), valid.shape),
        lakes=tuple((name, yes[take, take]) for name, yes in lakes),
    )


def write_shot(folder: Path, shot: Shot) -> None:
    """Write the bands and the quality band of a scene; its folder exists.

    Raises:
        SourceError: if a file cannot be written.
    """
    card = shot.card
    time = card.time.strftime("%Y:%m:%d %H:%M:%S")
    layers = [
        Layer(name=name, values=band, tags={"common_name": name})
        for name, band in zip(card.band_names(), shot.stored, strict=True)
    ]
    tags = {"TIFFTAG_DATETIME": time, "TIFFTAG_IMAGEDESCRIPTION": f"{TITLE}: {card.id}"}
    write_cog(folder / card.bands_href, layers, card.grid, encoding=card.encoding, tags=tags)
    kind = card.collection.quality
    codes = quality_codes(shot.dressed.seen, shot.dressed.cloud, kind)
    quality = Layer(name=kind, values=codes, tags={})
    write_cog(folder / card.quality_href, [quality], card.grid, tags=tags)

"""Make the sample world: a folder with a STAC catalog, scenes, vector files and the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.sampleworld.catalog import write_catalog
from eoagent.io.sampleworld.covers import COVERS, WATER
from eoagent.io.sampleworld.names import NAMES, TITLE, WORLD_CRS
from eoagent.io.sampleworld.settlement import Settlement
from eoagent.io.sampleworld.shots import Place, Shot, lay_place, take_shots, write_shot
from eoagent.io.sampleworld.truth import (
    AreaTruth,
    BuildingTruth,
    LakeTruth,
    RoadTruth,
    SceneTruth,
    WorldTruth,
    burn_truth,
    count,
    cover_truths,
    mean_ndvi,
    rule_truths,
)
from eoagent.io.sampleworld.vectors import Mapper, write_vectors

__all__ = ["MAX_SIZE", "MIN_SIZE", "write_world"]

MIN_SIZE: Final = 180
"""Smallest side in pixels; below it the town has no room for blocks."""
MAX_SIZE: Final = 2400
"""Largest side in pixels."""

_CLOUDS = (COVERS.index("cloud"), COVERS.index("cloud_shadow"))
_NOTE = (
    "Cover counts come from the class map that each scene was painted from; rule counts from the "
    "stored numbers. A rule with is_exact true finds its covers and nothing else among clear "
    "pixels. Snow and clouds look like water to green against short-wave infrared, and snow also "
    "to green against near infrared. Bare ground, roads and roofs overlap in every index: no rule "
    "for built-up ground is exact here. Reflectances are assumed typical values, not measurements. "
    "Lake polygons in vectors/places.geojson hold all the water of their lake and no other."
)


def write_world(folder: Path, *, seed: int = 7, size: int = 600) -> WorldTruth:
    """Write the sample world into a folder and return what is true of it.

    The same seed and size give the same files, byte for byte, with the same library versions.
    Files: catalog.json, a folder per collection with items and COGs, vectors/*.geojson, and last,
    so that its presence says that the world is whole, truth.json.

    Args:
        folder: where to write; made if it is not there. Files of an earlier run are replaced.
        seed: of all randomness.
        size: pixels of ten metres per side.

    Raises:
        InputError: if the size is out of range.
        SourceError: if the folder cannot be written.
    """
    if not MIN_SIZE <= size <= MAX_SIZE or seed < 0:
        msg = f"a sample world of {size} x {size} pixels from seed {seed} was asked for"
        hint = f"give a size from {MIN_SIZE} to {MAX_SIZE} and a seed that is not negative"
        raise InputError(msg, hint=hint)
    rng = np.random.default_rng(seed)
    place = lay_place(rng, size)
    mapper = Mapper.of_world()
    try:
        (folder / "vectors").mkdir(parents=True, exist_ok=True)
        shots = _write_shots(folder, take_shots(rng, place))
        roads = write_vectors(
            folder / "vectors", mapper, terrain=place.terrain, settlement=place.settlement
        )
        write_catalog(folder, [shot.card for shot in shots], mapper)
        truth = _world_truth(place, shots, seed=seed, roads=roads)
        text = truth.model_dump_json(indent=1)
        (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"the sample world could not be written to {folder}: {error.strerror or error}"
        hint = "give a folder that can be written and has 30 MB of room"
        raise SourceError(msg, href=str(folder), hint=hint) from error
    return truth


def _write_shots(folder: Path, shots: Iterable[Shot]) -> list[Shot]:
    """Write scenes while the next ones are being taken; return them in order."""
    taken, writes = [], []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for shot in shots:
            (folder / shot.card.folder).mkdir(parents=True, exist_ok=True)
            taken.append(shot)
            writes.append(pool.submit(write_shot, folder, shot))
    for write in writes:
        write.result()
    return taken


def _world_truth(
    place: Place, shots: Sequence[Shot], *, seed: int, roads: tuple[RoadTruth, ...]
) -> WorldTruth:
    before, after = shots[:2]
    scenes = tuple(_scene_truth(shot) for shot in shots)
    towns = _building_truths(place.settlement, before.pixel_m2)
    return WorldTruth(
        title=TITLE,
        note=_NOTE,
        seed=seed,
        size=place.terrain.side,
        crs=WORLD_CRS,
        scenes=scenes,
        burn=burn_truth(before.values, after.values, after.dressed.seen, after.pixel_m2),
        burn_scenes=(before.card.id, after.card.id),
        largest_lake=scenes[0].lakes[0].label,
        buildings=towns,
        building_count=sum(town.buildings for town in towns),
        town_building_count=next(t.buildings for t in towns if t.place == NAMES["town"]),
        roads=roads,
    )


def _scene_truth(shot: Shot) -> SceneTruth:
    seen, pixel_m2 = shot.dressed.seen, shot.pixel_m2
    valid = seen > 0
    clear = valid & ~np.isin(seen, _CLOUDS)
    water = np.isin(seen, [COVERS.index(name) for name in WATER])
    return SceneTruth(
        id=shot.card.id,
        date=shot.card.time.date().isoformat(),
        href=shot.card.bands_href,
        gsd_m=shot.card.grid.transform[0],
        valid=count("valid", valid, pixel_m2),
        clear=count("clear", clear, pixel_m2),
        cloud_pct=shot.card.cloud_pct,
        covers=cover_truths(seen, pixel_m2),
        ground=cover_truths(shot.dressed.ground, pixel_m2),
        water=count("water", water, pixel_m2),
        lakes=_lake_truths(shot),
        mean_ndvi_clear=mean_ndvi(shot.values, clear),
        mean_ndvi_valid=mean_ndvi(shot.values, valid),
        rules=rule_truths(shot.values, seen, pixel_m2),
    )


def _lake_truths(shot: Shot) -> tuple[LakeTruth, ...]:
    hidden = np.isin(shot.dressed.seen, _CLOUDS)
    is_lake = shot.dressed.ground == COVERS.index("lake")
    found = []
    for name, basin in shot.lakes:
        yes = basin & is_lake
        area: AreaTruth = count(name, yes, shot.pixel_m2)
        found.append(LakeTruth(**area.model_dump(), hidden_pixels=int((yes & hidden).sum())))
    return tuple(sorted(found, key=lambda lake: -lake.pixels))


def _building_truths(
    settlement: Settlement, pixel_m2: NDArray[np.float64]
) -> tuple[BuildingTruth, ...]:
    totals: dict[str, list[tuple[int, float]]] = {}
    for item in settlement.buildings:
        block = pixel_m2[item.row : item.row + item.height, item.col : item.col + item.width]
        totals.setdefault(NAMES[item.place], []).append((block.size, float(block.sum())))
    truths = [
        BuildingTruth(
            place=place,
            buildings=len(sizes),
            pixels=sum(pixels for pixels, _ in sizes),
            area_m2=sum(area for _, area in sizes),
        )
        for place, sizes in totals.items()
    ]
    return tuple(sorted(truths, key=lambda truth: -truth.buildings))

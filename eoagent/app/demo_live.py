"""The live tour: a clear recent scene, found with earth-search and cut to a small place."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import shapely

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.io.cutout import bands_of, cut_out
from eoagent.io.origin import OriginGuard
from eoagent.io.scene import Scene, SceneConditions
from eoagent.io.stac import open_catalog

__all__ = ["EARTH_SEARCH", "LIVE", "live_scene"]

LIVE: Final = "earth-search"
"""What the tour's source is called."""
EARTH_SEARCH: Final = "https://earth-search.aws.element84.com/v1"
"""The public API that is asked."""
_COLLECTION: Final = "sentinel-2-l2a"
_PLACE: Final = "the lagoon around Venice"
_BOX: Final = BBox(west=12.30, south=45.40, east=12.40, north=45.47)
_DAYS: Final = 180
_MOST_CLOUD_PCT: Final = 10.0
_MOST_ITEMS: Final = 60
_BANDS: Final = ("blue", "green", "red", "nir", "swir16")
_NEEDED: Final = ("green", "red", "nir")


def live_scene(folder: Path, now: datetime, *, api: str = EARTH_SEARCH) -> tuple[Path, str]:
    """Return the item of a small raster made from the newest clear scene, and what it shows.

    Only the windows of a few bands over the place are read: some megabytes.

    Args:
        folder: where the raster and its item are written.
        now: the present moment, with a time zone.
        api: address of the STAC API.

    Raises:
        SourceError: if the network, the API or a file cannot be had.
        NotFound: if no scene of the last months is clear and covers the place.
    """
    guard = OriginGuard([api, str(folder)])
    try:
        scene = _newest(guard, now, api)
        item = cut_out(scene, guard, _BOX, folder, names=bands_of(scene, _BANDS))
    except SourceError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SourceError(
            f"the live tour reads {api} and the files that it names, and could not: {error}",
            href=error.href,
            hint="check the network, or run `eoagent demo`, whose sample world needs none",
        ) from error
    taken = scene.time.label if scene.time else "undated"
    cloud = f"{scene.cloud_pct:g} percent cloud stated"
    return item, f"{_PLACE}, {taken}, scene {scene.id}, {cloud}"


def _newest(guard: OriginGuard, now: datetime, api: str) -> Scene:
    time = TimeRange(start=now - timedelta(days=_DAYS), end=now)
    found = open_catalog(
        api,
        guard,
        conditions=SceneConditions(
            bbox=_BOX,
            time=time,
            collections=(_COLLECTION,),
            max_cloud_pct=_MOST_CLOUD_PCT,
            limit=_MOST_ITEMS,
        ),
    )
    able = [s for s in found.scenes if _covers(s) and len(bands_of(s, _NEEDED)) == len(_NEEDED)]
    if not able:
        raise NotFound(
            f"none of the {len(found.scenes)} scenes of {_COLLECTION} at {api} since "
            f"{now - timedelta(days=_DAYS):%Y-%m-%d} with at most {_MOST_CLOUD_PCT:g} percent of "
            f"cloud covers {_PLACE}",
            hint="try again in some days, or run `eoagent demo`",
        )
    return max(able, key=lambda s: (s.time.start if s.time and s.time.start else time.start, s.id))


def _covers(scene: Scene) -> bool:
    if scene.geometry is None:
        return False
    outline = shapely.make_valid(shapely.geometry.shape(scene.geometry))
    return bool(outline.contains(shapely.box(_BOX.west, _BOX.south, _BOX.east, _BOX.north)))

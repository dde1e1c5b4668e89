"""Scenes: what a STAC item says of one image, as data, and picking among many of them.

Nothing here reads. Texts from items are cut to a bounded length and are data, never instructions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import shapely
from pydantic import Field

from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.record import Record

__all__ = [
    "TEXT_CHARS",
    "Scene",
    "SceneAsset",
    "SceneBand",
    "SceneCollection",
    "SceneConditions",
    "Scenes",
]

TEXT_CHARS: Final = 300
"""Most characters of a title or description that is kept."""


class SceneBand(Record):
    """One band of an asset, with what the item says of it; None where it says nothing."""

    index: int = Field(ge=1)
    """Band number in the file, from 1."""
    name: str = ""
    """Name in the item (`B04`, `SR_B4`, `VV`)."""
    common_name: str = ""
    """STAC common name (`red`), or empty."""
    description: str = ""
    """What the item says of the band."""
    scale: float | None = None
    """value = stored * scale + offset."""
    offset: float | None = None
    """value = stored * scale + offset."""
    nodata: float | None = None
    """Stored value that means no data; may be NaN."""
    dtype: str = ""
    """Stored data type (`uint16`)."""
    wavelength_um: float | None = None
    """Centre wavelength, micrometres."""
    gsd_m: float | None = None
    """Ground sampling distance, metres."""


class SceneAsset(Record):
    """One file of a scene."""

    key: str
    """Key in the item (`red`, `data`)."""
    href: str
    """Absolute path or URL, as the item says it; not yet admitted by the guard."""
    roles: tuple[str, ...] = ()
    """Roles (`data`, `thumbnail`)."""
    media_type: str = ""
    """Media type, or empty."""
    title: str = ""
    """Short text."""
    gsd_m: float | None = None
    """Ground sampling distance, metres."""
    bands: tuple[SceneBand, ...] = ()
    """Bands that the item lists, in the order of the file."""


class Scene(Record):
    """One image of a place and time, in one or several files."""

    id: str
    """Item id."""
    collection: str = ""
    """Collection id, or empty."""
    href: str
    """Document that describes the scene; the guard takes it as the base of the assets."""
    bbox: BBox | None = None
    """Box around it; None for a scene without a place."""
    geometry: dict[str, Any] | None = None
    """Footprint as GeoJSON in WGS84 longitude and latitude."""
    time: TimeRange | None = None
    """When it was taken; None where the item does not say."""
    cloud_pct: float | None = None
    """Stated cloud cover, percent."""
    gsd_m: float | None = None
    """Ground sampling distance, metres."""
    sensor: str = ""
    """Sensor preset id (`sentinel-2`), or empty."""
    platform: str = ""
    """Platform as the item says it."""
    constellation: str = ""
    """Constellation as the item says it."""
    instruments: tuple[str, ...] = ()
    """Instruments as the item says them."""
    processing_baseline: str = ""
    """Sentinel-2 processing baseline (`05.10`), or empty."""
    is_offset_applied: bool | None = None
    """Whether the item says that the pixels already hold the radiometric offset."""
    title: str = ""
    """Title, or empty."""
    description: str = ""
    """Description, or empty."""
    assets: tuple[SceneAsset, ...] = ()
    """Files, in the order of the item."""
    notes: tuple[str, ...] = ()
    """Choices made and repairs done while reading the item."""

    def asset(self, key: str) -> SceneAsset | None:
        """Return the asset with a key, or None."""
        return next((asset for asset in self.assets if asset.key == key), None)

    def overlaps(self, box: BBox) -> bool:
        """Return whether the footprint, or else the box around it, meets a box.

        A scene without a place meets none.
        """
        if self.bbox is None or not self.bbox.intersects(box):
            return False
        if self.geometry is None or self.bbox.crosses_antimeridian or box.crosses_antimeridian:
            return True
        outline = shapely.make_valid(shapely.geometry.shape(self.geometry))
        return bool(outline.intersects(shapely.box(box.west, box.south, box.east, box.north)))


class SceneCollection(Record):
    """A collection that scenes belong to."""

    id: str
    """Collection id."""
    title: str = ""
    """Title, or empty."""
    description: str = ""
    """Description, or empty."""
    bbox: BBox | None = None
    """Box that it says its scenes lie in."""
    time: TimeRange | None = None
    """Span that it says its scenes were taken in."""


class SceneConditions(Record):
    """Which scenes are wanted; a condition that is not stated holds for every scene."""

    bbox: BBox | None = None
    """The footprint meets this box."""
    time: TimeRange | None = None
    """The time of the scene overlaps this span."""
    collections: tuple[str, ...] = ()
    """The collection is one of these ids."""
    ids: tuple[str, ...] = ()
    """The id is one of these."""
    max_cloud_pct: float | None = Field(default=None, ge=0, le=100)
    """The stated cloud cover is at most this, percent."""
    limit: int | None = Field(default=None, ge=1)
    """Most scenes; which of them come first is the catalog's choice."""

    def holds(self, scene: Scene) -> bool:
        """Return whether a scene meets every condition but the limit.

        A scene that does not say where, when or how cloudy it is meets no condition on that.
        """
        return (
            (not self.collections or scene.collection in self.collections)
            and (not self.ids or scene.id in self.ids)
            and (self.bbox is None or scene.overlaps(self.bbox))
            and (self.time is None or (scene.time is not None and scene.time.overlaps(self.time)))
            and (
                self.max_cloud_pct is None
                or (scene.cloud_pct is not None and scene.cloud_pct <= self.max_cloud_pct)
            )
        )


class Scenes(Record):
    """Scenes of one catalog, folder or item."""

    scenes: tuple[Scene, ...]
    """The scenes, in the order of the catalog."""
    title: str = ""
    """Title or id of the catalog."""
    collections: tuple[SceneCollection, ...] = ()
    """Collections met on the way."""
    source: Source | None = None
    """The document that was opened; None for a bare folder."""
    looked_at: int = 0
    """How many scenes were read to find these."""
    span: TimeRange | None = None
    """Time from the first to the last of those that were read; None where none states one."""
    passed_over: tuple[str, ...] = ()
    """Collections that were not looked into, as no scene within their stated extent can meet the
    conditions."""
    missing: tuple[str, ...] = ()
    """Why the list is partial: what could not be read, or which limit was reached; each stands
    among the warnings too. Empty for a whole list."""
    warnings: tuple[str, ...] = ()
    """What the reader should know, above all what was left out and why."""

    @property
    def is_partial(self) -> bool:
        """Whether something could not be read or a limit was reached; `missing` says what."""
        return bool(self.missing)

    def pick(
        self,
        *,
        bbox: BBox | None = None,
        time: TimeRange | None = None,
        collections: Iterable[str] = (),
        max_cloud_pct: float | None = None,
    ) -> Scenes:
        """Return the scenes that meet every condition; see `meeting`."""
        return self.meeting(
            SceneConditions(
                bbox=bbox, time=time, collections=tuple(collections), max_cloud_pct=max_cloud_pct
            )
        )

    def meeting(self, conditions: SceneConditions) -> Scenes:
        """Return the scenes that meet every condition, in the same order.

        A scene that does not say where, when or how cloudy it is cannot meet a condition on that;
        a warning counts such scenes.
        """
        place, time, cloud_pct = conditions.bbox, conditions.time, conditions.max_cloud_pct
        named = SceneConditions(collections=conditions.collections, ids=conditions.ids)
        kept = [scene for scene in self.scenes if named.holds(scene)]
        warnings = list(self.warnings)
        if place is not None:
            _warn(warnings, "place", sum(s.bbox is None for s in kept))
            kept = [scene for scene in kept if scene.overlaps(place)]
        if time is not None:
            _warn(warnings, "time", sum(s.time is None for s in kept))
            kept = [scene for scene in kept if scene.time is not None and scene.time.overlaps(time)]
        if cloud_pct is not None:
            _warn(warnings, "cloud cover", sum(s.cloud_pct is None for s in kept))
            kept = [s for s in kept if s.cloud_pct is not None and s.cloud_pct <= cloud_pct]
        chosen = tuple(kept[: conditions.limit])
        span = self.span or _span(self.scenes)
        return self.model_copy(update={"scenes": chosen, "warnings": tuple(warnings), "span": span})


def _span(scenes: Iterable[Scene]) -> TimeRange | None:
    times = [scene.time for scene in scenes if scene.time is not None]
    starts = [time.start for time in times if time.start is not None]
    ends = [time.end for time in times if time.end is not None]
    if not starts or not ends:
        return None
    return TimeRange(start=min(starts), end=max(*starts, *ends))


def _warn(warnings: list[str], what: str, number: int) -> None:
    if number:
        noun = "scene that states no" if number == 1 else "scenes that state no"
        warnings.append(f"{number} {noun} {what} left out")

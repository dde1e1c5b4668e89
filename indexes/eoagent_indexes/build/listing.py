"""List the scenes that an index is built from, and say what there is where nothing matches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.errors import EoAgentError, InputError, SourceError
from eoagent.contracts.geometry import TimeRange
from eoagent.contracts.indexing import BuildRequest
from eoagent.contracts.store import Origins
from eoagent.io.scene import Scene, SceneConditions, Scenes
from eoagent.io.stac import open_catalog
from eoagent.io.stac_limits import ApiLimits, CatalogLimits

__all__ = ["Listing", "list_scenes"]

_MOST_SCENES: Final = 200_000
_HOUR_S: Final = 3_600.0
_LIMITS: Final = CatalogLimits(
    max_documents=400_000,
    max_scenes=_MOST_SCENES,
    max_bytes=16 << 30,
    deadline_s=_HOUR_S,
    max_files=_MOST_SCENES,
    api=ApiLimits(
        deadline_s=_HOUR_S,
        max_items=_MOST_SCENES,
        max_pages=_MOST_SCENES // 50,
        max_bytes=16 << 30,
    ),
)
"""An index is built in hours, not while somebody waits for an answer."""
_LOOK: Final = CatalogLimits(
    max_documents=2_000,
    max_scenes=1_000,
    deadline_s=20.0,
    api=ApiLimits(deadline_s=20.0, max_items=1_000),
)
"""How far is looked to say what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The scenes of a source."""

    scenes: tuple[Scene, ...]
    """Each once, in the order of the source."""
    is_partial: bool
    """Whether the source could not be read to its end."""
    warnings: tuple[str, ...]
    """What the reader should know."""


def list_scenes(request: BuildRequest, origins: Origins) -> Listing:
    """Return the scenes that a request asks for.

    Raises:
        InputError: if nothing matches; the message says what there is.
        NotFound: if the source does not exist, or a folder holds no raster.
        SourceError: if it is refused, cannot be read, or is no STAC.
    """
    conditions = SceneConditions(
        bbox=request.bbox,
        time=request.time,
        collections=request.collections,
        max_cloud_pct=request.max_cloud_pct,
        limit=request.limit,
    )
    found = open_catalog(request.source, origins, _LIMITS, conditions)
    if not found.scenes:
        if found.missing:
            raise SourceError(
                f"{request.source} gave no scene: {found.missing[0]}",
                href=request.source,
                hint="try again; what was indexed before is kept",
            )
        raise InputError(_nothing(request, found, origins), hint="ask for less, or for elsewhere")
    once = {(scene.collection, scene.id): scene for scene in reversed(found.scenes)}
    scenes = tuple(reversed(once.values()))
    warnings = found.warnings
    if len(scenes) < len(found.scenes):
        twice = len(found.scenes) - len(scenes)
        warnings = (*warnings, f"{twice} items were listed more than once and are taken once")
    return Listing(scenes=scenes, is_partial=found.is_partial, warnings=warnings)


def _nothing(request: BuildRequest, found: Scenes, origins: Origins) -> str:
    """Return a message that says what was asked for, and what there is."""
    asked = []
    if request.collections:
        asked.append(f"of {', '.join(request.collections)}")
    if request.bbox is not None:
        box = request.bbox
        asked.append(f"in {box.west:g},{box.south:g},{box.east:g},{box.north:g}")
    if request.time is not None:
        asked.append(f"in {request.time.label}")
    if request.max_cloud_pct is not None:
        asked.append(f"with at most {request.max_cloud_pct:g} % cloud")
    what = " ".join(["no scene", *asked])
    return f"{request.source} has {what}; {_there_is(request, found, origins)}"


def _there_is(request: BuildRequest, found: Scenes, origins: Origins) -> str:
    try:
        every = open_catalog(request.source, origins, _LOOK)
    except EoAgentError:
        every = found
    if not every.scenes:
        return "it lists none at all"
    counts = Counter(scene.collection or "without collection" for scene in every.scenes)
    listed = ", ".join(f"{count} of {name}" for name, count in counts.most_common(8))
    more = "at least " if every.is_partial else ""
    return f"there are {more}{listed}{_when(every.span or _span(every.scenes))}"


def _when(span: TimeRange | None) -> str:
    return f", from {span.label}" if span is not None else ""


def _span(scenes: tuple[Scene, ...]) -> TimeRange | None:
    starts = [s.time.start for s in scenes if s.time is not None and s.time.start is not None]
    ends = [s.time.end for s in scenes if s.time is not None and s.time.end is not None]
    return TimeRange(start=min(starts), end=max(*starts, *ends)) if starts and ends else None

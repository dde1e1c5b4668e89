"""Read the extent that a collection states, and tell whether a wanted scene can lie within it.

An extent that is not stated, or not soundly, rules nothing out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.io.dates import parse_instant
from eoagent.io.footprint import read_bbox
from eoagent.io.scene import SceneCollection, SceneConditions
from eoagent.io.stac_bands import clean_text

__all__ = ["may_hold", "read_collection"]

_MAX_PARTS: Final = 1_000


def read_collection(body: Mapping[str, Any]) -> SceneCollection:
    """Return what a collection's JSON says of it: the whole extent, without its parts."""
    boxes, spans = _boxes(body), _spans(body)
    return SceneCollection(
        id=clean_text(body.get("id")),
        title=clean_text(body.get("title")),
        description=clean_text(body.get("description")),
        bbox=boxes[0] if boxes else None,
        time=spans[0] if spans else None,
    )


def may_hold(body: Mapping[str, Any], conditions: SceneConditions) -> bool:
    """Return whether a scene within the stated extent can meet the place and time."""
    box, time = conditions.bbox, conditions.time
    boxes = _boxes(body) if box is not None else []
    spans = _spans(body) if time is not None else []
    is_near = box is None or not boxes or any(box.intersects(one) for one in boxes)
    return is_near and (time is None or not spans or any(time.overlaps(one) for one in spans))


def _boxes(body: Mapping[str, Any]) -> list[BBox]:
    """Return the stated boxes, the whole one first; none where one of them is unsound."""
    parts = _parts(body, "spatial", "bbox")
    found = [read_bbox(part) for part in parts]
    sound = [box for box in found if box is not None]
    return sound if len(sound) == len(parts) else []


def _spans(body: Mapping[str, Any]) -> list[TimeRange]:
    """Return the stated spans, the whole one first; none where one of them is unsound."""
    spans = []
    for part in _parts(body, "temporal", "interval"):
        span = _span(part)
        if span is None:
            return []
        spans.append(span)
    return spans


def _span(part: object) -> TimeRange | None:
    if not isinstance(part, list) or len(part) != 2:
        return None
    try:
        start, end = (None if end is None else parse_instant(str(end)) for end in part)
    except InputError:
        return None
    if start is not None and end is not None and start > end:
        return None
    return TimeRange(start=start, end=end)


def _parts(body: Mapping[str, Any], axis: str, member: str) -> list[Any]:
    extent = body.get("extent")
    part = extent.get(axis) if isinstance(extent, dict) else None
    listed = part.get(member) if isinstance(part, dict) else None
    return listed[:_MAX_PARTS] if isinstance(listed, list) else []

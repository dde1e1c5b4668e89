"""Questions with a frame: to which family each goes, and what its frame says beyond it."""

from __future__ import annotations

from eoagent.planner.offline.blueprint import Blueprint, Opened
from eoagent.planner.offline.change import draw_change
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, refuse, refuse_topics
from eoagent.planner.offline.series import draw_series, with_greenness

__all__ = ["draw_framed", "is_framed"]

_PAIR = 2


def is_framed(frame: Frame, reading: Reading, images: int) -> bool:
    """Return whether a question says how several images are compared."""
    is_compared = frame.is_change or frame.is_series or frame.order is not None
    return images >= _PAIR and (is_compared or reading.cover == "burned")


def draw_framed(
    frame: Frame, reading: Reading, opened: tuple[Opened, ...], next_n: int
) -> Blueprint:
    """Return the steps for a question over several images, or a question back, or a refusal."""
    zh = reading.chinese
    stopped = refuse_topics(reading, next_n)
    if stopped is not None:
        return stopped
    rasters = tuple(o for o in opened if o.is_raster)
    features = [o.title for o in opened if not o.is_raster]
    if features:
        return ask(next_n, say("unused_input", chinese=zh, names=", ".join(features)))
    if frame.said is not None and frame.said != len(rasters):
        said, given = str(frame.said), str(len(rasters))
        return ask(next_n, say("other_count", chinese=zh, said=said, given=given))
    is_pair = frame.is_change and len(rasters) == _PAIR
    is_series = frame.is_series and (frame.is_trend or frame.by_date or not is_pair)
    uses = {"series", "change", "times"} if is_series else {"change", "times", "each"}
    words = _beyond(frame, uses | {"order"} if frame.order else uses)
    if words:
        return refuse(next_n, say("unused", chinese=zh, words=", ".join(words)))
    if is_series or frame.order is not None:
        if frame.changes and not frame.is_consecutive and not frame.is_trend:
            return refuse(next_n, say("no_want", chinese=zh))
        return draw_series(frame, with_greenness(frame, reading), rasters, next_n)
    if len(rasters) != _PAIR:
        names = ", ".join(o.title for o in rasters)
        count = str(len(rasters))
        return ask(next_n, say("pair_of_images", chinese=zh, count=count, names=names))
    return draw_change(frame, reading, rasters, next_n)


def _beyond(frame: Frame, uses: set[str]) -> list[str]:
    """Return in words what the frame says and no step would use."""
    said: list[tuple[str, str]] = [("names", name) for name in frame.names]
    said += [("sensors", sensor) for sensor in frame.sensors]
    said += [("times", time) for time in frame.times]
    if frame.point is not None:
        said.append(("point", f"{frame.point[1]:g}, {frame.point[0]:g}"))
    if frame.is_count or frame.is_only:
        said.append(("search", "scenes"))
    if frame.is_cloud:
        said.append(("cloud", "cloud cover"))
    return [words for part, words in said if part not in uses]

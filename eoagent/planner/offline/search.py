"""Questions about the scenes of a catalog: which, how many, the cloudiest, and what each shows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from eoagent.contracts.plan import Step, StepRecord
from eoagent.planner.offline.blueprint import Blueprint, Drawing, Opened
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.gathered import AREA_UNITS
from eoagent.planner.offline.leftovers import leftovers
from eoagent.planner.offline.perimage import PerImage
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.refusals import ask, refuse, refuse_topics
from eoagent.planner.offline.series import with_greenness

__all__ = ["draw_search", "search_step"]

_OUTPUTS: Final = MappingProxyType(
    {"open_image": "raster", "spectral_index": "raster", "threshold": "mask", "combine": "mask"}
)
"""Output of each tool that the next step of a chain takes."""
_CLOUD_ORDER: Final = MappingProxyType({"highest": "cloud_cover", "lowest": "least_cloud"})
_LISTED: Final = 8


@dataclass(slots=True, kw_only=True)
class _Chain(Drawing):
    """A drawing whose steps run once per scene, each over the table of the one before."""

    over: str
    """List that the next step runs over."""

    def add(self, tool: str, why: str, /, **arguments: Any) -> str:
        """Add a step over the list; return the reference to its output inside an item."""
        made = Drawing.add(self, tool, why, **arguments)
        self.steps[-1] = self.steps[-1].model_copy(update={"each": self.over})
        self.over = f"{made}.table"
        return f"$item.{_OUTPUTS[tool]}" if tool in _OUTPUTS else made


def search_step(
    frame: Frame, reading: Reading, catalog: str, n: int, *, aoi: str
) -> Step | Blueprint:
    """Return the step that finds the scenes a question speaks of, or a question back."""
    zh = reading.chinese
    stopped = refuse_topics(reading, n)
    if stopped is not None:
        return stopped
    if len(frame.times) > 1:
        return ask(n, say("many_times", chinese=zh, times=", ".join(frame.times)))
    arguments: dict[str, Any] = {
        "catalog": catalog,
        "words": [*frame.names, *frame.sensors] or None,
        "datetime": frame.times[0] if frame.times else None,
        "point": list(frame.point) if frame.point is not None else None,
        "bbox": [float(side) for side in aoi.split(",")] if "," in aoi else None,
        "aoi": aoi if aoi.startswith("$") else None,
        "order_by": _CLOUD_ORDER.get(frame.order or "highest") if frame.is_cloud else None,
    }
    given = {key: value for key, value in arguments.items() if value is not None}
    return Step(n=n, tool="find_scenes", arguments=given, why="scenes that the question speaks of")


def draw_search(
    frame: Frame, reading: Reading, found: StepRecord, preview: dict[str, Any], next_n: int
) -> Blueprint:
    """Return the steps that answer about the scenes found, or a question back, or a refusal."""
    drawing, zh = Drawing(next_n=next_n), reading.chinese
    asks = bool(reading.wants or reading.has_rule or reading.subjects or frame.is_greener)
    count = int(preview.get("count", 0))
    if frame.said is not None and frame.said != count:
        message = say("other_scenes", chinese=zh, said=str(frame.said), found=_listed(preview))
        return ask(next_n, message)
    if frame.is_change or frame.is_trend or frame.is_consecutive or frame.is_each:
        return refuse(next_n, say("no_series", chinese=zh, found=_listed(preview)))
    if (
        frame.is_count
        or frame.is_cloud
        or (not asks and frame.order is None and (frame.by_scene or frame.is_only))
    ):
        unused = _unused(reading, frozenset({"cloud"} if frame.is_cloud else ()), next_n)
        return unused or _listing(frame, drawing, found.n)
    if not asks:
        return refuse(next_n, say("no_want", chinese=zh))
    if frame.order is None and count > 1:
        return ask(next_n, say("which_scene", chinese=zh, found=_listed(preview)))
    return _measured(frame, with_greenness(frame, reading), found.n, next_n)


def _listed(preview: dict[str, Any]) -> str:
    ids = [str(i) for i in preview.get("ids", ())]
    times = [str(t) for t in preview.get("times", ())] or [""] * len(ids)
    named = [f"{i} ({t})" if t else i for i, t in zip(ids, times, strict=False)]
    more = f" +{len(named) - _LISTED}" if len(named) > _LISTED else ""
    return ", ".join(named[:_LISTED]) + more


def _listing(frame: Frame, drawing: Drawing, n: int) -> Blueprint:
    """Say how many scenes there are, and which; or which states most cloud."""
    if frame.is_cloud:
        best = {"best": f"${n}.first"}
        drawing.answer(f"${n}.cloud_cover", f"cloud_{frame.order}", others=best)
    else:
        drawing.answer(f"${n}.count", "scene_count", others={"ids": f"${n}.ids"})
    return drawing.done()


def _unused(reading: Reading, uses: frozenset[str], next_n: int) -> Blueprint | None:
    words = leftovers(reading, uses)
    if not words:
        return None
    named = ", ".join(dict.fromkeys(words))
    return refuse(next_n, say("unused", chinese=reading.chinese, words=named))


def _measured(frame: Frame, reading: Reading, n: int, next_n: int) -> Blueprint:
    """Measure each scene, and take the first in the order asked for."""
    zh = reading.chinese
    if reading.bands or reading.scale is not None or reading.gsd_m is not None:
        return refuse(next_n, say("unused", chinese=zh, words=", ".join(reading.bands) or "scale"))
    chain = _Chain(next_n=next_n, over=f"${n}.scenes")
    bare: list[str] | None = [] if reading.no_cloud_mask else None
    raster = chain.add("open_image", "each scene", hrefs=["$item"], mask_classes=bare)
    scene = Opened(n=n, href="$item", handle="", preview={}, is_raster=True, reference=raster)
    images = PerImage(reading, (scene,), chain)
    unused = images.unused()
    if unused is not None:
        return unused
    quantity = images.quantity
    if not quantity:
        return refuse(next_n, say("no_want", chinese=zh))
    figures = images.figures()
    if isinstance(figures, Blueprint):
        return figures
    drawing = Drawing(next_n=chain.next_n, steps=chain.steps)
    order = frame.order or "highest"
    by = "time" if frame.by_date else "item"
    best = drawing.add(
        "rank", "in order", table=chain.over, column=quantity, order=order, name_by=by
    )
    unit = reading.unit_for(AREA_UNITS) if quantity == "area" else ""
    drawing.answer(
        f"{best}.value",
        f"rank_{order}" if frame.order else "scene_figure",
        unit,
        others={"best": f"{best}.best"},
        subject=images.name(),
    )
    return drawing.done()

"""Find the scenes of a STAC API, catalog or folder by place, time, cloud, collection and words."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field

from eoagent.contracts.artifact import Artifact, FeaturesRef, handle_of
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.geometry import BBox, LonLat, LonLatBox
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.dates import parse_time
from eoagent.io.scene import Scene, SceneConditions, Scenes
from eoagent.io.stac import CatalogLimits, open_catalog
from eoagent.io.stac_item import names_item
from eoagent.io.stored_features import load_stored

__all__ = ["TOOL", "FindScenes", "find_scenes"]

_LISTED = 20
_END: Final = MappingProxyType({"cloud_cover": "most", "least_cloud": "least"})


class FindScenes(Arguments):
    """Arguments of `find_scenes`."""

    catalog: str
    """Path or URL of a STAC API, catalog, collection, item collection (JSON or stac-geoparquet), or
    a folder of rasters."""
    bbox: LonLatBox | None = None
    """West, south, east, north in degrees; west > east crosses the antimeridian."""
    point: LonLat | None = None
    """Longitude and latitude that the scene must cover, degrees."""
    aoi: handle_of("aoi", "features", "boxes") | None = None  # type: ignore[valid-type]
    """Area that the scene must meet."""
    datetime: str | None = Field(default=None, max_length=80)
    """Day, month or year: 2019-04; or START/END, with either end .. for open."""
    collections: tuple[str, ...] = Field(default=(), max_length=50)
    """Ids of collections to look in; all if empty."""
    words: tuple[str, ...] = Field(default=(), max_length=10)
    """Words that must all be there, in id, title, description, collection or sensor."""
    max_cloud_pct: float | None = Field(default=None, ge=0, le=100)
    """Most cloud that an item may state, percent."""
    order_by: Literal["time", "cloud_cover", "least_cloud"] = "time"
    """Order of the list: oldest first, or by stated cloud cover, most or least first."""


def find_scenes(arguments: FindScenes, services: Services) -> ToolResult:
    """Return the scenes that meet every condition, in order, read from metadata alone.

    Raises:
        NotFound: if no scene meets them; the message says how many there were to choose from.
        InputError: if a condition makes no sense.
        SourceError: if the catalog cannot be read.
    """
    scenes = _open(arguments, services)
    chosen = _chosen(arguments, scenes)
    if not chosen:
        raise NotFound(
            f"{_none_of(scenes)} in {scenes.title or arguments.catalog} meets: "
            f"{_conditions(arguments)}" + "".join(f"; {text}" for text in scenes.missing[:3]),
            hint=f"the catalog holds {_extent(scenes)}",
        )
    listed = [_listed(scene) for scene in chosen]
    if scenes.source is not None:  # the scenes of a bare folder have been opened one by one
        services.origins.remember((item["href"] for item in listed), base=scenes.source.href)
    label = f"scenes of {scenes.title or arguments.catalog}: {_conditions(arguments)}"
    items = services.store.put(
        "scenes",
        title=label[:120],
        payload={"label": label[:200], "items": listed},
        preview={
            "count": len(listed),
            "ids": [item["id"] for item in listed],
            "times": [item["time"] for item in listed],
            **({"titles": [item["title"] for item in listed]} if len(listed) <= 6 else {}),
        },
    )
    sources = (scenes.source,) if scenes.source is not None else ()
    figures = _figures(chosen, label[:200], sources, order_by=arguments.order_by)
    return ToolResult(
        artifacts={"scenes": items, "table": _table(services, listed, label)},
        figures=figures,
        assumptions=_choices(arguments, scenes, chosen),
        warnings=_warnings(scenes),
    )


def _open(arguments: FindScenes, services: Services) -> Scenes:
    limits = CatalogLimits().within(services.deadline.remaining_s)
    wanted = SceneConditions(
        bbox=_box(arguments, services),
        time=parse_time(arguments.datetime) if arguments.datetime else None,
        collections=arguments.collections,
        max_cloud_pct=arguments.max_cloud_pct,
    )
    return open_catalog(arguments.catalog, services.origins, limits, wanted)


def _chosen(arguments: FindScenes, scenes: Scenes) -> list[Scene]:
    """Return the scenes that hold the words, in the order asked for; one order for one catalog."""
    titles = {c.id: f"{c.title} {c.description}" for c in scenes.collections}
    chosen = sorted(
        (s for s in scenes.scenes if _holds(s, arguments.words, titles.get(s.collection, ""))),
        key=_age,
    )
    if arguments.order_by == "time":
        return chosen
    sign = -1.0 if arguments.order_by == "cloud_cover" else 1.0
    stated = [scene for scene in chosen if scene.cloud_pct is not None]
    return sorted(stated, key=lambda s: sign * (s.cloud_pct or 0.0))


def _age(scene: Scene) -> tuple[bool, float, str, str]:
    start = scene.time.start if scene.time else None
    return start is None, start.timestamp() if start else 0.0, scene.id, scene.collection


def _choices(arguments: FindScenes, scenes: Scenes, chosen: list[Scene]) -> tuple[str, ...]:
    said = []
    if arguments.words:
        words = ", ".join(f"'{word}'" for word in arguments.words)
        said.append(f"{words} was looked for in titles, descriptions and ids")
    if arguments.max_cloud_pct is not None:
        said.append(
            f"the cloud limit of {arguments.max_cloud_pct:g} percent is held against the cloud "
            "cover that each item states for its whole scene"
        )
    if arguments.order_by != "time":
        said.append("scenes that state no cloud cover are left out of the order")
    loose = [scene.id for scene in chosen if _is_loose(scene, arguments.datetime)]
    if loose:
        named = ", ".join(loose[:_LISTED])
        said.append(f"dated only by a span that reaches beyond the time asked for: {named}")
    if scenes.passed_over:
        names = ", ".join(scenes.passed_over[:_LISTED])
        said.append(f"not looked into, by the place or time that they state: {names}")
    return tuple(said)


def _is_loose(scene: Scene, datetime: str | None) -> bool:
    """Whether a scene meets a time by a span that is wider than it."""
    if datetime is None or scene.time is None:
        return False
    asked, own = parse_time(datetime), scene.time
    starts_early = asked.start is not None and (own.start is None or own.start < asked.start)
    ends_late = asked.end is not None and (own.end is None or own.end > asked.end)
    return starts_early or ends_late


def _warnings(scenes: Scenes) -> tuple[str, ...]:
    partial = frozenset(scenes.missing)
    return tuple(
        f"the list of scenes is partial: {text}" if text in partial else text
        for text in scenes.warnings
    )


def _none_of(scenes: Scenes) -> str:
    return f"no scene of the {scenes.looked_at} read" if scenes.looked_at else "no scene"


def _box(arguments: FindScenes, services: Services) -> BBox | None:
    given = [x for x in (arguments.bbox, arguments.point, arguments.aoi) if x is not None]
    if len(given) > 1:
        raise InputError("more than one place was given", hint="give bbox, point or aoi")
    if arguments.point is not None:
        lon, lat = arguments.point
        return BBox(west=lon, south=lat, east=lon, north=lat)
    if arguments.bbox is not None:
        west, south, east, north = arguments.bbox
        return BBox(west=west, south=south, east=east, north=north)
    if arguments.aoi is None:
        return None
    ref = FeaturesRef.model_validate(services.store.get(arguments.aoi).payload)
    features = load_stored(services.store, ref)
    boxes = [to_lonlat(geometry, ref.crs).bounds for geometry in features.geometries]
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    return BBox(west=max(west, -180), south=south, east=min(east, 180), north=north)


def _holds(scene: Scene, words: tuple[str, ...], about_collection: str) -> bool:
    own = (scene.id, scene.title, scene.description, scene.collection, about_collection)
    text = " ".join((*own, scene.sensor, scene.platform, scene.constellation)).casefold()
    return all(_stands_in(word.casefold(), text) for word in words)


def _stands_in(word: str, text: str) -> bool:
    """Whether a word stands in a text whole: `sentinel-2` is not in `sentinel-2-like`."""
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_]|-\w)", text) is not None


def _listed(scene: Scene) -> dict[str, Any]:
    """Return what a step that runs once per scene needs of it."""
    is_item = names_item(scene.href)
    href = scene.href if is_item or not scene.assets else scene.assets[0].href
    return {
        "id": scene.id,
        "href": href,
        "time": scene.time.label if scene.time else "",
        "cloud_pct": scene.cloud_pct,
        "title": scene.title,
    }


def _figures(
    chosen: list[Scene], label: str, sources: tuple[Source, ...], *, order_by: str
) -> tuple[FigureDraft, ...]:
    ids = [scene.id for scene in chosen]
    shown = ", ".join(ids[:_LISTED]) + (f" and {len(ids) - _LISTED} more" * (len(ids) > _LISTED))
    rows: list[tuple[str, float | str, str, str]] = [
        ("count", len(ids), "count", "items counted"),
        ("ids", shown, "choice", "ids of the items, in order"),
    ]
    if order_by != "time":
        rows += [
            ("first", ids[0], "choice", f"item with the {_END[order_by]} stated cloud"),
            ("cloud_cover", float(chosen[0].cloud_pct or 0.0), "percent", "as the item states it"),
        ]
    return tuple(
        FigureDraft(name=n, value=v, unit=u, label=f"{n}: {label}"[:200], method=m, sources=sources)
        for n, v, u, m in rows
    )


def _table(services: Services, listed: list[dict[str, Any]], label: str) -> Artifact:
    columns = ["id", "time", "cloud_pct", "title", "href"]
    rows = [[item[column] for column in columns] for item in listed]
    file = services.store.scratch(".json")
    content = {"columns": columns, "rows": rows}
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    payload = {"path": "", "columns": columns, "rows": len(rows), "label": label[:200]}
    preview = {"columns": columns, "rows": len(rows)}
    return services.store.put(
        "table", title=label[:120], payload=payload, preview=preview, file=file
    )


def _conditions(arguments: FindScenes) -> str:
    said = [
        f"{name} {value}"
        for name, value in (
            ("place", arguments.bbox or arguments.point or arguments.aoi),
            ("time", arguments.datetime),
            ("collection", ", ".join(arguments.collections)),
            ("words", " and ".join(arguments.words)),
            ("cloud at most", arguments.max_cloud_pct),
        )
        if value
    ]
    return "; ".join(said) or "everything"


def _extent(scenes: Scenes) -> str:
    spans = [span for span in (scenes.span, *(c.time for c in scenes.collections)) if span]
    first = min((span.start for span in spans if span.start), default=None)
    last = max((span.end for span in spans if span.end), default=None)
    ends = f"from {first.date()} to {last.date()}" if first and last else "without stated dates"
    names = ", ".join(c.id for c in scenes.collections[:_LISTED]) or "that are not named"
    return f"scenes {ends} in collections {names}"


TOOL = FunctionTool(
    card=ToolCard(
        name="find_scenes",
        summary="Which scenes of a STAC API, catalog or folder cover a place, time, cloud limit, "
        "collection and words.",
        outputs=(
            Output(name="scenes", kind="scenes", about="the scenes, for each"),
            Output(name="table", kind="table", about="a row per scene"),
            Output(name="count", kind="figure", about="how many, count"),
            Output(name="ids", kind="figure", about="their ids, choice"),
            Output(
                name="first",
                kind="figure",
                about="the first, with order_by cloud_cover or least_cloud",
            ),
            Output(name="cloud_cover", kind="figure", about="its stated cloud, percent"),
        ),
        group="search",
        cacheable=False,
    ),
    arguments=FindScenes,
    function=find_scenes,
)

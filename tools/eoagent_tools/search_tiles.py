"""Find the tiles of an index that look like words or a picture, in a place and time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from eoagent.contracts.artifact import Artifact, FeaturesRef, handle_kind, handle_of
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.geometry import BBox, LonLatBox
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tilesearch import SearchResult, SearchWords, TileFilter, TileHit, TileQuery
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.dates import parse_time
from eoagent.io.searcharea import search_area
from eoagent.io.stored_features import load_stored, store_features
from eoagent.io.tilepart import note_places
from eoagent.io.tileset import store_tiles, stored_tiles, tile_features
from eoagent.io.tileview import show_stored
from eoagent.io.tilewords import (
    SCORE_NOTE,
    centre_of,
    coverage,
    how_ranked,
    left_out,
    model_source,
)

__all__ = ["TOOL", "SearchTiles", "search_tiles"]

_LISTED: Final = 20
_MOST: Final = 200


class SearchTiles(Arguments):
    """Arguments of `search_tiles`."""

    index: str = Field(default="", max_length=64)
    """Name of the index; empty takes the one given with the question, or the only one."""
    text: tuple[SearchWords, ...] = Field(default=(), max_length=5)
    """What is looked for, in a few English words each; several are averaged."""
    like: tuple[handle_of("raster", "tiles", "picture"), ...] = Field(  # type: ignore[valid-type]
        default=(), max_length=5
    )
    """Pictures of it: rasters or pictures, or tiles found before, which count with all of theirs.
    """
    like_ids: tuple[str, ...] = Field(default=(), max_length=20)
    """Ids of tiles of the index that look like it."""
    unlike: tuple[SearchWords, ...] = Field(default=(), max_length=5)
    """What it is not, in a few English words each: counts half as much."""
    bbox: LonLatBox | None = None
    """West, south, east, north in degrees that the tile meets; west > east crosses the
    antimeridian."""
    aoi: handle_of("aoi", "features", "boxes") | None = None  # type: ignore[valid-type]
    """Area that the tile meets."""
    datetime: str | None = Field(default=None, max_length=80)
    """Day, month or year: 2019-04; or START/END, with either end .. for open."""
    max_cloud_pct: float | None = Field(default=None, ge=0, le=100)
    """Most cloud of the tile, percent."""
    collections: tuple[str, ...] = Field(default=(), max_length=50)
    """Ids of collections to look in; all if empty."""
    within: handle_of("tiles") | None = None  # type: ignore[valid-type]
    """Only among these tiles, found before."""
    k: int = Field(default=10, ge=1, le=_MOST)
    """How many tiles."""
    merge: bool = False
    """Whether tiles that overlap or touch become one place, shown by its best tile."""


def search_tiles(arguments: SearchTiles, services: Services) -> ToolResult:
    """Return the tiles that are most like what is looked for, best first, with their footprints.

    Raises:
        InputError: if nothing is looked for, or a condition makes no sense.
        NotFound: if there is no such index, or no tile meets the conditions.
        ModelMissing: if the encoder of the index is needed and not installed.
        SourceError: if a file cannot be read, or the index is damaged.
    """
    index = services.indexes.open(arguments.index)
    try:
        query, notes = _query(arguments, services)
        services.deadline.check()
        result = index.search(query)
        if not result.hits:
            raise NotFound(
                f"no tile of index '{result.index}' meets: {_conditions(arguments)}"
                + (f" ({left_out(result)})" if left_out(result) else ""),
                hint=f"the index {coverage(index.info())}",
            )
    finally:
        index.close()
    note_places(result.hits, services.origins)
    return _found(arguments, services, result, notes)


def _query(arguments: SearchTiles, services: Services) -> tuple[TileQuery, tuple[str, ...]]:
    pictures: list[NDArray[np.uint8]] = []
    ids = list(arguments.like_ids)
    notes = []
    for handle in arguments.like:
        artifact = services.store.get(handle)
        if artifact.kind == "tiles":
            ids += [hit.tile_id for hit in stored_tiles(artifact)]
            continue
        pixels, note = _picture(artifact, services)
        pictures.append(pixels)
        notes.append(note)
    if not (arguments.text or pictures or ids):
        raise InputError(
            "search_tiles was not told what to look for", hint="give text, like or like_ids"
        )
    if arguments.bbox is not None and arguments.aoi is not None:
        raise InputError("more than one place was given", hint="give bbox or aoi")
    within = arguments.within
    where = TileFilter(
        bbox=_box(arguments.bbox),
        area=_area(arguments.aoi, services),
        time=parse_time(arguments.datetime) if arguments.datetime else None,
        max_cloud_pct=arguments.max_cloud_pct,
        collections=arguments.collections,
        tile_ids=None
        if within is None
        else tuple(hit.tile_id for hit in stored_tiles(services.store.get(within))),
    )
    query = TileQuery(
        texts=arguments.text,
        pictures=tuple(pictures),
        tile_ids=tuple(dict.fromkeys(ids)),
        unlike_texts=arguments.unlike,
        where=where,
        k=arguments.k,
        merge=arguments.merge,
    )
    return query, tuple(notes)


def _picture(artifact: Artifact, services: Services) -> tuple[NDArray[np.uint8], str]:
    if handle_kind(artifact.handle) == "picture":
        if artifact.path is None or artifact.media_type != "image/png":
            raise InputError(f"{artifact.handle} is no PNG", hint="give a raster")
        with Image.open(services.store.locate(artifact.path)) as picture:
            return np.asarray(picture.convert("RGB")), f"'{artifact.title}' is taken as it is"
    ref = RasterRef.model_validate(artifact.payload)
    shown = show_stored(ref, services)
    return shown.pixels, f"'{ref.title}' is looked at as {shown.rule}"


def _box(sides: tuple[float, float, float, float] | None) -> BBox | None:
    if sides is None:
        return None
    west, south, east, north = sides
    return BBox(west=west, south=south, east=east, north=north)


def _area(handle: str | None, services: Services) -> dict[str, Any] | None:
    if handle is None:
        return None
    ref = FeaturesRef.model_validate(services.store.get(handle).payload)
    return search_area(load_stored(services.store, ref))


def _found(
    arguments: SearchTiles, services: Services, result: SearchResult, notes: tuple[str, ...]
) -> ToolResult:
    hits, label = result.hits, f"tiles like {_sought(arguments)}"[:200]
    source = model_source(result.encoder, href=f"index:{result.index}@{result.version}")
    about = {
        "index": result.index,
        "version": result.version,
        "encoder": result.encoder.to_dict(),
        "query": _sought(arguments)[:200],
    }
    tiles = store_tiles(services.store, hits, label=label, about=about)
    artifacts = {"tiles": tiles}
    placed = tile_features(hits, label=label, sources=(source,))
    if len(placed):
        artifacts["features"] = store_features(services.store, placed)
    met = f"{result.matched} of {result.total} tiles meet the conditions"
    said = [
        f"index '{result.index}', version {result.version}: {met}; {how_ranked(result)}",
        f"encoder {result.encoder.card}, which the index was built with; {SCORE_NOTE}",
    ]
    if result.texts_as:
        shown = "; ".join(f"'{text}'" for text in result.texts_as[:2])
        more = f" and {len(result.texts_as) - 2} more" if len(result.texts_as) > 2 else ""
        said.append(f"the words were put into {shown}{more}")
    if arguments.unlike:
        said.append("what it is not counts half as much as what it is")
    left = len(hits) - len(placed)
    lost = (f"{left} of {len(hits)} tiles have no place on Earth",) if left else ()
    return ToolResult(
        artifacts=artifacts,
        figures=_figures(hits, result, label, source),
        assumptions=(*said, *notes),
        warnings=(*result.warnings, *lost),
    )


def _figures(
    hits: tuple[TileHit, ...], result: SearchResult, label: str, source: Source
) -> tuple[FigureDraft, ...]:
    best = hits[0]
    method = f"cosine of embeddings by {result.encoder.card}; {how_ranked(result)}"
    shown = [f"{hit.rank}: {hit.item_id or hit.tile_id[:8]} ({hit.score:.3f})" for hit in hits]
    listed = ", ".join(shown[:_LISTED]) + (f" and {len(hits) - _LISTED} more" * (len(hits) > 20))
    rows: list[tuple[str, float | str, str, str]] = [
        ("count", len(hits), "count", "found"),
        ("matched", result.matched, "count", "tiles that meet the conditions"),
        ("best_score", best.score, "1", "similarity of the best tile"),
        ("list", listed, "choice", "items of the tiles with their scores, in order"),
        ("best", best.tile_id, "choice", "id of the best tile"),
        ("best_item", best.item_id or best.tile_id, "choice", "item of the best tile"),
    ]
    if best.z is not None:
        rows.append(("best_z", best.z, "1", "standard deviations above a random tile"))
    if best.bbox is not None:
        lon, lat = centre_of(best.bbox)
        rows.append(("best_lon", lon, "deg", "longitude of the best tile's centre"))
        rows.append(("best_lat", lat, "deg", "latitude of the best tile's centre"))
    return tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{what}: {label}"[:200],
            method=method[:600],
            sources=(source,),
        )
        for name, value, unit, what in rows
    )


def _sought(arguments: SearchTiles) -> str:
    parts = [f"'{text}'" for text in arguments.text]
    many = len(arguments.like) + len(arguments.like_ids)
    parts += [f"{many} example{'s' if many > 1 else ''}"] if many else []
    unlike = ", ".join(f"'{text}'" for text in arguments.unlike)
    return " and ".join(parts) + (f", not {unlike}" if unlike else "")


def _conditions(arguments: SearchTiles) -> str:
    said = [
        f"{name} {value}"
        for name, value in (
            ("place", arguments.bbox or arguments.aoi),
            ("time", arguments.datetime),
            ("collection", ", ".join(arguments.collections)),
            ("cloud at most", arguments.max_cloud_pct),
            ("within", arguments.within),
        )
        if value is not None and value != ""
    ]
    return "; ".join(said) or "everything"


TOOL = FunctionTool(
    card=ToolCard(
        name="search_tiles",
        summary="Which tiles of an index look like some words or a picture, in a place and time; "
        "open_image opens one of them.",
        outputs=(
            Output(name="tiles", kind="tiles", about="the tiles, best first, for each"),
            Output(name="features", kind="features", about="their footprints, if placed"),
            Output(name="count", kind="figure", about="how many were found, count"),
            Output(name="matched", kind="figure", about="tiles that meet the conditions, count"),
            Output(name="best_score", kind="figure", about="similarity of the best, 1"),
            Output(name="best_z", kind="figure", about="how unusual that is, 1"),
            Output(name="best", kind="figure", about="id of the best tile, choice"),
            Output(name="best_item", kind="figure", about="its item, choice"),
            Output(name="best_lon", kind="figure", about="its centre, deg"),
            Output(name="best_lat", kind="figure", about="its centre, deg"),
            Output(name="list", kind="figure", about="items and scores, choice"),
        ),
        group="search",
        cacheable=False,
    ),
    arguments=SearchTiles,
    function=search_tiles,
)

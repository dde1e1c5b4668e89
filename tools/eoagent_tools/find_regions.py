"""Find where in one very large image something is: windows coarse to fine, within a budget."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely
from pydantic import Field, JsonValue

from eoagent.contracts.artifact import Artifact, RasterHandle
from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.tilesearch import SearchWords
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.contracts.zoom import ZoomedBoxes
from eoagent.geo.grid import pixel_to_crs, pixel_to_lonlat
from eoagent.geo.pyramid import apart
from eoagent.io.blockwise import open_reader
from eoagent.io.closerboxes import box_features, look_into
from eoagent.io.featureset import FeatureSet, feature_set
from eoagent.io.modelstate import encoder_state, model_named
from eoagent.io.reasonerstate import reasoner_source, reasoner_state
from eoagent.io.stored_features import store_features
from eoagent.io.tilewords import SCORE_NOTE, model_source
from eoagent.io.windowvectors import Seen, WindowVectors, known_gsd_m, look_through
from eoagent.runners.wording import encode_words
from eoagent.vectors.prompts import USUAL_ENSEMBLE

__all__ = ["TOOL", "FindRegions", "find_regions"]

_MOST_COVERED: Final = 0.25
"""Share of a window that a better one may cover before both are one place."""
_LEAST_Z: Final = 1.0
"""Windows less than this far above the whole image are no find."""


class FindRegions(Arguments):
    """Arguments of `find_regions`."""

    raster: RasterHandle
    """The image to look through."""
    text: SearchWords = Field(min_length=1, max_length=200)
    """What is looked for, in a few English words."""
    k: int = Field(default=5, ge=1, le=50)
    """Most places returned."""
    budget: int = Field(default=300, ge=8, le=5000)
    """Most windows that are looked at; more find smaller things in larger images."""
    encoder: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default for the pixel size."""
    closer: bool = False
    """Whether a model that reasons about pictures is shown each place in full detail and asked
    where exactly it is."""


def find_regions(arguments: FindRegions, services: Services) -> ToolResult:
    """Return the places in an image that look most like some words, best first.

    All windows of the coarsest scale are looked at; from scale to scale, the best are looked into
    until the budget is used. Places that cover each other are one.

    Raises:
        InputError: if the image is smaller than one window, the model is of no use at its pixel
            size, or nothing stands out.
        ModelMissing: if the model is not installed.
        ModelError: if it fails.
        SourceError: if pixels could not be had.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    gsd_m = known_gsd_m(ref.grid)
    encoder = services.models.encoder(arguments.encoder, gsd_m=gsd_m)
    reasoner = services.models.reasoner(gsd_m=gsd_m) if arguments.closer else None
    query = encode_words(encoder, [arguments.text])[0]
    with open_reader(services, ref) as reader:
        embed = WindowVectors(
            reader, encoder, deadline=services.deadline, progress=services.progress
        )
        seen = look_through(embed, query, budget=arguments.budget)
        chosen = _chosen(arguments, ref, seen)
        source = model_source(encoder.fingerprint)
        boxes = _boxes(arguments, ref, seen, chosen)
        result = ToolResult(
            artifacts={"boxes": store_features(services.store, boxes, kind="boxes")},
            figures=_figures(arguments, ref, seen, chosen, sources=(*ref.sources, source)),
            assumptions=_choices(arguments, encoder, seen, embed.rule),
        )
        if reasoner is None:
            return result
        places = [(seen.windows[n], float(seen.zs[n])) for n in chosen]
        found = look_into(services, reader, reasoner, arguments.text, places)
        exact = box_features(reader, reasoner, arguments.text, found)
    return _closer(result, reasoner, found, store_features(services.store, exact, kind="boxes"))


def _chosen(arguments: FindRegions, ref: RasterRef, seen: Seen) -> list[int]:
    order = np.argsort(-seen.zs, kind="stable")
    standing = [int(n) for n in order if seen.zs[n] >= _LEAST_Z]
    chosen = apart(seen.windows, standing, most=_MOST_COVERED, k=arguments.k)
    if not chosen:
        count = len(seen.windows)
        raise InputError(
            f"nothing in '{ref.title}' stands out as '{arguments.text}': of {count} windows none "
            f"is {_LEAST_Z:g} standard deviation above the image as a whole",
            hint="look for something else, or raise budget",
        )
    return chosen


def _closer(
    result: ToolResult, reasoner: Reasoner, found: ZoomedBoxes, boxes: Artifact
) -> ToolResult:
    """Return a result with what a model found on a closer look."""
    name = reasoner.card.title
    unread = sum(reply.status in {"unparseable", "truncated"} for reply in found.replies)
    figure = FigureDraft(
        name="found",
        value=len(found.boxes),
        unit="count",
        label="boxes found on a closer look",
        method=f"{name} was shown {len(found.visits)} pictures; boxes counted, each object once",
        sources=(*result.figures[0].sources, reasoner_source(reasoner)),
    )
    asked = (
        f"{model_named(reasoner, is_asked_for=False)}, was asked where exactly it is; what a model "
        "answers is its opinion, not a measurement"
    )
    doubt = f"{unread} of {len(found.replies)} replies of {name} could not be read"
    return result.model_copy(
        update={
            "artifacts": {**result.artifacts, "exact": boxes},
            "figures": (*result.figures, figure),
            "assumptions": (
                *result.assumptions,
                asked,
                *found.notes,
            ),
            "warnings": (*result.warnings, *([doubt] if unread else [])),
        }
    )


def _boxes(arguments: FindRegions, ref: RasterRef, seen: Seen, chosen: list[int]) -> FeatureSet:
    windows = seen.windows
    columns: dict[str, list[Any]] = {
        "rank": list(range(1, len(chosen) + 1)),
        "label": [arguments.text] * len(chosen),
        "score": [float(seen.scores[n]) for n in chosen],
        "z": [float(seen.zs[n]) for n in chosen],
        "scale": [seen.spots[n].scale for n in chosen],
        "col": [windows[n].col for n in chosen],
        "row": [windows[n].row for n in chosen],
        "width": [windows[n].width for n in chosen],
        "height": [windows[n].height for n in chosen],
    }
    return feature_set(
        [_outline(ref.grid, windows[n]) for n in chosen],
        columns,
        crs=ref.grid.crs,
        label=f"places like '{arguments.text}' in {ref.title}"[:200],
        sources=ref.sources,
    )


def _outline(grid: Grid, window: Window) -> shapely.Polygon:
    """Return a window as a polygon in the grid's CRS, or in pixels where it has none."""
    rows = window.row + window.height * np.array([0.0, 0.0, 1.0, 1.0])
    cols = window.col + window.width * np.array([0.0, 1.0, 1.0, 0.0])
    x, y = pixel_to_crs(grid, rows, cols)
    return shapely.Polygon(np.column_stack([x, y]))


def _figures(
    arguments: FindRegions,
    ref: RasterRef,
    seen: Seen,
    chosen: list[int],
    *,
    sources: tuple[Source, ...],
) -> tuple[FigureDraft, ...]:
    best = seen.windows[chosen[0]]
    across, down = (
        f"{best.col} to {best.col + best.width}",
        f"{best.row} to {best.row + best.height}",
    )
    rows: list[tuple[str, float | str, str, str]] = [
        ("count", len(chosen), "count", "places"),
        ("looked_at", len(seen.spots), "count", "windows looked at"),
        ("best_score", float(seen.scores[chosen[0]]), "1", "similarity of the best place"),
        ("best_z", float(seen.zs[chosen[0]]), "1", "standard deviations above the image"),
        ("best_window", f"columns {across}, rows {down}", "choice", "pixels of the best place"),
    ]
    if ref.grid.is_georeferenced:
        middle = best.row + best.height / 2, best.col + best.width / 2
        lon, lat = (float(v) for v in pixel_to_lonlat(ref.grid, *middle))
        rows.append(("best_lon", lon, "deg", "longitude of the centre of the best place"))
        rows.append(("best_lat", lat, "deg", "latitude of the centre of the best place"))
    method = f"cosine of windows and words, coarse to fine, at most {arguments.budget} windows"
    return tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{what}: '{arguments.text}' in {ref.title}"[:200],
            method=method,
            sources=sources,
        )
        for name, value, unit, what in rows
    )


def _choices(arguments: FindRegions, encoder: Encoder, seen: Seen, rule: str) -> tuple[str, ...]:
    scales = sorted({spot.scale for spot in seen.spots}, reverse=True)
    px = ", ".join(str(encoder.card.input_px * scale) for scale in scales)
    chosen = getattr(encoder, "reason", "") or "the default for the pixel size"
    how = "as asked for" if arguments.encoder else chosen
    words = f"'{arguments.text}' is put into the prompt ensemble '{USUAL_ENSEMBLE}'"
    looked = f"{len(seen.spots)} windows of {px} pixels a side were looked at, as {rule}"
    return (
        f"encoder {encoder.card.id}, {how}; {words}",
        f"{looked}; small things outside the coarse windows that looked best may be missed",
        f"{SCORE_NOTE}; z compares it with the coarsest windows, which cover the whole image",
    )


def _depends(arguments: FindRegions, services: Services) -> JsonValue:
    encoder = encoder_state(services, arguments.raster, arguments.encoder)
    if not arguments.closer:
        return encoder
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    return [encoder, reasoner_state(services.models.reasoner(gsd_m=known_gsd_m(ref.grid)))]


TOOL = FunctionTool(
    card=ToolCard(
        name="find_regions",
        summary="Where in one very large image something in words is: looks at windows coarse to "
        "fine within a budget, and gives boxes.",
        outputs=(
            Output(name="boxes", kind="boxes", about="the places, best first, with score and z"),
            Output(name="exact", kind="boxes", about="boxes found on a closer look, if wanted"),
            Output(name="count", kind="figure", about="how many, count"),
            Output(name="looked_at", kind="figure", about="windows looked at, count"),
            Output(name="best_score", kind="figure", about="similarity of the best, 1"),
            Output(name="best_z", kind="figure", about="how unusual that is, 1"),
            Output(name="best_window", kind="figure", about="its pixels, choice"),
            Output(name="best_lon", kind="figure", about="its centre, deg"),
            Output(name="best_lat", kind="figure", about="its centre, deg"),
            Output(name="found", kind="figure", about="boxes found on a closer look, count"),
        ),
        group="search",
        use="special",
    ),
    arguments=FindRegions,
    function=find_regions,
    depends=_depends,
)

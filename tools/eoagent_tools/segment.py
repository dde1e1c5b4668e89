"""Mask of what a phrase means in an image of any size, with the area that it covers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydantic import Field, JsonValue

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.price import Price
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.askedscene import SceneToAsk, asked_scene, asking_price, check_valid, scene_to_ask
from eoagent.io.gridded import grid_warnings
from eoagent.io.measured import measure_shape
from eoagent.io.modelstate import card_source, model_named, model_state
from eoagent.io.sceneobjects import object_outlines, store_mask
from eoagent.io.scenesegment import SceneMask
from eoagent.io.stored_features import store_features

__all__ = ["TOOL", "Segment", "segment"]

_PRESENCE: Final = (
    "half the highest probability and half the mean one, of the tile where that is highest"
)


class Segment(Arguments):
    """Arguments of `segment`."""

    raster: RasterHandle
    """The image, of any size."""
    phrase: str = Field(min_length=1, max_length=300)
    """What is to be marked, in English words, as a person would point it out (`the two large ships
    at the pier`); put to the model as it stands."""
    model: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default."""
    gsd_m: float | None = Field(default=None, gt=0, le=1000)
    """Metres per pixel: of an image without georeference its own, of any other those at which the
    model is to look at it; left out, the image's own."""
    above: float = Field(default=0.5, ge=0, lt=1)
    """Pixels count whose probability is above it."""


def segment(arguments: Segment, services: Services) -> ToolResult:
    """Return the mask of a phrase, its regions as polygons, and what it covers.

    Whether the pixels can show it is checked before the model is looked for. Nothing found is a
    mask without a yes pixel, and no error.

    Raises:
        InputError: if the pixels are too coarse, or none is valid.
        ModelMissing: if the model is not installed.
        ModelError: if it fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    phrase = " ".join(arguments.phrase.split())
    scene = _scene(arguments, services)
    segmenter = scene.segmenter(services, arguments.model)
    source = card_source(segmenter.card)
    rule = f"{segmenter.card.title}: probability of '{phrase}' above {arguments.above:g}"
    with asked_scene(services, scene, segmenter, [phrase], above=arguments.above) as asked:
        (found,) = asked.masks
        check_valid(scene, asked)
        mask = store_mask(
            services, scene.ref, found, sampling=asked.sampling, rule=rule, sources=(source,)
        )
    kept = MaskRef.model_validate(mask.payload)
    outlines = object_outlines(
        services, kept, found, found.instances.choose(), sampling=asked.sampling
    )
    shape = measure_shape(services, mask)
    asked_for = f"{segmenter.card.id} was asked for '{phrase}'"
    return ToolResult(
        artifacts={
            "mask": mask,
            "features": store_features(
                services.store, replace(outlines, label=f"outlines of {phrase}"[:200])
            ),
        },
        figures=(
            *shape.figures("area"),
            *shape.figures("share"),
            *_figures(found, scene.ref.title, rule=rule, sources=(*scene.ref.sources, source)),
        ),
        assumptions=(
            model_named(segmenter, is_asked_for=bool(arguments.model)),
            asked_for,
            *scene.notes,
            *asked.assumptions,
            *outlines.assumptions,
        ),
        warnings=grid_warnings(asked.sampling.grid),
    )


def _scene(arguments: Segment, services: Services) -> SceneToAsk:
    return scene_to_ask(
        services, arguments.raster, gsd_m=arguments.gsd_m, names=(arguments.phrase,)
    )


def _figures(
    found: SceneMask, title: str, *, rule: str, sources: tuple[Source, ...]
) -> tuple[FigureDraft, ...]:
    regions = f"{rule}; regions of pixels that touch by sides or corners, counted"
    rows: list[tuple[str, float, str, str, str]] = [
        ("objects", len(found.instances), "count", "regions", regions),
        ("presence", found.presence, "1", "presence", f"{rule}; {_PRESENCE}"),
    ]
    return tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{what} of {found.phrase} in {title}"[:200],
            method=method[:600],
            sources=sources,
        )
        for name, value, unit, what, method in rows
    )


def _price(arguments: Segment, services: Services) -> Price:
    scene = _scene(arguments, services)
    segmenter = scene.segmenter(services, arguments.model)
    phrase = " ".join(arguments.phrase.split())
    return asking_price(services, scene, segmenter, [phrase], above=arguments.above)


def _depends(arguments: Segment, services: Services) -> JsonValue:
    scene = _scene(arguments, services)
    return model_state(scene.segmenter(services, arguments.model))


TOOL = FunctionTool(
    card=ToolCard(
        name="segment",
        summary="Where in an image of any size something in words is, pixel by pixel, by a model "
        "that reads phrases; gives a mask, outlines and the area.",
        outputs=(
            Output(name="mask", kind="mask", about="pixels that the phrase means"),
            Output(name="features", kind="features", about="its regions as polygons, best first"),
            Output(name="area", kind="figure", about="their area, m2 (px2 without a scale)"),
            Output(name="share", kind="figure", about="share of the valid pixels, percent"),
            Output(name="objects", kind="figure", about="regions that touch nowhere, count"),
            Output(name="presence", kind="figure", about="how likely there is any, 0 to 1, 1"),
        ),
        group="model",
    ),
    arguments=Segment,
    function=segment,
    price=_price,
    depends=_depends,
)

"""Answer an implicit question about an image: where its answer is, and what it is, in words."""

from __future__ import annotations

import math
from typing import Final, Literal

from pydantic import Field, JsonValue

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.price import Price
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.blockwise import open_reader
from eoagent.io.modelstate import model_named, model_state
from eoagent.io.previews import shown_bands
from eoagent.io.readprice import reading_price
from eoagent.io.reasonedfiles import ReasonedScene
from eoagent.io.reasonedfindings import Drawing, ReasonedFindings
from eoagent.io.reasonedview import look_at_scene, look_closer
from eoagent.io.reasonerstate import reasoner_source, reasoner_state
from eoagent.io.windowvectors import known_gsd_m

__all__ = ["TOOL", "Reason", "reason"]

_USUAL_EDGE: Final = 896
"""Edge of the square with as many pixels as a reasoner of unknown card is shown."""
_MASKED: Final = frozenset({"mask", "outlines"})


class Reason(Arguments):
    """Arguments of `reason`."""

    raster: RasterHandle
    """The image; a large one is shown to the model as one coarser picture."""
    question: str = Field(min_length=1, max_length=1000, pattern=r"\S")
    """The question in plain words, in English; it may ask for what has no name of its own (`where
    could people shelter from a flood?`)."""
    want: tuple[Literal["boxes", "mask", "outlines", "answer"], ...] = Field(
        default=("boxes", "mask", "outlines"), min_length=1, max_length=4
    )
    """What is wanted: boxes, mask and outlines say where the answer is; answer says it in words,
    for a question that has no place."""
    model: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default."""


def reason(arguments: Reason, services: Services) -> ToolResult:
    """Return where in an image the answer to a question is, and the answer in words.

    Boxes, mask and outlines come from one answer of the model. A model that says that there is no
    such thing gives a count of 0; one whose reply cannot be read gives no figure but that status.

    Raises:
        InputError: if the model is of no use at this pixel size, or no pixel is valid.
        ModelMissing: if the model is not installed and no server is named; says the command.
        ModelError: if a model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    reasoner = services.models.reasoner(arguments.model, gsd_m=known_gsd_m(ref.grid))
    outliner, missing = _outliner(arguments, services)
    services.progress(0.0, "reading the image")
    with open_reader(services, ref) as reader:
        look = look_at_scene(reader, reasoner)
        drawing = Drawing(missing=missing)
        if outliner is not None:
            closer = look_closer(reader, look, most_pixels=outliner.card.input_px**2)
            drawing = Drawing(outliner=outliner, look=closer)
    scene = ReasonedScene(
        services=services,
        ref=ref,
        look=look,
        question=arguments.question,
        sources=(*ref.sources, reasoner_source(reasoner)),
    )
    manner = ", ".join(f"{name} {value}" for name, value in sorted(reasoner.manner.items()))
    named = model_named(reasoner, is_asked_for=bool(arguments.model))
    findings = ReasonedFindings(scene, reasoner, how=f"{named}; run as: {manner or 'usual'}")
    if set(arguments.want) - {"answer"}:
        services.deadline.check()
        services.progress(0.1, "asking the model where it is")
        grounding = reasoner.ground(look.picture.pixels, arguments.question)
        findings.add_places(grounding, drawing)
    if "answer" in arguments.want:
        services.deadline.check()
        services.progress(0.8, "asking the model for an answer")
        findings.add_answer(reasoner.answer([look.picture.pixels], arguments.question))
    return findings.result()


def _outliner(arguments: Reason, services: Services) -> tuple[Outliner | None, str]:
    """Return the model that draws outlines, or why there is none; neither where none is wanted."""
    if not _MASKED & set(arguments.want):
        return None, ""
    try:
        return services.models.outliner(), ""
    except ModelMissing as error:
        return None, error.explain()


def _depends(arguments: Reason, services: Services) -> JsonValue:
    """Return what a result hangs on besides the image: both models, and how they are run."""
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    reasoner = services.models.reasoner(arguments.model, gsd_m=known_gsd_m(ref.grid))
    outliner, missing = _outliner(arguments, services)
    drawn: JsonValue = missing if outliner is None else model_state(outliner)
    return {"reasoner": reasoner_state(reasoner), "outliner": drawn}


def _price(arguments: Reason, services: Services) -> Price:
    """Return what reading pictures takes; by the cards alone, as a server is not to be asked."""
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    tasks = {"reason", "outline"} if _MASKED & set(arguments.want) else {"reason"}
    cards = [card for card in services.models.cards() if tasks & set(card.tasks)]
    edge = max((card.input_px for card in cards), default=_USUAL_EDGE)
    height, width = ref.grid.height, ref.grid.width
    share = min(1.0, edge / math.sqrt(height * width))
    side = round(share * max(height, width)) if share < 1 else None
    return reading_price(ref, shown_bands(ref), side=side)


TOOL = FunctionTool(
    card=ToolCard(
        name="reason",
        summary="Where in an image the answer to an implicit question is (boxes, mask, outlines "
        "with area), or the answer in words, by a model that reasons about pictures.",
        outputs=(
            Output(name="boxes", kind="boxes", about="the places, in the model's order"),
            Output(name="mask", kind="mask", about="their pixels, if the outlining model is there"),
            Output(name="features", kind="features", about="their outlines with holes and area"),
            Output(name="text", kind="table", about="what the model was asked and said, in full"),
            Output(name="answer", kind="figure", about="the answer in words, choice"),
            Output(name="found", kind="figure", about="how many places, count"),
            Output(name="area", kind="figure", about="their area, m2 (px2 without georeference)"),
            Output(
                name="status",
                kind="figure",
                about="found, none, unparseable or truncated: what became of the reply, choice",
            ),
        ),
        group="model",
        use="special",
    ),
    arguments=Reason,
    function=reason,
    price=_price,
    depends=_depends,
)

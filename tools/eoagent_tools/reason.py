"""Answer an implicit question about an image: where its answer is, and what it is, in words."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Final, Literal

from pydantic import Field, JsonValue

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.price import Price
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.blockwise import open_reader
from eoagent.io.likelyparts import likely_parts
from eoagent.io.modelstate import encoder_state, model_named, model_state
from eoagent.io.previews import shown_bands
from eoagent.io.raster import RasterReader
from eoagent.io.readprice import reading_price
from eoagent.io.reasoncontext import knowledge_state, measured_figures
from eoagent.io.reasonedasking import SceneAsking
from eoagent.io.reasonedfiles import ReasonedScene
from eoagent.io.reasonedfindings import ReasonedFindings
from eoagent.io.reasonedview import SceneLook, look_at_scene
from eoagent.io.reasonerstate import reasoner_source, reasoner_state
from eoagent.io.windowvectors import known_gsd_m
from eoagent.runners.wording import encode_words

__all__ = ["TOOL", "Reason", "reason"]

_USUAL_EDGE: Final = 896
"""Edge of the square with as many pixels as a reasoner of unknown card is shown."""
_MASKED: Final = frozenset({"mask", "outlines"})


class Reason(Arguments):
    """Arguments of `reason`."""

    raster: RasterHandle
    """The image; the later one where `before` is given."""
    question: str = Field(min_length=1, max_length=1000, pattern=r"\S")
    """The question in plain words, in English; it may ask for what has no name of its own (`where
    could people shelter from a flood?`)."""
    want: tuple[Literal["boxes", "mask", "outlines", "answer"], ...] = Field(
        default=(), max_length=4
    )
    """What is wanted: boxes, mask and outlines say where the answer is; answer says it in words,
    for a question that has no place. Left out: boxes, mask and outlines, or with `before`, or
    spectral pictures, the answer."""
    before: RasterHandle | None = None
    """An earlier image of the same ground, for a question about what changed; answered in words."""
    measured: tuple[str, ...] = Field(default=(), max_length=20)
    """Figures of earlier steps that the answer is to be worded around ($1.gained), so that its
    numbers come from pixels."""
    pictures: Literal["colour", "spectral"] = "colour"
    """Whether the model sees the image in its colours, or for an answer in words as several
    pictures of its bands (false colour, vegetation, water, moisture)."""
    parts: int = Field(default=6, ge=0, le=40)
    """Of an image larger than the model takes in at once: how many parts it is shown in full
    detail besides the whole; 0 shows the whole only."""
    model: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default."""


def reason(arguments: Reason, services: Services) -> ToolResult:
    """Return where in an image the answer to a question is, and the answer in words.

    Boxes, mask and outlines come from one answer of the model. A model that says that there is no
    such thing gives a count of 0; one whose reply cannot be read gives no figure but that status.

    Raises:
        InputError: if the model is of no use at this pixel size, no pixel is valid, or places are
            wanted of two dates.
        ModelMissing: if the model is not installed and no server is named; says the command.
        ModelError: if a model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    wants = _wants(arguments)
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    reasoner = services.models.reasoner(arguments.model, gsd_m=known_gsd_m(ref.grid))
    figures = measured_figures(arguments.measured, services.figures)
    outliner, missing = _outliner(wants, services)
    services.progress(0.0, "reading the image")
    with ExitStack() as closing:
        reader = closing.enter_context(open_reader(services, ref))
        look = look_at_scene(reader, reasoner, any_scale=arguments.parts > 0)
        is_shown = _shows_colours(arguments, wants)
        is_large = is_shown and not look.view.is_own and arguments.parts > 0
        candidates, notes = _candidates(arguments, services, reader, look) if is_large else ((), ())
        asking = SceneAsking(
            services=services,
            reader=reader,
            reasoner=reasoner,
            look=look,
            question=arguments.question,
            parts=arguments.parts if is_large else 0,
            candidates=candidates,
        )
        scene = _scene(arguments, services, ref, reasoner, look)
        findings = ReasonedFindings(
            scene, reasoner, how=_how(arguments, reasoner), is_shown=is_shown
        )
        findings.add_visits((), notes)
        if set(wants) - {"answer"}:
            asking.places(findings, outliner, missing=missing)
        if "answer" not in wants:
            return findings.result()
        if arguments.before is not None:
            earlier = RasterRef.model_validate(services.store.get(arguments.before).payload)
            before = closing.enter_context(open_reader(services, earlier))
            asking.answer_change(findings, before, figures)
        elif arguments.pictures == "spectral":
            asking.answer_spectral(findings, figures)
        else:
            asking.answer(findings, figures)
    return findings.result()


def _wants(arguments: Reason) -> tuple[str, ...]:
    """Return what is wanted, once it can be had together."""
    is_of_two = arguments.before is not None
    if arguments.want and "answer" not in arguments.want and arguments.pictures == "spectral":
        raise InputError(
            "spectral pictures were asked for, and no answer in words, which alone is made of them",
            hint="add 'answer' to want, or leave pictures out",
        )
    if not arguments.want:
        in_words = is_of_two or arguments.pictures == "spectral" or arguments.measured
        return ("answer",) if in_words else ("boxes", "mask", "outlines")
    if is_of_two and set(arguments.want) != {"answer"}:
        raise InputError(
            "places were asked for in two images at once",
            hint="ask for want=['answer'] with before, or for places in one image",
        )
    return arguments.want


def _shows_colours(arguments: Reason, wants: tuple[str, ...]) -> bool:
    """Whether the model is shown the image in its colours, for places or for an answer."""
    is_in_others = arguments.before is not None or arguments.pictures == "spectral"
    return not is_in_others or bool(set(wants) - {"answer"})


def _candidates(
    arguments: Reason, services: Services, reader: RasterReader, look: SceneLook
) -> tuple[tuple[tuple[Window, float], ...], tuple[str, ...]]:
    """Return parts that look like the question, and what is to be said of how they were chosen."""
    grid = reader.ref.grid
    try:
        encoder = services.models.encoder(gsd_m=known_gsd_m(grid))
        query = encode_words(encoder, [arguments.question])[0]
        parts = likely_parts(
            reader,
            encoder,
            query,
            side_px=math.isqrt(look.view.height * look.view.width),
            most=arguments.parts,
            deadline=services.deadline,
            progress=services.progress,
        )
    except (ModelMissing, InputError) as error:
        return (), (f"parts were not chosen by likeness to the question: {error.explain()}",)
    said = f"parts were chosen by likeness to the question, by {encoder.card.id}"
    return parts, (said if parts else f"no part looks like the question, says {encoder.card.id}",)


def _scene(
    arguments: Reason,
    services: Services,
    ref: RasterRef,
    reasoner: Reasoner,
    look: SceneLook,
) -> ReasonedScene:
    earlier: tuple[Source, ...] = ()
    if arguments.before is not None:
        payload = services.store.get(arguments.before).payload
        earlier = RasterRef.model_validate(payload).sources
    return ReasonedScene(
        services=services,
        ref=ref,
        look=look,
        question=arguments.question,
        sources=(*earlier, *ref.sources, reasoner_source(reasoner)),
    )


def _how(arguments: Reason, reasoner: Reasoner) -> str:
    """Return which model answers and how it is run, a sentence."""
    manner = ", ".join(f"{name} {value}" for name, value in sorted(reasoner.manner.items()))
    named = model_named(reasoner, is_asked_for=bool(arguments.model))
    return f"{named}; run as: {manner or 'usual'}"


def _outliner(wants: tuple[str, ...], services: Services) -> tuple[Outliner | None, str]:
    """Return the model that draws outlines, or why there is none; neither where none is wanted."""
    if not _MASKED & set(wants):
        return None, ""
    try:
        return services.models.outliner(), ""
    except ModelMissing as error:
        return None, error.explain()


def _depends(arguments: Reason, services: Services) -> JsonValue:
    """Return what a result hangs on besides the image: both models, and how they are run."""
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    reasoner = services.models.reasoner(arguments.model, gsd_m=known_gsd_m(ref.grid))
    outliner, missing = _outliner(_wants(arguments), services)
    drawn: JsonValue = missing if outliner is None else model_state(outliner)
    return {
        "reasoner": reasoner_state(reasoner),
        "outliner": drawn,
        "encoder": _encoder_state(services, arguments),
        "knowledge": knowledge_state(services),
    }


def _encoder_state(services: Services, arguments: Reason) -> JsonValue:
    """Return the encoder that chooses parts, or that there is none."""
    try:
        return encoder_state(services, arguments.raster, "") if arguments.parts else None
    except (ModelMissing, InputError) as error:
        return error.explain()


def _price(arguments: Reason, services: Services) -> Price:
    """Return what reading pictures takes; by the cards alone, as a server is not to be asked."""
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    tasks = {"reason", "outline"} if _MASKED & set(_wants(arguments)) else {"reason"}
    cards = [card for card in services.models.cards() if tasks & set(card.tasks)]
    edge = max((card.input_px for card in cards), default=_USUAL_EDGE)
    height, width = ref.grid.height, ref.grid.width
    share = min(1.0, edge / math.sqrt(height * width))
    side = round(share * max(height, width)) if share < 1 else None
    price = reading_price(ref, shown_bands(ref), side=side)
    for _ in range(arguments.parts if share < 1 else 0):
        price += reading_price(ref, shown_bands(ref), side=side)
    return price


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

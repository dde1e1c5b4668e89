"""Say what a scene shows, by the label whose words lie nearest: no training, no detection."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, JsonValue, model_validator

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.figure import FigureDraft
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
from eoagent.io.askedscene import SceneToAsk, asking_price, scene_to_ask
from eoagent.io.modelstate import card_source, encoder_state, model_named, model_state
from eoagent.io.plaintable import store_table
from eoagent.io.readprice import reading_price
from eoagent.io.scenelabels import LEAST, SEEN_LABELS, see_labels, seen_figures, seen_table
from eoagent.io.scenevectors import scene_vectors
from eoagent.io.tilewords import SCORE_NOTE, model_source
from eoagent.io.windowvectors import known_gsd_m
from eoagent.runners.wording import encode_words
from eoagent.vectors.classphrases import class_phrases
from eoagent.vectors.prompts import USUAL_ENSEMBLE
from eoagent.vectors.zeroshot import zero_shot

__all__ = ["LABELS", "TOOL", "ClassifyScene", "classify_scene"]

LABELS: Final = (
    "an airport",
    "bare land",
    "a beach",
    "a bridge",
    "a commercial district",
    "a dense residential area",
    "a desert",
    "farmland",
    "a forest",
    "a golf course",
    "a harbour with ships",
    "an industrial area",
    "a lake",
    "a meadow",
    "a mountain",
    "open sea",
    "a parking lot",
    "a railway station",
    "a river",
    "snow and ice",
    "a sparse residential area",
    "a sports field",
    "storage tanks",
    "a wetland",
)
"""Labels among which a scene is told where none are given: the usual ones of scene data sets."""
_FEW: Final = 4


class ClassifyScene(Arguments):
    """Arguments of `classify_scene`."""

    raster: RasterHandle
    """The image."""
    labels: tuple[str, ...] = Field(default=(), max_length=200)
    """Labels to choose among, in a few English words each, two or more; left out, a list of usual
    kinds of scene, which the answer states."""
    by: Literal["auto", "whole", "windows"] = "auto"
    """Whether the image is looked at as a whole or window by window; auto takes windows where it
    is large."""
    encoder: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default for the pixel size."""
    model: Literal["auto", "encoder", "segmenter"] = "auto"
    """What looks: an encoder compares the image with each label, and one label is always nearest; a
    segmenter looks for each label pixel by pixel, and may see several, or none. auto takes the
    encoder, or the segmenter where only that is installed."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.model == "segmenter" and (self.encoder or self.by != "auto"):
            raise ValueError("a segmenter looks tile by tile: leave encoder and by out")
        return self


def classify_scene(arguments: ClassifyScene, services: Services) -> ToolResult:
    """Return the label that fits an image best, how far the next is, and all in a table.

    Whether the model is of use at the image's pixel size is checked before it is loaded.

    Raises:
        InputError: if there are fewer than two labels, the model is of no use at this pixel size,
            or the image has no valid pixel.
        ModelMissing: if the model is not installed.
        ModelError: if it fails.
        SourceError: if pixels could not be had.
    """
    given = tuple(dict.fromkeys(label.strip() for label in arguments.labels))
    if len(given) == 1:
        raise InputError(
            f"one label was given ('{given[0]}'), and a label is a choice among two or more",
            hint="name what else the image may show, or give no labels",
        )
    encoder = _encoder(arguments, services)
    if encoder is None:
        return _by_segmenter(arguments, services, given or SEEN_LABELS)
    return _by_encoder(arguments, services, encoder, given or LABELS)


def _encoder(arguments: ClassifyScene, services: Services) -> Encoder | None:
    """Return the encoder that looks; None where a segmenter does."""
    if arguments.model == "segmenter":
        return None
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    try:
        return services.models.encoder(arguments.encoder, gsd_m=known_gsd_m(ref.grid))
    except ModelMissing:
        if arguments.model == "encoder" or arguments.encoder:
            raise
        try:
            _scene(arguments, services).segmenter(services)
        except ModelMissing:
            pass  # the one that was looked for first is told
        else:
            return None
        raise


def _by_encoder(
    arguments: ClassifyScene, services: Services, encoder: Encoder, labels: tuple[str, ...]
) -> ToolResult:
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    classes = encode_words(encoder, labels)
    seen = scene_vectors(services, ref, encoder, by=arguments.by)
    windows = len(seen.vectors)
    found = zero_shot(seen.mean, classes, k=len(labels))
    counts = Counter(int(n) for n in zero_shot(seen.vectors, classes).classes[:, 0])
    order = [int(n) for n in found.classes[0]]
    cosines = [float(v) for v in found.cosines[0]]
    shares = [100.0 * counts[n] / windows for n in order]
    names = [labels[n] for n in order]
    table = store_table(
        services.store,
        {"label": "", "score": "1", "share_pct": "percent"},
        list(zip(names, cosines, shares, strict=True)),
        label=f"labels of {ref.title}, nearest first",
    )
    sources = (*ref.sources, model_source(encoder.fingerprint))
    figures = _figures(ref.title, names, cosines, windows=(windows, shares[0]))
    return ToolResult(
        artifacts={"table": table},
        figures=tuple(f.model_copy(update={"sources": sources}) for f in figures),
        assumptions=_choices(arguments, encoder, labels, windows, seen.rule),
        warnings=_doubts(labels, order, cosines),
    )


def _by_segmenter(
    arguments: ClassifyScene, services: Services, labels: tuple[str, ...]
) -> ToolResult:
    scene = _scene(arguments, services)
    segmenter = scene.segmenter(services)
    seen = see_labels(services, scene, segmenter, labels)
    sources = (*scene.ref.sources, card_source(segmenter.card))
    said = [model_named(segmenter, is_asked_for=False), *seen.assumptions]
    if arguments.model == "auto":
        said.insert(1, "no encoder of pictures and texts is installed, so a segmenter was asked")
    if not arguments.labels:
        said.append(f"no labels were given; told among: {', '.join(labels)}")
    is_none = seen.labels[0].score < LEAST
    return ToolResult(
        artifacts={"table": seen_table(services.store, seen, scene.ref.title)},
        figures=seen_figures(seen, scene.ref.title, model=segmenter.card.title, sources=sources),
        assumptions=tuple(said),
        warnings=(f"no label has a score of {LEAST:g} or more",) if is_none else (),
    )


def _figures(
    title: str, labels: list[str], cosines: list[float], *, windows: tuple[int, float]
) -> tuple[FigureDraft, ...]:
    """Return the figures of labels in order; `windows`: how many, and the share of the first."""
    count, share = windows
    spread = float(np.std(cosines))
    rows: list[tuple[str, float | str, str, str]] = [
        ("label", labels[0], "choice", "label"),
        ("second", labels[1], "choice", "next label"),
        ("score", cosines[0], "1", "similarity of the label"),
        ("margin", cosines[0] - cosines[1], "1", "how far the label is above the next"),
    ]
    if len(labels) >= _FEW and spread > 0:
        z = (cosines[0] - float(np.mean(cosines))) / spread
        rows.append(("z", z, "1", "standard deviations above the mean of all labels"))
    if count > 1:
        rows.append(("windows", count, "count", "windows"))
        rows.append(("share", share, "percent", "windows with the label"))
    method = f"nearest of {len(labels)} labels by cosine, without training"
    return tuple(
        FigureDraft(
            name=name, value=value, unit=unit, label=f"{what} of {title}"[:200], method=method
        )
        for name, value, unit, what in rows
    )


def _choices(
    arguments: ClassifyScene, encoder: Encoder, labels: tuple[str, ...], windows: int, rule: str
) -> tuple[str, ...]:
    chosen = getattr(encoder, "reason", "") or "the default for the pixel size"
    how = "as asked for" if arguments.encoder else chosen
    words = f"each label is put into the prompt ensemble '{USUAL_ENSEMBLE}'"
    said = [
        f"encoder {encoder.card.id}, {how}; {words}; the image is looked at as {rule}",
        SCORE_NOTE,
    ]
    if not arguments.labels:
        said.append(f"no labels were given; told among: {', '.join(labels)}")
    if windows > 1:
        said.append(
            f"the image is large: {windows} windows were looked at, and the label is that of their "
            "mean"
        )
    return tuple(said)


def _doubts(labels: tuple[str, ...], order: list[int], cosines: list[float]) -> tuple[str, ...]:
    spread = float(np.std(cosines))
    if spread > 0 and cosines[0] - cosines[1] >= 0.5 * spread:
        return ()
    first, second = labels[order[0]], labels[order[1]]
    return (f"'{first}' and '{second}' are about as near: the label is not clear",)


def _scene(arguments: ClassifyScene, services: Services) -> SceneToAsk:
    return scene_to_ask(services, arguments.raster, names=arguments.labels)


def _price(arguments: ClassifyScene, services: Services) -> Price:
    if _encoder(arguments, services) is not None:
        ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
        return reading_price(ref)
    scene = _scene(arguments, services)
    segmenter = scene.segmenter(services)
    phrases = [one.phrase for one in class_phrases(segmenter.card, arguments.labels or SEEN_LABELS)]
    return asking_price(services, scene, segmenter, phrases, is_kept=False)


def _depends(arguments: ClassifyScene, services: Services) -> JsonValue:
    if _encoder(arguments, services) is not None:
        return encoder_state(services, arguments.raster, arguments.encoder)
    return model_state(_scene(arguments, services).segmenter(services))


TOOL = FunctionTool(
    card=ToolCard(
        name="classify_scene",
        summary="What kind of scene an image shows: the best of some labels in words, by a model "
        "of pictures and texts, or by one that finds phrases in pictures.",
        outputs=(
            Output(name="table", kind="table", about="all labels with scores, nearest first"),
            Output(name="label", kind="figure", about="the best label, or none, choice"),
            Output(name="shown", kind="figure", about="all that a segmenter sees, choice"),
            Output(name="second", kind="figure", about="the next label, choice"),
            Output(name="score", kind="figure", about="similarity or probability of the label, 1"),
            Output(name="margin", kind="figure", about="how far it is above the next, 1"),
            Output(name="z", kind="figure", about="how far it is above all others, 1"),
            Output(name="windows", kind="figure", about="windows looked at, if any, count"),
            Output(name="share", kind="figure", about="windows with the label, percent"),
        ),
        group="model",
    ),
    arguments=ClassifyScene,
    function=classify_scene,
    price=_price,
    depends=_depends,
)

"""Say what a scene shows, by the label whose words lie nearest: no training, no detection."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from eoagent.contracts.artifact import Artifact, RasterHandle
from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.pyramid import spots_at
from eoagent.io.blockwise import open_reader
from eoagent.io.tileview import show_window
from eoagent.io.tilewords import SCORE_NOTE, model_source
from eoagent.io.windowvectors import WindowVectors, known_gsd_m
from eoagent.runners.wording import encode_words
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
_LARGE: Final = 2
"""Images with more windows than this along a side are told window by window."""
_MOST_WINDOWS: Final = 400
_FEW: Final = 4


class ClassifyScene(Arguments):
    """Arguments of `classify_scene`."""

    raster: RasterHandle
    """The image."""
    labels: tuple[str, ...] = Field(default=(), max_length=200)
    """Labels to choose among, in a few English words each, two or more; left out, a list of 24
    usual kinds of scene, which the answer states."""
    by: Literal["auto", "whole", "windows"] = "auto"
    """Whether the image is looked at as a whole or window by window; auto takes windows where it
    is large."""
    encoder: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default for the pixel size."""


def classify_scene(arguments: ClassifyScene, services: Services) -> ToolResult:
    """Return the label that lies nearest to an image, how far the next is, and all in a table.

    Whether the model is of use at the image's pixel size is checked before it is loaded.

    Raises:
        InputError: if there are fewer than two labels, the model is of no use at this pixel size,
            or the image has no valid pixel.
        ModelMissing: if the model is not installed.
        ModelError: if it fails.
        SourceError: if pixels could not be had.
    """
    labels = tuple(dict.fromkeys(label.strip() for label in arguments.labels)) or LABELS
    if len(labels) < 2:
        raise InputError(
            f"one label was given ('{labels[0]}'), and a label is a choice among two or more",
            hint="name what else the image may show, or give no labels",
        )
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    encoder = services.models.encoder(arguments.encoder, gsd_m=known_gsd_m(ref.grid))
    classes = encode_words(encoder, labels)
    vectors, rule = _vectors(arguments, services, ref, encoder)
    mean = vectors.mean(axis=0, dtype=np.float64)
    whole = (mean / np.linalg.norm(mean)).astype(np.float32)[None]
    found = zero_shot(whole, classes, k=len(labels))
    told = zero_shot(vectors, classes)
    counts = Counter(int(n) for n in told.classes[:, 0])
    order = [int(n) for n in found.classes[0]]
    cosines = [float(v) for v in found.cosines[0]]
    shares = [100.0 * counts[n] / len(vectors) for n in order]
    table = _table(services, ref, [labels[n] for n in order], cosines, shares)
    sources = (*ref.sources, model_source(encoder.fingerprint))
    figures = _figures(
        ref.title, [labels[n] for n in order], cosines, windows=(len(vectors), shares[0])
    )
    return ToolResult(
        artifacts={"table": table},
        figures=tuple(f.model_copy(update={"sources": sources}) for f in figures),
        assumptions=_choices(arguments, encoder, labels, len(vectors), rule),
        warnings=_doubts(labels, order, cosines),
    )


def _vectors(
    arguments: ClassifyScene, services: Services, ref: RasterRef, encoder: Encoder
) -> tuple[Vectors, str]:
    """Return the vectors of the image or of its windows, and how values became colours."""
    grid, edge = ref.grid, encoder.card.input_px
    is_large = max(grid.height, grid.width) > _LARGE * edge
    with open_reader(services, ref) as reader:
        if arguments.by == "whole" or (arguments.by == "auto" and not is_large):
            shown = show_window(reader, max_px=4 * edge)
            return encoder.encode_images([_square(shown.pixels)]), shown.rule
        embed = WindowVectors(
            reader, encoder, deadline=services.deadline, progress=services.progress
        )
        scale = 1
        while len(spots_at(scale, grid.height, grid.width, edge)) > _MOST_WINDOWS:
            scale *= 2
        spots = spots_at(scale, grid.height, grid.width, edge)
        _, vectors = embed([spot.window(edge, grid.height, grid.width) for spot in spots])
    if not len(vectors):
        raise InputError(
            f"'{ref.title}' has no window with enough valid pixels",
            hint="check it with describe_data",
        )
    return vectors, embed.rule


def _square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as a square with black around it, so that nothing of it is cut off."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    if height == width:
        return pixels
    padded = np.zeros((side, side, 3), dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    padded[top : top + height, left : left + width] = pixels
    return padded


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


def _table(
    services: Services, ref: RasterRef, names: list[str], cosines: list[float], shares: list[float]
) -> Artifact:
    columns = ["label", "score", "share_pct"]
    rows = [list(row) for row in zip(names, cosines, shares, strict=True)]
    label = f"labels of {ref.title}, nearest first"[:200]
    file = services.store.scratch(".json")
    units = {"score": "1", "share_pct": "percent"}
    content = {"columns": columns, "units": units, "rows": rows}
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    payload = {"path": "", "columns": columns, "rows": len(rows), "label": label}
    preview = {"columns": columns, "rows": len(rows), "first": names[:3]}
    return services.store.put(
        "table", title=label[:120], payload=payload, preview=preview, file=file
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


def _depends(arguments: ClassifyScene, services: Services) -> JsonValue:
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    encoder = services.models.encoder(arguments.encoder, gsd_m=known_gsd_m(ref.grid))
    return encoder.fingerprint.to_dict()


TOOL = FunctionTool(
    card=ToolCard(
        name="classify_scene",
        summary="What kind of scene an image shows: the nearest of some labels in words, by a "
        "model of pictures and texts, without training.",
        outputs=(
            Output(name="table", kind="table", about="all labels with scores, nearest first"),
            Output(name="label", kind="figure", about="the nearest label, choice"),
            Output(name="second", kind="figure", about="the next label, choice"),
            Output(name="score", kind="figure", about="similarity of the label, 1"),
            Output(name="margin", kind="figure", about="how far it is above the next, 1"),
            Output(name="z", kind="figure", about="how far it is above all others, 1"),
            Output(name="windows", kind="figure", about="windows looked at, if any, count"),
            Output(name="share", kind="figure", about="windows with the label, percent"),
        ),
        group="model",
    ),
    arguments=ClassifyScene,
    function=classify_scene,
    depends=_depends,
)

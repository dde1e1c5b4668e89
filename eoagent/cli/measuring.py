"""Options of `eoagent eval` for suites that measure a model, and what they may be set to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

import typer

__all__ = [
    "SUITE_FORMATS",
    "AskedName",
    "AskedOption",
    "Every",
    "Limit",
    "ModelCardId",
    "ObjectValue",
    "OnlyClasses",
    "Phrase",
    "PresentOnly",
    "SplitName",
    "WayName",
    "WayOption",
    "check_format",
]

SUITE_FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "qa": ("eoagent", "thinkgeo", "earthbench", "geobenchx"),
        "retrieval": (),
        "zeroshot": (),
        "index": (),
        "counting": ("coco", "counts"),
        "detection": ("coco",),
        "segmentation": ("masks", "coco"),
        "grounding": ("dior-rsvg",),
        "classification": ("folders", "coco"),
        "captioning": ("captions",),
        "reasoning": ("earthreason",),
        "vqa": ("rsvqa", "xlrs"),
    }
)
"""Names of `evaluation.suites.SUITES` with their formats, the default first; spelt out so that
`--help` loads nothing."""


class WayName(StrEnum):
    """How a segmenter looks at pictures."""

    TILES = "tiles"
    """As the tools do: in tiles that overlap, in the pixels of the picture."""
    PARITY = "parity"
    """As the published code does: stretched to one square, its rules and prompts."""


class AskedName(StrEnum):
    """Which kind of model is asked."""

    SEGMENTER = "segmenter"
    """One that finds phrases in pictures."""
    REASONER = "reasoner"
    """One that answers in words and boxes."""


AskedOption = Annotated[
    AskedName, typer.Option("--by", help="grounding, captioning: which kind of model is asked.")
]
SplitName = Annotated[
    str, typer.Option("--split", help="Part of the benchmark that is measured; default: test.")
]
ModelCardId = Annotated[
    str, typer.Option("--model", help="Card of the segmenter or reasoner; default: settings.")
]
WayOption = Annotated[
    WayName,
    typer.Option(
        "--way", help="How a segmenter looks: in tiles as the tools do, or as published (parity)."
    ),
]
Phrase = Annotated[
    str, typer.Option("--phrase", help="segmentation: what the masks are of, such as building.")
]
ObjectValue = Annotated[
    float | None,
    typer.Option(
        "--object-value", help="segmentation: value of the object in masks; default: not 0."
    ),
]
OnlyClasses = Annotated[
    list[str] | None,
    typer.Option("--class", help="Only this class, as the benchmark writes it; several times."),
]
PresentOnly = Annotated[
    bool,
    typer.Option("--present-only", help="counting: only the classes that each picture shows."),
]
Every = Annotated[
    bool, typer.Option("--every", help="reasoning: all questions of a picture, not the first.")
]
Limit = Annotated[
    int, typer.Option("--limit", min=0, help="Most pictures that are measured; 0: all.")
]


def check_format(suite: str, name: str) -> None:
    """Refuse a format that a suite does not read; an empty name means its first.

    Raises:
        typer.BadParameter: if it does not.
    """
    formats = SUITE_FORMATS[suite]
    if not name or name in formats:
        return
    there = f"there is: {', '.join(formats)}" if formats else "it has one layout and takes none"
    raise typer.BadParameter(
        f"there is no format '{name}' of {suite}; {there}", param_hint="--format"
    )

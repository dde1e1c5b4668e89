"""Options that several commands share: each is declared once, with the same words everywhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

__all__ = [
    "Aoi",
    "Bands",
    "BaseUrl",
    "CatalogPlace",
    "FeatureFiles",
    "Gsd",
    "Images",
    "IndexName",
    "MaxCost",
    "MaxSeconds",
    "MaxSteps",
    "PictureMode",
    "PlacesFile",
    "PlannerName",
    "Reasoner",
    "Thread",
    "Yes",
    "names_in",
]


class PictureMode(StrEnum):
    """How maps are shown in a terminal."""

    AUTO = "auto"
    """As true pictures where the terminal draws them, else as blocks."""
    BLOCKS = "blocks"
    """Two pixels to each character, which every terminal with colours shows."""
    OFF = "off"
    """Not at all."""


Images = Annotated[
    list[str] | None,
    typer.Option("--image", help="Raster, picture, STAC item or vector file; path or URL."),
]
FeatureFiles = Annotated[
    list[str] | None, typer.Option("--features", help="Vector file; path or URL.")
]
Aoi = Annotated[
    str | None, typer.Option("--aoi", help="Area of interest: a vector file, or W,S,E,N.")
]
CatalogPlace = Annotated[
    str | None,
    typer.Option("--catalog", help="STAC catalog or folder to find scenes in; path or URL."),
]
IndexName = Annotated[
    str | None, typer.Option("--index", help="Index to search by meaning; default: settings.")
]
PlacesFile = Annotated[
    str | None, typer.Option("--places", help="Vector file of named places; path or URL.")
]
Bands = Annotated[
    str, typer.Option("--bands", help="Band names in the file's order: red,green,blue,nir.")
]
Gsd = Annotated[
    float | None, typer.Option("--gsd", min=0.0, help="Metres per pixel, if not georeferenced.")
]
PlannerName = Annotated[
    str | None,
    typer.Option("--planner", help="Planner, PROVIDER:MODEL; default: settings, else offline."),
]
BaseUrl = Annotated[
    str,
    typer.Option("--base-url", help="Address of the language model's server, if not its own."),
]
Reasoner = Annotated[
    str,
    typer.Option(
        "--reasoner", help="Server (URL) or card of the model that reasons about pictures."
    ),
]
Thread = Annotated[str | None, typer.Option("--thread", help="Name of a conversation to continue.")]
MaxSteps = Annotated[int | None, typer.Option("--max-steps", min=1, help="Tool calls allowed.")]
MaxSeconds = Annotated[
    float | None, typer.Option("--max-seconds", min=0.0, help="Seconds allowed.")
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0.0, help="US dollars the language model may take."),
]

Yes = Annotated[
    bool, typer.Option("--yes", help="Approve what is costly or goes outward beforehand.")
]


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas: `red, green` gives red and green."""
    return tuple(name.strip() for name in text.split(",") if name.strip())

"""Model cards: what a model can do, its licence, and where its weights come from, as data."""

from __future__ import annotations

import math
from typing import Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from eoagent.contracts.record import Record

__all__ = ["UNKNOWN", "ModelCard", "WeightsSource"]

UNKNOWN: Final = "unknown"
"""Stands for a hash or revision that nobody has seen yet; none is ever invented."""
_CARD_ID: Final = r"^[a-z0-9][a-z0-9._-]{1,60}$"


class WeightsSource(Record):
    """Where the published weights of a model lie, and what they are known by."""

    repository: str = ""
    """Repository on the model hub (`owner/name`); empty where the weights lie elsewhere."""
    url: str = ""
    """Address of the file or archive, where it is not on the hub."""
    file: str
    """File in the repository, or inside the archive that `url` names."""
    revision: str = UNKNOWN
    """Commit of the repository, or `unknown`: the first pull records what it saw."""
    sha256: str = Field(default=UNKNOWN, pattern=r"^(unknown|[0-9a-f]{64})$")
    """sha256 of the file, or `unknown`: the first import records what it saw."""
    size_bytes: int | None = Field(default=None, gt=0)
    """Size of the file, where it is known exactly."""


class ModelCard(Record):
    """What a model can do."""

    id: str = Field(pattern=_CARD_ID)
    """Id that commands and settings use (`remoteclip-vit-b-32`)."""
    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    """Name of the entry point in `eoagent.runners` that runs it (`clip`)."""
    title: str
    """Name as its authors write it."""
    summary: str = Field(max_length=300)
    """One sentence: what it is for."""
    licence: str
    """Licence of the weights, as their page says it; `unknown` where it says none."""
    homepage: str
    """Where paper, code and weights are described."""
    weights: WeightsSource
    """Where its weights come from."""
    architecture: str
    """Network, in the words of the library that builds it (`ViT-B-32`)."""
    activation: Literal["gelu", "quickgelu", ""] = ""
    """Activation of the transformer blocks; it has no parameters, so no checkpoint tells it."""
    dimensions: int = Field(default=0, ge=0)
    """Length of its embeddings; 0 for a model that makes none."""
    input_px: int = Field(gt=0)
    """Edge of the square picture that it takes, pixels."""
    bands: tuple[str, ...] = ("red", "green", "blue")
    """Bands that it takes, by common name and in order."""
    gsd_min_m: float = Field(default=0.0, ge=0)
    """Finest ground sampling distance that it is of use for, metres."""
    gsd_max_m: float = Field(default=math.inf, gt=0)
    """Coarsest ground sampling distance that it is of use for, metres."""
    gsd_reason: str = ""
    """Why it stops there, with the source."""
    classes: tuple[str, ...] = ()
    """Classes that it knows; empty for an open vocabulary."""
    languages: tuple[str, ...] = ("en",)
    """Languages of its texts, ISO 639-1."""
    memory_mb: int = Field(gt=0)
    """Memory that it takes with float32 weights, MB."""
    tasks: tuple[str, ...] = ()
    """What else it can be asked for than vectors (`segment`)."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """What only its kind of runner reads."""
    notes: tuple[str, ...] = ()
    """What a user should know."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.gsd_min_m > self.gsd_max_m:
            raise ValueError(f"gsd_min_m {self.gsd_min_m} is above gsd_max_m {self.gsd_max_m}")
        return self

    def refusal(self, gsd_m: float | None) -> str:
        """Return why it is of no use at a ground sampling distance; empty where it is, or unknown.

        Args:
            gsd_m: metres per pixel of the image; None where nobody knows.
        """
        if gsd_m is None or self.gsd_min_m <= gsd_m <= self.gsd_max_m:
            return ""
        side = "finer" if gsd_m < self.gsd_min_m else "coarser"
        span = f"{self.gsd_min_m:g} to {self.gsd_max_m:g} m"
        reason = f": {self.gsd_reason}" if self.gsd_reason else ""
        return f"{self.title} is for {span} per pixel, and {gsd_m:g} m is {side}{reason}"

"""What a suite of `eoagent eval` is asked to measure; each takes what it needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eoagent.app.evaluation.seeing.seen import Way
from eoagent.contracts.errors import InputError
from eoagent.io.origin import OriginGuard
from eoagent.vectors.prompts import USUAL_ENSEMBLE

__all__ = ["ASKED", "Asked", "SuiteRequest"]

Asked = Literal["segmenter", "reasoner"]
ASKED: tuple[Asked, ...] = ("segmenter", "reasoner")
"""Kinds of models that a suite may be put to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRequest:
    """What a suite is asked to measure."""

    data: Path | None = None
    """Folder of a benchmark."""
    file: Path | None = None
    """File in it that lists what there is."""
    layout: str = ""
    """Format of the benchmark; empty takes the suite's first."""
    split: str = ""
    """Part of the benchmark; empty takes `test`."""
    classes: tuple[str, ...] = ()
    """Classes that count; none takes all."""
    phrase: str = ""
    """What masks are of, where their files do not say it."""
    value: float | None = None
    """Value of the object in masks; None takes every value but 0."""
    limit: int = 0
    """Most pictures that are measured, from the first on; 0 takes all."""
    every: bool = False
    """Ask all questions of a picture, not the first alone."""
    present_only: bool = False
    """Count in each picture only the classes that it shows."""
    model: str = ""
    """Card of a segmenter or reasoner; empty takes the default."""
    by: Asked = "segmenter"
    """Which kind of model grounds and captions, where either can."""
    way: Way = "tiles"
    """How a segmenter looks: in tiles as the tools do, or as published."""
    gsd_m: float | None = None
    """Ground sampling distance of pictures without georeference, metres."""
    encoder: str = ""
    """Card of the encoder; empty takes the default of the settings."""
    index: str = ""
    """Name of the index; empty takes the default or the only one."""
    prompts: str = USUAL_ENSEMBLE
    """Name of the prompt ensemble."""
    holdout: bool = False
    """Whether only the last fifth of each class is labelled, and the rest is learnt from."""
    queries: int = 100
    """Searches for each share of the tiles."""
    seed: int = 0
    """For what is drawn at random."""

    def folder(self) -> Path:
        """Return the data folder.

        Raises:
            InputError: if none was named.
        """
        if self.data is None:
            raise InputError("no folder was named to measure on", hint="name it with --data")
        return self.data.expanduser().absolute()

    def guard(self) -> OriginGuard:
        """Return a guard that trusts the data folder, as the user typed it."""
        return OriginGuard(typed=[str(self.folder())])

    def part(self) -> str:
        """Return the name of the split."""
        return self.split or "test"

    def choose(self, formats: tuple[str, ...]) -> str:
        """Return the format, which must be one of a suite's; its first by default.

        Raises:
            InputError: if it is none of them.
        """
        name = self.layout or formats[0]
        if name not in formats:
            raise InputError(
                f"this suite reads no format '{name}'", hint=f"it reads: {', '.join(formats)}"
            )
        return name

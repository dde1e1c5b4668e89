"""Figures: numbers and choices that carry their unit, method, error and sources."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from eoagent.contracts.geometry import TimeRange, Window
from eoagent.contracts.record import Record
from eoagent.contracts.units import is_unit

__all__ = ["Figure", "FigureDraft", "Fingerprint", "Source", "unclear_changes"]

FingerprintKind = Literal["sha256", "etag", "size+mtime+hash", "artifact", "none"]


class Fingerprint(Record):
    """What identifies the bytes of a source, and how that was found."""

    kind: FingerprintKind
    """`sha256` of the whole file, `etag` of a server, `size+mtime+hash` of what was read,
    `artifact` for the sha256 of something computed here."""
    value: str
    """The fingerprint itself."""


class Source(Record):
    """Where a number came from: the item, the place of its bytes, the part read, and when."""

    href: str
    """Absolute path or URL without credentials, or an artifact handle."""
    fingerprint: Fingerprint
    """What identifies the bytes."""
    item_id: str = ""
    """STAC item id, or empty."""
    window: Window | None = None
    """Part that was read; None is the whole."""
    time: TimeRange | None = None
    """When the scene was taken, if known."""

    @property
    def is_model(self) -> bool:
        """Whether it is the weights of a model, and no place on the ground."""
        return self.href.startswith("model:")


class FigureDraft(Record):
    """A measured value as a tool hands it over, before the run numbers it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    """The output's name inside its step, for references such as `$2.area`."""
    value: float | int | str
    """A finite number, or a text when the unit is `choice`."""
    unit: str
    """A unit of `eoagent.contracts.units`."""
    label: str = Field(min_length=1, max_length=200)
    """What it is, in words a reader understands."""
    method: str = Field(min_length=1, max_length=600)
    """How it was computed."""
    error: float | None = None
    """Half-width of the stated error in the same unit, or None when none is stated."""
    sources: tuple[Source, ...] = ()
    """What it was computed from."""

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if not is_unit(unit):
            msg = f"'{unit}' is not a unit"
            raise ValueError(msg)
        return unit

    @model_validator(mode="after")
    def _value_fits_unit(self) -> Self:
        is_text = isinstance(self.value, str)
        if is_text != (self.unit == "choice"):
            msg = f"figure '{self.name}': value {self.value!r} does not fit unit '{self.unit}'"
            raise ValueError(msg)
        numbers = (self.value, 0.0 if self.error is None else self.error)
        if any(not isinstance(n, str) and not abs(n) <= sys.float_info.max for n in numbers):
            msg = f"figure '{self.name}' is not finite: value {self.value!r}, error {self.error!r}"
            raise ValueError(msg)
        if self.error is not None and self.error < 0:
            msg = f"figure '{self.name}' has a negative error {self.error}"
            raise ValueError(msg)
        return self


class Figure(FigureDraft):
    """A figure of a run: numbered, and tied to the step that made it."""

    name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,40})?$")
    """The output's name inside its step; empty when read from an `answer.json`, which has none."""
    id: str = Field(pattern=r"^f[1-9][0-9]{0,5}$")
    """`f1`, `f2`, ... in the order of the run."""
    step: int = Field(ge=1)
    """Number of the step that made it."""

    @property
    def number(self) -> float:
        """The value as a number.

        Raises:
            TypeError: if the figure is a choice.
        """
        if isinstance(self.value, str):
            msg = f"figure {self.id} is the choice '{self.value}', not a number"
            raise TypeError(msg)
        return float(self.value)


def unclear_changes(figures: Iterable[FigureDraft], names: Collection[str]) -> tuple[str, ...]:
    """Return a warning for each change that its own error may have made.

    Args:
        figures: what a tool measured.
        names: which of them are changes.
    """
    return tuple(
        f"{figure.label}: the change is not larger than its error, so there may be none"
        for figure in figures
        if figure.name in names
        and not isinstance(figure.value, str)
        and figure.error is not None
        and 0 < abs(figure.value) <= figure.error
    )

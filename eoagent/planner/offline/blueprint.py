"""A blueprint: the steps for a reading, which of their outputs answer, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input

__all__ = ["Blueprint", "Drawing", "Opened", "Result", "opened_of"]

_OPENERS: Final = frozenset({"open_image", "open_features"})
_SPECTRAL: Final = frozenset({"blue", "green", "red", "nir", "nir08", "swir16", "swir22"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One output that answers, and its sentence."""

    reference: str
    """`$4.area`."""
    phrase: str
    """Phrase to say it with."""
    values: Mapping[str, str]
    """What the phrase is filled with; the figure is added."""
    unit: str = ""
    """Unit asked for, or empty."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Name in the phrase to the reference of a figure that the sentence tells besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Steps to run after the opening ones, or a question back, or a refusal."""

    steps: tuple[Step, ...] = ()
    results: tuple[Result, ...] = ()
    reading: str = ""
    assumptions: tuple[str, ...] = ()
    """Choices of the planner's own that bear on the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Something that was opened in the first round."""

    n: int
    """Step that opened it."""
    href: str
    """What the user gave."""
    handle: str
    """Its handle."""
    preview: Mapping[str, Any]
    """A few facts of it."""
    is_raster: bool
    """Raster or features."""
    reference: str = ""
    """What steps refer to it by; `$n` of the step that opened it unless said otherwise."""

    @property
    def ref(self) -> str:
        """What steps refer to it by."""
        return self.reference or f"${self.n}"

    @property
    def bands(self) -> tuple[str, ...]:
        """Band names of a raster, as far as the preview holds them."""
        return tuple(str(b) for b in self.preview.get("bands", ()))

    @property
    def has_spectral_bands(self) -> bool:
        """Whether at least two bands have names of the spectrum."""
        return len(_SPECTRAL & set(self.bands)) > 1

    @property
    def is_single(self) -> bool:
        """Whether it has one band only."""
        return self.is_raster and len(self.bands) == 1

    @property
    def title(self) -> str:
        """Name to show."""
        return str(self.preview.get("title", "")) or self.href


@dataclass(slots=True, kw_only=True)
class Drawing:
    """A blueprint while it is drawn: numbers the steps and remembers the results."""

    next_n: int
    steps: list[Step] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def add(self, tool: str, why: str, /, **arguments: Any) -> str:
        """Add a step and return a reference to it; arguments that are None are left out."""
        given = {key: value for key, value in arguments.items() if value is not None}
        step = Step(n=self.next_n, tool=tool, arguments=given, why=why)
        self.steps.append(step)
        self.next_n += 1
        return f"${step.n}"

    def answer(
        self,
        reference: str,
        phrase: str,
        unit: str = "",
        *,
        others: Mapping[str, str] | None = None,
        **values: str,
    ) -> None:
        """Note an output that answers, and outputs that its sentence tells besides."""
        self.results.append(
            Result(
                reference=reference, phrase=phrase, values=values, unit=unit, others=others or {}
            )
        )

    def done(self, reading: str = "") -> Blueprint:
        """Return the finished blueprint."""
        return Blueprint(
            steps=tuple(self.steps),
            results=tuple(self.results),
            reading=reading,
            assumptions=tuple(dict.fromkeys(self.assumptions)),
        )


def opened_of(inputs: tuple[Input, ...], records: tuple[StepRecord, ...]) -> tuple[Opened, ...]:
    """Return what the opening steps opened: the n-th step opens the n-th input."""
    found = []
    for given, record in zip(inputs, records, strict=False):
        if record.status not in {"done", "cached"} or record.tool not in _OPENERS:
            continue
        if record.outputs:
            handle = next(iter(record.outputs.values()))
            found.append(
                Opened(
                    n=record.n,
                    href=given.href,
                    handle=handle,
                    preview=record.previews.get(handle, {}),
                    is_raster=record.tool == "open_image",
                )
            )
    return tuple(found)

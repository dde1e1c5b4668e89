"""What a plain function hands back, as a tool's result: read from its annotation, then checked.

A number or a text becomes one figure; figures, artifacts and whole results are passed on.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import numpy as np

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.tool import Output, ToolResult
from eoagent.contracts.units import BASE_UNITS, is_unit

__all__ = ["Returned", "Unit", "as_result", "read_returned"]

Kind = Literal["float", "int", "bool", "str", "figure", "figures", "artifact", "result"]

_KINDS: Final[dict[Any, Kind]] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "str",
    FigureDraft: "figure",
    Artifact: "artifact",
    ToolResult: "result",
}
_NAMED_ALIKE: Final = frozenset({"float", "int", "bool", "str", "figure"})
_ALLOWED: Final = "float, int, bool, str, FigureDraft, list[FigureDraft], Artifact or ToolResult"


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number that a function returns: `-> Annotated[float, Unit("km2")]`.

    Raises:
        InputError: if it is no unit of a number.
    """

    name: str
    """A unit of `eoagent.contracts.units`."""

    def __post_init__(self) -> None:
        if not is_unit(self.name) or self.name == "choice":
            raise InputError(
                f"'{self.name}' is no unit of a number",
                hint=f"give a*b or a/b of these, or one of them: {', '.join(BASE_UNITS)}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the annotation of a function promises."""

    function: str
    """The function, for messages."""
    kind: Kind
    """What is returned."""
    type: str
    """The same as the annotation has it, for messages."""
    unit: str
    """Unit of a number."""
    outputs: tuple[Output, ...]
    """The outputs of the tool's card."""
    label: str
    """What a number or text is, in words."""
    method: str
    """How it was computed: by which function of which module."""


def read_returned(
    hint: object, *, function: str, name: str, about: str, method: str = ""
) -> Returned:
    """Read the annotation of what a function returns.

    Args:
        hint: the annotation, resolved.
        function: the function, for messages.
        name: what a figure is called where no `Output` says it.
        about: what is returned, in words.
        method: how it is computed.

    Raises:
        InputError: if nothing of the kind can be returned, or a marker is missing or misplaced.
    """
    bare, marks = hint, list[object]()
    if get_origin(hint) is Annotated:
        bare, *marks = get_args(hint)
    kind = _kind(bare)
    if kind is None:
        raise InputError(f"{function} returns {_shown(bare)}", hint=f"let it return {_ALLOWED}")
    units = [mark.name for mark in marks if isinstance(mark, Unit)]
    if len(units) > 1 or (units and kind not in {"float", "int"}):
        raise InputError(
            f"{function} returns {_shown(bare)} in {' and '.join(units)}",
            hint="Unit goes once, with float or int",
        )
    unit = "choice" if kind in {"bool", "str"} else (*units, "1")[0]
    outputs = tuple(mark for mark in marks if isinstance(mark, Output))
    if not outputs and kind not in _NAMED_ALIKE:
        raise InputError(
            f"{function} does not say which outputs its {_shown(bare)} has",
            hint=f"write them: -> Annotated[{_shown(bare)}, "
            "Output(name='lakes', kind='features', about='the lakes found')]",
        )
    if len(outputs) > 1 and kind not in {"figures", "result"}:
        raise InputError(f"{function} returns one {_shown(bare)}", hint="give one Output")
    stated = f"{about}, {unit}" if kind != "figure" else about
    return Returned(
        function=function,
        kind=kind,
        type=_shown(bare),
        unit=unit,
        outputs=outputs or (Output(name=name, kind="figure", about=stated),),
        label=about[:200],
        method=method[:600],
    )


def as_result(value: object, promised: Returned, sources: tuple[Source, ...]) -> ToolResult:
    """Return what a function handed back as a tool's result.

    Figures that name no source get those of the arguments.

    Raises:
        InputError: if it is not what the annotation promises, or a number is not finite.
    """
    if promised.kind == "result" and isinstance(value, ToolResult):
        return value.model_copy(update={"figures": _sourced(value.figures, sources)})
    if promised.kind == "artifact" and isinstance(value, Artifact):
        return ToolResult(artifacts={promised.outputs[0].name: value})
    if promised.kind == "figure" and isinstance(value, FigureDraft):
        return ToolResult(figures=_sourced((value,), sources))
    if promised.kind == "figures" and isinstance(value, (list, tuple)):
        strange = next((item for item in value if not isinstance(item, FigureDraft)), None)
        if strange is not None:
            raise _other(replace(promised, type=FigureDraft.__name__), strange)
        return ToolResult(figures=_sourced(tuple(value), sources))
    figure = FigureDraft(
        name=promised.outputs[0].name,
        value=_plain(value, promised),
        unit=promised.unit,
        label=promised.label,
        method=promised.method,
        sources=sources,
    )
    return ToolResult(figures=(figure,))


def _shown(hint: object) -> str:
    """Return a type as one writes it, without the modules that its parts come from."""
    whole = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", whole)


def _kind(hint: object) -> Kind | None:
    if get_origin(hint) is Literal:
        return "str" if all(isinstance(choice, str) for choice in get_args(hint)) else None
    if get_origin(hint) in {list, tuple, Sequence}:
        inner = [part for part in get_args(hint) if part is not Ellipsis]
        return "figures" if inner and set(inner) == {FigureDraft} else None
    return _KINDS.get(hint) if isinstance(hint, type) else None


def _plain(value: object, promised: Returned) -> float | int | str:
    """Return a promised number or text as JSON has it; numpy's own numbers count as numbers."""
    is_truth = isinstance(value, (bool, np.bool_))
    if promised.kind == "bool" and is_truth:
        return "yes" if value else "no"
    if promised.kind == "str" and isinstance(value, str):
        return value
    if promised.kind == "int" and isinstance(value, numbers.Integral) and not is_truth:
        return int(value)
    if promised.kind == "float" and isinstance(value, numbers.Real) and not is_truth:
        number = float(value)
        if not math.isfinite(number):
            raise InputError(
                f"{promised.function} gave {number}, which is no value",
                hint="let it raise eoagent.InputError where there is no result",
            )
        return number
    raise _other(promised, value)


def _other(promised: Returned, value: object) -> InputError:
    return InputError(
        f"{promised.function} gave {type(value).__name__} where {promised.type} is promised",
        hint="mend its annotation, or what it returns",
    )


def _sourced(
    figures: tuple[FigureDraft, ...], sources: tuple[Source, ...]
) -> tuple[FigureDraft, ...]:
    return tuple(
        figure if figure.sources else figure.model_copy(update={"sources": sources})
        for figure in figures
    )

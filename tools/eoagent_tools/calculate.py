"""Arithmetic over figures of the run, with units and errors carried along; nothing is executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure, FigureDraft, unclear_changes
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.contracts.units import convert, product, same_kind

__all__ = ["TOOL", "Calculate", "calculate"]

_MAX_DEPTH = 20


class Calculate(Arguments):
    """Arguments of `calculate`."""

    expression: str = Field(min_length=1, max_length=200)
    """Arithmetic over the names in `values`: + - * / and parentheses, `(a - b) / a`."""
    values: dict[str, str] = Field(min_length=1, max_length=20)
    """Name to figure: a reference such as $2.area, or a figure id such as f3."""
    unit: str | None = None
    """Unit of the result, of the same kind; percent for a ratio."""
    label: str = Field(default="result", min_length=1, max_length=120)
    """What the result is, in words."""
    is_change: bool = False
    """Whether the result is a change from earlier to later, so that its direction is told too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    value: float
    unit: str
    parts: tuple[tuple[str, float], ...] = ()
    """Per figure id, by how much its error moves the value; signs count."""


def calculate(arguments: Calculate, services: Services) -> ToolResult:
    """Return the value of an expression over figures.

    Errors of different figures are taken as independent and add in quadrature, each times the
    slope of the expression; a figure that stands in it twice counts with both slopes together.

    Source: JCGM 100:2008, Guide to the expression of uncertainty in measurement, 5.1.2, eq. 10.

    Raises:
        InputError: if a name is no figure, units do not fit, or the value is not finite.
    """
    figures = {name: _figure(i, services.figures) for name, i in arguments.values.items()}
    known = {
        name: _Quantity(
            value=f.number, unit=f.unit, parts=() if f.error is None else ((f.id, f.error),)
        )
        for name, f in figures.items()
    }
    result = _value(_parse(arguments.expression), known, 0)
    unit = arguments.unit or result.unit
    value = convert(result.value, result.unit, unit)
    error = None
    if result.parts:
        size = math.hypot(*(part for _, part in result.parts))
        error = convert(size, result.unit, unit)
    if not (math.isfinite(value) and math.isfinite(error or 0.0)):
        raise InputError(
            f"'{arguments.expression}' has no finite value here", hint="check what is divided by"
        )
    terms = ", ".join(f"{name} = {f.label} ({f.id})" for name, f in figures.items())
    sources = tuple(dict.fromkeys(s for f in figures.values() for s in f.sources))
    method = f"{arguments.expression} with {terms}"[:600]
    figure = FigureDraft(
        name="value",
        value=value,
        unit=unit,
        label=arguments.label,
        method=method,
        error=error,
        sources=sources,
    )
    if not arguments.is_change:
        return ToolResult(figures=(figure,))
    direction = FigureDraft(
        name="direction",
        value="increased" if value > 0 else "decreased" if value < 0 else "unchanged",
        unit="choice",
        label=f"direction of {arguments.label}",
        method=f"sign of {method}"[:600],
        sources=sources,
    )
    unclear = unclear_changes((figure,), {"value"})
    return ToolResult(figures=(figure, direction), warnings=unclear)


def _figure(identity: str, figures: Mapping[str, Figure]) -> Figure:
    figure = figures.get(identity.removeprefix("figure:"))
    if figure is None:
        known = ", ".join(figures) or "none yet"
        raise InputError(f"'{identity}' is no figure of this run", hint=f"figures: {known}")
    if isinstance(figure.value, str):
        raise InputError(
            f"{figure.id} is the choice '{figure.value}', which cannot be calculated with",
            hint="give a figure that is a number",
        )
    return figure


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"'{expression}' is no arithmetic expression", hint="for example (a - b) / a"
        ) from error


def _value(node: ast.expr, known: Mapping[str, _Quantity], depth: int) -> _Quantity:
    if depth > _MAX_DEPTH:
        raise InputError(f"the expression is nested deeper than {_MAX_DEPTH}", hint="split it")
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise InputError(f"'{node.id}' is not in values", hint=f"names: {', '.join(known)}")
        return known[node.id]
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return _Quantity(value=float(node.value), unit="1")  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand, known, depth + 1)
        turned = tuple((name, -part) for name, part in inner.parts)
        return _Quantity(value=-inner.value, unit=inner.unit, parts=turned)
    if isinstance(node, ast.BinOp):
        left, right = (_value(side, known, depth + 1) for side in (node.left, node.right))
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return _sum(left, right, -1 if isinstance(node.op, ast.Sub) else 1)
        if isinstance(node.op, (ast.Mult, ast.Div)):
            return _product(left, right, divide=isinstance(node.op, ast.Div))
    raise InputError(
        f"'{ast.unparse(node)[:60]}' is not allowed in an expression",
        hint="allowed: names, numbers, + - * / and parentheses",
    )


def _sum(left: _Quantity, right: _Quantity, sign: int) -> _Quantity:
    if not same_kind(left.unit, right.unit):
        raise InputError(
            f"{left.unit} and {right.unit} cannot be added or subtracted",
            hint="combine figures of the same kind",
        )
    factor = sign * convert(1.0, right.unit, left.unit)
    return _Quantity(
        value=left.value + right.value * factor,
        unit=left.unit,
        parts=_joined(left, 1.0, right, factor),
    )


def _product(left: _Quantity, right: _Quantity, *, divide: bool) -> _Quantity:
    unit, factor = product(left.unit, right.unit, divide=divide)
    if not divide:
        return _Quantity(
            value=left.value * right.value * factor,
            unit=unit,
            parts=_joined(left, right.value * factor, right, left.value * factor),
        )
    if right.value == 0:
        raise InputError("the expression divides by zero", hint="check what is divided by")
    value = left.value / right.value * factor
    return _Quantity(
        value=value,
        unit=unit,
        parts=_joined(left, factor / right.value, right, -value / right.value),
    )


def _joined(
    left: _Quantity, left_slope: float, right: _Quantity, right_slope: float
) -> tuple[tuple[str, float], ...]:
    moved = {name: part * left_slope for name, part in left.parts}
    for name, part in right.parts:
        moved[name] = moved.get(name, 0.0) + part * right_slope
    return tuple(moved.items())


TOOL = FunctionTool(
    card=ToolCard(
        name="calculate",
        summary="Arithmetic over figures of the run, with units and errors.",
        outputs=(
            Output(name="value", kind="figure", about="the result, in its unit"),
            Output(
                name="direction",
                kind="figure",
                about="with is_change: increased, decreased or unchanged, choice",
            ),
        ),
        group="measure",
        use="basic",
        cacheable=False,
    ),
    arguments=Calculate,
    function=calculate,
)

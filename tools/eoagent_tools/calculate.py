"""Arithmetic over figures of the run, with units and errors carried along; nothing is executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure, FigureDraft
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    value: float
    unit: str
    error: float | None


def calculate(arguments: Calculate, services: Services) -> ToolResult:
    """Return the value of an expression over figures.

    Errors are taken as independent: absolute ones add in quadrature under + and -, relative ones
    under * and / (JCGM 100:2008, Guide to the expression of uncertainty, 5.1).

    Raises:
        InputError: if a name is no figure, units do not fit, or the value is not finite.
    """
    figures = {name: _figure(i, services.figures) for name, i in arguments.values.items()}
    known = {
        name: _Quantity(value=f.number, unit=f.unit, error=f.error) for name, f in figures.items()
    }
    result = _value(_parse(arguments.expression), known, 0)
    unit = arguments.unit or result.unit
    value = convert(result.value, result.unit, unit)
    error = None if result.error is None else convert(result.error, result.unit, unit)
    if not math.isfinite(value):
        raise InputError(
            f"'{arguments.expression}' has no finite value here", hint="check what is divided by"
        )
    terms = ", ".join(f"{name} = {f.label} ({f.id})" for name, f in figures.items())
    sources = tuple(dict.fromkeys(s for f in figures.values() for s in f.sources))
    return ToolResult(
        figures=(
            FigureDraft(
                name="value",
                value=value,
                unit=unit,
                label=arguments.label,
                method=f"{arguments.expression} with {terms}"[:600],
                error=error,
                sources=sources,
            ),
        )
    )


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
        return _Quantity(value=float(node.value), unit="1", error=None)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand, known, depth + 1)
        return _Quantity(value=-inner.value, unit=inner.unit, error=inner.error)
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
    factor = convert(1.0, right.unit, left.unit)
    return _Quantity(
        value=left.value + sign * right.value * factor,
        unit=left.unit,
        error=_quadrature(left.error, None if right.error is None else right.error * factor),
    )


def _product(left: _Quantity, right: _Quantity, *, divide: bool) -> _Quantity:
    if divide and right.value == 0:
        raise InputError("the expression divides by zero", hint="check what is divided by")
    unit, factor = product(left.unit, right.unit, divide=divide)
    value = factor * (left.value / right.value if divide else left.value * right.value)
    first = None if left.error is None else left.error * _slope(right.value, divide=divide)
    over = left.value / right.value**2 if divide else left.value
    second = None if right.error is None else right.error * abs(over)
    error = _quadrature(first, second)
    return _Quantity(value=value, unit=unit, error=None if error is None else error * factor)


def _slope(value: float, *, divide: bool) -> float:
    return abs(1 / value if divide else value)


def _quadrature(first: float | None, second: float | None) -> float | None:
    if first is None and second is None:
        return None
    return math.hypot(first or 0.0, second or 0.0)


TOOL = FunctionTool(
    card=ToolCard(
        name="calculate",
        summary="Arithmetic over figures of the run, with units and errors.",
        outputs=(Output(name="value", kind="figure", about="the result, in its unit"),),
        group="measure",
        cacheable=False,
    ),
    arguments=Calculate,
    function=calculate,
)

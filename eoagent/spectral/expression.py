"""Arithmetic over bands, read from text without executing any of it.

The text is parsed with Python's own parser and then walked against a short list of allowed
nodes: numbers, band names, `+ - * / **`, unary signs, parentheses, and the functions `abs`,
`sqrt`, `log10`, `min`, `max`. Nothing is compiled, no attribute, index or keyword is accepted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError

__all__ = ["FUNCTIONS", "MAX_DEPTH", "MAX_EXPONENT", "MAX_LENGTH", "Expression", "parse"]

MAX_LENGTH: Final = 500
"""Characters that an expression may have."""
MAX_DEPTH: Final = 40
"""Levels of nesting that an expression may have."""
MAX_EXPONENT: Final = 16.0
"""Largest size of the constant after `**`."""

_Floats = NDArray[np.floating[Any]]

_HINT: Final = (
    "allowed: band names, numbers, + - * / **, parentheses, abs, sqrt, log10, min, max; "
    "for example 2*green - red - blue"
)

_BINARY: Final[Mapping[type[ast.operator], Callable[..., _Floats]]] = MappingProxyType(
    {
        ast.Add: np.add,
        ast.Sub: np.subtract,
        ast.Mult: np.multiply,
        ast.Div: np.divide,
        ast.Pow: np.power,
    },
)
_UNARY: Final[Mapping[type[ast.unaryop], Callable[..., _Floats]]] = MappingProxyType(
    {ast.UAdd: np.positive, ast.USub: np.negative},
)
_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., _Floats], int, int]]] = MappingProxyType(
    {
        "abs": (np.abs, 1, 1),
        "sqrt": (np.sqrt, 1, 1),
        "log10": (np.log10, 1, 1),
        "min": (np.minimum, 2, 8),
        "max": (np.maximum, 2, 8),
    },
)
FUNCTIONS: Final = tuple(sorted(_FUNCTIONS))
"""Names that are functions and therefore cannot be band names in an expression."""

_SIGNS: Final = MappingProxyType({"^": "**", "×": "*", "÷": "/", "−": "-", "–": "-", "²": "**2"})
_ALLOWED: Final = re.compile(r"[A-Za-z0-9_+\-*/()\[\]{}.,:@% \t]")
_JOINED: Final = re.compile(
    r"(?<![A-Za-z_\d.])(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)?+(?=[A-Za-z_])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A checked expression; make one with `parse`."""

    text: str
    """The expression as it was written, without outer blanks."""
    names: tuple[str, ...]
    """Names that need a value, in the order of their first use."""
    _body: ast.expr = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, ArrayLike]) -> _Floats:
        """Return the expression's value, NaN where it is not defined, never infinite.

        Division by zero, the root or logarithm of a number outside its domain, an overflow and
        anything made from NaN or infinity give NaN, without a warning. Arithmetic is in float32
        when every array is float32 or an integer of at most 16 bits, else in float64, so bytes
        do not wrap around.

        Args:
            values: An array (all of one shape) or a number for each of `names`; more is ignored.

        Raises:
            InputError: if a name has no value, or the arrays differ in shape or are not numeric.
        """
        arrays = _as_floats(self, values)
        with np.errstate(all="ignore"):
            return np.asarray(_value(self._body, arrays))


def parse(text: str) -> Expression:
    """Return a checked expression.

    Raises:
        InputError: if the text is empty, too long, too deep, names no band, or holds anything
            besides the allowed arithmetic; the message names the position.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError("the expression is empty", hint=_HINT)
    if len(stripped) > MAX_LENGTH:
        msg = f"the expression has {len(stripped)} characters, more than {MAX_LENGTH}"
        raise InputError(msg, hint="split it in two steps")
    _refuse_foreign_signs(stripped)
    names: dict[str, None] = {}
    body = _tree(stripped)
    _check(body, stripped, names, 1)
    if not names:
        raise InputError(f"the expression '{stripped}' names no band", hint=_HINT)
    return Expression(text=stripped, names=tuple(names), _body=body)


def _refuse_foreign_signs(text: str) -> None:
    for position, sign in enumerate(text, start=1):
        if _ALLOWED.match(sign):
            continue
        msg = f"the expression has {sign!r} at character {position}"
        if sign in _SIGNS:
            raise InputError(msg, hint=f"write {_SIGNS[sign]} instead")
        if sign in "<>=!&|~":
            raise InputError(msg, hint="comparisons belong to the threshold tool")
        raise InputError(msg, hint=_HINT)
    joined = _JOINED.search(text)
    if joined:
        msg = f"the number '{joined.group()}' at character {joined.start() + 1} runs into a letter"
        raise InputError(msg, hint="write 2*red, not 2red")


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        msg = f"the expression '{text}' breaks off at character {min(error.offset or 1, len(text))}"
        raise InputError(f"{msg}: {error.msg}", hint=_HINT) from error
    except (ValueError, RecursionError, MemoryError) as error:
        msg = f"the expression of {len(text)} characters is nested too deeply to be read"
        raise InputError(msg, hint="split it in two steps") from error


def _check(node: ast.expr, text: str, names: dict[str, None], depth: int) -> None:
    """Walk the tree against the allowed nodes and collect the names."""
    if depth > MAX_DEPTH:
        msg = f"the expression is nested more than {MAX_DEPTH} deep at character {_at(node)}"
        raise InputError(msg, hint="split it in two steps")
    match node:
        case ast.Constant(value=value):
            _check_number(value, node, text)
        case ast.Name(id=name):
            if name in _FUNCTIONS:
                msg = f"'{name}' at character {_at(node)} is a function and wants parentheses"
                raise InputError(msg, hint=_HINT)
            names.setdefault(name)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            _check(operand, text, names, depth + 1)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
            _check(left, text, names, depth + 1)
            _check(right, text, names, depth + 1)
            if isinstance(op, ast.Pow):
                _check_exponent(right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            _check_count(name, args, node)
            for argument in args:
                _check(argument, text, names, depth + 1)
        case _:
            part = ast.get_source_segment(text, node) or type(node).__name__
            msg = f"'{part[:40]}' at character {_at(node)} is not arithmetic over bands"
            raise InputError(msg, hint=_HINT)


def _at(node: ast.expr) -> int:
    return node.col_offset + 1


def _check_number(value: object, node: ast.expr, text: str) -> None:
    part = (ast.get_source_segment(text, node) or "")[:40]
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"'{part}' at character {_at(node)} is not a real number"
        raise InputError(msg, hint=_HINT)
    if abs(value) > 1e30:
        msg = f"the number '{part}' at character {_at(node)} is larger than 1e30"
        raise InputError(msg, hint=_HINT)


def _check_exponent(node: ast.expr) -> None:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    if not isinstance(value, int | float) or abs(value) > MAX_EXPONENT:
        msg = (
            f"the exponent at character {_at(node)} is not a number up to {MAX_EXPONENT:g} in size"
        )
        raise InputError(msg, hint="after ** write a plain number, such as 2 or 0.5")


def _check_count(name: str, args: list[ast.expr], node: ast.expr) -> None:
    _, least, most = _FUNCTIONS[name]
    if not least <= len(args) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        msg = f"{name} at character {_at(node)} has {len(args)} arguments and takes {wanted}"
        raise InputError(msg, hint=_HINT)


def _as_floats(expression: Expression, values: Mapping[str, ArrayLike]) -> dict[str, _Floats]:
    missing = [name for name in expression.names if name not in values]
    if missing:
        msg = f"'{expression.text}' needs {', '.join(missing)}, which the raster does not have"
        raise InputError(msg, hint=f"bands there: {', '.join(sorted(values)) or 'none'}")
    arrays = {name: np.asarray(values[name]) for name in expression.names}
    for name, array in arrays.items():
        if array.dtype.kind not in "iufb":
            msg = f"band '{name}' holds {array.dtype} values, which are not numbers to compute with"
            raise InputError(msg, hint="choose a numeric band")
    shapes = {array.shape for array in arrays.values() if array.shape}
    if len(shapes) > 1:
        sizes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        msg = f"the bands of '{expression.text}' differ in shape: {sizes}"
        raise InputError(msg, hint="bring them to one grid first")
    kept = [array for array in arrays.values() if array.shape] or list(arrays.values())
    short = all(a.dtype == np.float32 or (a.dtype.kind in "iub" and a.itemsize <= 2) for a in kept)
    dtype = np.dtype(np.float32 if short else np.float64)
    with np.errstate(all="ignore"):
        return {name: _finite(array.astype(dtype)) for name, array in arrays.items()}


def _finite(value: _Floats) -> _Floats:
    """Return the value with infinities as NaN, so that 1/(1/0) is NaN and not 0."""
    infinite = np.isinf(value)
    return (
        np.where(infinite, np.asarray(np.nan, dtype=value.dtype), value)
        if infinite.any()
        else value
    )


def _value(node: ast.expr, arrays: Mapping[str, _Floats]) -> _Floats:
    """Return the value of a checked node."""
    match node:
        case ast.Constant(value=int() | float() as value):
            dtype = next(iter(arrays.values())).dtype
            return np.asarray(float(value), dtype=dtype)
        case ast.Name(id=name):
            return arrays[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, arrays))
        case ast.BinOp(op=op, left=left, right=right):
            return _finite(_BINARY[type(op)](_value(left, arrays), _value(right, arrays)))
        case ast.Call(func=ast.Name(id=name), args=args):
            function, *_ = _FUNCTIONS[name]
            result = function(*(_value(argument, arrays) for argument in args[:2]))
            for argument in args[2:]:
                result = function(result, _value(argument, arrays))
            return _finite(np.asarray(result))
        case _:  # pragma: no cover -- `parse` lets nothing else through
            raise AssertionError(ast.dump(node))

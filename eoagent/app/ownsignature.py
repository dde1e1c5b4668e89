"""The parameters of a plain function as the arguments of a tool."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import AfterValidator, Field, WithJsonSchema, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from eoagent.app.docstring import Docstring
from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.tool import Arguments, Services

__all__ = ["Signature", "arguments_model", "hints_of", "in_words", "read_signature"]

_NOT_BY_NAME: Final = frozenset(
    {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }
)
_FIGURE_HELP: Final = "a figure: a reference such as $2.area, or an id such as f3"


def _figure_id(text: str) -> str:
    return text.removeprefix("figure:")


FigureId = Annotated[str, AfterValidator(_figure_id), WithJsonSchema({"type": "string"})]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the parameters of a function are to a tool."""

    fields: Mapping[str, Any]
    """Annotation and default of every argument, as pydantic takes them."""
    figures: frozenset[str]
    """Arguments that name a figure, which the function is given itself."""
    services: str
    """Parameter that the services go to, or empty."""


def hints_of(function: Callable[..., object], about: str) -> dict[str, Any]:
    """Return the annotations of a function by parameter, and that of `return`.

    Raises:
        InputError: if one cannot be read, or the function does not say what it returns.
    """
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (AttributeError, NameError, SyntaxError, TypeError) as error:
        raise InputError(
            f"an annotation of {about} cannot be read: {error}",
            hint="use names that its module defines or imports, outside of TYPE_CHECKING",
        ) from error
    if "return" not in hints:
        raise InputError(
            f"{about} does not say what it returns",
            hint='write it: def f(...) -> Annotated[float, Unit("km2")]',
        )
    return hints


def read_signature(
    function: Callable[..., object], told: Docstring, hints: Mapping[str, Any], about: str
) -> Signature:
    """Read the parameters of a function.

    Args:
        function: the function.
        told: its docstring.
        hints: its annotations.
        about: what messages call it.

    Raises:
        InputError: if a parameter cannot be an argument; the message names it.
    """
    fields: dict[str, Any] = {}
    figures: set[str] = set()
    services = ""
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
        _check_parameter(parameter, hints, about)
        hint, is_optional = _without_none(hints[name])
        if hint is Services:
            services = name
            continue
        text = told.parameters.get(name) or _described(hints[name]) or in_words(name)
        annotation = hints[name]
        if hint is Figure:
            figures.add(name)
            annotation = FigureId | None if is_optional else FigureId
            text = f"{text.rstrip('.')}; {_FIGURE_HELP}"
        default = ... if parameter.default is parameter.empty else parameter.default
        field = Field(description=text) if default is ... else Field(default, description=text)
        fields[name] = (annotation, field)
    unknown = sorted(set(told.parameters) - set(parameters))
    if unknown:
        raise InputError(
            f"the docstring of {about} explains '{unknown[0]}', which is no parameter",
            hint=f"its parameters are: {', '.join(parameters) or 'none'}",
        )
    return Signature(fields=fields, figures=frozenset(figures), services=services)


_TAKEN: Final = frozenset({"each"})
"""What a step says besides its arguments."""


def _check_parameter(parameter: inspect.Parameter, hints: Mapping[str, Any], about: str) -> None:
    name = parameter.name
    if parameter.kind in _NOT_BY_NAME:
        raise InputError(
            f"{about} takes {parameter}, which cannot be given by name",
            hint="give every parameter a name and a type; a list takes several values",
        )
    if name not in hints:
        raise InputError(
            f"parameter '{name}' of {about} has no type", hint=f"annotate it: {name}: float"
        )
    if name.startswith("_") or hasattr(Arguments, name) or name in _TAKEN:
        raise InputError(f"{about} has a parameter named '{name}'", hint="give it another name")
    if isinstance(parameter.default, FieldInfo):
        raise InputError(
            f"parameter '{name}' of {about} has a Field as default",
            hint=f"write {name}: Annotated[..., Field(...)] = value",
        )
    if _without_none(hints[name])[0] is Artifact:
        raise InputError(
            f"parameter '{name}' of {about} is an Artifact, and tools are given handles",
            hint="use RasterHandle, MaskHandle, FeaturesHandle, ... and services.store.get(handle)",
        )


def arguments_model(name: str, signature: Signature, about: str) -> type[Arguments]:
    """Return the model that the arguments of a function are checked with.

    Raises:
        InputError: if a parameter has a type that cannot be checked.
    """
    title = "".join(part.capitalize() for part in name.split("_"))
    doc = f"Arguments of `{name}`."
    try:
        model: type[Arguments] = create_model(
            title, __base__=Arguments, __module__=__name__, __doc__=doc, **signature.fields
        )
    except (PydanticUserError, TypeError) as error:
        raise InputError(
            f"a parameter of {about} has a type that cannot be checked: "
            f"{str(error).splitlines()[0]}",
            hint="use numbers, texts, lists, dicts, Literal, handles or subclasses of Arguments",
        ) from error
    return model


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return an annotation without `| None`, and whether that was there."""
    if get_origin(hint) in {Union, types.UnionType}:
        rest = [part for part in get_args(hint) if part is not types.NoneType]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def _described(hint: Any) -> str:
    """Return the description in `Annotated[..., Field(description=...)]`, if there is one."""
    if get_origin(hint) is not Annotated:
        return ""
    marks = [mark for mark in get_args(hint)[1:] if isinstance(mark, FieldInfo)]
    return next((mark.description for mark in marks if mark.description), "")


def in_words(name: str) -> str:
    """Return a name as words."""
    return name.replace("_", " ").strip()

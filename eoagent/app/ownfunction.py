"""Make a tool of a plain function: its signature and docstring say all that a tool must say.

Results are not cached unless that is asked for: the code of a function may change under its name.
Steps run side by side, so that a function may be called from several threads at once.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from eoagent.app.docstring import Docstring, read_docstring
from eoagent.app.ownresult import Returned, Unit, as_result, read_returned
from eoagent.app.ownsignature import (
    Signature,
    arguments_model,
    hints_of,
    in_words,
    read_signature,
)
from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure, Source
from eoagent.contracts.price import Price
from eoagent.contracts.tool import Arguments, FunctionTool, Services, ToolCard, ToolResult
from eoagent.testing import result_problems, tool_problems

__all__ = ["Unit", "as_tool"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,40}")
_MOST_CHARS: Final = 300

Group = Literal["open", "compute", "measure", "present", "talk", "search", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calling:
    """The body of the tool: calls the function and makes a result of what it hands back."""

    function: Callable[..., object]
    signature: Signature
    card: ToolCard
    returned: Returned

    def __call__(self, arguments: Arguments, services: Services) -> ToolResult:
        own = self.signature
        given = {name: getattr(arguments, name) for name in own.fields}
        for name in own.figures:
            if given[name] is not None:
                given[name] = _figure(given[name], services.figures)
        sources = tuple(dict.fromkeys(_sources(list(given.values()), services)))
        if own.services:
            given[own.services] = services
        result = as_result(self.function(**given), self.returned, sources)
        problems = result_problems(self.card, result)
        if problems:
            raise InputError(
                f"{self.card.name}: {'; '.join(problems)}",
                hint="let the annotation of what is returned say it with Output",
            )
        return result


def as_tool(
    function: Callable[..., object],
    *,
    group: Group = "compute",
    outward: bool = False,
    cacheable: bool = False,
    version: str = "1",
    price: Callable[[Any, Services], Price] | None = None,
) -> FunctionTool:
    """Return the tool that a typed function with a Google-style docstring is.

    Parameters become arguments with their types, defaults, `Annotated[..., Field(...)]` and the
    text of the docstring's `Args`. `RasterHandle` and its kin take a handle of that kind, `Figure`
    a figure of the run; a parameter of type `Services` is filled in and not shown. A returned
    number, yes or no, or text is one figure named after the function, `Annotated[float,
    Unit("km2")]` in that unit, else in `1`; sources are those of the handles and figures that were
    given. More is returned as `FigureDraft`, `list[FigureDraft]`, `Artifact` or `ToolResult`, with
    an `Output` in the annotation for each output (`FigureDraft` alone may do without).

    Args:
        function: the function; it raises `eoagent.InputError` for what the caller can repair.
        group: where the tool is listed.
        outward: whether it writes outside the store or sends something out.
        cacheable: whether equal arguments may be answered from an earlier call; then raise
            `version` whenever the function changes.
        version: raised when results change for the same arguments.
        price: what a call would take, from its arguments.

    Raises:
        InputError: if the function cannot be a tool; the message says what is missing in it.
    """
    about = _name_of(function)
    name, told, hints = function.__name__, _told(function, about), hints_of(function, about)
    signature = read_signature(function, told, hints, about)
    returned = read_returned(
        hints["return"],
        function=about,
        name=name,
        about=told.returns.rstrip(".") or in_words(name),
        method=f"computed by the function {function.__qualname__} of {function.__module__}",
    )
    card = ToolCard(
        name=name,
        summary=told.summary,
        outputs=returned.outputs,
        group=group,
        outward=outward,
        cacheable=cacheable,
        version=version,
    )
    tool = FunctionTool(
        card=card,
        arguments=arguments_model(name, signature, about),
        function=_Calling(function=function, signature=signature, card=card, returned=returned),
        price=price,
    )
    problems = tool_problems(tool)
    if problems:
        raise InputError(f"{about}: {'; '.join(problems)}", hint="mend its signature or docstring")
    return tool


def _name_of(function: Callable[..., object]) -> str:
    """Return what messages call a function, once it is one."""
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        kind = type(function).__name__
        what = f"class {function.__name__}" if isinstance(function, type) else f"{kind} object"
        raise InputError(
            f"the {what} is neither a tool nor a function",
            hint="pass a function, a FunctionTool, or an object with card, arguments and a call",
        )
    about = f"{function.__module__}.{function.__qualname__}"
    if not _NAME.fullmatch(function.__name__):
        raise InputError(
            f"{about} has a name that no tool can have",
            hint="use 2 to 41 small letters, digits and _",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise InputError(f"{about} is asynchronous", hint="tools are called in threads: use def")
    return about


def _told(function: Callable[..., object], about: str) -> Docstring:
    """Return what the docstring says, its first paragraph as one sentence."""
    told = read_docstring(inspect.getdoc(function) or "")
    if not told.summary:
        raise InputError(
            f"{about} has no docstring", hint="its first sentence tells planners what it is for"
        )
    summary = f"{told.summary.rstrip('.')}."
    if len(summary) > _MOST_CHARS:
        raise InputError(
            f"the first paragraph of {about} has {len(summary)} characters, at most {_MOST_CHARS} "
            "fit",
            hint="say in one sentence what it is for, and the rest in a second paragraph",
        )
    return replace(told, summary=summary)


def _figure(identity: str, figures: Mapping[str, Figure]) -> Figure:
    if identity not in figures:
        known = ", ".join(figures) or "none yet"
        raise InputError(f"'{identity}' is no figure of this run", hint=f"figures: {known}")
    return figures[identity]


def _sources(value: object, services: Services) -> Iterator[Source]:
    """Yield what stands behind the figures and handles among the arguments."""
    if isinstance(value, Figure):
        yield from value.sources
    elif isinstance(value, str) and handle_kind(value) is not None:
        for source in services.store.get(value).payload.get("sources", ()):
            yield Source.model_validate(source)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sources(item, services)

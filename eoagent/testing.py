"""The exam that a plugin author runs: is this object a tool, and does it keep to its own card?

`check_tool` looks at card and arguments and runs nothing; `check_call` runs one call and looks at
what comes back. What a tool raises that is no `EoAgentError` is let through as it is, so that a
failing test shows the author's own traceback.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from eoagent.contracts.artifact import KINDS, PREVIEW_CHARS
from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.contracts.record import canonical_json
from eoagent.contracts.tool import Arguments, Services, Tool, ToolCard, ToolResult
from eoagent.contracts.units import is_unit

__all__ = ["check_call", "check_tool", "result_problems", "tool_problems"]

_UNKNOWN: Final = "no_argument_is_called_so"
_DEEPEST: Final = 6


def check_tool(tool: Tool, *, name: str = "") -> None:
    """Check card and arguments of a tool; nothing is run.

    Args:
        tool: what the entry point names.
        name: name of the entry point; empty to leave it out of the exam.

    Raises:
        InputError: if something does not hold; the message lists all that was found.
    """
    _report(name or type(tool).__name__, tool_problems(tool, name=name))


def check_call(
    tool: Tool, arguments: Mapping[str, Any], services: Services, *, repeat: bool = True
) -> ToolResult:
    """Run one call of a tool and check what it hands back against its card.

    Args:
        tool: the tool.
        arguments: as a plan would give them, with handles and figure ids in place.
        services: a store, a guard and the rest; the artifacts named must be in the store.
        repeat: run a cacheable tool twice, to see that it gives the same artifacts and figures.

    Raises:
        InputError: if the arguments do not fit, the tool refuses them, or the result does not
            keep to the card; the message lists all that was found.
        EoAgentError: whatever else the tool raises on purpose.
    """
    card = tool.card
    try:
        checked = tool.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        raise InputError(
            f"{card.name}: the arguments do not fit: {error.errors()[0]['msg']}",
            hint=f"arguments are: {', '.join(tool.arguments.model_fields)}",
        ) from error
    result = tool(checked, services)
    if not isinstance(result, ToolResult):
        _report(card.name, (f"it hands back a {type(result).__name__}, not a ToolResult",))
    problems = list(result_problems(card, result))
    problems += _unstored(result, services)
    if repeat and card.cacheable and not problems and tool(checked, services) != result:
        problems.append("a second call gave another result, and the card says cacheable")
    _report(card.name, tuple(problems))
    return result


def tool_problems(tool: Tool, *, name: str = "") -> tuple[str, ...]:
    """Return what is wrong with card and arguments, each a sentence; none if all is well."""
    lacking = [part for part in ("card", "arguments", "__call__") if not hasattr(tool, part)]
    if lacking:
        return (f"it has no {', '.join(lacking)}; make it with FunctionTool",)
    if not isinstance(tool.card, ToolCard):
        return (f"its card is a {type(tool.card).__name__}, not a ToolCard",)
    model = tool.arguments
    if not (isinstance(model, type) and issubclass(model, Arguments)):
        return ("its arguments are no subclass of eoagent.contracts.tool.Arguments",)
    return (*_card_problems(tool.card, name), *_argument_problems(model))


def result_problems(card: ToolCard, result: ToolResult) -> tuple[str, ...]:
    """Return where a result does not keep to its tool's card, each a sentence."""
    problems = []
    for output, artifact in result.artifacts.items():
        if artifact.kind not in _declared(card, output):
            problems.append(f"output '{output}' ({artifact.kind}) is not on the card")
        if len(canonical_json(artifact.preview)) > PREVIEW_CHARS:
            problems.append(f"the preview of '{output}' is longer than {PREVIEW_CHARS} characters")
    names = [figure.name for figure in result.figures]
    problems += [f"figure '{n}' comes twice" for n in sorted(set(names)) if names.count(n) > 1]
    for figure in result.figures:
        if "figure" not in _declared(card, figure.name):
            problems.append(f"figure '{figure.name}' is not on the card")
        if not is_unit(figure.unit):
            problems.append(f"figure '{figure.name}' has the unknown unit '{figure.unit}'")
    if (result.ended_as is not None) != card.ends_run:
        problems.append("ended_as is for the tools whose card says ends_run, and they all set it")
    if card.ends_run and not result.message:
        problems.append("it ends the run and says nothing")
    if not (card.ends_run or result.artifacts or result.figures):
        problems.append("it hands back neither artifact nor figure")
    return tuple(problems)


def _report(name: str, problems: tuple[str, ...]) -> None:
    if problems:
        raise InputError(
            f"tool '{name}' fails {len(problems)} checks: {'; '.join(problems)}",
            hint="the card and the arguments are what planner, command line and MCP rely on",
        )


def _card_problems(card: ToolCard, name: str) -> Iterator[str]:
    if name and card.name != name:
        yield f"its entry point is named '{name}' and its card '{card.name}'"
    if not card.summary.strip().endswith("."):
        yield "its summary is no sentence that ends in a full stop"
    if not (card.outputs or card.ends_run):
        yield "its card declares no output"
    listed = [output.name for output in card.outputs]
    for twice in sorted({n for n in listed if listed.count(n) > 1}):
        yield f"its card declares output '{twice}' more than once"
    for output in card.outputs:
        if output.kind not in KINDS:
            yield f"its output '{output.name}' is of the unknown kind '{output.kind}'"
        if not output.about.strip():
            yield f"its card does not say what output '{output.name}' holds"


def _argument_problems(model: type[Arguments]) -> Iterator[str]:
    if not (model.__doc__ or "").strip():
        yield "its arguments have no docstring"
    try:
        schema = model.model_json_schema()
        canonical_json(schema)
    except (PydanticUserError, TypeError, ValueError) as error:
        yield f"its arguments have no JSON schema: {str(error).splitlines()[0]}"
        return
    defined = schema.get("$defs", {})
    for owner, fields in (("", schema), *((f"{name}.", d) for name, d in defined.items())):
        for field, about in fields.get("properties", {}).items():
            if not str(about.get("description", "")).strip():
                yield f"argument '{owner}{field}' has no description"
    yield from _looseness(model, defined)
    for field, about in schema.get("properties", {}).items():
        for probe in _not_finite(about, defined, 0):
            if not any(_is_infinite(p.get("input")) for p in _complaints(model, field, probe)):
                yield f"argument '{field}' takes numbers that are not finite"
                break


def _looseness(model: type[Arguments], defined: Mapping[str, Any]) -> Iterator[str]:
    if not any(p["type"] == "extra_forbidden" for p in _complaints(model, _UNKNOWN, 1)):
        yield "its arguments take unknown names"
    for name, inner in defined.items():
        if inner.get("properties") and inner.get("additionalProperties") is not False:
            yield f"'{name}' inside its arguments takes unknown names"


def _complaints(model: type[BaseModel], field: str, value: object) -> list[Mapping[str, Any]]:
    """Return what validation has to say against a field, whatever else may be missing."""
    try:
        model.model_validate({field: value})
    except ValidationError as error:
        return [dict(problem) for problem in error.errors() if problem["loc"][:1] == (field,)]
    return []


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _not_finite(schema: Mapping[str, Any], defined: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """Yield values that fit a schema but for a number in them that is infinite."""
    if depth > _DEEPEST:
        return
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        yield from _not_finite(defined.get(name, {}), defined, depth + 1)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _not_finite(branch, defined, depth + 1)
    if schema.get("type") == "number":
        yield float("inf")
        yield float("nan")
    for inner in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(inner, Mapping):
            size = max(1, int(schema.get("minItems", 1)))
            yield from ([value] * size for value in _not_finite(inner, defined, depth + 1))
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        yield from ({"x": value} for value in _not_finite(more, defined, depth + 1))
    for field, inner in schema.get("properties", {}).items():
        yield from ({field: value} for value in _not_finite(inner, defined, depth + 1))


def _declared(card: ToolCard, name: str) -> set[str]:
    """Return the kinds that the card declares for an output; `*` stands for any part of a name."""
    return {
        output.kind
        for output in card.outputs
        if re.fullmatch(output.name.replace("*", "[a-z0-9_]+"), name)
    }


def _unstored(result: ToolResult, services: Services) -> list[str]:
    problems = []
    for output, artifact in result.artifacts.items():
        try:
            kept = services.store.get(artifact.handle)
        except EoAgentError as error:
            problems.append(f"output '{output}' is not in the store: {error}")
            continue
        if (kept.payload, kept.path) != (artifact.payload, artifact.path):
            problems.append(f"output '{output}' is another artifact than the store keeps")
    return problems

"""Tools as a language model is told about them: names, arguments and outputs in few tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from eoagent.contracts.artifact import KINDS
from eoagent.contracts.geometry import COORDINATES
from eoagent.contracts.tool import Tool, ToolCard
from eoagent.planner.model.tokens import estimate_tokens

__all__ = ["LOAD_TOOLS", "Shown", "ToolSpec", "choose", "load_spec", "spec_of"]

JsonDict = dict[str, Any]

LOAD_TOOLS: Final = "load_tools"
"""Name under which a model asks for more tools; it is no step and leaves no evidence."""

_DROPPED: Final = frozenset(
    {"title", "additionalProperties", "x-kinds", COORDINATES, "format"}
    | {"pattern", "maxLength", "minLength"}
    | {"maxItems", "minItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"maxProperties", "minProperties", "multipleOf", "uniqueItems", "discriminator"}
)
_VALUES: Final = frozenset({"default", "enum", "const", "examples"})
_LISTED_GROUPS: Final = frozenset({"compute", "measure", "open", "model", "search"})
_EACH: Final = {"type": "string"}
_USED: Final = 4
_MOST_OUTPUTS: Final = 11
_BRIEF: Final = 40
_LONGEST: Final = 64
_COMMON: Final = frozenset(
    {"a", "an", "and", "are", "as", "at", "by", "do", "for", "from", "how", "in", "is", "it"}
    | {"many", "much", "of", "on", "or", "that", "the", "there", "thi", "to", "wa", "what"}
    | {"where", "which", "with"}
)
"""Words that raise no tool, without their last s."""
_MOST_KINDS: Final = 6
_FEATURE_KINDS: Final = 3
_CLAUSE: Final = re.compile(r"(?<=[.;])\s|:\s(?=[a-z])|,\s")
_WEIGHTS: Final[Mapping[str, int]] = MappingProxyType({"basic": 3, "usual": 1, "special": 0})


@dataclass(frozen=True)
class ToolSpec:
    """A tool in the words of function calling."""

    card: ToolCard
    """What it can do."""
    parameters: JsonDict
    """JSON schema of its arguments, without what only validation needs."""
    coordinates: frozenset[str] = frozenset()
    """Arguments that hold longitudes and latitudes."""

    @cached_property
    def definition(self) -> JsonDict:
        """The tool as chat APIs take it."""
        about = f"{self.card.summary}{_gives(self.card)}"
        function = {"name": self.card.name, "description": about, "parameters": self.parameters}
        return {"type": "function", "function": function}

    @cached_property
    def brief(self) -> JsonDict:
        """The same with every argument told in a few words."""
        fields = {name: _in_brief(field) for name, field in self.parameters["properties"].items()}
        function = {**self.definition["function"]}
        function["parameters"] = {**self.parameters, "properties": fields}
        return {"type": "function", "function": function}

    @property
    def line(self) -> tuple[str, str]:
        """The tool as a line of a list: what a call looks like, and what it is for."""
        needed = self.parameters.get("required", [])
        names = [n if n in needed else f"{n}?" for n in self.parameters["properties"]]
        return f"{self.card.name}({', '.join(names)})", self.card.summary

    @cached_property
    def tokens(self) -> int:
        """Tokens that the definition takes, estimated."""
        return _tokens(self.definition)

    @cached_property
    def brief_tokens(self) -> int:
        """Tokens that the brief definition takes, estimated."""
        return _tokens(self.brief)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The tools as one request shows them."""

    definitions: tuple[JsonDict, ...]
    """Definitions, in full or in brief, and that of the call which shows more."""
    hidden: tuple[tuple[str, str], ...]
    """Tools that are listed only: the call with the names of its arguments, and the summary."""


def spec_of(tool: Tool) -> ToolSpec:
    """Return a tool as a model is told about it; limits are left to the check of its arguments."""
    schema = tool.arguments.model_json_schema()
    definitions = schema.get("$defs", {})
    if "$ref" in schema:  # arguments that may hold others of their own kind
        schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
    fields = {
        name: _compact(field, definitions) for name, field in schema.get("properties", {}).items()
    }
    if tool.card.group in _LISTED_GROUPS and not tool.card.ends_run:
        fields["each"] = dict(_EACH)
    parameters = {"type": "object", "properties": fields}
    if schema.get("required"):
        parameters["required"] = schema["required"]
    places = (n for n, f in schema.get("properties", {}).items() if _is_place(f))
    return ToolSpec(card=tool.card, parameters=parameters, coordinates=frozenset(places))


def load_spec() -> JsonDict:
    """Return the definition of the call that shows tools in full."""
    fields = {"names": {"type": "array", "items": {"type": "string"}}}
    about = "Shows tools in full: those told in brief, and those listed by name only. No step."
    parameters = {"type": "object", "properties": fields, "required": ["names"]}
    function = {"name": LOAD_TOOLS, "description": about, "parameters": parameters}
    return {"type": "function", "function": function}


def choose(
    specs: Sequence[ToolSpec],
    *,
    wanted: Sequence[str],
    used: Collection[str] = (),
    words: str,
    budget: int,
) -> Shown:
    """Return how to show the tools within a budget of tokens: in full, in brief, or by name.

    Those that end a run and those wanted (the last first) are shown in full as far as they go. Then
    come the others in brief, by how many questions need them and how many words they share with
    this one; what is left of the budget tells the first of them in full.

    Args:
        specs: all tools, in order.
        wanted: names that should be shown in full, the most wanted last.
        used: names that were of use before, in this run or for the question before it.
        words: what the question is about; its words raise the tools that mention them.
        budget: tokens that all definitions may take together.
    """
    left = budget - _tokens(load_spec())
    said = _words(words) - _COMMON
    place = {name: at for at, name in enumerate(wanted)}

    def rank(spec: ToolSpec) -> tuple[bool, int, int]:
        card = spec.card
        shared = len(said & _words(f"{card.name} {card.summary} {_gives(card)}"))
        weight = _WEIGHTS[card.use] + 2 * shared + (_USED if card.name in used else 0)
        return (not card.ends_run, -place.get(card.name, -1), -weight)

    shown: dict[str, JsonDict] = {}
    ranked = sorted(specs, key=rank)
    for spec in ranked:
        is_first = spec.card.ends_run or spec.card.name in place
        for definition, cost in ((spec.definition, spec.tokens), (spec.brief, spec.brief_tokens)):
            if (is_first or definition is spec.brief) and cost <= left:
                shown[spec.card.name] = definition
                left -= cost
                break
    for spec in ranked:
        more = spec.tokens - spec.brief_tokens
        if shown.get(spec.card.name) is spec.brief and more <= left:
            shown[spec.card.name] = spec.definition
            left -= more
    told = tuple(shown[s.card.name] for s in specs if s.card.name in shown)
    return Shown(
        definitions=(*told, load_spec()),
        hidden=tuple(s.line for s in specs if s.card.name not in shown),
    )


def _is_place(field: JsonDict) -> bool:
    return any(COORDINATES in option for option in (field, *field.get("anyOf", ())))


def _tokens(definition: JsonDict) -> int:
    return estimate_tokens(json.dumps(definition, ensure_ascii=False))


def _in_brief(field: JsonDict) -> JsonDict:
    """Return an argument with a few words about it, or none where its values tell."""
    if "description" not in field:
        return field
    rest = {key: value for key, value in field.items() if key != "description"}
    kinds, colon, about = field["description"].partition(": ")
    if not colon or not set(kinds.split("|")) <= set(KINDS):
        kinds, about = "", field["description"]
    kinds = "any artifact" if kinds.count("|") >= _MOST_KINDS else kinds
    words = _first_words(about)
    if "enum" in field or not words:
        return {**rest, "description": kinds} if kinds else rest
    return {**rest, "description": f"{kinds}: {words}" if kinds else words}


def _first_words(text: str) -> str:
    """Return the clauses of a text that fit into a few words; no clause is cut within."""
    told = ""
    for clause in _CLAUSE.split(" ".join(text.split())):
        longer = f"{told.rstrip('.;:')}, {clause}" if told else clause
        if len(longer) > (_BRIEF if told else _LONGEST):
            return f"{told.rstrip('.;,: ')}…" if told else ""
        told = longer
    return told.rstrip(".;,: ")


def _words(text: str) -> set[str]:
    letters = "".join(c if c.isalnum() else " " for c in text.lower())
    return {word.removesuffix("s") for word in letters.split()}


def _gives(card: ToolCard) -> str:
    names = []
    for output in card.outputs[:_MOST_OUTPUTS]:
        kind = "" if output.kind == "figure" else f" ({output.kind})"
        names.append(f"{output.name}{kind if kind != f' ({output.name})' else ''}")
    more = ", …" if len(card.outputs) > _MOST_OUTPUTS else ""
    return f" Gives {', '.join(names)}{more}." if names else ""


def _compact(schema: Any, definitions: Mapping[str, Any], above: tuple[str, ...] = ()) -> Any:
    """Return a schema with its definitions put in place, without what only validation needs.

    Args:
        schema: the schema, or a part of one.
        definitions: what its references name.
        above: references that this part stands in; a schema inside itself is any object.
    """
    if isinstance(schema, list):
        return [_compact(item, definitions, above) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        if name in above:
            return {"type": "object"}
        whole = {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}}
        return _compact(whole, definitions, (*above, name))
    slim = {
        key: _part(key, value, definitions, above)
        for key, value in schema.items()
        if key not in _DROPPED and not (key == "default" and _is_empty(value))
    }
    if slim.get("type") == "array" and "items" not in slim:
        slim["items"] = _item(slim.pop("prefixItems", []))
    kinds = schema.get("x-kinds")
    options = [option for option in slim.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        slim.pop("anyOf")
        slim = {**options[0], **slim}
        kinds = kinds or next((o.get("x-kinds") for o in schema["anyOf"] if "x-kinds" in o), None)
    elif options:
        slim["anyOf"] = options
    if kinds:
        named = "features" if "features" in kinds and len(kinds) == _FEATURE_KINDS else ""
        slim["description"] = f"{named or '|'.join(kinds)}: {slim.get('description', '')}".strip(
            ": "
        )
    return slim


def _part(key: str, value: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    if key in _VALUES:
        return value
    if key == "properties":
        return {name: _compact(field, definitions, above) for name, field in value.items()}
    return _compact(value, definitions, above)


def _item(places: list[JsonDict]) -> JsonDict:
    """Return what the items of a list of fixed length are: chat APIs want one word for all."""
    kinds = {place.get("type") for place in places}
    return {"type": kinds.pop()} if len(kinds) == 1 and None not in kinds else {}


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})

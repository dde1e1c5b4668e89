"""Tools as a model is told about them: valid schemas, within a budget, the needed ones first."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, Field

from eoagent.app.shelf import Shelf
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult
from eoagent.planner.model.model_planner import TOOL_TOKENS
from eoagent.planner.model.toolspec import LOAD_TOOLS, choose, load_spec, spec_of

QUESTIONS = (
    "",
    "How much water is there?",
    "图中水体面积是多少平方公里？",
    "Which scene of the catalog has the least cloud, and what is the trend of NDVI over the dates?",
    (
        "Slope, aspect, height and volume of the terrain; the nearest feature and its direction; a map, "
        "an export, a place by name, regions, zones, statistics, a composite of several dates."
    ),
)
TYPES = {"string", "number", "integer", "boolean", "array", "object"}


def _tool(arguments, **more):
    card = ToolCard.model_validate({"name": "own", "summary": "An own tool.", **more})
    return FunctionTool(card=card, arguments=arguments, function=lambda _a, _s: ToolResult())


def _check_schema(schema, where):
    """Hold a schema to the part of JSON schema that chat APIs take."""
    assert isinstance(schema, dict), where
    left = set(schema) - {
        "type",
        "description",
        "properties",
        "required",
        "items",
        "enum",
        "anyOf",
        "default",
        "const",
    }
    assert not left, f"{where}: {left}"
    kinds = schema.get("type")
    assert kinds is None or kinds in TYPES, f"{where}: {kinds}"
    if kinds == "array":
        assert "items" in schema, where
    if "enum" in schema:
        assert schema["enum"], where
    if "required" in schema:
        assert set(schema["required"]) <= set(schema["properties"]), where
    for name, field in schema.get("properties", {}).items():
        _check_schema(field, f"{where}.{name}")
    if "items" in schema:
        _check_schema(schema["items"], f"{where}[]")
    for option in schema.get("anyOf", []):
        _check_schema(option, f"{where}|")


def test_every_installed_tool_has_a_definition_that_chat_apis_take(specs):
    for spec in specs:
        for definition in (spec.definition, spec.brief):
            assert definition["type"] == "function"
            function = definition["function"]
            assert set(function) == {"name", "description", "parameters"}
            assert function["parameters"]["type"] == "object"
            _check_schema(function["parameters"], spec.card.name)
            json.dumps(definition, allow_nan=False)


def test_no_argument_of_a_tool_is_lost_and_each_that_must_be_there_is_named(specs):
    tools = {tool.card.name: tool for tool in Shelf().every()}
    for spec in specs:
        schema = tools[spec.card.name].arguments.model_json_schema()
        for definition in (spec.definition, spec.brief):
            shown = definition["function"]["parameters"]
            assert set(schema.get("properties", {})) <= set(shown["properties"])
            assert set(shown["properties"]) - set(schema.get("properties", {})) <= {"each"}
            assert shown.get("required", []) == schema.get("required", [])


def _accepts(schema, value):
    """Whether a slim schema takes a value: what is in it is checked, what is not is free."""
    if "anyOf" in schema:
        return any(_accepts(option, value) for option in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "integer": int}
    kind = schema.get("type")
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in kinds and not isinstance(value, kinds[kind]):
        return False
    if kind == "array":
        return all(_accepts(schema["items"], item) for item in value)
    if kind == "object":
        fields = schema.get("properties", {})
        return all(_accepts(fields[k], v) for k, v in value.items() if k in fields)
    return True


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("open_image", {"hrefs": ["a.tif"], "bands": ["red"]}),
        ("threshold", {"raster": "$1", "rule": "water"}),
        ("measure", {"target": "$2", "quantities": ["area"]}),
        ("find_scenes", {"catalog": "c.json", "bbox": [1.0, 2, 3, 4]}),
        ("find_place", {"name": "Aquileia", "near": [13.4, 45.8]}),
        ("open_features", {"href": "a.gpkg", "box": [1, 2, 3, 4]}),
        ("compare", {"before": "$1", "after": "$2"}),
        ("ask_user", {"question": "Which one?"}),
    ],
)
def test_values_that_a_tool_takes_fit_what_the_model_is_told(tool, arguments, specs):
    spec = next(spec for spec in specs if spec.card.name == tool)
    assert _accepts(spec.parameters, arguments)


@pytest.mark.parametrize("words", QUESTIONS)
@pytest.mark.parametrize("asked", ["nothing", "one", "some", "all"])
def test_the_tools_shown_take_at_most_4000_tokens_whatever_is_asked(words, asked, specs, tokens):
    names = [spec.card.name for spec in specs]
    wanted = {
        "nothing": [],
        "one": ["terrain"],
        "some": ["find_scenes", "terrain", "zonal_stats"],
        "all": names,
    }
    shown = choose(specs, wanted=wanted[asked], words=words, budget=TOOL_TOKENS)
    told = json.dumps(list(shown.definitions), ensure_ascii=False)
    assert tokens(told) <= 4000
    named = [d["function"]["name"] for d in shown.definitions]
    assert named[-1] == LOAD_TOOLS
    assert len(set(named)) == len(named)
    assert {*named[:-1], *(call.partition("(")[0] for call, _ in shown.hidden)} == set(names)
    assert {"ask_user", "cannot_answer", "open_image"} <= set(named) or asked == "all"
    assert {"ask_user", "cannot_answer"} <= set(named)


@pytest.mark.parametrize("name", ["terrain", "find_scenes", "relate", "open_image", "threshold"])
def test_a_tool_that_was_asked_for_last_is_shown_in_full(name, specs):
    wanted = [spec.card.name for spec in specs if spec.card.name != name] + [name]
    shown = choose(specs, wanted=wanted, words="", budget=TOOL_TOKENS)
    own = next(spec for spec in specs if spec.card.name == name)
    assert own.definition in shown.definitions


def test_words_of_the_question_raise_the_tools_that_mention_them(specs):
    budget = 2000
    plain = choose(specs, wanted=[], words="", budget=budget)
    raised = choose(
        specs, wanted=[], words="slope and volume of the elevation model", budget=budget
    )
    names = [[d["function"]["name"] for d in shown.definitions] for shown in (plain, raised)]
    assert "terrain" not in names[0]
    assert "terrain" in names[1]


def test_without_room_nothing_but_the_call_for_more_is_shown(specs):
    shown = choose(specs, wanted=["terrain"], words="", budget=0)
    assert shown.definitions == (load_spec(),)
    assert len(shown.hidden) == len(specs)
    _check_schema(load_spec()["function"]["parameters"], LOAD_TOOLS)


def test_with_room_for_all_everything_is_shown_in_full(specs):
    shown = choose(specs, wanted=[], words="", budget=100_000)
    assert shown.definitions[:-1] == tuple(spec.definition for spec in specs)
    assert shown.hidden == ()


class _Part(Arguments):
    title: str = Field(description="Name of the part.")
    parts: list[_Part] = Field(default_factory=list)


class _Odd(Arguments):
    format: str = Field(pattern="^a$", max_length=3, description="A field named like a keyword.")
    properties: dict[str, float] = Field(default_factory=dict)
    limit: float = 0.0
    count: int = 0
    flag: bool = False
    mode: int | str | None = None
    part: _Part | None = None
    pair: tuple[int, str] | None = None
    place: tuple[float, float] = (0.0, 0.0)


def test_odd_arguments_of_an_own_tool_keep_their_names_and_zeros():
    spec = spec_of(_tool(_Odd))
    fields = spec.parameters["properties"]
    assert set(fields) == {
        "format",
        "properties",
        "limit",
        "count",
        "flag",
        "mode",
        "part",
        "pair",
        "place",
        "each",
    }
    _check_schema(spec.parameters, "own")
    assert fields["limit"]["default"] == 0.0
    assert fields["count"]["default"] == 0
    assert "default" not in fields["flag"]
    assert fields["place"]["items"] == {"type": "number"}
    assert fields["pair"]["items"] == {}
    assert {option["type"] for option in fields["mode"]["anyOf"]} == {"integer", "string"}


def test_arguments_inside_arguments_of_their_own_kind_come_to_an_end():
    spec = spec_of(_tool(_Part))
    assert set(spec.parameters["properties"]) == {"title", "parts", "each"}
    _check_schema(spec.parameters, "own")
    assert spec.parameters["required"] == ["title"]


def test_a_tool_that_talks_or_ends_the_run_does_not_run_over_a_list():
    class Ask(Arguments):
        question: str

    assert "each" not in spec_of(_tool(Ask, group="talk")).parameters["properties"]
    assert "each" not in spec_of(_tool(Ask, ends_run=True)).parameters["properties"]
    assert "each" in spec_of(_tool(Ask)).parameters["properties"]


def test_the_description_names_what_a_tool_gives():
    outputs = [
        Output(name="mask", kind="mask", about="x"),
        Output(name="area", kind="figure", about="x"),
    ]
    told = spec_of(_tool(Arguments, outputs=outputs)).definition["function"]["description"]
    assert told == "An own tool. Gives mask, area."


def test_a_model_is_no_argument_by_itself():
    assert issubclass(Arguments, BaseModel)
    assert spec_of(_tool(Arguments)).parameters == {
        "type": "object",
        "properties": {"each": {"type": "string"}},
    }

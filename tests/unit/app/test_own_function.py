"""Plain functions as tools: what their signature and docstring become, and what is refused."""

import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field, ValidationError

import eoagent
from eoagent import Agent, InputError, Unit, as_tool
from eoagent.app.bench import run_tool
from eoagent.app.shelf import Shelf
from eoagent.contracts.artifact import (
    Artifact,
    FeaturesHandle,
    MaskHandle,
    RasterHandle,
)
from eoagent.contracts.draft import Draft
from eoagent.contracts.errors import NotFound
from eoagent.contracts.figure import Figure, FigureDraft, Fingerprint, Source
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.price import Price
from eoagent.contracts.tool import Arguments, Output, Services, ToolResult
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings
from eoagent.testing import check_call, check_tool

SOURCE = Source(href="/data/a.tif", fingerprint=Fingerprint(kind="sha256", value="00"))
OTHER = SOURCE.model_copy(update={"href": "/data/b.tif"})
AREA = Figure(
    id="f1", step=1, name="area", value=2.0, unit="km2", label="a", method="m", sources=(SOURCE,)
)


def share(
    part: Annotated[float, Field(ge=0)],
    whole: float = 100.0,
    how: Literal["plain", "percent"] = "plain",
) -> float:
    """Tell which share a part is.

    Args:
        part: The part.
        whole: What it is a part of.

    Returns:
        The share of the part.
    """
    return part / whole


def looks_at(
    raster: RasterHandle,
    masks: list[MaskHandle],
    areas: FeaturesHandle | None = None,
    services: Services | None = None,
) -> int:
    """Count what it was given."""
    assert services is not None
    return 1 + len(masks) + (areas is not None)


def density(
    people: int, area: Figure, other: Figure | None = None
) -> Annotated[float, Unit("count/km2")]:
    """Tell how many people live on a square kilometre.

    Args:
        area: The area they live in.
    """
    return people / (area.number + (other.number if other else 0.0))


def _ran(tool, services, **arguments):
    return tool(tool.arguments.model_validate(arguments), services)


def _returning(value, annotation):
    def result():
        """Hand back a value."""
        return value

    result.__annotations__["return"] = annotation
    return result


def test_a_function_says_all_that_a_tool_must_say():
    tool = as_tool(share)
    check_tool(tool, name="share")
    assert tool.card.summary == "Tell which share a part is."
    assert tool.card.outputs == (
        Output(name="share", kind="figure", about="The share of the part, 1"),
    )
    assert (tool.card.cacheable, tool.card.outward, tool.card.group) == (False, False, "compute")
    assert tool.price is None
    schema = tool.arguments.model_json_schema()
    assert schema["required"] == ["part"]
    assert schema["additionalProperties"] is False
    told = {name: field["description"] for name, field in schema["properties"].items()}
    assert told == {"part": "The part.", "whole": "What it is a part of.", "how": "how"}
    assert schema["properties"]["part"]["minimum"] == 0
    assert schema["properties"]["whole"]["default"] == 100.0
    assert schema["properties"]["how"]["enum"] == ["plain", "percent"]


def test_a_number_is_a_figure_that_names_its_function(services):
    (figure,) = _ran(as_tool(share), services, part=25).figures
    assert (figure.name, figure.value, figure.unit) == ("share", 0.25, "1")
    assert figure.label == "The share of the part"
    assert figure.method == f"computed by the function share of {__name__}"
    assert figure.sources == ()


def test_arguments_are_checked_before_the_function_runs():
    model = as_tool(share).arguments
    for wrong in (
        {},
        {"part": -1},
        {"part": math.inf},
        {"part": 1, "how": "x"},
        {"part": 1, "y": 2},
    ):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_the_exam_for_plugin_authors_is_passed(services):
    check_call(as_tool(share), {"part": 1}, services)
    check_call(as_tool(share, cacheable=True), {"part": 1}, services)


def test_handles_are_taken_by_kind_and_services_are_filled_in(services):
    tool = as_tool(looks_at)
    check_tool(tool)
    properties = tool.arguments.model_json_schema()["properties"]
    assert list(properties) == ["raster", "masks", "areas"]
    assert properties["raster"]["x-kinds"] == ["raster"]
    assert properties["masks"]["items"]["x-kinds"] == ["mask"]
    with pytest.raises(ValidationError, match="is a mask, and a raster is wanted"):
        tool.arguments.model_validate({"raster": "mask:0123456789ab", "masks": []})
    payload = {"sources": [SOURCE.to_dict()]}
    raster = services.store.put("raster", title="r", payload=payload, preview={}).handle
    payload = {"sources": [OTHER.to_dict(), SOURCE.to_dict()]}
    mask = services.store.put("mask", title="m", payload=payload, preview={}).handle
    (figure,) = _ran(tool, services, raster=raster, masks=[mask]).figures
    assert (figure.value, figure.unit) == (2, "1")
    assert figure.sources == (SOURCE, OTHER)
    with pytest.raises(NotFound):
        _ran(tool, services, raster="raster:0123456789ab", masks=[])


def test_a_figure_is_taken_by_id_and_handed_over_whole(services):
    tool = as_tool(density)
    about = tool.arguments.model_json_schema()["properties"]
    assert about["area"]["description"] == (
        "The area they live in; a figure: a reference such as $2.area, or an id such as f3"
    )
    assert tool.arguments.model_json_schema()["required"] == ["people", "area"]
    object.__setattr__(services, "figures", {"f1": AREA})
    (figure,) = _ran(tool, services, people=10, area="f1").figures
    assert (figure.value, figure.unit, figure.sources) == (5.0, "count/km2", (SOURCE,))
    assert figure.label == "density"
    (figure,) = _ran(tool, services, people=10, area="figure:f1", other="f1").figures
    assert figure.value == 2.5
    with pytest.raises(InputError, match="'f2' is no figure of this run") as caught:
        _ran(tool, services, people=10, area="f2")
    assert caught.value.hint == "figures: f1"


@pytest.mark.parametrize(
    ("value", "annotation", "figure"),
    [
        (3, int, (3, "1")),
        (3, Annotated[int, Unit("count")], (3, "count")),
        (np.int16(3), int, (3, "1")),
        (np.float32(0.5), float, (0.5, "1")),
        (3, float, (3.0, "1")),
        (2.5, Annotated[float, Unit("m2/yr")], (2.5, "m2/yr")),
        (True, bool, ("yes", "choice")),
        (np.bool_(False), bool, ("no", "choice")),
        ("north", str, ("north", "choice")),
        ("north", Literal["north", "south"], ("north", "choice")),
    ],
)
def test_numbers_texts_and_yes_or_no_become_one_figure(services, value, annotation, figure):
    (made,) = _ran(as_tool(_returning(value, annotation)), services).figures
    assert (made.value, made.unit) == figure
    assert type(made.value) in {int, float, str}


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (math.nan, float, "gave nan, which is no value"),
        (np.float64("inf"), float, "gave inf, which is no value"),
        (None, float, "gave NoneType where float is promised"),
        ("3", float, "gave str where float is promised"),
        (True, float, "gave bool where float is promised"),
        (True, int, "gave bool where int is promised"),
        (2.5, int, "gave float where int is promised"),
        (1, bool, "gave int where bool is promised"),
        (1, str, "gave int where str is promised"),
        (1, FigureDraft, "gave int where FigureDraft is promised"),
        (
            [1],
            Annotated[list[FigureDraft], Output(name="a", kind="figure", about="a")],
            "gave int where FigureDraft is promised",
        ),
    ],
)
def test_what_was_not_promised_is_refused_by_name(services, value, annotation, message):
    with pytest.raises(InputError) as caught:
        _ran(as_tool(_returning(value, annotation)), services)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{__name__}._returning.<locals>.result")
    assert caught.value.hint


def _draft(name, **more):
    return FigureDraft(name=name, value=1.0, unit="m", label=name, method="by hand", **more)


def test_a_figure_of_the_functions_own_is_passed_on(services):
    tool = as_tool(_returning(_draft("result"), FigureDraft))
    assert tool.card.outputs[0].name == "result"
    assert _ran(tool, services).figures == (_draft("result"),)
    with pytest.raises(InputError, match="figure 'other' is not on the card") as caught:
        _ran(as_tool(_returning(_draft("other"), FigureDraft)), services)
    assert "Output" in caught.value.hint
    named = Annotated[FigureDraft, Output(name="other", kind="figure", about="another, m")]
    assert _ran(as_tool(_returning(_draft("other"), named)), services).figures[0].name == "other"


@pytest.mark.parametrize(
    "many", [list[FigureDraft], tuple[FigureDraft, ...], Sequence[FigureDraft]]
)
def test_several_figures_are_passed_on_with_the_sources_of_the_arguments(services, many):
    several = Annotated[many, Output(name="near_*", kind="figure", about="distance, m")]

    def near(area: Figure):
        """Measure what is near."""
        return [_draft("near_a"), _draft("near_b", sources=(OTHER,))]

    near.__annotations__["return"] = several
    object.__setattr__(services, "figures", {"f1": AREA})
    figures = _ran(as_tool(near), services, area="f1").figures
    assert [f.sources for f in figures] == [(SOURCE,), (OTHER,)]


def test_artifacts_and_whole_results_are_passed_on(services):
    output = Output(name="table", kind="table", about="rows")
    made = services.store.put("table", title="t", payload={}, preview={})
    one = as_tool(_returning(made, Annotated[Artifact, output]))
    assert _ran(one, services) == ToolResult(artifacts={"table": made})
    whole = ToolResult(artifacts={"table": made}, warnings=("so so",))
    assert _ran(as_tool(_returning(whole, Annotated[ToolResult, output])), services) == whole
    raster = services.store.put("raster", title="r", payload={}, preview={})
    wrong = as_tool(_returning(raster, Annotated[Artifact, output]))
    with pytest.raises(InputError, match=r"output 'table' \(raster\) is not on the card"):
        _ran(wrong, services)


def test_the_docstring_may_leave_parameters_to_their_field(services):
    def half(
        value: Annotated[float, Field(description="What is halved.")],
        by: Annotated[int, Field(ge=1)] = 2,
        per_cent: bool = False,
    ) -> float:
        """Halve a value"""
        return value / by * (100 if per_cent else 1)

    tool = as_tool(half)
    assert tool.card.summary == "Halve a value."
    properties = tool.arguments.model_json_schema()["properties"]
    assert [field["description"] for field in properties.values()] == [
        "What is halved.",
        "by",
        "per cent",
    ]
    assert properties["by"] == {
        "default": 2,
        "description": "by",
        "minimum": 1,
        "title": "By",
        "type": "integer",
    }
    assert _ran(tool, services, value=3, per_cent=True).figures[0].value == 150


def test_settings_of_a_tool_are_taken_over():
    def price(_arguments, _services):
        return Price(seconds=3)

    tool = as_tool(share, group="measure", outward=True, cacheable=True, version="7", price=price)
    card = tool.card
    assert (card.group, card.outward, card.cacheable, card.version) == ("measure", True, True, "7")
    assert tool.price is price


def test_methods_and_wrapped_functions_are_functions(services):
    class Scale:
        factor = 3

        def times(self, value: int) -> int:
            """Multiply."""
            return value * self.factor

    assert _ran(as_tool(Scale().times), services, value=2).figures[0].value == 6

    @functools.wraps(share)
    def wrapped(*args, **kwargs):
        return share(*args, **kwargs) * 2

    assert _ran(as_tool(wrapped), services, part=25).figures[0].value == 0.5


def no_doc(x: int) -> int:
    return x


def no_type(x) -> int:
    """Do."""
    return x


def no_return(x: int):
    """Do."""
    return x


def several(*values: int) -> int:
    """Do."""
    return len(values)


def any_name(**values: int) -> int:
    """Do."""
    return len(values)


def by_place(x: int, /) -> int:
    """Do."""
    return x


def takes_artifact(it: Artifact | None) -> int:
    """Do."""
    return 1


def takes_array(it: np.ndarray) -> int:
    """Do."""
    return 1


def takes_open_record(it: FigureDraft | ToolResult | Any, copy: int) -> int:
    """Do."""
    return 1


def field_default(x: int = Field(3, gt=0)) -> int:
    """Do."""
    return x


def not_finite(x: float = math.nan) -> float:
    """Do."""
    return x


def unknown_type(x: "Nonsense") -> int:  # noqa: F821
    """Do."""
    return x


def misnamed(treshold: float) -> float:
    """Do.

    Args:
        threshold: The limit.
    """
    return treshold


def long_winded(x: int) -> int:
    return x


long_winded.__doc__ = "word " * 80


def CamelCase(x: int) -> int:  # noqa: N802
    """Do."""
    return x


async def later(x: int) -> int:
    """Do."""
    return x


def _marked(annotation):
    return _returning(1, annotation)


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (no_doc, "no_doc has no docstring", "its first sentence"),
        (no_type, "parameter 'x' of {}.no_type has no type", "annotate it: x: float"),
        (no_return, "no_return does not say what it returns", '-> Annotated[float, Unit("km2")]'),
        (several, "takes *values: int, which cannot be given by name", "a list takes several"),
        (any_name, "takes **values: int, which cannot be given by name", "a list takes several"),
        (by_place, "by_place takes x: int, which cannot be given by name", "a name and a type"),
        (takes_artifact, "parameter 'it' of {}.takes_artifact is an Artifact", "RasterHandle"),
        (takes_array, "a parameter of {}.takes_array has a type that cannot be checked", "Literal"),
        (takes_open_record, "takes_open_record has a parameter named 'copy'", "another name"),
        (field_default, "parameter 'x' of {}.field_default has a Field as default", "Annotated"),
        (not_finite, "not_finite: its arguments have no JSON schema", "signature or docstring"),
        (unknown_type, "an annotation of {}.unknown_type cannot be read: name 'Nonsense'", "import"),
        (misnamed, "explains 'threshold', which is no parameter", "its parameters are: treshold"),
        (long_winded, "has 400 characters, at most 300 fit", "second paragraph"),
        (CamelCase, "CamelCase has a name that no tool can have", "small letters"),
        (lambda x: x, "<lambda> has a name that no tool can have", "small letters"),
        (later, "later is asynchronous", "use def"),
        (Arguments, "the class Arguments is neither a tool nor", "pass a function"),
        (functools.partial(share, 1), "the partial object is neither", "pass a function"),
        (3, "the int object is neither a tool nor a function", "pass a function"),
        (_marked(dict), "returns dict", "let it return float, int, bool, str"),
        (_marked(None), "returns NoneType", "let it return float"),
        (_marked(float | None), "returns float | None", "let it return float"),
        (_marked(list[float]), "returns list[float]", "let it return float"),
        (_marked(Literal[1, 2]), "returns Literal[1, 2]", "let it return float"),
        (_marked(Artifact), "does not say which outputs its Artifact has", "Annotated[Artifact, Ou"),
        (_marked(ToolResult), "does not say which outputs its ToolResult has", "Output(name="),
        (_marked(list[FigureDraft]), "outputs its list[FigureDraft] has", "[list[FigureDraft], Outp"),
        (_marked(Annotated[str, Unit("m")]), "returns str in m", "with float or int"),
        (
            _marked(Annotated[float, Unit("m"), Unit("km")]),
            "returns float in m and km",
            "Unit goes once",
        ),
        (
            _marked(
                Annotated[
                    float,
                    Output(name="a", kind="figure", about="a"),
                    Output(name="b", kind="figure", about="b"),
                ]
            ),
            "returns one float",
            "give one Output",
        ),
        (
            _marked(Annotated[Artifact, Output(name="a", kind="painting", about="a")]),
            "its output 'a' is of the unknown kind 'painting'",
            "mend",
        ),
    ],
)  # fmt: skip
def test_a_function_that_cannot_be_a_tool_is_refused_when_the_tool_is_made(function, message, hint):
    with pytest.raises(InputError) as caught:
        as_tool(function)
    assert message.format(__name__) in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("unit", ["furlong", "", "choice", "m**2"])
def test_a_unit_that_is_none_is_refused_where_it_is_written(unit):
    with pytest.raises(InputError, match="is no unit of a number") as caught:
        Unit(unit)
    assert "km2" in caught.value.hint


def test_a_shelf_takes_tools_and_functions_alike():
    tool = as_tool(density)
    shelf = Shelf([share, tool])
    assert shelf.tool("density") is tool
    assert shelf.tool("share").card == as_tool(share).card
    assert {"share", "density", "measure"} <= set(shelf.names)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(InputError, match="two of your tools are named 'share'"):
        Shelf([share, as_tool(share)])


def test_a_class_in_place_of_a_tool_is_refused():
    class Mine:
        card = as_tool(share).card
        arguments = as_tool(share).arguments

    with pytest.raises(InputError, match="the class Mine is neither"):
        Shelf([Mine])


def test_an_agent_runs_a_function_and_answers_with_its_figure(tmp_path):
    plan = Plan(steps=(Step(n=1, tool="share", arguments={"part": 20}),))
    planner = ScriptedPlanner([plan], Draft(text="It is {f1}.", results=("f1",)))
    agent = Agent(planner, home=tmp_path, tools=[share], settings=Settings())
    answer = agent.ask("which share?")
    assert (answer.status, answer.text) == ("answered", "It is 0.2000.")


def test_what_a_function_raises_unexpectedly_ends_its_step_and_not_the_run(tmp_path):
    plan = Plan(steps=(Step(n=1, tool="share", arguments={"part": 20, "whole": 0}),))
    planner = ScriptedPlanner([plan], Draft(text="Nothing.", status="partial"))
    agent = Agent(planner, home=tmp_path, tools=[share], settings=Settings())
    (step,) = agent.ask("which share?").steps
    assert step.error["kind"] == "InternalError"
    assert step.error["message"] == "share failed unexpectedly: ZeroDivisionError"


def test_a_function_is_run_by_itself_and_its_result_is_not_cached(tmp_path):
    calls = []

    def counted() -> int:
        """Count its own calls."""
        calls.append(1)
        return len(calls)

    values = [run_tool("counted", {}, home=tmp_path, tools=[counted]).figures[0].value] * 1
    values += [run_tool("counted", {}, home=tmp_path, tools=[counted]).figures[0].value]
    assert values == [1, 2]


def test_the_door_of_the_package_offers_it():
    assert eoagent.as_tool is as_tool
    assert eoagent.Unit is Unit

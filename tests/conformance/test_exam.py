"""The exam for tools: a stranger's tool passes, and each fault of a bad one is named."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import BaseModel, ConfigDict, Field

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult
from eoagent.testing import check_call, check_tool


class Weigh(Arguments):
    """Arguments of `weigh`."""

    mass: float = Field(default=1.0, ge=0)
    """Mass, kg."""
    words: tuple[str, ...] = ()
    """Words to keep."""


def draft(name="weight", value=2.0, unit="1"):
    return FigureDraft(name=name, value=value, unit=unit, label="weight", method="doubled")


def table(services, cells):
    """Return a table of one row, kept in the store."""
    file = services.store.scratch(".json")
    file.write_text(json.dumps({"columns": ["word"] * len(cells), "rows": [cells]}))
    payload = {"path": "", "columns": ["word"], "rows": 1, "label": "words"}
    return services.store.put("table", title="words", payload=payload, preview={}, file=file)


def weigh(arguments, services):
    """Return the doubled mass as a figure, and the words as a table."""
    return ToolResult(
        artifacts={"words": table(services, arguments.words)},
        figures=(draft(value=2 * arguments.mass),),
    )


CARD = ToolCard(
    name="weigh",
    summary="How much twice of it weighs.",
    outputs=(
        Output(name="words", kind="table", about="the words"),
        Output(name="weight", kind="figure", about="twice the mass, 1"),
        Output(name="part_*", kind="figure", about="weight of a part, 1"),
    ),
)
GOOD = FunctionTool(card=CARD, arguments=Weigh, function=weigh)


def test_a_strangers_tool_passes(services):
    check_tool(GOOD, name="weigh")
    result = check_call(GOOD, {"mass": 3, "words": ["a"]}, services)
    assert result.figures[0].value == 6


def test_a_tool_need_not_be_a_function_tool(services):
    class Scales:
        card = CARD
        arguments = Weigh

        def __call__(self, arguments, services):
            return weigh(arguments, services)

    check_tool(Scales(), name="weigh")
    assert check_call(Scales(), {}, services).figures[0].value == 2


class Wordless(Arguments):
    mass: float = 1.0
    """Mass, kg."""


class Unexplained(Arguments):
    """Arguments."""

    mass: float = 1.0


class Loose(Arguments):
    """Arguments."""

    model_config = ConfigDict(extra="ignore")
    mass: float = 1.0
    """Mass, kg."""


class Endless(Arguments):
    """Arguments."""

    model_config = ConfigDict(allow_inf_nan=True)
    mass: float = 1.0
    """Mass, kg."""


class EndlessDeepDown(Arguments):
    """Arguments."""

    model_config = ConfigDict(allow_inf_nan=True)
    parts: dict[str, tuple[float, float] | None] | None = None
    """Parts."""


class Point(BaseModel):
    """A point."""

    x: float = Field(description="Across.")


class StrictPoint(Arguments):
    """A point."""

    x: float


class LooseInside(Arguments):
    """Arguments."""

    at: Point | None = None
    """Where."""


class UnexplainedInside(Arguments):
    """Arguments."""

    at: tuple[StrictPoint, ...] = ()
    """Where."""


class NoSchema(Arguments):
    """Arguments."""

    act: Callable[[], int] | None = None
    """What to do."""


class NotArguments(BaseModel):
    """Arguments."""


def carded(**changes):
    return replace(GOOD, card=CARD.model_copy(update=changes))


def outputs(*declared):
    return carded(outputs=tuple(Output(name=n, kind=k, about=a) for n, k, a in declared))


BAD = {
    "it has no card, arguments, __call__; make it with FunctionTool": object(),
    "its card is a dict, not a ToolCard": replace(GOOD, card={"name": "weigh"}),
    "its arguments are no subclass of eoagent.contracts.tool.Arguments": replace(
        GOOD, arguments=NotArguments
    ),
    "its entry point is named 'weigh' and its card 'scales'": carded(name="scales"),
    "its summary is no sentence that ends in a full stop": carded(summary="Weighs"),
    "its card declares no output": carded(outputs=()),
    "its card declares output 'a' more than once": outputs(
        ("a", "figure", "1"), ("a", "table", "words")
    ),
    "its output 'a' is of the unknown kind 'number'": outputs(("a", "number", "1")),
    "its card does not say what output 'a' holds": outputs(("a", "figure", " ")),
    "its arguments have no docstring": replace(GOOD, arguments=Wordless),
    "argument 'mass' has no description": replace(GOOD, arguments=Unexplained),
    "argument 'StrictPoint.x' has no description": replace(GOOD, arguments=UnexplainedInside),
    "its arguments take unknown names": replace(GOOD, arguments=Loose),
    "argument 'mass' takes numbers that are not finite": replace(GOOD, arguments=Endless),
    "argument 'parts' takes numbers that are not finite": replace(GOOD, arguments=EndlessDeepDown),
    "its arguments have no JSON schema": replace(GOOD, arguments=NoSchema),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_tool_fails_with_its_one_fault_named(reason):
    with pytest.raises(InputError) as caught:
        check_tool(BAD[reason], name="weigh")
    assert str(caught.value).startswith(f"tool 'weigh' fails 1 checks: {reason}")
    assert "planner, command line and MCP rely on" in caught.value.hint


def test_a_model_inside_the_arguments_is_held_to_the_same():
    with pytest.raises(InputError) as caught:
        check_tool(replace(GOOD, arguments=LooseInside))
    assert "argument 'at' takes numbers that are not finite" in str(caught.value)
    assert "'Point' inside its arguments takes unknown names" in str(caught.value)


def test_all_faults_are_told_at_once():
    tool = replace(GOOD, card=CARD.model_copy(update={"summary": "no"}), arguments=Unexplained)
    with pytest.raises(InputError, match="'weigh' fails 3 checks") as caught:
        check_tool(replace(tool, card=tool.card.model_copy(update={"outputs": ()})), name="weigh")
    for reason in ("full stop", "declares no output", "'mass' has no description"):
        assert reason in str(caught.value)


def calling(function, **changes):
    card = CARD.model_copy(update=changes)
    return FunctionTool(card=card, arguments=Weigh, function=function)


def figures(*drafts):
    return lambda arguments, services: ToolResult(figures=drafts)


def kept_as(name):
    return lambda arguments, services: ToolResult(artifacts={name: table(services, ["a"])})


def invented(arguments, services):
    return ToolResult(artifacts={"words": Artifact(kind="table", id="0" * 12, title="words")})


def altered(arguments, services):
    kept = table(services, ["a"])
    other = kept.model_copy(update={"payload": {**kept.payload, "rows": 9}})
    return ToolResult(artifacts={"words": other})


def counting():
    numbers = itertools.count()
    return lambda arguments, services: ToolResult(figures=(draft(value=next(numbers)),))


def ending(**parts):
    return lambda arguments, services: ToolResult(**parts)


FAULTY = {
    "output 'word' (table) is not on the card": calling(kept_as("word")),
    "output 'weight' (table) is not on the card": calling(kept_as("weight")),
    "figure 'height' is not on the card": calling(figures(draft("height"))),
    "figure 'words' is not on the card": calling(figures(draft("words"))),
    "figure 'part_' is not on the card": calling(figures(draft("part_"))),
    "figure 'weight' comes twice": calling(figures(draft(), draft(value=3.0))),
    "figure 'weight' has the unknown unit 'stone'": calling(
        figures(FigureDraft.model_construct(**draft().model_dump() | {"unit": "stone"}))
    ),
    "it hands back neither artifact nor figure": calling(figures()),
    "it hands back a dict, not a ToolResult": calling(lambda a, s: {"weight": 2}),
    "it hands back a NoneType, not a ToolResult": calling(lambda a, s: None),
    "ended_as is for the tools whose card says ends_run": calling(
        ending(ended_as="clarify", message="what?", figures=(draft(),))
    ),
    "ended_as is for the tools whose card says ends_run, and they all set it": calling(
        ending(message="what?"), ends_run=True, cacheable=False
    ),
    "it ends the run and says nothing": calling(ending(ended_as="clarify"), ends_run=True),
    "output 'words' is not in the store": calling(invented),
    "output 'words' is another artifact than the store keeps": calling(altered),
    "a second call gave another result, and the card says cacheable": calling(counting()),
}


@pytest.mark.parametrize("reason", FAULTY)
def test_a_result_off_the_card_fails_with_its_one_fault_named(reason, services):
    with pytest.raises(InputError) as caught:
        check_call(FAULTY[reason], {}, services)
    assert str(caught.value).startswith(f"tool 'weigh' fails 1 checks: {reason}")


def test_what_differs_on_purpose_passes_where_the_card_or_the_caller_says_so(services):
    uneven = counting()
    check_call(calling(uneven, cacheable=False), {}, services)
    check_call(calling(uneven), {}, services, repeat=False)


def test_a_starred_output_stands_for_many_names(services):
    check_call(calling(figures(draft("part_left"), draft("part_2"))), {}, services)


def test_arguments_that_do_not_fit_are_refused_with_those_there_are(services):
    with pytest.raises(InputError, match=re.escape("weigh: the arguments do not fit: ")) as caught:
        check_call(GOOD, {"mass": -1}, services)
    assert caught.value.hint == "arguments are: mass, words"


def test_what_a_tool_raises_comes_through_as_it_is(services):
    def typed(arguments, services):
        raise NotFound("no such scales", hint="buy some")

    def broken(arguments, services):
        return ToolResult(figures=(draft(value=1 / 0),))

    with pytest.raises(NotFound, match="no such scales"):
        check_call(calling(typed), {}, services)
    with pytest.raises(ZeroDivisionError):
        check_call(calling(broken), {}, services)

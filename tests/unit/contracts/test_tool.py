"""Arguments and cards of tools: what they take, and what they say of a wrong handle."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eoagent.contracts.artifact import FeaturesHandle, MaskHandle, RasterHandle
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult

_ID = "0123456789ab"


class _Take(Arguments):
    raster: RasterHandle
    """The raster."""
    mask: MaskHandle | None = None
    """The mask."""
    areas: FeaturesHandle | None = None
    """The areas."""
    value: float | None = None
    """A limit."""


def test_handles_of_the_right_kind_are_taken():
    taken = _Take(raster=f"raster:{_ID}", mask=f"mask:{_ID}", areas=f"aoi:{_ID}", value=0.5)
    assert (taken.raster, taken.value) == (f"raster:{_ID}", 0.5)
    for kind in ("features", "boxes", "aoi"):
        assert _Take(raster=f"raster:{_ID}", areas=f"{kind}:{_ID}").areas == f"{kind}:{_ID}"


def test_an_unknown_argument_is_refused_by_name():
    with pytest.raises(ValidationError) as caught:
        _Take(raster=f"raster:{_ID}", treshold=0.5)
    assert caught.value.errors()[0]["loc"] == ("treshold",)
    assert caught.value.errors()[0]["type"] == "extra_forbidden"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(value):
    with pytest.raises(ValidationError, match="finite"):
        _Take(raster=f"raster:{_ID}", value=value)


@pytest.mark.parametrize("given", [3, 3.5, True, None, ["raster:" + _ID], {"id": _ID}])
def test_a_number_or_a_structure_is_no_handle(given):
    with pytest.raises(ValidationError, match="valid string"):
        _Take(raster=given)


@pytest.mark.parametrize(
    ("field", "given", "message"),
    [
        (
            "mask",
            f"raster:{_ID}",
            f"raster:{_ID} is a raster, and a mask is wanted; threshold makes one from a raster",
        ),
        (
            "areas",
            f"mask:{_ID}",
            (
                f"mask:{_ID} is a mask, and a features or boxes or aoi is wanted; "
                "open_features opens a file, regions makes them from a mask"
            ),
        ),
        ("raster", f"mask:{_ID}", "open_image opens a file, spectral_index and band_math compute"),
        ("raster", "scene.tif", "'scene.tif' is no handle; give raster:ID or a reference ($1)"),
        ("raster", "$1", "'$1' is no handle"),
        ("raster", f"raster:{_ID}\n", "is no handle"),
        ("raster", f"raster:{_ID.upper()}", "is no handle"),
        ("raster", "raster:0123", "is no handle"),
        ("raster", f"film:{_ID}", "is no handle"),
    ],
)
def test_a_wrong_handle_is_refused_with_what_would_make_the_right_one(field, given, message):
    with pytest.raises(ValidationError) as caught:
        _Take(**{"raster": f"raster:{_ID}", field: given})
    assert message in str(caught.value)


def test_a_long_text_in_place_of_a_handle_is_cut_in_the_message():
    with pytest.raises(ValidationError) as caught:
        _Take(raster="x" * 5000)
    assert len(caught.value.errors()[0]["msg"]) < 200


def test_the_schema_names_the_kinds_and_the_explanations():
    properties = _Take.model_json_schema()["properties"]
    assert properties["raster"]["x-kinds"] == ["raster"]
    assert properties["raster"]["description"] == "The raster."
    assert _Take.model_json_schema()["additionalProperties"] is False


def test_arguments_cannot_be_changed_after_they_were_checked():
    taken = _Take(raster=f"raster:{_ID}")
    with pytest.raises(ValidationError, match="frozen"):
        taken.value = 3.0


def test_a_card_has_a_name_that_fits_every_face():
    assert ToolCard(name="zonal_stats", summary="x").cacheable
    for name in ("", "Zonal", "zonal-stats", "1st", "a", "zonal stats", "a" * 43, "zonal\n"):
        with pytest.raises(ValidationError, match="name"):
            ToolCard(name=name, summary="x")
    with pytest.raises(ValidationError, match="summary"):
        ToolCard(name="measure", summary="x" * 301)
    with pytest.raises(ValidationError, match="group"):
        ToolCard(name="measure", summary="x", group="other")


def test_an_output_may_depend_on_the_input_in_its_name():
    assert Output(name="mean_*", kind="figure", about="1; mean of a band").name == "mean_*"
    with pytest.raises(ValidationError, match="name"):
        Output(name="*", kind="figure", about="x")


def test_a_result_ends_a_run_in_two_ways_only():
    assert ToolResult().ended_as is None
    assert ToolResult(ended_as="clarify", message="Which?").message == "Which?"
    with pytest.raises(ValidationError, match="ended_as"):
        ToolResult(ended_as="answered")


def test_a_tool_is_called_with_its_arguments_and_services():
    seen = []

    def function(arguments, services):
        seen.append((arguments, services))
        return ToolResult(message="done")

    tool = FunctionTool(card=ToolCard(name="take", summary="x"), arguments=_Take, function=function)
    arguments = _Take(raster=f"raster:{_ID}")
    assert tool(arguments, "services").message == "done"
    assert seen == [(arguments, "services")]

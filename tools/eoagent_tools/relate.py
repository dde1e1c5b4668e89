"""Spatial relations between two feature sets: nearest, within a distance, inside, direction."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.artifact import handle_of
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.related import count_inside, count_within, nearest_pair

__all__ = ["TOOL", "Relate", "relate"]


class Relate(Arguments):
    """Arguments of `relate`."""

    relation: Literal["nearest", "within", "inside"]
    """nearest: which of `second` is nearest to `first`, how far and in which direction; within:
    how many of `second` lie within a distance of `first`; inside: how many of `second` lie inside
    of `first`."""
    first: handle_of("features", "boxes", "aoi", "raster", "mask")  # type: ignore[valid-type]
    """What to measure from; a raster or mask stands for its centre."""
    second: handle_of("features", "boxes", "aoi")  # type: ignore[valid-type]
    """The features that are looked for."""
    distance_m: float | None = Field(default=None, gt=0, le=20_000_000)
    """Distance for `within`, metres, edge to edge on the ellipsoid."""
    from_centre: bool = False
    """Measure from the centre of `first` instead of its edge."""
    leave_out_equal: bool = True
    """Whether features of `second` that are the same as `first` are left out."""

    @model_validator(mode="after")
    def _distance_goes_with_within(self) -> Self:
        if (self.relation == "within") != (self.distance_m is not None):
            raise ValueError("distance_m goes with within, and within needs it")
        return self


def relate(arguments: Relate, services: Services) -> ToolResult:
    """Return figures of the relation, distances geodesic, and the features that meet it.

    Raises:
        InputError: if a set is empty or has no place on Earth.
    """
    first, second = services.store.get(arguments.first), services.store.get(arguments.second)
    if arguments.relation == "nearest":
        return nearest_pair(
            services,
            first,
            second,
            from_centre=arguments.from_centre,
            leave_out_equal=arguments.leave_out_equal,
        )
    if arguments.relation == "within":
        assert arguments.distance_m is not None
        return count_within(
            services,
            first,
            second,
            arguments.distance_m,
            from_centre=arguments.from_centre,
            leave_out_equal=arguments.leave_out_equal,
        )
    return count_inside(services, first, second)


TOOL = FunctionTool(
    card=ToolCard(
        name="relate",
        summary="Which feature is nearest, how many lie within a distance or inside, and in which "
        "direction.",
        outputs=(
            Output(name="features", kind="features", about="the features that meet it"),
            Output(name="name", kind="figure", about="name of the nearest, choice"),
            Output(name="distance", kind="figure", about="to the nearest, m"),
            Output(name="bearing", kind="figure", about="from first to the nearest, deg"),
            Output(name="direction", kind="figure", about="compass direction, choice"),
            Output(name="count", kind="figure", about="how many, count"),
        ),
        group="measure",
    ),
    arguments=Relate,
    function=relate,
)

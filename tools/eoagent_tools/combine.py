"""Combine masks and features: and, or, minus, not, buffer, clip, part."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.artifact import handle_kind, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.combined import buffer_features, clip_mask, combine_features, combine_masks
from eoagent.io.parted import Side, part_of_mask

__all__ = ["TOOL", "Combine", "combine"]

_PAIRS = {"and", "or", "minus", "clip"}


class Combine(Arguments):
    """Arguments of `combine`."""

    operation: Literal["and", "or", "minus", "not", "buffer", "clip", "part"]
    """and, or, minus of two masks or two feature sets; not of a mask; buffer of features by a
    distance; clip of a mask to features, or to the yes pixels of another mask: what lies outside is
    not valid; part keeps the half or quarter of a mask that `side` names."""
    first: handle_of("mask", "features", "boxes", "aoi")  # type: ignore[valid-type]
    """What to start from."""
    second: handle_of("mask", "features", "boxes", "aoi") | None = None  # type: ignore[valid-type]
    """The other one: of the same kind, or what to clip to."""
    distance_m: float | None = Field(default=None, gt=0, le=1_000_000)
    """Distance of the buffer on the ground, metres."""

    side: Side | None = None
    """Side of the image that `part` keeps: half of it for east, a quarter for north-east."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.operation in _PAIRS) != (self.second is not None):
            raise ValueError(
                f"{self.operation} takes {'a' if self.second is None else 'no'} second"
            )
        if (self.operation == "buffer") != (self.distance_m is not None):
            raise ValueError("distance_m goes with buffer, and buffer needs it")
        if (self.operation == "part") != (self.side is not None):
            raise ValueError("side goes with part, and part needs it")
        return self


def combine(arguments: Combine, services: Services) -> ToolResult:
    """Return the combination as a mask, or as features of area.

    Two masks on different grids meet on the first one's, by nearest neighbour, which is stated; a
    pixel is valid where both are.

    Raises:
        InputError: if the operation makes no sense for what was given.
    """
    first, second = arguments.first, arguments.second
    kinds = (_plain_kind(first), _plain_kind(second) if second is not None else None)
    operation = arguments.operation
    if operation in {"and", "or", "minus", "clip"} and kinds[0] == kinds[1] == "mask":
        return combine_masks(services, first, second, operation)
    if operation == "not" and kinds[0] == "mask":
        return combine_masks(services, first, None, operation)
    if operation == "clip" and kinds == ("mask", "features"):
        assert second is not None
        return clip_mask(services, first, second)
    if operation in {"and", "or", "minus"} and kinds[0] == kinds[1] == "features":
        assert second is not None
        return combine_features(services, first, second, operation)
    if operation == "buffer" and kinds[0] == "features":
        assert arguments.distance_m is not None
        return buffer_features(services, first, arguments.distance_m)
    if operation == "part" and kinds[0] == "mask":
        assert arguments.side is not None
        return part_of_mask(services, first, arguments.side)
    given = " and ".join(kind for kind in kinds if kind)
    raise InputError(
        f"{operation} does not go with {given}",
        hint="and, or, minus: two masks or two feature sets; not: a mask; clip: a mask to "
        "features or a mask; buffer: features; part: a mask",
    )


def _plain_kind(handle: str) -> str:
    return "mask" if handle_kind(handle) == "mask" else "features"


TOOL = FunctionTool(
    card=ToolCard(
        name="combine",
        summary="And, or, minus, not of masks or areas; buffer of features; clip of a mask to "
        "features or a mask; the eastern half and the like of a mask.",
        outputs=(
            Output(name="mask", kind="mask", about="the combination of masks"),
            Output(name="features", kind="features", about="the combination of features"),
        ),
    ),
    arguments=Combine,
    function=combine,
)

"""Compare two masks or two rasters: gained, lost, changed, mean difference, with its sign."""

from __future__ import annotations

from eoagent.contracts.artifact import handle_kind, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import MaskRef, RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.compared import compare_masks, compare_rasters

__all__ = ["TOOL", "Compare", "compare"]


class Compare(Arguments):
    """Arguments of `compare`."""

    first: handle_of("mask", "raster")  # type: ignore[valid-type]
    """The earlier one; its grid is used."""
    second: handle_of("mask", "raster")  # type: ignore[valid-type]
    """The later one, of the same kind."""
    band: str | None = None
    """Band to compare, where rasters have more than one."""


def compare(arguments: Compare, services: Services) -> ToolResult:
    """Return what changed from the first to the second; changes are signed, second minus first.

    The second is brought to the first one's grid by nearest neighbour, which is stated; pixels
    count where both are valid.

    Raises:
        InputError: if the two are of different kinds, share no valid pixel, or a band is missing.
    """
    kinds = {handle_kind(arguments.first), handle_kind(arguments.second)}
    if len(kinds) != 1:
        raise InputError(
            "a mask and a raster cannot be compared", hint="give two masks or two rasters"
        )
    first, second = services.store.get(arguments.first), services.store.get(arguments.second)
    if first.handle == second.handle:
        raise InputError(
            f"{first.handle} was to be compared with itself", hint="give two different ones"
        )
    if kinds == {"mask"}:
        return compare_masks(
            services,
            MaskRef.model_validate(first.payload),
            MaskRef.model_validate(second.payload),
        )
    a, b = RasterRef.model_validate(first.payload), RasterRef.model_validate(second.payload)
    return compare_rasters(services, a, b, _band(arguments.band, a, b))


def _band(wanted: str | None, a: RasterRef, b: RasterRef) -> str:
    shared = [name for name in a.band_names if name in b.band_names]
    if wanted is None and len(shared) == 1:
        return shared[0]
    if wanted in shared:
        return str(wanted)
    asked = f"'{wanted}' is no band of both rasters" if wanted else "no band was named"
    raise InputError(asked, hint=f"they share: {', '.join(shared) or 'no band name'}")


_SIZES = {
    "gained": "area gained, m2",
    "lost": "area lost, m2",
    "before": "area before, m2",
    "after": "area after, m2",
    "net": "area after minus area before, m2, signed",
    "changed": "gained plus lost, m2",
    "mean_before": "mean of the first raster",
    "mean_after": "mean of the second raster",
    "mean_change": "mean of second minus first, signed",
    "std_change": "spread of second minus first",
}

TOOL = FunctionTool(
    card=ToolCard(
        name="compare",
        summary="What changed between two masks (gained, lost, net) or two rasters (difference), "
        "co-registered and signed.",
        outputs=(
            Output(name="difference", kind="raster", about="second minus first, for rasters"),
            Output(name="gained_mask", kind="mask", about="pixels gained, for masks"),
            Output(name="lost_mask", kind="mask", about="pixels lost, for masks"),
            *(Output(name=name, kind="figure", about=about) for name, about in _SIZES.items()),
            Output(name="direction", kind="figure", about="increased, decreased or unchanged"),
        ),
        group="measure",
        use="basic",
        version="2",
    ),
    arguments=Compare,
    function=compare,
)

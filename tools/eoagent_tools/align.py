"""Bring rasters to one grid: as a stack, a mosaic, or a composite of dates without clouds."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.grid import same_grid
from eoagent.geo.union import union_grid
from eoagent.io.aligned import Layout, Operation, Part, join
from eoagent.io.moved import METHODS, Resampling, check_resampling, moved_note
from eoagent.spectral.indices import match_bands

__all__ = ["TOOL", "Align", "align"]

_NDVI: Final = ("red", "nir")
_CODES: Final = frozenset({"scl", "qa_pixel"})
_OPTICAL: Final = frozenset({"reflectance", "counts", "picture"})
_HOW: Final[dict[Operation, str]] = {
    "stack": "all bands side by side",
    "mosaic": "the first valid pixel in the order given",
    "median": "median of the valid dates, per pixel and band",
    "greenest": "all bands of the date with the highest NDVI (Holben 1986), per pixel",
}


class Align(Arguments):
    """Arguments of `align`."""

    rasters: tuple[RasterHandle, ...] = Field(min_length=1, max_length=64)
    """Rasters to bring together, in order; one alone with `onto` is brought to that grid."""
    operation: Literal["stack", "mosaic", "composite"] = "stack"
    """stack: all bands on one grid; mosaic: the first valid pixel wins, as far as any reaches;
    composite: one image of several dates, from pixels that are valid and not masked."""
    rule: Literal["median", "max_ndvi"] | None = None
    """Of a composite: the median of the dates (left out, this), or the date of highest NDVI."""
    onto: RasterHandle | None = None
    """Raster whose grid is used; the first of them if left out. A mosaic goes on beyond it."""
    bands: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=64)
    """Bands to take; all of a stack, otherwise those that all rasters have, if left out."""
    resampling: Resampling = "nearest"
    """How values come to another grid: nearest for classes; bilinear, cubic; average onto larger
    pixels."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.rasters) == 1 and (self.operation != "stack" or self.onto is None):
            raise ValueError("give two or more rasters, or a stack of one with onto")
        if len(set(self.rasters)) != len(self.rasters):
            raise ValueError("a raster is given twice")
        if self.rule is not None and self.operation != "composite":
            raise ValueError("rule goes with composite")
        return self


def align(arguments: Align, services: Services) -> ToolResult:
    """Return the rasters as one on one grid, with every change of grid stated.

    Raises:
        InputError: if a band is missing, kinds of values would be mixed, one does not overlap the
            grid, or the result would be too large.
    """
    refs = [RasterRef.model_validate(services.store.get(h).payload) for h in arguments.rasters]
    for ref in refs:
        check_resampling(ref, arguments.resampling)
    operation = _operation(arguments)
    _check_kinds(refs, operation)
    parts = _parts(arguments, refs, operation)
    base = refs[0]
    if arguments.onto is not None:
        base = RasterRef.model_validate(services.store.get(arguments.onto).payload)
    grid = base.grid
    if operation == "mosaic" and any(not same_grid(ref.grid, grid) for ref in refs):
        grid = union_grid(grid, [ref.grid for ref in refs])
    title = _title(refs, operation, base)
    layout = Layout(
        grid=grid,
        operation=operation,
        resampling=arguments.resampling,
        names=_names(parts, operation),
        title=title,
        method=_method(refs, operation, arguments.resampling, grid),
    )
    joined = join(services, parts, layout)
    notes = [note for ref in refs for note in _moves(ref, grid, base, arguments.resampling)]
    if operation != "stack":
        notes.append(f"each pixel is {_HOW[operation]}")
    if operation in {"median", "greenest"}:
        notes += [_quality(ref) for ref in refs if ref.values in _OPTICAL]
    share = FigureDraft(
        name="valid_share",
        value=joined.valid_share,
        unit="percent",
        label=f"valid share of {title}"[:200],
        method="pixels valid in one or more of the rasters, of all pixels of the grid",
        sources=tuple(dict.fromkeys(source for ref in refs for source in ref.sources)),
    )
    mean = share.model_copy(
        update={
            "name": "mean_valid",
            "value": joined.mean_valid,
            "unit": "count",
            "label": f"rasters that are valid at a pixel of {title}, on average"[:200],
            "method": "mean over all pixels of the grid",
        }
    )
    return ToolResult(
        artifacts={"raster": joined.artifact},
        figures=(share, mean),
        assumptions=tuple(dict.fromkeys(notes)),
    )


def _operation(arguments: Align) -> Operation:
    if arguments.operation != "composite":
        return arguments.operation
    return "greenest" if arguments.rule == "max_ndvi" else "median"


def _check_kinds(refs: list[RasterRef], operation: Operation) -> None:
    kinds = sorted({ref.values for ref in refs})
    if len(kinds) > 1 and (operation != "stack" or sum("backscatter" in k for k in kinds) > 1):
        raise InputError(
            f"{' and '.join(kinds)} cannot be joined as one",
            hint="give rasters of one kind of values; open_image takes scale and offset",
        )
    if operation == "median" and kinds == ["quality"]:
        raise InputError(
            "the median of classes or bits has no meaning", hint="use mosaic, or other bands"
        )


def _parts(arguments: Align, refs: list[RasterRef], operation: Operation) -> list[Part]:
    wanted = arguments.bands
    if wanted is None and operation != "stack":
        wanted = tuple(n for n in _values(refs[0]) if all(n in r.band_names for r in refs))
        if not wanted:
            raise InputError(
                "the rasters have no band name in common",
                hint="name the bands when opening, or give bands",
            )
    guides = _NDVI if operation == "greenest" else ()
    parts = []
    for ref in refs:
        own = wanted or _values(ref)
        found, missing = match_bands((*own, *guides), ref.band_names, sensor=ref.sensor)
        if missing:
            raise InputError(
                f"{ref.title} has no band {', '.join(missing)}",
                hint=f"its bands are {', '.join(ref.band_names)}",
            )
        taken = tuple(found[name] for name in own)
        if arguments.resampling != "nearest" and _CODES & set(taken) and len(taken) > 1:
            raise InputError(
                f"{' and '.join(sorted(_CODES & set(taken)))} of {ref.title} holds codes, which "
                f"{METHODS[arguments.resampling]} would mix up",
                hint="take it by itself with resampling nearest",
            )
        parts.append(Part(ref=ref, bands=taken, guides=tuple(found[name] for name in guides)))
    return parts


def _values(ref: RasterRef) -> tuple[str, ...]:
    """Return the bands of a raster but its quality band, unless it has no other."""
    return tuple(n for n in ref.band_names if n not in _CODES) or ref.band_names


def _names(parts: list[Part], operation: Operation) -> tuple[str, ...]:
    """Return names for the output: a band that several rasters of a stack have gets its number."""
    if operation != "stack":
        return parts[0].bands
    often = Counter(name for part in parts for name in part.bands)
    names = [
        f"{name}_{number}" if often[name] > 1 else name
        for number, part in enumerate(parts, 1)
        for name in part.bands
    ]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"the stack would have the band {', '.join(twice)} twice",
            hint="give bands, or name them otherwise when opening",
        )
    return tuple(names)


def _title(refs: list[RasterRef], operation: Operation, base: RasterRef) -> str:
    if len(refs) == 1:
        return f"{refs[0].title} on the grid of {base.title}"[:120]
    word = {"median": "median composite", "greenest": "greenest composite"}.get(operation)
    return f"{word or operation} of {len(refs)} rasters: {refs[0].title}, ..."[:120]


def _method(refs: list[RasterRef], operation: Operation, resampling: Resampling, grid: Grid) -> str:
    made = {ref.method for ref in refs}
    lead = f"{made.pop()}; " if len(made) == 1 and "" not in made else ""
    moved = any(not same_grid(ref.grid, grid) for ref in refs)
    how = f" by {METHODS[resampling]}" if moved else ""
    joined = "" if len(refs) == 1 else f"; {_HOW[operation]}"
    return f"{lead}{len(refs)} rasters on one grid{how}{joined}"


def _moves(ref: RasterRef, grid: Grid, base: RasterRef, method: Resampling) -> tuple[str, ...]:
    if same_grid(ref.grid, base.grid):
        return ()
    return moved_note(ref, grid, base.title, method)


def _quality(ref: RasterRef) -> str:
    if ref.qa is None:
        return f"{ref.title} has no quality mask applied: clouds count as ground"
    return f"pixels of {ref.title} flagged as {', '.join(ref.qa.exclude)} are left out"


TOOL = FunctionTool(
    card=ToolCard(
        name="align",
        use="special",
        summary="Several rasters on one grid: a stack of their bands, a mosaic, or a composite of "
        "several dates without clouds.",
        outputs=(
            Output(name="raster", kind="raster", about="the stack, mosaic or composite"),
            Output(name="valid_share", kind="figure", about="valid in one or more, percent"),
            Output(name="mean_valid", kind="figure", about="valid rasters per pixel, count"),
        ),
    ),
    arguments=Align,
    function=align,
)

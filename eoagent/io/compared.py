"""What changed between two masks or two rasters, pixel by pixel on the first one's grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source, unclear_changes
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import BandRef, Grid, MaskRef, RasterRef
from eoagent.contracts.tool import Services, ToolResult
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.grid import same_grid
from eoagent.geo.stats import RunningStats
from eoagent.io.blockwise import MaskDraft, mask_strips, raster_strips, write_mask
from eoagent.io.combined import mask_on_grid
from eoagent.io.gridwriter import GridWriter

__all__ = ["compare_masks", "compare_rasters"]

Bools = NDArray[np.bool_]
_SIGNS: Final = {1: "increased", -1: "decreased", 0: "unchanged"}
_GEOTIFF: Final = "image/tiff; application=geotiff; profile=cloud-optimized"


def compare_masks(services: Services, first: MaskRef, second: MaskRef) -> ToolResult:
    """Return what was gained, lost and kept from a first mask to a second, where both are valid.

    Raises:
        InputError: if they share no valid pixel.
    """
    has_area = first.grid.is_georeferenced or first.grid.gsd_m is not None
    areas = pixel_areas(first.grid) if has_area else None
    sums = {name: MaskArea(areas) for name in ("gained", "lost", "before", "after")}
    for window, a, b, valid in _paired(services, first, second):
        for name, yes in (("gained", b & ~a), ("lost", a & ~b), ("before", a), ("after", b)):
            sums[name].add(window, yes, valid)
    if not sums["before"].valid_pixels:
        raise InputError(
            f"'{first.label}' and '{second.label}' share no valid pixel",
            hint="compare images of the same place",
        )
    same = first.label == second.label
    what = first.label if same else f"{first.label} to {second.label}"
    label = f"{what}: {_when(first)} to {_when(second)}"
    sources = tuple(dict.fromkeys((*first.sources, *second.sources)))
    method = f"before: {first.rule}; after: {second.rule}; pixels valid in both"
    figures = [
        *_sizes(sums, label, method, sources, has_area=has_area),
        _direction("direction", _size(sums["after"]) - _size(sums["before"]), label, sources),
    ]
    made = {
        "gained_mask": _kept(services, first, second, label, sources, is_gain=True),
        "lost_mask": _kept(services, first, second, label, sources, is_gain=False),
    }
    return ToolResult(
        artifacts=made,
        figures=tuple(figures),
        assumptions=_moved(first.grid, second.grid, second.label, first.label),
        warnings=unclear_changes(figures, {"net"}),
    )


def _paired(
    services: Services, first: MaskRef, second: MaskRef
) -> Iterator[tuple[Window, Bools, Bools, Bools]]:
    others = mask_on_grid(services, second, first)
    strips = mask_strips(services, first, what="comparing")
    for (window, yes, valid), (other, known) in zip(strips, others, strict=True):
        yield window, yes & valid & known, other & valid & known, valid & known


def _kept(
    services: Services,
    first: MaskRef,
    second: MaskRef,
    label: str,
    sources: tuple[Source, ...],
    *,
    is_gain: bool,
) -> Artifact:
    word = "gained" if is_gain else "lost"
    parts = (
        (window, (b & ~a) if is_gain else (a & ~b), valid)
        for window, a, b, valid in _paired(services, first, second)
    )
    draft = MaskDraft(
        label=f"{word}: {label}"[:200],
        rule=f"{word} from ({first.rule}) to ({second.rule})",
        title=f"{word}: {label}"[:120],
        sources=sources,
    )
    return write_mask(services, first.grid, parts, draft)


def _size(sums: MaskArea) -> float:
    return float(sums.yes_pixels) if sums.area_m2 is None else sums.area_m2


def _error(sums: MaskArea) -> float:
    return sums.error_pixels if sums.error_m2 is None else sums.error_m2


def _sizes(
    sums: dict[str, MaskArea],
    label: str,
    method: str,
    sources: tuple[Source, ...],
    *,
    has_area: bool,
) -> list[FigureDraft]:
    unit = "m2" if has_area else "px2"
    values = {name: (_size(part), _error(part)) for name, part in sums.items()}
    values["net"] = (
        values["after"][0] - values["before"][0],
        float(np.hypot(values["after"][1], values["before"][1])),
    )
    values["changed"] = (
        values["gained"][0] + values["lost"][0],
        float(np.hypot(values["gained"][1], values["lost"][1])),
    )
    words = {
        "gained": "area gained",
        "lost": "area lost",
        "before": "area before",
        "after": "area after",
        "net": "net change of the area",
        "changed": "area gained plus area lost",
    }
    return [
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{words[name]}, {label}"[:200],
            method=method[:600],
            error=error,
            sources=sources,
        )
        for name, (value, error) in values.items()
    ]


def compare_rasters(
    services: Services, first: RasterRef, second: RasterRef, band: str
) -> ToolResult:
    """Return the difference second minus first of a band, with its mean and direction.

    Raises:
        InputError: if they share no valid pixel, or one is in decibels and the other is not.
    """
    if "backscatter_db" in {first.values, second.values} and first.values != second.values:
        raise InputError(
            f"{first.title} holds {first.values} and {second.title} {second.values}: decibels "
            "and other values cannot be subtracted",
            hint="give both in decibels, or both in linear power",
        )
    file = services.store.scratch(".tif")
    before, after, change = RunningStats(), RunningStats(), RunningStats()
    firsts = raster_strips(services, first, bands={"value": band}, what="comparing")
    seconds = raster_strips(
        services, second, bands={"value": band}, what="comparing", grid=first.grid
    )
    with GridWriter(file, first.grid, dtype="float32", nodata=float("nan")) as writer:
        for (window, a, valid_a), (_, b, valid_b) in zip(firsts, seconds, strict=True):
            one, two = a["value"], b["value"]
            valid = valid_a & valid_b & np.isfinite(one) & np.isfinite(two)
            difference = np.where(valid, two - one, np.nan).astype(np.float32)
            writer.add(window, difference)
            before.add(one[valid])
            after.add(two[valid])
            change.add((two - one)[valid])
        if change.count == 0:
            raise InputError(
                f"{first.title} and {second.title} share no valid pixel",
                hint="compare images of the same place",
            )
        writer.finish()
    stats = (before, after, change)
    return _difference(services, first, second, band, stats=stats, file=file)


def _difference(
    services: Services,
    first: RasterRef,
    second: RasterRef,
    band: str,
    *,
    stats: tuple[RunningStats, RunningStats, RunningStats],
    file: Path,
) -> ToolResult:
    label = f"{band}: {first.title} to {second.title}"
    sources = tuple(dict.fromkeys((*first.sources, *second.sources)))
    lead = f"{first.method or band}; " if first.method == second.method else ""
    is_db = first.values == "backscatter_db"
    method = f"{lead}second minus first over {stats[2].count} pixels valid in both"
    if is_db:
        method += "; means and differences of the decibel values, which are ratios of power"
    computed = RasterRef(
        grid=first.grid,
        bands=(BandRef(name="difference", href="", index=1, dtype="float32", nodata=np.nan),),
        values="index" if first.values == "index" else "unknown",
        title=f"change of {label}"[:120],
        sources=sources,
        path="",
        method=method[:600],
    )
    artifact = services.store.put(
        "raster",
        title=computed.title,
        payload=computed.to_dict(),
        preview={"bands": ["difference"], "size": [first.grid.width, first.grid.height]},
        file=file,
        media_type=_GEOTIFF,
    )
    unit = "dB" if is_db else "m" if first.values == "height" else "1"
    values = {
        "mean_before": stats[0].mean,
        "mean_after": stats[1].mean,
        "mean_change": stats[2].mean,
        "std_change": stats[2].std,
    }
    figures = [
        FigureDraft(
            name=name,
            value=float(value),
            unit=unit,
            label=f"{name.replace('_', ' ')} of {label}"[:200],
            method=method[:600],
            sources=sources,
        )
        for name, value in values.items()
        if value is not None
    ]
    figures.append(_direction("direction", stats[2].mean or 0.0, label, sources))
    return ToolResult(
        artifacts={"difference": artifact},
        figures=tuple(figures),
        assumptions=_moved(first.grid, second.grid, second.title, first.title),
        warnings=unclear_changes(figures, {"mean_change"}),
    )


def _direction(name: str, change: float, label: str, sources: tuple[Source, ...]) -> FigureDraft:
    return FigureDraft(
        name=name,
        value=_SIGNS[int(np.sign(change))],
        unit="choice",
        label=f"direction of {label}"[:200],
        method="sign of the change from the first to the second",
        sources=sources,
    )


def _moved(a: Grid, b: Grid, moved: str, onto: str) -> tuple[str, ...]:
    if same_grid(a, b):
        return ()
    return (f"'{moved}' was brought to the grid of '{onto}' by nearest neighbour",)


def _when(ref: MaskRef) -> str:
    if ref.time is not None:
        return ref.time.label
    return ref.item_id or (ref.sources[0].href.rsplit("/", 1)[-1] if ref.sources else "undated")

"""Masks of what changed between an image before and one after, by a published rule."""

from __future__ import annotations

from collections.abc import Iterator

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import Services, ToolResult
from eoagent.io.blockwise import Bools, MaskDraft, Values, open_reader, raster_strips, write_mask
from eoagent.spectral.cover import choose_rule, settle
from eoagent.spectral.otsu import Histogram
from eoagent.spectral.rule import CoverRule

__all__ = ["mask_between"]


def mask_between(
    services: Services, before: RasterRef, after: RasterRef, cover: str, *, label: str = ""
) -> ToolResult:
    """Return the mask of a cover that appeared between two images, such as burned ground.

    The later image is read on the earlier one's grid by nearest neighbour, which is stated; a
    pixel is valid where both are.

    Raises:
        InputError: if no rule for two dates fits the bands that both images have, their values
            are of different kinds, or they share no valid pixel.
        NotFound: if no rule is known for that word.
    """
    if before.values != after.values:
        raise InputError(
            f"{before.title} holds {before.values} and {after.title} {after.values}",
            hint="compare images whose values are of one kind",
        )
    shared = [name for name in before.band_names if name in after.band_names]
    rule = choose_rule(cover, shared, before.values, sensor=before.sensor, dates=2)
    if not rule.is_settled:
        rule = _settled(services, rule, before, after)
    title = f"{rule.title}, {before.title} to {after.title}"
    draft = MaskDraft(
        label=label or rule.title,
        rule=f"{rule.statement} ({rule.source})",
        title=title[:120],
        time=after.time,
        item_id=after.item_id,
        sources=tuple(dict.fromkeys((*before.sources, *after.sources))),
    )

    def decided() -> Iterator[tuple[Window, Bools, Bools]]:
        for window, earlier, later, valid in _pairs(services, rule, before, after):
            yes, defined = rule.decide(later, earlier)
            yield window, yes, valid & defined

    artifact = write_mask(services, before.grid, decided(), draft)
    notes = [f"{rule.cover} is taken by the rule {rule.statement} ({rule.source})"]
    if before.grid != after.grid:
        notes.append(f"{after.title} was read on the grid of {before.title} by nearest neighbour")
    return ToolResult(artifacts={"mask": artifact}, assumptions=(*notes, *rule.assumptions))


def _pairs(
    services: Services, rule: CoverRule, before: RasterRef, after: RasterRef
) -> Iterator[tuple[Window, Values, Values, Bools]]:
    """Yield (window, values before, values after, valid in both) from top to bottom."""
    bands = dict(rule.bands)
    grid = None if before.grid == after.grid else before.grid
    with open_reader(services, before) as one, open_reader(services, after) as two:
        firsts = raster_strips(services, before, bands=bands, what=rule.title, reader=one)
        seconds = raster_strips(
            services, after, bands=bands, what=rule.title, grid=grid, reader=two
        )
        for (window, earlier, valid), (_, later, also) in zip(firsts, seconds, strict=True):
            yield window, earlier, later, valid & also


def _settled(services: Services, rule: CoverRule, before: RasterRef, after: RasterRef) -> CoverRule:
    assert rule.histogram is not None
    histogram = Histogram(*rule.histogram)
    for _, earlier, later, valid in _pairs(services, rule, before, after):
        histogram.add(rule.values(later, earlier), valid)
    if not histogram.total:
        raise InputError(
            f"{before.title} and {after.title} share no valid pixel",
            hint="give two images of the same place",
        )
    return settle(rule, histogram)

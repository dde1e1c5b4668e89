"""Raster references: one or several files of a scene become bands on one grid, with every choice.

Nothing here reads pixels, but for a few small windows where the header leaves open what the
numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import BandRef, Grid, RasterRef
from eoagent.contracts.store import Origins
from eoagent.geo.grid import footprint, pixel_size_m, same_grid
from eoagent.io.bandnames import slug
from eoagent.io.dataset import open_dataset
from eoagent.io.dates import time_in_name
from eoagent.io.filebands import FileBands, read_bands
from eoagent.io.header import RasterHeader, read_header
from eoagent.io.href import redact
from eoagent.io.quality import find_qa
from eoagent.io.stated import Reading, Stated
from eoagent.spectral.sensors import base_name, sensor_from_name

__all__ = ["Described", "describe_files"]

_AS_FINE: Final = 1.001
"""Pixels up to this much larger than the smallest are as fine; the first such file decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A raster reference with the choices behind it."""

    ref: RasterRef
    """The reference."""
    assumptions: tuple[str, ...] = ()
    """Choices that change results and that no one stated, each a sentence."""


def describe_files(
    hrefs: Sequence[str],
    origins: Origins,
    *,
    base: str = "",
    stated: Stated | None = None,
    reading: Reading | None = None,
) -> Described:
    """Return the reference to one file, or to several files of one scene on the finest grid.

    Args:
        hrefs: paths or URLs; each is put before the guard.
        origins: the guard.
        base: the document that named the files, if any.
        stated: what is said of them besides.
        reading: how they are read.

    Raises:
        InputError: if what was stated does not fit, or the files do not belong together.
        NotFound: if a local file does not exist.
        SourceError: if a file is refused, damaged or out of reach.
    """
    stated, reading = stated or Stated(), reading or Reading()
    if not hrefs:
        raise InputError("a raster of no files was asked for", hint="give at least one file")
    sensor = stated.sensor or next((s for h in hrefs if (s := sensor_from_name(h))), "")
    stated = replace(stated, sensor=sensor)
    parts: list[FileBands] = []
    left = list(stated.bands)
    for href in hrefs:
        admitted = origins.admit(href, base=base)
        with open_dataset(
            admitted,
            origins=origins,
            limits=reading.limits,
            cache_mb=reading.cache_mb,
            timeout_s=reading.timeout_s,
            wires=reading.wires,
        ) as file:
            header = read_header(file, admitted.href, gsd_m=stated.gsd_m)
            given = left if len(hrefs) == 1 else left[: _own_count(header)]
            left = left[len(given) :]
            hints = stated.listed.get(href, ())
            parts.append(read_bands(file, header, origins, stated=stated, hints=hints, given=given))
    if left:
        raise InputError(
            f"{len(stated.bands)} band names were given for {len(stated.bands) - len(left)} bands",
            hint="give one name for each band, over all files, in order",
        )
    return _join(parts, stated)


def _own_count(header: RasterHeader) -> int:
    """Return how many bands of a file want names when several files share a list of names."""
    is_extra = len(header.colours) > 1 and header.colours[-1] == "alpha"
    return len(header.colours) - is_extra


def _join(parts: Sequence[FileBands], stated: Stated) -> Described:
    """Return the files as one raster on the finest of their grids."""
    notes = [note for part in parts for note in part.notes]
    grid = parts[0].header.grid if len(parts) == 1 else _finest(parts, notes)
    qa, said = find_qa(parts, stated.qa)
    notes += said
    is_named = qa is not None and stated.qa is not None
    is_file = qa is not None and any(
        part.header.href == qa.href and len(part.bands) == 1 for part in parts
    )
    hidden = qa.href if qa is not None and is_named and is_file else ""
    data = [part for part in parts if part.header.href != hidden] or list(parts)
    name = base_name(data[0].header.href)
    time = stated.time or time_in_name(name)
    if time is not None and stated.time is None:
        notes.append(f"the time {time.label} is read from the file's name")
    kinds = {part.kind for part in data}
    kinds = kinds - {"quality"} or kinds
    masks = [part.header.has_mask for part in data]
    ref = RasterRef(
        grid=grid,
        bands=_unique([_bands(part, alone=len(data) == 1) for part in data]),
        values=kinds.pop() if len(kinds) == 1 else "unknown",
        alpha=next((part.alpha for part in data if part.alpha), None),
        dataset_mask=any(masks),
        qa=qa,
        time=time,
        sensor=stated.sensor,
        item_id=stated.item_id,
        title=stated.title or redact(data[0].header.href).rpartition("/")[2],
        sources=tuple(part.header.source for part in parts),
    )
    return Described(ref=ref, assumptions=tuple(dict.fromkeys(notes)))


def _bands(part: FileBands, *, alone: bool) -> tuple[BandRef, ...]:
    """Return a file's bands; a lone band without a name takes the file's in a set of several."""
    if alone or part.naming.origin != "position" or len(part.bands) != 1:
        return part.bands
    stem = slug(base_name(part.header.href).rpartition(".")[0]) or part.bands[0].name
    return (part.bands[0].model_copy(update={"name": stem}),)


def _unique(groups: Sequence[tuple[BandRef, ...]]) -> tuple[BandRef, ...]:
    bands = tuple(band for group in groups for band in group)
    names = [band.name for band in bands]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        files = [base_name(band.href) for band in bands if band.name == twice]
        raise InputError(
            f"band '{twice}' is in several of the files: {', '.join(files[:4])}",
            hint="open images of different dates or scenes one by one",
        )
    return bands


def _finest(parts: Sequence[FileBands], notes: list[str]) -> Grid:
    """Return the grid with the smallest pixels; files on other grids are noted."""
    grids = [part.header.grid for part in parts]
    if not all(grid.is_georeferenced for grid in grids):
        if all(same_grid(grids[0], grid) for grid in grids):
            return grids[0]
        raise InputError(
            "files without georeference or of different sizes cannot be laid on one grid",
            hint="open them one by one",
        )
    areas = [width * height for width, height in map(pixel_size_m, grids)]
    best = next(n for n, area in enumerate(areas) if area <= min(areas) * _AS_FINE)
    finest, outline = grids[best], footprint(grids[best])
    for part, grid in zip(parts, grids, strict=True):
        if same_grid(grid, finest):
            continue
        if not outline.intersects(footprint(grid)):
            raise InputError(
                f"{base_name(part.header.href)} does not overlap "
                f"{base_name(parts[best].header.href)}",
                hint="open images of different places one by one",
            )
        names = ", ".join(band.name for band in part.bands)
        notes.append(f"{names} lies on another grid and is brought to the finest by nearest pixel")
    return finest

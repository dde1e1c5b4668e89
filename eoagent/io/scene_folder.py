"""Take each raster below a folder for a scene, with the date that its name or tags hold."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import shapely

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.raster import Grid
from eoagent.contracts.store import Origins
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.grid import bounds, footprint, pixel_size_m
from eoagent.io.dataset import RasterFile, open_dataset
from eoagent.io.dates import parse_time, time_in_name
from eoagent.io.georeference import read_grid
from eoagent.io.scene import Scene, SceneAsset, Scenes
from eoagent.io.serials import numbered
from eoagent.io.stac_bands import clean_text
from eoagent.spectral.sensors import sensor_from_name

__all__ = ["scenes_of_folder"]

_ENDINGS: Final = (".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg")
_MAX_ENTRIES: Final = 200_000
_MAX_DEPTH: Final = 16
_MAX_WARNINGS: Final = 50
_TIME_TAGS: Final = ("datetime", "acquisition_date", "TIFFTAG_DATETIME")
_TIFF_TIME: Final = re.compile(r"(\d{4}):(\d{2}):(\d{2})\b(.*)")


def scenes_of_folder(folder: Path, origins: Origins, *, max_files: int) -> Scenes:
    """Return the rasters below a folder as scenes, in the order of their paths.

    The id of a scene is its path inside the folder without the ending. Its time is taken from the
    file name, else from the tags `datetime` or `TIFFTAG_DATETIME`; each scene's notes say which.
    The running number of a series of files is no year.

    Args:
        folder: absolute path that the guard admitted.
        origins: the guard, which each file is put before.
        max_files: most rasters; further ones are left out with a warning.

    Raises:
        NotFound: if there is no raster.
        SourceError: if not one of the rasters can be opened.
    """
    warnings: list[str] = []
    paths = sorted(_rasters(folder, warnings))
    if not paths:
        raise NotFound(
            f"{folder} holds no raster and no catalog",
            hint=f"give a catalog.json, or a folder with files that end in {', '.join(_ENDINGS)}",
        )
    if len(paths) > max_files:
        warnings.append(f"{folder} holds {len(paths)} rasters; the first {max_files} are taken")
    scenes, failures = [], []
    series = numbered(paths)
    for path in paths[:max_files]:
        try:
            with open_dataset(origins.admit(str(path)), origins=origins) as file:
                scenes.append(_scene(file, path, folder, has_years=path not in series))
        except (SourceError, InputError) as error:
            failures.append(f"left out: {clean_text(str(error))}")
    if not scenes:
        raise SourceError(
            f"not one of the {len(failures)} rasters below {folder} can be opened: {failures[0]}",
            href=str(folder),
        )
    more = len(failures) - _MAX_WARNINGS
    warnings += failures[:_MAX_WARNINGS] + ([f"and {more} more left out"] if more > 0 else [])
    return Scenes(
        scenes=tuple(scenes),
        title=clean_text(folder.name),
        looked_at=len(scenes),
        missing=tuple(warnings),
        warnings=tuple(warnings),
    )


def _rasters(folder: Path, warnings: list[str]) -> Iterator[Path]:
    """Yield the rasters below a folder; links to other folders are not followed."""
    seen = 0
    for parent, folders, names in os.walk(folder, followlinks=False):
        depth = len(Path(parent).relative_to(folder).parts)
        if depth >= _MAX_DEPTH and folders:
            warnings.append(
                f"{parent} lies {depth} folders deep; what is below it is not looked at"
            )
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            if seen > _MAX_ENTRIES:
                warnings.append(f"only the first {_MAX_ENTRIES} files of {folder} are looked at")
                return
            if name.casefold().endswith(_ENDINGS) and not name.startswith("."):
                yield Path(parent) / name


def _scene(file: RasterFile, path: Path, folder: Path, *, has_years: bool) -> Scene:
    placed = read_grid(file)
    notes = list(placed.notes)
    box, outline, gsd_m = _place(placed.grid, notes)
    time = _time(file, path, notes, has_years=has_years)
    inside = path.relative_to(folder)
    return Scene(
        id=str(inside.with_suffix("")),
        collection=clean_text(folder.name),
        href=str(path),
        bbox=box,
        geometry=outline,
        time=time,
        gsd_m=gsd_m,
        sensor=sensor_from_name(path.name) or "",
        title=clean_text(path.name),
        assets=(SceneAsset(key="data", href=str(path), roles=("data",), gsd_m=gsd_m),),
        notes=tuple(notes),
    )


def _place(grid: Grid, notes: list[str]) -> tuple[BBox | None, dict[str, Any] | None, float | None]:
    if not grid.is_georeferenced:
        notes.append("the file has no georeference, so the scene has no place")
        return None, None, None
    try:
        outline = split_at_antimeridian(footprint(grid))
        size_m = max(pixel_size_m(grid))
        return bounds(grid), json.loads(shapely.to_geojson(outline)), size_m
    except InputError as error:
        notes.append(f"the scene has no place: {error}")
        return None, None, None


def _time(file: RasterFile, path: Path, notes: list[str], *, has_years: bool) -> TimeRange | None:
    found = time_in_name(path.name, has_years=has_years)
    if found is not None:
        notes.append(f"its time {found.label} is taken from the file name")
        return found
    with file.faults("its tags could not be read"):
        tags = {key.casefold(): str(value) for key, value in file.raw.tags().items()}
    for tag in _TIME_TAGS:
        text = tags.get(tag.casefold(), "").strip()
        try:
            found = parse_time(_TIFF_TIME.sub(r"\1-\2-\3\4", text))
        except InputError:
            continue
        notes.append(f"its time {found.label} is taken from the tag {tag}")
        return found
    notes.append("neither the file name nor a tag says when it was taken")
    return None

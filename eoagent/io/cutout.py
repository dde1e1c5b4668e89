"""Copy a small place out of a scene, by windowed reads, into one raster with an item of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, Window
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.contracts.store import Origins
from eoagent.geo.grid import lonlat_to_pixel, strips
from eoagent.io.atomic import write_atomic
from eoagent.io.gridwriter import GridWriter
from eoagent.io.opening import open_scene
from eoagent.io.raster import RasterReader
from eoagent.io.scene import Scene
from eoagent.io.scene_bands import scene_band_hints

__all__ = ["bands_of", "cut_out"]

_STEPS: Final = 17
_MOST_PIXELS: Final = 16_000_000
_STRIP_PIXELS: Final = 1_000_000


def bands_of(scene: Scene, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of some common names that a scene has a band for, in the order given."""
    there = {hint.common_name for hint in scene_band_hints(scene).bands}
    return tuple(name for name in names if name in there)


def cut_out(
    scene: Scene, origins: Origins, box: BBox, folder: Path, *, names: Sequence[str]
) -> Path:
    """Copy some bands of a scene within a box; return the path of the item that describes the copy.

    Values are stored as they are after scale and offset, as float32 on the finest grid of these
    bands; what the scene's quality band leaves out is no data. Only windows are read.

    Args:
        scene: the scene; its files are put before the guard.
        origins: the guard.
        box: the place.
        folder: where the raster and the item are written.
        names: common names of bands that the scene has.

    Raises:
        InputError: if the scene lies elsewhere, or the box is too large.
        SourceError: if pixels cannot be had or written.
    """
    hints = scene_band_hints(scene)
    wanted = {hint.key for hint in hints.bands if hint.common_name in names}
    wanted |= {hints.qa.key} if hints.qa is not None else set()
    lean = scene.model_copy(update={"assets": tuple(a for a in scene.assets if a.key in wanted)})
    ref = open_scene(lean, origins).ref
    window = _window(ref.grid, box)
    grid = _part(ref.grid, window)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(scene.id)}.tif"
    with (
        RasterReader(ref, origins) as reader,
        GridWriter(
            path, grid, dtype="float32", count=len(names), nodata=float("nan"), names=list(names)
        ) as writer,
    ):
        for strip in strips(grid, _STRIP_PIXELS):
            there = strip.model_copy(
                update={"row": strip.row + window.row, "col": strip.col + window.col}
            )
            values, _ = reader.read(names, there)
            writer.add(strip, values.astype(np.float32, copy=False))
        writer.finish()
    item = path.with_suffix(".json")
    write_atomic(item, json.dumps(_item(scene, ref, path.name, names), indent=1).encode())
    return item


def _window(grid: Grid, box: BBox) -> Window:
    """Return the pixels that a box in degrees covers, whose edges are bent in other systems."""
    east = box.east + 360 * box.crosses_antimeridian
    along, up = np.linspace(box.west, east, _STEPS), np.linspace(box.south, box.north, _STEPS)
    lon = np.concatenate([along, along, np.full(_STEPS, box.west), np.full(_STEPS, east)])
    lat = np.concatenate([np.full(_STEPS, box.south), np.full(_STEPS, box.north), up, up])
    rows, cols = lonlat_to_pixel(grid, lon, lat)
    row, col = max(0, int(np.floor(rows.min()))), max(0, int(np.floor(cols.min())))
    bottom = min(grid.height, int(np.ceil(rows.max())))
    right = min(grid.width, int(np.ceil(cols.max())))
    if bottom <= row or right <= col:
        raise InputError("the scene does not cover the place", hint="choose another scene")
    if (bottom - row) * (right - col) > _MOST_PIXELS:
        raise InputError(
            f"the place covers {right - col} x {bottom - row} pixels, more than {_MOST_PIXELS:,}",
            hint="choose a smaller place",
        )
    return Window(row=row, col=col, height=bottom - row, width=right - col)


def _part(grid: Grid, window: Window) -> Grid:
    if grid.transform is None or grid.gcps:
        raise InputError("the scene has no plain grid to cut from", hint="choose another scene")
    a, b, c, d, e, f = grid.transform
    x, y = a * window.col + b * window.row + c, d * window.col + e * window.row + f
    return grid.model_copy(
        update={"width": window.width, "height": window.height, "transform": (a, b, x, d, e, y)}
    )


def _file_name(identity: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in identity)


def _item(scene: Scene, ref: RasterRef, file: str, names: Sequence[str]) -> dict[str, Any]:
    time = scene.time
    ends = [None if m is None else m.isoformat() for m in ((time.start, time.end) if time else ())]
    moments = dict(zip(("start_datetime", "end_datetime"), ends, strict=False))
    said = {
        "title": scene.title or scene.id,
        "platform": scene.platform,
        "constellation": scene.constellation,
        "gsd": scene.gsd_m,
        "eo:cloud_cover": scene.cloud_pct,
        "description": f"cut out of {scene.href}",
    }
    bands = [
        {"name": name, "eo:common_name": name, "raster:scale": 1.0, "raster:offset": 0.0}
        for name in names
    ]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": scene.id,
        "collection": scene.collection or None,
        "geometry": scene.geometry,
        "bbox": None,
        "properties": {
            "datetime": ends[0] if ends and ends[0] == ends[-1] else None,
            **moments,
            **{key: value for key, value in said.items() if value not in ("", None)},
        },
        "links": [{"rel": "derived_from", "href": source.href} for source in ref.sources],
        "assets": {"data": {"href": file, "roles": ["data"], "type": "image/tiff", "bands": bands}},
    }

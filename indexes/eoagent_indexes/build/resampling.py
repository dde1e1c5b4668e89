"""Read and embed tiles of an index again, and tell where their vectors are not what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.store import Origins
from eoagent.io.scene import Scene, SceneAsset, SceneConditions
from eoagent.io.stac import open_catalog
from eoagent.io.stac_item import names_item, split_member
from eoagent_indexes.build.job import Job
from eoagent_indexes.build.tiles import TileReader
from eoagent_indexes.build.unit import Unit, prepare

__all__ = ["LEAST_COSINE", "resampled"]

LEAST_COSINE: Final = 0.999
"""Cosine above which two vectors are the same but for rounding."""


def resampled(
    table: pa.Table,
    vectors: NDArray[np.float16],
    *,
    job: Job,
    origins: Origins,
    encoder: Encoder,
) -> Iterator[str]:
    """Yield a sentence for each tile whose vector, made again, is another, or cannot be made.

    Args:
        table: tiles.
        vectors: their vectors as stored, (rows, dimensions).
        job: what the index was built from.
        origins: the guard.
        encoder: makes vectors.
    """
    units: dict[tuple[str, str], Unit | str] = {}
    for row, stored in zip(table.to_pylist(), vectors, strict=True):
        item = row["collection"], row["item_id"]
        if item not in units:
            units[item] = _unit(row, job, origins)
        unit = units[item]
        if isinstance(unit, Unit) and unit.key != row["unit"]:
            unit = units[item] = "its file has changed since; an update renews its tiles"
        said = unit if isinstance(unit, str) else _compare(row, stored, unit, origins, encoder)
        if said:
            yield f"tile {row['tile_id']} of {row['item_id']}: {said}"


def _unit(row: dict[str, Any], job: Job, origins: Origins) -> Unit | str:
    try:
        return prepare(_scene(row, origins), job, origins)
    except (InputError, SourceError) as error:
        return f"its file cannot be read again: {error}"


def _scene(row: dict[str, Any], origins: Origins) -> Scene:
    """Return the scene that a tile was cut from: an item, or a file that stands by itself.

    Raises:
        InputError: if the item is not there any more.
        SourceError: if its document cannot be read.
    """
    href = row["item_href"]
    if not names_item(href):
        asset = SceneAsset(key="data", href=href, roles=("data",))
        return Scene(
            id=row["item_id"],
            collection=row["collection"],
            href=href,
            sensor=row["sensor"],
            assets=(asset,),
        )
    document, _ = split_member(href)
    wanted = SceneConditions(ids=(row["item_id"],))
    scenes = open_catalog(document, origins, conditions=wanted).scenes
    if not scenes:
        raise InputError(f"{document} does not list the item any more", hint="update the index")
    return scenes[0]


def _compare(
    row: dict[str, Any],
    stored: NDArray[np.float16],
    unit: Unit,
    origins: Origins,
    encoder: Encoder,
) -> str:
    window = Window(row=row["row"], col=row["col"], height=row["height"], width=row["width"])
    out = _out_shape(window, unit)
    try:
        with TileReader(unit, origins) as reader:
            (tile,) = reader.read(
                [(0, window)], out_shape=out, max_cloud_pct=100.0, max_nodata_pct=100.0
            )
    except (InputError, SourceError) as error:
        return f"its pixels cannot be read again: {error}"
    assert tile.picture is not None
    again = encoder.encode_images(tile.picture[None])[0]
    cosine = float(np.dot(again, stored.astype(np.float32)))
    if cosine > LEAST_COSINE:
        return ""
    return f"its vector, made again, has a cosine of {cosine:.4f} with the one that is stored"


def _out_shape(window: Window, unit: Unit) -> tuple[int, int] | None:
    if unit.shrink == 1.0:
        return None
    return (
        max(1, round(window.height / unit.shrink)),
        max(1, round(window.width / unit.shrink)),
    )

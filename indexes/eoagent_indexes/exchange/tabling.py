"""Rows of an embedding file as tiles: ids, places, times and all else that a tile table holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import TimeRange
from eoagent_indexes.exchange.footer import Footer
from eoagent_indexes.exchange.layouts import Layout
from eoagent_indexes.exchange.placing import Placed
from eoagent_indexes.exchange.timing import Timed
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.tileid import tile_id

__all__ = ["IMPORTED", "Source", "ids_of", "tile_table"]

IMPORTED: Final = "imported"
"""What stands for the render recipe of tiles whose pixels were never seen here."""
_MOST_CHARS: Final = 2_000
_HEX: Final = frozenset("0123456789abcdef")
_TILE_ID_CHARS: Final = 32
_CORNERS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that rows come from, and what is known of all of them."""

    href: str
    """Its place."""
    unit: str
    """Key of the import in the ledger."""
    layout: Layout
    """Its columns."""
    footer: Footer
    """What its footer says."""
    encoder: EncoderFingerprint
    """What made the vectors."""
    crs: str
    """CRS of its geometries; empty where it has none."""
    time: TimeRange | None
    """Time of rows that have none of their own."""


def ids_of(batch: Any, source: Source) -> tuple[list[str], dict[int, str]]:
    """Return the id of each row as the file writes it, and which rows are refused for want of one.

    Ids that only count the rows of one file have the name of the file before them.
    """
    ids, refused = [], {}
    before = f"{PurePath(source.href).stem}/" if source.layout.ids_by_file else ""
    for row, value in enumerate(batch.column(source.layout.id).to_pylist()):
        text = "" if value is None else f"{before}{value}"
        if not text or len(text) > _MOST_CHARS:
            refused[row] = "it has no id" if not text else f"its id has {len(text)} characters"
        elif source.footer.is_own and not (len(text) == _TILE_ID_CHARS and _HEX.issuperset(text)):
            refused[row] = "its id is no tile id"
        ids.append(text)
    return ids, refused


def tile_table(
    batch: Any, ids: list[str], source: Source, *, placed: Placed, timed: Timed
) -> pa.Table:
    """Return the rows of a batch as a tile table.

    Args:
        batch: the rows.
        ids: their ids.
        source: the file.
        placed: where they lie.
        timed: when they are from.
    """
    layout, footer = source.layout, source.footer
    collections = [text or footer.collection for text in _texts(batch, layout.collection)]
    items = [text or own for text, own in zip(_texts(batch, layout.item), ids, strict=True)]
    hrefs = _texts(batch, layout.href)
    bases = _texts(batch, layout.item_href)
    windows = _windows(batch, layout, footer)
    keys = ids if footer.is_own else _tile_ids(ids, collections, source)
    columns = {
        "tile_id": keys,
        "collection": collections,
        "item_id": items,
        # What the file names is held against the rules for a document on this machine.
        "item_href": [
            base or (source.href if href and not footer.is_own else "")
            for base, href in zip(bases, hrefs, strict=True)
        ],
        "href": hrefs,
        "asset_key": _texts(batch, layout.asset),
        **{name: windows[at].tolist() for at, name in enumerate(("col", "row", "width", "height"))},
        "geometry": placed.outlines,
        "bbox": placed.boxes,
        "start": timed.starts,
        "end": timed.ends,
        "gsd_m": _numbers(batch, layout.gsd, footer.gsd_m),
        "cloud_pct": _shares(batch, layout.cloud),
        "nodata_pct": _shares(batch, layout.nodata),
        "sensor": _texts(batch, layout.sensor),
        "recipe": [text or IMPORTED for text in _texts(batch, layout.recipe)],
        "unit": [text or source.unit for text in _texts(batch, layout.unit)],
        "chip_px": [int(n or footer.chip_px[1]) for n in _numbers(batch, layout.chip, None)],
    }
    return pa.Table.from_pydict(columns, schema=TILE_SCHEMA)


def _tile_ids(ids: list[str], collections: list[str], source: Source) -> list[str]:
    """Return ids made of what names a row and of what encoded it, not of its vector."""
    return [
        tile_id(
            collection=collection,
            item_id=own,
            asset_key="",
            asset_version=IMPORTED,
            window=(0, 0, 0, 0),
            recipe=IMPORTED,
            chip_px=0,
            gsd_m=None,
            encoder=source.encoder,
        )
        for own, collection in zip(ids, collections, strict=True)
    ]


def _windows(batch: Any, layout: Layout, footer: Footer) -> Any:
    """Return column, row, width and height, (4, rows); all 0 where the file does not say."""
    found = np.zeros((4, batch.num_rows), dtype=np.int64)
    found[2:] = np.array(footer.chip_px[::-1])[:, None]
    if len(layout.window) == _CORNERS:
        for at, name in enumerate(layout.window):
            found[at] = [int(n or 0) for n in _numbers(batch, name, None)]
    elif layout.window:
        for row, box in enumerate(batch.column(layout.window[0]).to_pylist()):
            if isinstance(box, list) and len(box) == _CORNERS and None not in box:
                left, upper, right, lower = (int(n) for n in box)
                if right > left and lower > upper:
                    found[:, row] = left, upper, right - left, lower - upper
    return np.clip(found, 0, (1 << 31) - 1)


def _texts(batch: Any, name: str) -> list[str]:
    if not name:
        return [""] * int(batch.num_rows)
    values = batch.column(name).to_pylist()
    return ["" if value is None else str(value)[:_MOST_CHARS] for value in values]


def _numbers(batch: Any, name: str, other: float | None) -> list[float | None]:
    if not name or not _is_number(batch.column(name).type):
        return [other] * int(batch.num_rows)
    values = batch.column(name).to_pylist()
    return [float(v) if v is not None and np.isfinite(v) else other for v in values]


def _shares(batch: Any, name: str) -> list[float | None]:
    found = _numbers(batch, name, None)
    return [value if value is not None and 0 <= value <= 100 else None for value in found]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))

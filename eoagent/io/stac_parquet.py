"""Read STAC items from stac-geoparquet: a row per item, properties in columns of their own.

Rows are taken in small batches, so that a file that unpacks to much more than its size costs no
more memory than a batch.

Source: https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from eoagent.contracts.errors import SourceError
from eoagent.geo.wkbdepth import wkb_depth

__all__ = ["items_in_parquet"]

_TOP: Final = frozenset(
    {
        "type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets",
        "collection",
    }
)  # fmt: skip
_NEEDED: Final = ("id", "geometry", "assets")
_JSON_TEXT: Final = ("assets", "links", "properties")
"""Columns that some writers fill with JSON texts."""
_BATCH: Final = 256
_DEEPEST: Final = 20
"""Collections within each other that are read."""
_MOST_COLUMNS: Final = 2_000
_THRIFT_LIMIT: Final = 64 << 20


def items_in_parquet(data: bytes, href: str, *, max_items: int, max_bytes: int) -> Iterator[Any]:
    """Yield the items of a stac-geoparquet file as their JSON.

    Args:
        data: the file.
        href: its place, for messages.
        max_items: most rows that are read.
        max_bytes: most bytes that the file may declare, unpacked.

    Raises:
        SourceError: if the file is damaged, too large, or holds no STAC items.
    """
    try:
        parquet = pq.ParquetFile(
            io.BytesIO(data),
            thrift_string_size_limit=_THRIFT_LIMIT,
            thrift_container_size_limit=_THRIFT_LIMIT,
        )
        _refuse_unfit(parquet, href, max_bytes)
        number = 0
        for batch in parquet.iter_batches(batch_size=_BATCH, use_threads=False):
            for row in _with_micros(batch).to_pylist():
                yield _item(row)
                number += 1
                if number >= max_items:
                    return
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{href} is not a sound stac-geoparquet file: {str(error)[:200]}", href=href
        ) from error


def _refuse_unfit(parquet: Any, href: str, max_bytes: int) -> None:
    names = parquet.schema_arrow.names
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        raise SourceError(
            f"{href} is a Parquet file without the columns {', '.join(lacking)}, so it holds no "
            "STAC items",
            href=href,
            hint="open it as features, or give a stac-geoparquet file",
        )
    metadata = parquet.metadata
    size = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    if size > max_bytes or len(names) > _MOST_COLUMNS:
        raise SourceError(
            f"{href} declares {size} bytes in {len(names)} columns; the limits are {max_bytes} and "
            f"{_MOST_COLUMNS}",
            href=href,
            hint="cut the file to the items that matter",
        )


def _with_micros(batch: Any) -> Any:
    """Return a batch with times to the microsecond, which is as fine as they are read."""
    columns = [
        column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the JSON of its item."""
    said = {name: _plain(value) for name, value in row.items() if name != "geometry"}
    for name in _JSON_TEXT:
        if isinstance(said.get(name), str):
            said[name] = _loaded(said[name])
    own = said.get("properties")
    properties = dict(own) if isinstance(own, dict) else {}
    properties |= {
        name: value
        for name, value in said.items()
        if name not in _TOP and name != "properties" and value is not None
    }
    item = {name: said[name] for name in _TOP if said.get(name) is not None}
    item["bbox"] = _box(said.get("bbox"))
    item["geometry"] = _outline(row.get("geometry"))
    return {"type": "Feature", "stac_version": "1.0.0", **item, "properties": properties}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; members without a value, which a table must fill, fall out."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _box(value: Any) -> Any:
    """Return a box that is a struct or a list as a list."""
    if not isinstance(value, dict):
        return value
    flat = [value.get(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    deep = [value.get(name) for name in ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")]
    return deep if None not in deep else flat


def _outline(blob: Any) -> Any:
    """Return WKB as GeoJSON; what is neither is left to the reader of items to note."""
    if not isinstance(blob, bytes):
        return blob
    try:
        if wkb_depth(blob, most=_DEEPEST) > _DEEPEST:
            return "unsound"
        found: Any = json.loads(shapely.to_geojson(shapely.from_wkb(blob)))
    except (shapely.errors.GEOSException, ValueError):
        return "unsound"
    return found

"""Parse the rows of a knowledge base: documents cut into passages, JSONL, and (Geo)Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import shapely.geometry
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.text import plain_text

__all__ = ["KnowledgeRow", "parquet_rows", "text_rows"]

_PASSAGE: Final = 1200
"""Characters after which a document's passage ends at the next blank line."""
_MOST: Final = 4000
_BLANK: Final = re.compile(r"\n\s*\n")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_THRIFT_LIMIT: Final = 64 << 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KnowledgeRow:
    """One passage as its file has it."""

    id: str
    """What it is cited by."""
    text: str
    """The text."""
    title: str = ""
    """What it is about."""
    place: BaseGeometry | None = None
    """Where it is about, WGS84 degrees."""
    vector: NDArray[np.float32] | None = None
    """Unit vector of its picture."""
    encoder: str = ""
    """Card of the model that made the vector."""


def text_rows(text: str, name: str, *, is_lines: bool) -> list[KnowledgeRow]:
    """Return the passages of a text file.

    Args:
        text: its text.
        name: its name, which ids begin with.
        is_lines: whether each line is a JSON object; else it is a document.

    Raises:
        SourceError: if a line is no such object; says which.
    """
    if not is_lines:
        return list(_document(text, name))
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"line {number} of {name} is not JSON", href=name) from error
        if not isinstance(held, dict):
            raise SourceError(f"line {number} of {name} is no JSON object", href=name)
        rows.append(_row(held, name, number, ""))
    return rows


def parquet_rows(file: BinaryIO, name: str) -> list[KnowledgeRow]:
    """Return the passages of a Parquet file; `geometry` is WKB on WGS84.

    Raises:
        SourceError: if it is damaged, or a row of it is.
        InputError: if it has no column `text`, or its geometries are on another CRS.
    """
    try:
        parquet = pq.ParquetFile(
            file, thrift_string_size_limit=_THRIFT_LIMIT, thrift_container_size_limit=_THRIFT_LIMIT
        )
        schema = parquet.schema_arrow
        wanted = {"id", "text", "title", "lon", "lat", "bbox", "geometry", "embedding", "encoder"}
        table = parquet.read(columns=[c for c in schema.names if c in wanted], use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(
            f"{name} is not a sound Parquet file: {str(error)[:200]}", href=name
        ) from error
    if "text" not in schema.names:
        raise InputError(
            f"{name} has no column 'text'; it has {', '.join(schema.names[:12])}",
            hint="a knowledge base has a passage in each row, in the column 'text'",
        )
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    _refuse_other_crs(metadata.get("geo", ""), name)
    encoder = metadata.get("encoder", "")
    rows = table.to_pylist()
    return [_row(row, name, number, encoder) for number, row in enumerate(rows, start=1)]


def _document(text: str, name: str) -> Iterator[KnowledgeRow]:
    title, held = "", ""
    number = 0
    for block in [*_BLANK.split(text.replace("\r\n", "\n")), ""]:
        heading = _HEADING.match(block.strip().split("\n", 1)[0])
        if held and (heading or not block.strip() or len(held) >= _PASSAGE):
            number += 1
            yield _passage(f"{name}#{number}", held, title)
            held = ""
        if heading:
            title = heading[1]
        held = f"{held}\n\n{block.strip()}".strip()
        while len(held) > _MOST:
            number += 1
            yield _passage(f"{name}#{number}", held[:_MOST], title)
            held = held[_MOST:]


def _passage(name: str, text: str, title: str) -> KnowledgeRow:
    return KnowledgeRow(
        id=plain_text(name, 120),
        text=plain_text(text, _MOST, keep="\n"),
        title=plain_text(title, 200),
    )


def _row(held: Mapping[str, Any], name: str, number: int, encoder: str) -> KnowledgeRow:
    where = f"row {number} of {name}"
    text = held.get("text")
    if not isinstance(text, str) or not text.strip():
        raise SourceError(f"{where} has no 'text'", href=name)
    given = held.get("id")
    row_id = f"{name}#{number}" if given is None else str(given)
    try:
        place = _place(held)
    except (TypeError, ValueError, KeyError, IndexError, shapely.errors.ShapelyError) as error:
        raise SourceError(f"{where} has a place that cannot be read", href=name) from error
    return KnowledgeRow(
        id=plain_text(row_id, 120),
        text=plain_text(text.strip(), _MOST, keep="\n"),
        title=plain_text(str(held.get("title") or ""), 200),
        place=place,
        vector=_vector(held.get("embedding"), where, name),
        encoder=str(held.get("encoder") or encoder),
    )


def _place(held: Mapping[str, Any]) -> BaseGeometry | None:
    """Return the place of a row; ValueError and its like where there is one that cannot be read."""
    geometry, box = held.get("geometry"), held.get("bbox")
    if geometry is not None:
        is_bytes = isinstance(geometry, bytes)
        shape = shapely.from_wkb(geometry) if is_bytes else shapely.geometry.shape(geometry)
    elif box is not None:
        edges = (
            [box[key] for key in ("xmin", "ymin", "xmax", "ymax")]
            if isinstance(box, Mapping)
            else list(box)
        )
        west, south, east, north = (float(v) for v in edges)
        shape = shapely.box(west, south, east, north)
    elif held.get("lon") is not None and held.get("lat") is not None:
        shape = shapely.Point(float(held["lon"]), float(held["lat"]))
    else:
        return None
    bounds = shapely.bounds(shape)
    if not np.isfinite(bounds).all() or np.abs(bounds[[1, 3]]).max() > 90:
        raise ValueError(f"bounds {bounds} are not in degrees")
    found: BaseGeometry = shape
    return found


def _vector(given: Any, where: str, name: str) -> NDArray[np.float32] | None:
    if given is None:
        return None
    try:
        vector = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SourceError(f"the embedding of {where} is no list of numbers", href=name) from error
    length = float(np.linalg.norm(vector))
    if vector.ndim != 1 or not vector.size or not np.isfinite(length) or length == 0:
        raise SourceError(f"the embedding of {where} is no vector with a direction", href=name)
    unit: NDArray[np.float32] = (vector / length).astype(np.float32)
    return unit


def _refuse_other_crs(geo: str, name: str) -> None:
    """Refuse geometries on another CRS than longitude and latitude, GeoParquet's default."""
    if not geo:
        return
    try:
        held = json.loads(geo)
        column = held["columns"][held["primary_column"]]
        crs = column.get("crs", {"id": {"code": "CRS84"}})
        code = None if crs is None else str(crs.get("id", {}).get("code"))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SourceError(f"the geo metadata of {name} cannot be read", href=name) from error
    if code not in {"CRS84", "4326"}:
        raise InputError(
            f"the places of {name} are on the CRS {code}, not in longitude and latitude",
            hint="write it on EPSG:4326",
        )

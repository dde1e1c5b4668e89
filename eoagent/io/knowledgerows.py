"""Parse the rows of a knowledge base: documents cut into passages, JSONL, and (Geo)Parquet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.text import plain_text
from eoagent.io.knowledgeplaces import place_of

__all__ = ["KnowledgeRow", "parquet_rows", "text_rows"]

_PASSAGE: Final = 1200
"""Characters after which a document's passage ends at the next blank line."""
_MOST: Final = 4000
_BLANK: Final = re.compile(r"\n\s*\n")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_THRIFT_LIMIT: Final = 64 << 20
_LONGEST_NAME: Final = 120
_LONGEST_HEADING: Final = 500
_MOST_ROWS: Final = 200_000
_MOST_UNPACKED: Final = 1 << 30
_AT_ONCE: Final = 64
"""Rows of a Parquet file that are unpacked together."""
_COLUMNS: Final = frozenset(
    {"id", "text", "title", "lon", "lat", "bbox", "geometry", "embedding", "encoder"}
)
_BRACKETS: Final = str.maketrans("[]", "()")
"""A passage is cited by its id in brackets."""


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
    for number, line in enumerate(text.split("\n"), start=1):
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
            file,
            thrift_string_size_limit=_THRIFT_LIMIT,
            thrift_container_size_limit=_THRIFT_LIMIT,
        )
        _refuse_large(parquet.metadata, name)
        schema = parquet.schema_arrow
        if "text" not in schema.names:
            raise InputError(
                f"{name} has no column 'text'; it has {', '.join(schema.names[:12])}",
                hint="a knowledge base has a passage in each row, in the column 'text'",
            )
        metadata = schema.metadata or {}
        geometry = _geometry_column(metadata.get(b"geo", b""), name)
        encoder = metadata.get(b"encoder", b"").decode("utf-8", "replace")
        columns = [c for c in dict.fromkeys(schema.names) if c in _COLUMNS or c == geometry]
        rows: list[KnowledgeRow] = []
        for batch in parquet.iter_batches(_AT_ONCE, columns=columns, use_threads=False):
            for row in batch.to_pylist():
                held = {**row, "geometry": row.get(geometry)}
                rows.append(_row(held, name, len(rows) + 1, encoder))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(
            f"{name} is not a sound Parquet file: {str(error)[:200]}", href=name
        ) from error
    return rows


def _refuse_large(metadata: pq.FileMetaData, name: str) -> None:
    """Refuse what would take too much memory, before any of it is unpacked."""
    groups = range(metadata.num_row_groups)
    unpacked = sum(metadata.row_group(number).total_byte_size for number in groups)
    if metadata.num_rows > _MOST_ROWS or unpacked > _MOST_UNPACKED:
        raise InputError(
            f"{name} holds {metadata.num_rows:,} rows of {unpacked:,} bytes together; at most "
            f"{_MOST_ROWS:,} rows of {_MOST_UNPACKED:,} bytes are read",
            hint="give a part of it",
        )


def _document(text: str, name: str) -> Iterator[KnowledgeRow]:
    """Yield passages that end at a blank line, and those of a title before the next title."""
    title, held = "", ""
    number = 0
    for block in [*_BLANK.split(text), ""]:
        told = plain_text(block, keep="\n").strip()
        heading = _HEADING.match(told.split("\n", 1)[0][:_LONGEST_HEADING])
        if held and (heading or not told or len(held) >= _PASSAGE):
            number += 1
            yield _passage(f"{name}#{number}", held, title)
            held = ""
        if heading:
            title = heading[1]
        held = f"{held}\n\n{told}".strip()
        whole = max(0, (len(held) - 1) // _MOST)
        for start in range(0, whole * _MOST, _MOST):
            number += 1
            yield _passage(f"{name}#{number}", held[start : start + _MOST], title)
        held = held[whole * _MOST :]


def _passage(name: str, text: str, title: str) -> KnowledgeRow:
    return KnowledgeRow(
        id=_fit_id(name),
        text=text,
        title=plain_text(title, 200),
    )


def _row(held: Mapping[str, Any], name: str, number: int, encoder: str) -> KnowledgeRow:
    where = f"row {number} of {name}"
    text = held.get("text")
    told = plain_text(text, _MOST, keep="\n").strip() if isinstance(text, str) else ""
    if not told:
        raise SourceError(f"{where} has no 'text'", href=name)
    row_id = _row_id(held.get("id"), name, number)
    try:
        place = place_of(held)
    except ValueError as error:
        raise SourceError(f"{where} has a place that cannot be read", href=name) from error
    return KnowledgeRow(
        id=row_id,
        text=told,
        title=plain_text(str(held.get("title") or ""), 200),
        place=place,
        vector=_vector(held.get("embedding"), where, name),
        encoder=plain_text(str(held.get("encoder") or encoder), _LONGEST_NAME).strip(),
    )


def _row_id(given: Any, name: str, number: int) -> str:
    """Return what a row is cited by: the text or whole number that it states, else its place."""
    if isinstance(given, float):  # how tables hold whole numbers of which some are missing
        given = None if np.isnan(given) else int(given) if given.is_integer() else given
    if given is None:
        return _fit_id(f"{name}#{number}")
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise SourceError(f"row {number} of {name} has an 'id' that is no text", href=name)
    found = _fit_id(str(given))
    if not found:
        raise SourceError(f"row {number} of {name} has an 'id' that cannot be seen", href=name)
    return found


def _fit_id(text: str) -> str:
    """Return an id that can stand between brackets; one that is too long keeps its end."""
    plain = " ".join(plain_text(text).translate(_BRACKETS).split())
    if len(plain) <= _LONGEST_NAME:
        return plain
    mark = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return f"{mark}…{plain[9 - _LONGEST_NAME :]}"


def _vector(given: Any, where: str, name: str) -> NDArray[np.float32] | None:
    if given is None:
        return None
    try:
        vector = np.asarray(given, dtype=np.float64)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise SourceError(f"the embedding of {where} is no list of numbers", href=name) from error
    length = float(np.linalg.norm(vector))
    if vector.ndim != 1 or not vector.size or not np.isfinite(length) or length == 0:
        raise SourceError(f"the embedding of {where} is no vector with a direction", href=name)
    unit: NDArray[np.float32] = (vector / length).astype(np.float32)
    return unit


def _geometry_column(geo: bytes, name: str) -> str:
    """Return the column of places, which must be on longitude and latitude, GeoParquet's default.

    Raises:
        SourceError: if the metadata cannot be read.
        InputError: if the places are on another CRS.
    """
    if not geo:
        return "geometry"
    try:
        held = json.loads(geo)
        named = held["primary_column"]
        column = held["columns"][named]
        crs = column.get("crs", {"id": {"code": "CRS84"}})
        code = "unknown" if crs is None else str(crs.get("id", {}).get("code", "without a code"))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(f"the geo metadata of {name} cannot be read", href=name) from error
    if code not in {"CRS84", "CRS84h", "4326", "4979"}:
        raise InputError(
            f"the places of {name} are on the CRS {plain_text(code, 40)}, not in longitude and "
            "latitude",
            hint="write it on EPSG:4326",
        )
    return str(named)

"""Features in memory: shapely geometries, a table of attributes, a CRS and where they came from.

It reads and writes nothing; `features` and `features_write` do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from eoagent.contracts.artifact import FeaturesRef
from eoagent.contracts.errors import InternalError
from eoagent.contracts.figure import Source

__all__ = [
    "GEOMETRY_COLUMN",
    "FeatureLimits",
    "FeatureSet",
    "as_column",
    "feature_set",
    "features_ref",
    "take_rows",
    "with_column",
]

GEOMETRY_COLUMN: Final = "geometry"
"""Name of the geometry column in every file that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLimits:
    """How much a vector file may hold before it is refused."""

    max_bytes: int = 1 << 30
    """Most bytes of a file, or of a table after decompression."""
    max_text_bytes: int = 256 << 20
    """Most bytes of a text file (GeoJSON, CSV), which is parsed in memory."""
    max_features: int = 1_000_000
    """Most features."""
    max_vertices: int = 20_000_000
    """Most vertices of all geometries together."""
    max_columns: int = 2_000
    """Most attribute columns."""
    timeout_s: float = 60.0
    """Longest wait for a remote file, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """Features with a geometry each: same order in `geometries` and in the rows of `columns`."""

    geometries: NDArray[np.object_]
    """(n,) shapely geometries: two-dimensional, valid, not empty, x before y."""
    columns: pa.Table
    """Attributes, n rows unless there are no columns; none is called `geometry`."""
    crs: str
    """`EPSG:n` or WKT; x is the longitude or easting. Empty when the coordinates are pixels."""
    label: str = ""
    """What they are, in words: the file's name, or the name that was picked."""
    sources: tuple[Source, ...] = ()
    """Files behind them, with fingerprints."""
    assumptions: tuple[str, ...] = ()
    """Choices made and repairs done while reading, each a sentence."""

    def __post_init__(self) -> None:
        """Check that geometries and rows belong together."""
        rows = self.columns.num_rows if self.columns.num_columns else len(self.geometries)
        if self.geometries.ndim != 1 or len(self.geometries) != rows:
            raise InternalError(f"{self.geometries.shape} geometries do not fit {rows} rows")

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.geometries)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the attribute columns, in order."""
        return tuple(self.columns.column_names)

    @property
    def geometry_types(self) -> tuple[str, ...]:
        """Geometry types present, sorted (`MultiPolygon`, `Point`, ...)."""
        return tuple(sorted({geometry.geom_type for geometry in self.geometries}))

    def values(self, name: str) -> list[Any]:
        """Return an attribute as Python values, None where it is missing.

        Raises:
            KeyError: if there is no such column.
        """
        values: list[Any] = self.columns.column(name).to_pylist()
        return values

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> FeatureSet:
        """Return some of the features, by a mask (n,) or by row numbers."""
        index = np.arange(len(self), dtype=np.intp)[rows]
        return replace(
            self, geometries=self.geometries[index], columns=take_rows(self.columns, index)
        )


def feature_set(
    geometries: Sequence[shapely.Geometry],
    columns: Mapping[str, Sequence[Any]],
    *,
    crs: str,
    label: str = "",
    sources: tuple[Source, ...] = (),
    assumptions: tuple[str, ...] = (),
) -> FeatureSet:
    """Return features made from geometries and columns of Python values.

    Raises:
        InternalError: if a column has another length than the geometries.
    """
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    names = [name for name in columns if name != GEOMETRY_COLUMN]
    lengths = {len(columns[name]) for name in names} | {len(array)}
    if len(lengths) != 1:
        raise InternalError(f"columns and geometries have different lengths: {sorted(lengths)}")
    arrays = [as_column(columns[name]) for name in names]
    table = pa.table(dict(zip(names, arrays, strict=True)))
    return FeatureSet(
        geometries=array,
        columns=table,
        crs=crs,
        label=label,
        sources=sources,
        assumptions=assumptions,
    )


def features_ref(
    features: FeatureSet, *, label: str = "", path: str = "", pixel_edge_m: float | None = None
) -> FeaturesRef:
    """Return the record of a feature set for the store, which fills in an empty `path`."""
    return FeaturesRef(
        path=path,
        count=len(features),
        crs=features.crs,
        geometry_types=features.geometry_types,
        columns=features.column_names,
        label=label or features.label,
        sources=features.sources,
        pixel_edge_m=pixel_edge_m,
    )


def as_column(values: Sequence[Any]) -> pa.Array:
    """Return values as an Arrow column: one type where they share one, else texts.

    Lists and mappings become JSON texts.
    """
    plain = [
        json.dumps(v, ensure_ascii=False, default=str) if isinstance(v, (list, dict, tuple)) else v
        for v in values
    ]
    try:
        column = pa.array(plain)
        return column.cast(pa.string()) if pa.types.is_null(column.type) else column
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if v is None else str(v) for v in plain], type=pa.string())


def take_rows(columns: pa.Table, rows: NDArray[np.intp]) -> pa.Table:
    """Return some rows of a table, which may have no columns (Arrow forgets the rows of those)."""
    return columns.take(pa.array(rows)) if columns.num_columns else columns


def with_column(columns: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return a table with one more column at its end."""
    return columns.append_column(name, values) if columns.num_columns else pa.table({name: values})

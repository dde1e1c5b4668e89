"""Read GeoPackage and Shapefile through GDAL, once their first bytes show that they are.

GDAL opens a file with whichever driver claims it, so a file reaches it here only when its content
and its name both say GeoPackage or Shapefile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import pyogrio.raw
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.featureset import FeatureLimits
from eoagent.io.rawfeatures import RawFeatures, crs_from, from_wkb

__all__ = ["is_geopackage", "is_shapefile", "read_vector"]

_SQLITE: Final = b"SQLite format 3\0"
_APPLICATION_IDS: Final = (b"GPKG", b"GP10", b"GP11")
_SHAPEFILE: Final = b"\x00\x00\x27\x0a"
_DRIVERS: Final = frozenset({"GPKG", "ESRI Shapefile"})
_FAULTS: Final = (DataSourceError, DataLayerError, FieldError, GeometryError, OSError, ValueError)


def is_geopackage(head: bytes) -> bool:
    """Return whether a file that starts with these bytes (72 or more) is a GeoPackage.

    Source: OGC 12-128r18, requirements 1 and 2 (application id at byte 68 of the SQLite header).
    """
    return head.startswith(_SQLITE) and head[68:72] in _APPLICATION_IDS


def is_shapefile(head: bytes) -> bool:
    """Return whether a file that starts with these bytes is the `.shp` of a Shapefile."""
    return head.startswith(_SHAPEFILE)


def read_vector(
    path: Path, href: str, limits: FeatureLimits, *, layer: str | None = None
) -> RawFeatures:
    """Return the features of one layer.

    Args:
        path: a GeoPackage or Shapefile, shown to be one by its first bytes.
        href: the file as the user knows it, for messages.
        limits: bounds on features and columns.
        layer: name of the layer; by default the first one with geometries, which is said where
            there are more.

    Raises:
        SourceError: if the file is damaged or cannot be read.
        InputError: if the layer does not exist, has no geometries, or is too large.
    """
    try:
        layers = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
        name, notes = _pick_layer(layers, layer, href)
        info = pyogrio.read_info(path, layer=name, force_feature_count=True)
        _refuse_odd(info, href, limits)
        meta, table = pyogrio.raw.read_arrow(path, layer=name, max_features=limits.max_features)
    except _FAULTS as error:
        raise SourceError(f"{href} cannot be read: {str(error)[:300]}", href=href) from error
    column = meta["geometry_name"] or "wkb_geometry"
    blobs = table.column(column).to_numpy()
    return RawFeatures(
        geometries=from_wkb(np.asarray(blobs, dtype=object), href),
        columns=table.drop_columns([column]).replace_schema_metadata(None),
        crs=crs_from(meta["crs"], href) if meta["crs"] else None,
        assumptions=notes,
    )


def _pick_layer(
    layers: list[tuple[str, Any]], wanted: str | None, href: str
) -> tuple[str, tuple[str, ...]]:
    spatial = [name for name, kind in layers if kind is not None]
    if not spatial:
        raise InputError(
            f"{href} has no layer with geometries",
            hint="give a file with points, lines or polygons",
        )
    if wanted is not None:
        if wanted not in spatial:
            raise InputError(
                f"{href} has no layer '{wanted[:80]}' with geometries",
                hint=f"its layers are {', '.join(spatial[:20])}",
            )
        return wanted, ()
    if len(spatial) == 1:
        return spatial[0], ()
    others = ", ".join(spatial[1:6])
    return spatial[0], (f"of {len(spatial)} layers {spatial[0]} is read, not {others}",)


def _refuse_odd(info: dict[str, Any], href: str, limits: FeatureLimits) -> None:
    if info["driver"] not in _DRIVERS:
        raise SourceError(f"{href} opens as {info['driver']}, which is not read here", href=href)
    if info["features"] > limits.max_features or len(info["fields"]) > limits.max_columns:
        raise InputError(
            f"{href} holds {info['features']} features and {len(info['fields'])} columns; the "
            f"limits are {limits.max_features} and {limits.max_columns}",
            hint="cut the file to the area of interest and the columns that matter",
        )

"""Read GeoJSON with our own parser, so that no file can steer a driver to other files.

GDAL tells JSON dialects apart by content, and one of them is a pipeline that reads further files;
here a document is a FeatureCollection, a Feature or a geometry, and nothing else.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.featureset import FeatureLimits, as_column
from eoagent.io.rawfeatures import RawFeatures, crs_from

__all__ = ["parse_geojson"]

_GEOMETRIES: Final = frozenset(
    {
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    }
)
_OTHER_DIALECTS: Final = {
    "Topology": "TopoJSON",
    "gdal_streamed_alg": "a GDAL pipeline",
    "Catalog": "a STAC catalog",
    "Collection": "a STAC collection",
}


def parse_geojson(data: bytes, href: str, limits: FeatureLimits) -> RawFeatures:
    """Return the features of a GeoJSON document.

    Without a `crs` member the CRS is WGS84 longitude and latitude, as RFC 7946 says; the member of
    the 2008 draft is honoured where it names a CRS.

    Raises:
        SourceError: if the text is no JSON or a geometry is damaged.
        InputError: if it is another kind of JSON or holds too much.
    """
    document = _load(data, href)
    features = _features(document, href)
    if len(features) > limits.max_features:
        raise InputError(
            f"{href} holds {len(features)} features, more than {limits.max_features}",
            hint="cut the file to the area of interest",
        )
    properties = [_properties(feature) for feature in features]
    names = list(dict.fromkeys(name for row in properties for name in row))
    if len(names) > limits.max_columns:
        raise InputError(
            f"{href} holds {len(names)} attribute columns, more than {limits.max_columns}",
            hint="keep the columns that matter",
        )
    columns = {name: as_column([row.get(name) for row in properties]) for name in names}
    crs, assumptions = _crs(document, href)
    return RawFeatures(
        geometries=_geometries([feature.get("geometry") for feature in features], href),
        columns=pa.table(columns),
        crs=crs,
        assumptions=assumptions,
    )


def _load(data: bytes, href: str) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SourceError(f"{href} is not JSON: {reason}", href=href) from error
    if not isinstance(document, dict):
        raise InputError(
            f"{href} is JSON but no GeoJSON: its top level is a {type(document).__name__}",
            hint="give a FeatureCollection, a Feature or a geometry",
        )
    return document


def _features(document: dict[str, Any], href: str) -> list[dict[str, Any]]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
    elif kind == "Feature":
        features = [document]
    elif isinstance(kind, str) and kind in _GEOMETRIES:
        features = [{"geometry": document}]
    else:
        found = _OTHER_DIALECTS.get(str(kind), f"JSON of type {str(kind)[:40]!r}")
        raise InputError(
            f"{href} is {found}, not GeoJSON",
            hint="give a FeatureCollection, a Feature or a geometry",
        )
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise SourceError(f"{href}: `features` is not a list of objects", href=href)
    return features


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    row = properties if isinstance(properties, dict) else {}
    identity = feature.get("id")
    if isinstance(identity, (str, int, float)) and "id" not in row:
        return {"id": identity, **row}
    return row


def _geometries(members: list[Any], href: str) -> NDArray[np.object_]:
    texts = np.array([None if m is None else json.dumps(m) for m in members], dtype=object)
    try:
        found: NDArray[np.object_] = np.asarray(shapely.from_geojson(texts), dtype=object)
    except (shapely.errors.GEOSException, TypeError, ValueError):
        found = np.array([_geometry(t, n, href) for n, t in enumerate(texts, 1)], dtype=object)
    return found.reshape(len(members))


def _geometry(text: str | None, number: int, href: str) -> shapely.Geometry | None:
    try:
        return shapely.from_geojson(text)
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        if text is not None and ("NaN" in text or "Infinity" in text):
            raise SourceError(
                f"{href}: feature {number} has a coordinate that is not finite", href=href
            ) from error
        raise SourceError(
            f"{href}: feature {number} has a geometry whose coordinates are not written as GeoJSON "
            f"wants them: {str(text)[:80]}",
            href=href,
        ) from error


def _crs(document: dict[str, Any], href: str) -> tuple[pyproj.CRS, tuple[str, ...]]:
    member = document.get("crs")
    if member is None:
        return crs_from("OGC:CRS84", href), ()
    properties = member.get("properties") if isinstance(member, dict) else None
    named = properties if isinstance(properties, dict) else {}
    name = named.get("name", f"EPSG:{named['code']}" if "code" in named else None)
    if not isinstance(name, str):
        raise InputError(
            f"{href}: its `crs` member names no CRS",
            hint="leave `crs` out for longitude and latitude, or name an EPSG code in it",
        )
    return crs_from(name, href), (f"the CRS {name[:80]} is taken from the file's `crs` member",)

"""Read vector files of five kinds into features: GeoJSON, GeoPackage, GeoParquet, Shapefile, CSV.

What a file is, its first bytes decide; everything else is refused by name. Writing is
`features_write`.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.delimited import parse_delimited
from eoagent.io.featureset import FeatureLimits, FeatureSet
from eoagent.io.fingerprint import fingerprint_file
from eoagent.io.geojson import parse_geojson
from eoagent.io.geoparquet import is_parquet, parse_geoparquet
from eoagent.io.href import redact
from eoagent.io.named import select_named
from eoagent.io.rawfeatures import RawFeatures, sound
from eoagent.io.remote import read_bytes
from eoagent.io.vectorfile import is_geopackage, is_shapefile, read_vector

__all__ = ["load_features", "read_features"]

_HEAD: Final = 100
_TABLES: Final = (".csv", ".tsv", ".txt")
_KINDS: Final = "GeoJSON, GeoPackage, GeoParquet, Shapefile and CSV are read"
_SIDECARS: Final = (".shx", ".dbf", ".prj", ".cpg")


def read_features(
    admitted: Admitted,
    origins: Origins | None = None,
    *,
    limits: FeatureLimits | None = None,
    named: str | None = None,
    layer: str | None = None,
    crs: str = "",
) -> FeatureSet:
    """Return the features of a vector file, sound and with every choice stated.

    Args:
        admitted: a file or address that passed the guard.
        origins: the guard, which redirects of an address are put before; without it none is
            followed.
        limits: bounds on bytes, features, vertices and columns.
        named: keep only the features with this name.
        layer: layer of a GeoPackage; by default the first with geometries.
        crs: CRS to take where the file states none.

    Raises:
        NotFound: if no feature has the name.
        InputError: if it is another kind of file, too large, or its CRS cannot be told.
        SourceError: if the file is damaged or cannot be had.
    """
    limits = limits or FeatureLimits()
    if admitted.scheme == "file":
        raw, sources = _read_local(Path(admitted.href), limits, layer)
    else:
        raw, sources = _read_remote(admitted, origins, limits, layer)
    features = sound(raw, sources[0].href, limits, crs=crs)
    features = replace(features, label=Path(_name(admitted.href)).stem, sources=sources)
    return features if named is None else select_named(features, named)


def load_features(path: Path, *, sources: tuple[Source, ...] = (), label: str = "") -> FeatureSet:
    """Return features from a GeoParquet file that `write_features` made.

    Geometries come back as they were written; a file without a CRS is in pixels.

    Raises:
        SourceError: if the file is damaged or missing.
    """
    try:
        with path.open("rb") as file:
            raw = parse_geoparquet(file, str(path), FeatureLimits())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", href=str(path)) from error
    if raw.crs is not None:
        features = sound(raw, str(path), FeatureLimits())
    else:
        features = FeatureSet(geometries=raw.geometries, columns=raw.columns, crs="")
    return replace(features, sources=sources, label=label, assumptions=())


def _read_local(
    path: Path, limits: FeatureLimits, layer: str | None
) -> tuple[RawFeatures, tuple[Source, ...]]:
    href = str(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise SourceError(f"{href} cannot be read: {error.strerror}", href=href) from error
    kind = _kind(head, href)
    _refuse_size(size, kind, href, limits)
    if kind == "parquet":
        with path.open("rb") as file:
            raw = parse_geoparquet(file, href, limits)
    elif kind in ("geopackage", "shapefile"):
        raw = read_vector(path, href, limits, layer=layer)
    else:
        raw = _parse_text(path.read_bytes(), kind, href, limits)
    files = [path]
    if kind == "shapefile":
        files += [sidecar for s in _SIDECARS if (sidecar := path.with_suffix(s)).is_file()]
    return raw, tuple(Source(href=str(f), fingerprint=fingerprint_file(f)) for f in files)


def _read_remote(
    admitted: Admitted, origins: Origins | None, limits: FeatureLimits, layer: str | None
) -> tuple[RawFeatures, tuple[Source, ...]]:
    href = redact(admitted.href)
    data = read_bytes(admitted, origins, max_bytes=limits.max_bytes, deadline_s=limits.timeout_s)
    kind = _kind(data[:_HEAD], href)
    _refuse_size(len(data), kind, href, limits)
    if kind == "parquet":
        raw = parse_geoparquet(BytesIO(data), href, limits)
    elif kind == "geopackage":
        with tempfile.TemporaryDirectory(prefix="eoagent-") as folder:
            path = Path(folder) / "remote.gpkg"
            path.write_bytes(data)
            raw = read_vector(path, href, limits, layer=layer)
    elif kind == "shapefile":
        raise InputError(
            f"{href} is the .shp of a Shapefile, which is no use without its other files",
            hint="download all its files and give the local .shp",
        )
    else:
        raw = _parse_text(data, kind, href, limits)
    mark = Fingerprint(kind="sha256", value=hashlib.sha256(data).hexdigest())
    return raw, (Source(href=href, fingerprint=mark),)


def _parse_text(data: bytes, kind: str, href: str, limits: FeatureLimits) -> RawFeatures:
    if kind == "geojson":
        return parse_geojson(data, href, limits)
    return parse_delimited(data, href, limits)


def _name(href: str) -> str:
    path = urlsplit(href).path if "://" in href else href
    return path.rpartition("/")[2]


def _kind(head: bytes, href: str) -> str:
    suffix = Path(_name(href)).suffix.casefold()
    if is_parquet(head):
        return "parquet"
    if is_geopackage(head):
        if suffix not in (".gpkg", ""):
            raise InputError(
                f"{href} is a GeoPackage with another ending", hint="give it the ending .gpkg"
            )
        return "geopackage"
    if is_shapefile(head):
        if suffix != ".shp":
            raise InputError(
                f"{href} is part of a Shapefile, but not its .shp", hint="give the .shp file"
            )
        return "shapefile"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return "geojson"
    if suffix in _TABLES and b"\0" not in head:
        return "table"
    raise InputError(f"{href} is no vector file that is read here", hint=_advice(head, suffix))


def _advice(head: bytes, suffix: str) -> str:
    if head.startswith(b"PK"):
        return f"unpack the archive and give the file inside; {_KINDS}"
    if suffix in (".shx", ".dbf", ".prj", ".cpg"):
        return "give the .shp file of the Shapefile"
    return _KINDS


def _refuse_size(size: int, kind: str, href: str, limits: FeatureLimits) -> None:
    is_text = kind in ("geojson", "table")
    most = limits.max_text_bytes if is_text else limits.max_bytes
    if size > most:
        better = "; GeoPackage and GeoParquet may be larger" if is_text else ""
        raise InputError(
            f"{href} has {size} bytes, more than {most}",
            hint=f"cut the file to the area of interest{better}",
        )

"""Ask a Nominatim server for places: once a second at most, each answer kept in the home folder.

Used only where the settings name it. Rules of the public server: one request a second, a named
user agent, answers cached (https://operations.osmfoundation.org/policies/nominatim/).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.store import Origins
from eoagent.io.atomic import disk_errors, make_folder, write_atomic
from eoagent.io.locks import hold
from eoagent.io.place import Place
from eoagent.io.placename import fold_name
from eoagent.io.remote import RemoteLimits, read_bytes

__all__ = ["CREDIT", "Nominatim"]

CREDIT: Final = "© OpenStreetMap contributors, ODbL"
"""What must stand beside its answers."""

_MAX_BYTES: Final = 16 << 20
_PAUSE_S: Final = 1.0
_TOLERANCE_DEG: Final = 0.001
_ASKED: Final = {
    "format": "jsonv2",
    "limit": "10",
    "addressdetails": "1",
    "extratags": "1",
    "namedetails": "1",
    "polygon_geojson": "1",
    "polygon_threshold": str(_TOLERANCE_DEG),
    "accept-language": "en",
}
_REGIONS: Final = ("state", "province", "region", "country")
_GEOMETRIES: Final = frozenset(
    {"Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nominatim:
    """A server that knows places by name."""

    url: str
    """Its address, without `/search`."""
    folder: Path
    """Where its answers are kept."""
    origins: Origins
    """The guard; the address counts as typed, since it stands in the settings."""
    timeout_s: float = 60.0
    """Deadline of a request, seconds."""
    clock: Callable[[], float] = time.time
    """Wall time, which all processes share."""
    sleep: Callable[[float], None] = time.sleep
    """Waits for some seconds."""

    @property
    def host(self) -> str:
        """Name of the server."""
        return urlsplit(self.url).hostname or self.url

    @property
    def address(self) -> str:
        """Where it is asked, without what may hold a key: query and user."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/search", "", ""))

    def find(self, text: str, name: str = "") -> list[Place]:
        """Return the places that the server has under a name, its best first.

        Args:
            text: what to ask for, perhaps with country or state behind commas.
            name: the name alone, where the text says more.

        Raises:
            SourceError: if it cannot be asked, answers nonsense, or the answer cannot be kept.
        """
        parts = urlsplit(self.url)
        query = "&".join(q for q in (parts.query, urlencode({"q": text, **_ASKED})) if q)
        path = f"{parts.path.rstrip('/')}/search"
        asked = urlunsplit((parts.scheme, parts.netloc, path, query, ""))
        kept = self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()}.json"
        data = self._kept(kept)
        if data is None:
            data = self._ask(asked, kept)
        mark = Fingerprint(kind="sha256", value=hashlib.sha256(data).hexdigest())
        source = Source(href=self.address, fingerprint=mark)
        try:
            return [self._place(row, name or text, source) for row in _rows(data)]
        except (LookupError, AttributeError, TypeError, ValueError, shapely.GEOSException) as error:
            kept.unlink(missing_ok=True)
            raise SourceError(
                f"{self.host} answers what cannot be read as places: {error}",
                href=self.address,
                hint="check the setting geocoder_url, or give a places file",
            ) from error

    def _kept(self, path: Path) -> bytes | None:
        with disk_errors(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _ask(self, asked: str, kept: Path) -> bytes:
        """Ask the server, a second after anybody here did, and keep the answer."""
        with disk_errors(self.folder):
            make_folder(self.folder)
        with hold(self.folder / "turn.lock", exclusive=True, timeout_s=self.timeout_s):
            stamp = self.folder / "last"
            with disk_errors(stamp):
                last = stamp.stat().st_mtime if stamp.exists() else -math.inf
            wait = last + _PAUSE_S - self.clock()
            if wait > 0:
                self.sleep(min(wait, _PAUSE_S))
            self.origins.type_in(self.url)
            admitted = self.origins.admit(asked)
            limits = RemoteLimits(deadline_s=self.timeout_s, attempts=3, backoff_s=_PAUSE_S)
            try:
                data = read_bytes(admitted, self.origins, max_bytes=_MAX_BYTES, limits=limits)
            finally:
                with disk_errors(stamp):
                    stamp.touch()
                    now = self.clock()
                    os.utime(stamp, (now, now))
        write_atomic(kept, data)
        return data

    def _place(self, row: Mapping[str, Any], name: str, source: Source) -> Place:
        address = _section(row, "address")
        own = str(row.get("name") or str(row["display_name"]).split(",")[0])
        names = {own, *(str(n) for n in _section(row, "namedetails").values())}
        region = [str(address[part]) for part in _REGIONS if part in address]
        terms = {fold_name(str(v)) for v in address.values()}
        people = _section(row, "extratags").get("population", "")
        return Place(
            name=own,
            kind=str(row.get("addresstype") or row.get("type") or ""),
            region=tuple(r for r in region if r != own),
            terms=frozenset(terms),
            geometry=_geometry(row),
            population=int(people) if str(people).isdecimal() and int(people) > 0 else None,
            found_in=f"in the answer of {self.host}",
            is_exact=fold_name(name) in {fold_name(n) for n in names},
            sources=(source,),
        )


def _rows(data: bytes) -> list[Mapping[str, Any]]:
    rows = json.loads(data)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("no list of places")
    return rows


def _section(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = row.get(key)
    return section if isinstance(section, dict) else {}


def _geometry(row: Mapping[str, Any]) -> BaseGeometry:
    point = shapely.Point(float(row["lon"]), float(row["lat"]))
    outline = _section(row, "geojson")
    geometry = shape(outline) if outline.get("type") in _GEOMETRIES else point
    found = geometry if geometry.is_valid else shapely.make_valid(geometry)
    west, south, east, north = found.bounds
    if found.is_empty or not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("a place lies off the Earth")
    return found

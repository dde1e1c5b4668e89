"""Places by name from vector files: countries, towns, lakes, rivers, airports, or any other.

Which columns hold names, other names, regions and people, their titles decide; those of Natural
Earth and GeoNames are known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from eoagent.geo.reprojection import to_lonlat
from eoagent.io.featureset import FeatureSet
from eoagent.io.place import Place
from eoagent.io.placename import bare_name, fold_name, is_code

__all__ = ["PlaceFile"]

_NAMES: Final = (
    *("name", "name_en", "nameascii", "name_ascii", "asciiname", "name_long", "name_local"),
    *("glac_name", "title", "label", "place", "place_name", "city", "town"),
)
_LANGUAGE: Final = re.compile(r"name[_:][a-z]{2}(?:[-_][a-z]+)?|name_zht")
_OTHER_NAMES: Final = (
    *("name_alt", "namealt", "alt_name", "alternatenames", "altnames", "formal_en", "formal_fr"),
    *("name_ciawf", "brk_name", "name_sort", "gn_name", "woe_name", "old_name", "namepar"),
)
_CODES: Final = (
    *("iata_code", "iata", "icao", "icao_code", "gps_code", "abbrev", "postal"),
    *("iso_a2", "iso_a3", "adm0_a3", "iso_3166_2", "iso", "code", "id"),
)
_SMALL_REGIONS: Final = ("adm1name", "state", "province", "adm1_name", "region", "county")
_LARGE_REGIONS: Final = ("adm0name", "admin", "country", "adm0_name", "sov0name", "sovereignt")
_REGION_CODES: Final = (
    *("iso_a2", "iso_a3", "adm0_a3", "sov_a3", "postal", "abbrev", "country_code", "countrycode"),
    *("continent", "region_un", "subregion", "geonunit"),
)
_KINDS: Final = ("featurecla", "type_en", "type", "feature_class", "kind", "class")
_PEOPLE: Final = ("pop_max", "pop_est", "population", "pop")
_LONLAT: Final = "EPSG:4326"
_MANY: Final = re.compile("[|;,/]")


@dataclass(frozen=True, slots=True)
class PlaceFile:
    """Features whose columns have been told apart."""

    features: FeatureSet
    """What the file holds."""

    def find(self, name: str) -> list[Place]:
        """Return the places that bear a name, in the order of the file.

        Raises:
            InputError: if one that does has no place on Earth.
        """
        found: dict[int, tuple[str, bool]] = {}
        folded = fold_name(name)
        for column, is_exact, is_hit in self._looks(name, folded):
            for row, value in enumerate(self.features.values(column)):
                if row not in found and value is not None and is_hit(str(value)):
                    found[row] = (column, is_exact)
        return [self._place(row, *found[row]) for row in sorted(found)]

    def names(self) -> Iterator[str]:
        """Yield all names, for suggestions."""
        for column in self._own_names()[:2]:
            yield from (str(v) for v in self.features.values(column) if v not in (None, ""))

    def _looks(self, name: str, folded: str) -> Iterator[tuple[str, bool, Callable[[str], bool]]]:
        """Yield (column, whether it is the name itself, test of a value), the best first."""
        own = self._own_names()
        languages = [c for c in self._texts() if _LANGUAGE.fullmatch(c.casefold())]
        for column in dict.fromkeys((*own, *languages)):
            yield column, True, lambda value: fold_name(value) == folded
        for column in self._named(_OTHER_NAMES):
            yield column, False, lambda value: any(fold_name(v) == folded for v in _split(value))
        if is_code(name.strip()):
            for column in self._named(_CODES):
                yield column, False, lambda value: value.strip() == name.strip()
        bare = bare_name(folded)
        for column in own:
            yield column, False, lambda value: bare_name(fold_name(value)) == bare

    def _own_names(self) -> tuple[str, ...]:
        """Return the columns of names; one of countries counts where no two rows share a value."""
        own = self._named(_NAMES)
        for column in self._named(_LARGE_REGIONS):
            values = [v for v in self.features.values(column) if v]
            if len(values) == len(self.features) and len(set(values)) == len(values):
                own = (*own, column)
        if own:
            return own
        return tuple(c for c in self._texts() if "name" in c.casefold())

    def _texts(self) -> tuple[str, ...]:
        schema = self.features.columns.schema
        kinds = (pa.types.is_string, pa.types.is_large_string)
        return tuple(f.name for f in schema if any(is_kind(f.type) for is_kind in kinds))

    def _named(self, titles: tuple[str, ...]) -> tuple[str, ...]:
        """Return the text columns with one of these titles, in the order of the titles."""
        columns = {c.casefold(): c for c in reversed(self._texts())}
        return tuple(columns[title] for title in titles if title in columns)

    def _place(self, row: int, column: str, is_exact: bool) -> Place:
        names = self._own_names()
        name = next((v for v in self._values(row, names) if v), f"feature {row + 1}")
        small, large = (
            next(iter(self._values(row, self._named(titles))), "")
            for titles in (_SMALL_REGIONS, _LARGE_REGIONS)
        )
        inside = (*_SMALL_REGIONS, *_LARGE_REGIONS, *_REGION_CODES)
        terms = (fold_name(v) for v in self._values(row, self._named(inside)))
        return Place(
            name=name,
            kind=next(iter(self._values(row, self._named(_KINDS))), ""),
            region=tuple(v for v in (small, large) if v and v != name),
            terms=frozenset(t for t in terms if t),
            geometry=self._geometry(row),
            population=self._people(row),
            found_in=f"by its column {column}",
            is_exact=is_exact,
            sources=self.features.sources,
        )

    def _geometry(self, row: int) -> BaseGeometry:
        """Return a geometry in WGS84 degrees; one that is has no vertex added."""
        geometry: BaseGeometry = self.features.geometries[row]
        if self.features.crs == _LONLAT:
            return geometry
        return _sound(to_lonlat(geometry, self.features.crs))

    def _values(self, row: int, columns: tuple[str, ...]) -> list[str]:
        table = self.features.columns
        values = (table.column(c)[row].as_py() for c in columns)
        return [str(v) for v in values if v not in (None, "")]

    def _people(self, row: int) -> int | None:
        columns = {c.casefold(): c for c in self.features.column_names}
        for title in _PEOPLE:
            if title in columns:
                number = _number(self.features.columns.column(columns[title])[row].as_py())
                if number is not None:
                    return number
        return None


def _number(value: Any) -> int | None:
    """Return a count of people; zero and below stand for unknown, as in Natural Earth."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number > 0 else None


def _split(value: str) -> list[str]:
    return [value, *_MANY.split(value)]


def _sound(geometry: BaseGeometry) -> BaseGeometry:
    sound = geometry if geometry.is_valid else shapely.make_valid(geometry)
    parts = shapely.get_parts(sound)
    same = parts[shapely.get_dimensions(parts) == shapely.get_dimensions(geometry)]
    return sound if len(same) in (0, len(parts)) else shapely.union_all(np.asarray(same))

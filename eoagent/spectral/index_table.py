"""The spectral indices as data: formula, bands, aliases, range and the paper each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["INDICES", "IndexSpec"]

_RATIO: Final = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """A spectral index: what it is called, how it is computed, and where that was published."""

    id: str
    """Short lower-case name (`ndvi`)."""
    title: str
    """Full name in words."""
    formula: str
    """Expression over common band names and parameter names."""
    bands: tuple[str, ...]
    """Common names of the bands that the formula needs."""
    source: str
    """Publication that defines the formula, with remarks where usage differs."""
    aliases: tuple[str, ...] = ()
    """Other names, in any case; blanks and hyphens do not matter."""
    needs_reflectance: bool = False
    """True where the constants of the formula are meant for reflectance from 0 to 1."""
    valid_range: tuple[float, float] | None = None
    """Range of the index over non-negative reflectance; None where it is open."""
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Parameters of the formula and their usual values."""


def _ratio(
    id_: str, first: str, second: str, *, title: str, source: str, aliases: tuple[str, ...] = ()
) -> IndexSpec:
    """Return the row of a normalised difference (first - second) / (first + second)."""
    return IndexSpec(
        id=id_,
        title=title,
        formula=f"({first} - {second}) / ({first} + {second})",
        bands=(first, second),
        source=source,
        aliases=aliases,
        valid_range=_RATIO,
    )


_ROWS: Final = (
    _ratio(
        "ndvi",
        "nir",
        "red",
        title="normalised difference vegetation index",
        source="Rouse et al. 1974, Third ERTS-1 Symposium, NASA SP-351, 309-317",
        aliases=("vegetation index", "归一化植被指数", "植被指数"),
    ),
    _ratio(
        "ndwi",
        "green",
        "nir",
        title="normalised difference water index",
        source="McFeeters 1996, Int. J. Remote Sensing 17(7), 1425-1432",
        aliases=("water index", "ndwi mcfeeters", "归一化水体指数", "水体指数"),
    ),
    _ratio(
        "mndwi",
        "green",
        "swir16",
        title="modified normalised difference water index",
        source="Xu 2006, Int. J. Remote Sensing 27(14), 3025-3033",
        aliases=("modified ndwi", "改进的归一化水体指数", "改进归一化水体指数"),
    ),
    _ratio(
        "ndbi",
        "swir16",
        "nir",
        title="normalised difference built-up index",
        source="Zha, Gao and Ni 2003, Int. J. Remote Sensing 24(3), 583-594",
        aliases=("built-up index", "归一化建筑指数", "建筑指数"),
    ),
    _ratio(
        "nbr",
        "nir",
        "swir22",
        title="normalised burn ratio",
        source="Key and Benson 2006, FIREMON, USDA Forest Service RMRS-GTR-164-CD, LA-1 to LA-55",
        aliases=("burn ratio", "归一化燃烧指数"),
    ),
    _ratio(
        "nbr2",
        "swir16",
        "swir22",
        title="normalised burn ratio 2",
        source="USGS, Landsat Normalized Burn Ratio 2 science product",
    ),
    _ratio(
        "ndmi",
        "nir",
        "swir16",
        title="normalised difference moisture index",
        source="Gao 1996, Remote Sensing of Environment 58(3), 257-266, for the principle (there "
        "called NDWI, with a band at 1.24 um); Wilson and Sader 2002, Remote Sensing of "
        "Environment 80(3), 385-396, for the band at 1.6 um",
        aliases=("moisture index", "ndwi gao", "ndii", "归一化湿度指数", "湿度指数"),
    ),
    _ratio(
        "ndsi",
        "green",
        "swir16",
        title="normalised difference snow index",
        source="Hall, Riggs and Salomonson 1995, Remote Sensing of Environment 54(2), 127-140",
        aliases=("snow index", "归一化积雪指数", "积雪指数"),
    ),
    _ratio(
        "gndvi",
        "nir",
        "green",
        title="green normalised difference vegetation index",
        source="Gitelson, Kaufman and Merzlyak 1996, Remote Sensing of Environment 58(3), 289-298",
        aliases=("green ndvi", "绿色归一化植被指数"),
    ),
    _ratio(
        "ndre",
        "nir",
        "rededge071",
        title="normalised difference red-edge index",
        source="Barnes et al. 2000, 5th Int. Conf. on Precision Agriculture, Bloomington (bands at "
        "0.79 and 0.72 um; here the red-edge band nearest to it)",
        aliases=("red edge index", "red edge ndvi", "归一化红边指数", "红边指数"),
    ),
    IndexSpec(
        id="evi",
        title="enhanced vegetation index",
        formula="2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
        bands=("nir", "red", "blue"),
        source="Huete et al. 2002, Remote Sensing of Environment 83(1-2), 195-213",
        aliases=("增强型植被指数", "增强植被指数"),
        needs_reflectance=True,
    ),
    IndexSpec(
        id="evi2",
        title="two-band enhanced vegetation index",
        formula="2.5 * (nir - red) / (nir + 2.4 * red + 1)",
        bands=("nir", "red"),
        source="Jiang et al. 2008, Remote Sensing of Environment 112(10), 3833-3845",
        needs_reflectance=True,
    ),
    IndexSpec(
        id="savi",
        title="soil-adjusted vegetation index",
        formula="(1 + L) * (nir - red) / (nir + red + L)",
        bands=("nir", "red"),
        source="Huete 1988, Remote Sensing of Environment 25(3), 295-309",
        aliases=("土壤调节植被指数", "土壤调整植被指数"),
        needs_reflectance=True,
        parameters=MappingProxyType({"L": 0.5}),
    ),
    IndexSpec(
        id="msavi",
        title="modified soil-adjusted vegetation index",
        formula="(2 * nir + 1 - sqrt((2 * nir + 1) ** 2 - 8 * (nir - red))) / 2",
        bands=("nir", "red"),
        source="Qi et al. 1994, Remote Sensing of Environment 48(2), 119-126 (there MSAVI2)",
        aliases=("msavi2",),
        needs_reflectance=True,
    ),
    IndexSpec(
        id="osavi",
        title="optimised soil-adjusted vegetation index",
        formula="(nir - red) / (nir + red + 0.16)",
        bands=("nir", "red"),
        source="Rondeaux, Steven and Baret 1996, Remote Sensing of Environment 55(2), 95-107 "
        "(without the factor 1.16 that some software adds)",
        needs_reflectance=True,
        valid_range=_RATIO,
    ),
    IndexSpec(
        id="arvi",
        title="atmospherically resistant vegetation index",
        formula="(nir - red + gamma * (blue - red)) / (nir + red - gamma * (blue - red))",
        bands=("nir", "red", "blue"),
        source="Kaufman and Tanre 1992, IEEE Trans. Geosci. Remote Sensing 30(2), 261-270",
        needs_reflectance=True,
        parameters=MappingProxyType({"gamma": 1.0}),
    ),
    IndexSpec(
        id="bsi",
        title="bare soil index",
        formula="((swir16 + red) - (nir + blue)) / ((swir16 + red) + (nir + blue))",
        bands=("swir16", "red", "nir", "blue"),
        source="Rikimaru, Roy and Miyatake 2002, Tropical Ecology 43(1), 39-47",
        aliases=("bare soil", "裸土指数", "裸地指数"),
        valid_range=_RATIO,
    ),
    IndexSpec(
        id="bai",
        title="burned area index",
        formula="1 / ((0.1 - red) ** 2 + (0.06 - nir) ** 2)",
        bands=("red", "nir"),
        source="Chuvieco, Martin and Palacios 2002, Int. J. Remote Sensing 23(23), 5103-5110",
        aliases=("burn area index",),
        needs_reflectance=True,
    ),
    IndexSpec(
        id="awei",
        title="automated water extraction index, no shadow",
        formula="4 * (green - swir16) - (0.25 * nir + 2.75 * swir22)",
        bands=("green", "swir16", "nir", "swir22"),
        source="Feyisa et al. 2014, Remote Sensing of Environment 140, 23-35",
        aliases=("aweinsh", "awei_nsh"),
        needs_reflectance=True,
    ),
    IndexSpec(
        id="vari",
        title="visible atmospherically resistant index",
        formula="(green - red) / (green + red - blue)",
        bands=("green", "red", "blue"),
        source="Gitelson et al. 2002, Remote Sensing of Environment 80(1), 76-87",
    ),
    IndexSpec(
        id="exg",
        title="excess green",
        formula="2 * green - red - blue",
        bands=("green", "red", "blue"),
        source="Woebbecke et al. 1995, Trans. ASAE 38(1), 259-269 (there on chromatic coordinates; "
        "here on the values as they are, so it has their scale)",
        aliases=("excess green index", "2g-r-b", "超绿指数"),
    ),
)

INDICES: Final[Mapping[str, IndexSpec]] = MappingProxyType({row.id: row for row in _ROWS})
"""The index definitions by id."""

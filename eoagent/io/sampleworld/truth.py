"""Count what the sample world holds: the exact answers, with the rules that they are exact for.

Areas are sums of the geodesic areas of pixels. Covers are counted in the class map that the scene
was painted from; rules are counted in the stored numbers, as a reader of the files would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from eoagent.contracts.record import Record
from eoagent.io.sampleworld.covers import BANDS, COVERS, WATER

__all__ = [
    "RULES",
    "AreaTruth",
    "BuildingTruth",
    "LakeTruth",
    "RoadTruth",
    "RuleTruth",
    "SceneTruth",
    "WorldTruth",
    "burn_truth",
    "count",
    "cover_truths",
    "mean_ndvi",
    "rule_truths",
]

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


class AreaTruth(Record):
    """Pixels and the ground they cover."""

    label: str
    """What is counted."""
    pixels: int
    """Number of pixels."""
    area_m2: float
    """Sum of the pixels' geodesic areas, m2."""


class LakeTruth(AreaTruth):
    """A lake on a date; no cloud or shadow stands over it unless `hidden_pixels` says so."""

    hidden_pixels: int
    """Pixels under cloud or shadow, among those counted."""


class RuleTruth(Record):
    """What a rule from the literature finds in a scene's stored numbers."""

    rule: str
    """The rule; bands by common name, in reflectance."""
    covers: tuple[str, ...]
    """Covers that it is meant to find."""
    is_exact: bool
    """Whether it finds these covers and nothing else among clear pixels."""
    also_meets: tuple[str, ...]
    """Other covers with clear pixels that meet the rule."""
    clear: AreaTruth
    """Found among clear pixels: neither cloud nor shadow."""
    valid: AreaTruth
    """Found among all valid pixels, clouds and shadows included."""


class SceneTruth(Record):
    """The truth of one scene."""

    id: str
    """Item id."""
    date: str
    """Day, ISO 8601."""
    href: str
    """File with the bands, relative to the world's folder."""
    gsd_m: float
    """Pixel size in the CRS, metres."""
    valid: AreaTruth
    """Pixels that hold data."""
    clear: AreaTruth
    """Valid pixels that are neither cloud nor cloud shadow."""
    cloud_pct: float
    """Cloud pixels per cent of valid pixels."""
    covers: tuple[AreaTruth, ...]
    """Covers as seen from above, clouds and shadows included; they add up to the valid pixels."""
    ground: tuple[AreaTruth, ...]
    """Covers of the ground, as if there were no clouds."""
    water: AreaTruth
    """Sea, lake and river among clear pixels."""
    lakes: tuple[LakeTruth, ...]
    """Standing water by name, largest first."""
    mean_ndvi_clear: float
    """Mean NDVI of the clear pixels, from the stored numbers."""
    mean_ndvi_valid: float
    """Mean NDVI of all valid pixels, from the stored numbers."""
    rules: tuple[RuleTruth, ...]
    """What index rules find."""


class BuildingTruth(Record):
    """Buildings of a place."""

    place: str
    """Name of the town or village, or `countryside`."""
    buildings: int
    """Number of buildings."""
    pixels: int
    """Pixels of ten metres that they fill."""
    area_m2: float
    """Sum of the pixels' geodesic areas, m2."""


class RoadTruth(Record):
    """A road of the vector file."""

    name: str
    """Name."""
    kind: str
    """`main`, `track` or `runway`."""
    length_m: float
    """Geodesic length on WGS84 of the line as written, m."""


class WorldTruth(Record):
    """Everything that is known of a sample world."""

    title: str
    """Name of the invented place."""
    note: str
    """What these numbers are exact for, and what was assumed."""
    seed: int
    """Seed of the randomness."""
    size: int = Field(ge=1)
    """Pixels per side of the ten-metre scenes."""
    crs: str
    """CRS of all scenes."""
    scenes: tuple[SceneTruth, ...]
    """Scenes in order of time."""
    burn: RuleTruth
    """Burn scar between the first and the second scene."""
    burn_scenes: tuple[str, str]
    """Item ids before and after the fire."""
    largest_lake: str
    """Name of the largest lake, the same at all dates."""
    buildings: tuple[BuildingTruth, ...]
    """Buildings by place, most first."""
    building_count: int
    """All buildings."""
    town_building_count: int
    """Buildings of the town."""
    roads: tuple[RoadTruth, ...]
    """Named roads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    text: str
    covers: tuple[str, ...]


RULES: Final = (
    # McFeeters 1996, doi:10.1080/01431169608948714
    _Rule(text="(green - nir) / (green + nir) > 0", covers=WATER),
    # Xu 2006, doi:10.1080/01431160600589179
    _Rule(text="(green - swir16) / (green + swir16) > 0", covers=WATER),
    # NDVI of Rouse et al. 1974; 0.4 parts green from bare and built ground here (assumed)
    _Rule(text="(nir - red) / (nir + red) > 0.4", covers=("forest", "crop", "meadow")),
    # Hall et al. 1995, doi:10.1016/0034-4257(95)00137-P
    _Rule(
        text="(green - swir16) / (green + swir16) > 0.4 and nir > 0.11",
        covers=("snow",),
    ),
    # NBR of Key and Benson 2006, RMRS-GTR-164-CD; -0.1 parts ash from bare ground here (assumed)
    _Rule(text="(nir - swir22) / (nir + swir22) < -0.1", covers=("burned",)),
)
"""Rules whose findings are counted in every scene."""

_BURN = _Rule(text="NBR before - NBR after > 0.27", covers=("burned",))


def count(label: str, yes: _Bools, pixel_m2: _Floats) -> AreaTruth:
    """Return the number of pixels that are true and the sum of their areas.

    Args:
        label: what is counted.
        yes: (h, w).
        pixel_m2: area of each pixel, (h, w).
    """
    return AreaTruth(label=label, pixels=int(yes.sum()), area_m2=float(pixel_m2[yes].sum()))


def cover_truths(codes: NDArray[np.uint8], pixel_m2: _Floats) -> tuple[AreaTruth, ...]:
    """Return each cover that is there, in the order of `COVERS`, without `no_data`."""
    pixels = np.bincount(codes.ravel(), minlength=len(COVERS))
    areas = np.bincount(codes.ravel(), weights=pixel_m2.ravel(), minlength=len(COVERS))
    return tuple(
        AreaTruth(label=name, pixels=int(pixels[code]), area_m2=float(areas[code]))
        for code, name in enumerate(COVERS)
        if code and pixels[code]
    )


def mean_ndvi(values: _Floats, among: _Bools) -> float:
    """Return the mean of (nir - red) / (nir + red) over some pixels of (bands, h, w)."""
    red, nir = _band(values, "red")[among], _band(values, "nir")[among]
    return float(((nir - red) / (nir + red)).mean())


def rule_truths(
    values: _Floats, seen: NDArray[np.uint8], pixel_m2: _Floats
) -> tuple[RuleTruth, ...]:
    """Return what each of `RULES` finds.

    Args:
        values: reflectance from the stored numbers, (bands, h, w).
        seen: cover codes as seen from above.
        pixel_m2: area of each pixel.
    """
    green, red, nir = (_band(values, name) for name in ("green", "red", "nir"))
    swir16, swir22 = _band(values, "swir16"), _band(values, "swir22")
    mndwi = _ratio(green, swir16)
    found = (
        _ratio(green, nir) > 0,
        mndwi > 0,
        _ratio(nir, red) > 0.4,
        (mndwi > 0.4) & (nir > 0.11),
        _ratio(nir, swir22) < -0.1,
    )
    return tuple(_judge(rule, yes, seen, pixel_m2) for rule, yes in zip(RULES, found, strict=True))


def burn_truth(
    before: _Floats, after: _Floats, seen: NDArray[np.uint8], pixel_m2: _Floats
) -> RuleTruth:
    """Return what the fall of NBR between two scenes finds; `seen` is of the later one.

    Source: dNBR above 0.27 is moderate to high severity, Key and Benson 2006, RMRS-GTR-164-CD.
    """
    nbr = [_ratio(_band(values, "nir"), _band(values, "swir22")) for values in (before, after)]
    return _judge(_BURN, nbr[0] - nbr[1] > 0.27, seen, pixel_m2)


def _judge(rule: _Rule, found: _Bools, seen: NDArray[np.uint8], pixel_m2: _Floats) -> RuleTruth:
    valid = seen > 0
    clouds = [COVERS.index("cloud"), COVERS.index("cloud_shadow")]
    clear = valid & ~np.isin(seen, clouds)
    wanted = np.isin(seen, [COVERS.index(name) for name in rule.covers])
    wrong = np.unique(seen[clear & found & ~wanted])
    return RuleTruth(
        rule=rule.text,
        covers=rule.covers,
        is_exact=bool(np.array_equal(found & clear, wanted & clear)),
        also_meets=tuple(COVERS[code] for code in wrong),
        clear=count("clear", found & clear, pixel_m2),
        valid=count("valid", found & valid, pixel_m2),
    )


def _band(values: _Floats, name: str) -> _Floats:
    band: _Floats = values[[band.name for band in BANDS].index(name)]
    return band


def _ratio(first: _Floats, second: _Floats) -> _Floats:
    total = first + second
    ratio: _Floats = np.divide(first - second, total, out=np.zeros_like(total), where=total != 0)
    return ratio

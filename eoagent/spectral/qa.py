"""Quality bands: which pixels a Landsat QA_PIXEL or Sentinel-2 SCL band puts in a named class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError, NotFound

__all__ = [
    "LANDSAT_QA_PIXEL_BITS",
    "LEFT_OUT",
    "SENTINEL2_SCL_CODES",
    "bit_set",
    "class_names",
    "decode",
]

LANDSAT_QA_PIXEL_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "fill": 0,
        "dilated_cloud": 1,
        "cirrus": 2,
        "cloud": 3,
        "cloud_shadow": 4,
        "snow": 5,
        "clear": 6,
        "water": 7,
    },
)
"""Bit per class of Landsat Collection 2 QA_PIXEL; cirrus is not used before Landsat 8.

Source: USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide, table of QA_PIXEL bits.
"""

SENTINEL2_SCL_CODES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "fill": (0,),
        "saturated": (1,),
        "dark": (2,),
        "cloud_shadow": (3,),
        "vegetation": (4,),
        "bare": (5,),
        "water": (6,),
        "unclassified": (7,),
        "cloud": (8, 9),
        "cloud_medium": (8,),
        "cloud_high": (9,),
        "cirrus": (10,),
        "snow": (11,),
    },
)
"""Codes per class of the Sentinel-2 Level 2A scene classification; `cloud` joins medium and high
probability, `saturated` includes defective pixels.

Source: ESA, Sentinel-2 Level-2A Algorithm Theoretical Basis Document, scene classification.
"""

LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "landsat_qa_pixel": ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow"),
        "sentinel2_scl": ("fill", "saturated", "cloud_shadow", "cloud", "cirrus"),
    },
)
"""Classes per kind of quality band that are left out unless the caller says otherwise: what hides
the ground or holds no measurement of it. Snow, water, dark and unclassified pixels stay.

Source: USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619), QA_PIXEL: bits 0
to 4; ESA, Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), scene classification:
0 no data, 1 saturated or defective, 3 cloud shadows, 8 and 9 cloud, 10 thin cirrus.
"""

_KINDS: Final = ("landsat_qa_pixel", "sentinel2_scl")


def class_names(kind: str) -> tuple[str, ...]:
    """Return the classes that a kind of quality band can name.

    Raises:
        NotFound: if the kind is unknown.
    """
    if kind not in _KINDS:
        msg = f"no quality band is of the kind '{kind[:60]}'"
        raise NotFound(msg, hint=f"known: {', '.join(_KINDS)}")
    return tuple(LANDSAT_QA_PIXEL_BITS if kind == _KINDS[0] else SENTINEL2_SCL_CODES)


def decode(kind: str, codes: ArrayLike, classes: Iterable[str]) -> NDArray[np.bool_]:
    """Return True where a pixel is in any of the named classes; same shape as the codes.

    Args:
        kind: `landsat_qa_pixel` (bits) or `sentinel2_scl` (codes).
        codes: Stored quality values, unscaled: integers, or floats without a fraction.
        classes: Names from `class_names(kind)`; none of them gives all False.

    Raises:
        NotFound: if the kind or a class is unknown.
        InputError: if the codes are not whole numbers of 0 or more.
    """
    known = class_names(kind)
    wanted = tuple(classes)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        msg = f"a {kind} band has no class {', '.join(unknown)}"
        raise NotFound(msg, hint=f"its classes: {', '.join(known)}")
    whole = _whole(codes)
    yes = np.zeros(whole.shape, dtype=np.bool_)
    for name in wanted:
        if kind == _KINDS[0]:
            yes |= bit_set(whole, LANDSAT_QA_PIXEL_BITS[name])
        else:
            yes |= np.isin(whole, SENTINEL2_SCL_CODES[name])
    return yes


def bit_set(codes: ArrayLike, bit: int) -> NDArray[np.bool_]:
    """Return True where the bit (0 is the lowest) of a code is set; same shape as the codes.

    Raises:
        InputError: if the bit is not 0 to 31, or the codes are not whole numbers of 0 or more.
    """
    if not 0 <= bit <= 31:
        raise InputError(f"bit {bit} was asked for", hint="bits count from 0 to 31")
    return np.asarray((_whole(codes) >> bit) & 1, dtype=np.bool_)


def _whole(codes: ArrayLike) -> NDArray[np.integer[Any]]:
    """Return the codes as integers."""
    array = np.asarray(codes)
    if array.dtype.kind in "ub":
        return array.astype(np.int64)
    if array.dtype.kind not in "if" or not np.isfinite(array).all():
        msg = f"quality codes of type {array.dtype} are not all whole numbers"
        raise InputError(msg, hint="read the quality band unscaled, without masking")
    whole = array.astype(np.int64)
    if (whole != array).any() or (whole < 0).any():
        msg = "quality codes hold fractions or negative numbers"
        raise InputError(msg, hint="read the quality band unscaled; is it the right band?")
    return whole

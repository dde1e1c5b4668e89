"""Common names of bands, the words people use for them in English and Chinese, and wavelengths.

The names are those of the STAC electro-optical extension 2.0, and the polarisations of radar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["COMMON_NAMES", "band_words", "by_wavelength", "by_words", "plain", "undecorated"]

COMMON_NAMES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "pan": ("panchromatic", ("panchromatic", "全色")),
        "coastal": (
            "coastal aerosol, about 0.44 um",
            ("coastal aerosol", "coastal blue", "ultra blue", "海岸", "海岸气溶胶", "深蓝"),
        ),
        "blue": ("blue, about 0.49 um", ("b", "蓝", "蓝光", "蓝色")),
        "green": ("green, about 0.56 um", ("g", "绿", "绿光", "绿色")),
        "yellow": ("yellow, about 0.61 um", ("黄", "黄光")),
        "red": ("red, about 0.66 um", ("r", "红", "红光", "红色")),
        "rededge": ("red edge, 0.70 to 0.79 um", ("red edge", "re", "红边")),
        "rededge071": ("red edge, about 0.705 um", ("red edge 1", "re1", "vre1", "红边1")),
        "rededge075": ("red edge, about 0.74 um", ("red edge 2", "re2", "vre2", "红边2")),
        "rededge078": ("red edge, about 0.78 um", ("red edge 3", "re3", "vre3", "红边3")),
        "nir": (
            "near-infrared, NIR, about 0.84 um",
            ("n", "near infrared", "near ir", "near infra-red", "nir1", "近红外", "近红外1"),
        ),
        "nir08": (
            "narrow near-infrared, NIR, about 0.865 um",
            ("narrow nir", "nir narrow", "narrow near infrared", "nir 0.8", "窄近红外"),
        ),
        "nir09": (
            "near-infrared at the water vapour line, about 0.945 um",
            ("water vapour", "nir2"),
        ),
        "cirrus": ("cirrus, about 1.37 um", ("卷云",)),
        "swir16": (
            "short-wave infrared, SWIR, about 1.6 um",
            (
                "swir1",
                "swir 1.6",
                "short-wave infrared 1",
                "short-wave infrared 1.6",
                "swir 1.61",
                "swir 1.65",
                "short-wave infrared 1.65",
                "短波红外1",
                "短波红外1.6",
                "短波红外1.65",
            ),
        ),
        "swir22": (
            "short-wave infrared, SWIR, about 2.2 um",
            (
                "swir2",
                "swir 2.2",
                "short-wave infrared 2",
                "short-wave infrared 2.2",
                "swir 2.1",
                "short-wave infrared 2.1",
                "短波红外2",
                "短波红外2.2",
                "短波红外2.1",
            ),
        ),
        "lwir": (
            "thermal infrared, about 11 um",
            (
                "thermal",
                "tir",
                "thermal infrared",
                "temperature",
                "surface temperature",
                "brightness temperature",
                "long-wave infrared",
                "热红外",
                "温度",
            ),
        ),
        "lwir11": ("thermal infrared, about 10.9 um", ("tirs1", "tir1", "thermal infrared 1")),
        "lwir12": ("thermal infrared, about 12 um", ("tirs2", "tir2", "thermal infrared 2")),
        "vv": ("radar backscatter VV", ()),
        "vh": ("radar backscatter VH", ()),
        "hh": ("radar backscatter HH", ()),
        "hv": ("radar backscatter HV", ()),
    },
)
"""Per common name: the words for it, and other names."""

_RANGES_UM: Final = (
    (0.40, 0.452, "coastal"),
    (0.452, 0.53, "blue"),
    (0.53, 0.60, "green"),
    (0.60, 0.62, "yellow"),
    (0.62, 0.69, "red"),
    (0.69, 0.73, "rededge071"),
    (0.73, 0.76, "rededge075"),
    (0.76, 0.80, "rededge078"),
    (0.80, 0.90, "nir"),
    (0.90, 1.00, "nir09"),
    (1.35, 1.40, "cirrus"),
    (1.55, 1.75, "swir16"),
    (2.08, 2.35, "swir22"),
    (10.0, 12.6, "lwir"),
)
"""Centre wavelengths in um per common name; the STAC ranges, cut where they overlap."""

_DECORATION: Final = re.compile(
    r"^(?:surface|toa|boa|sr|gamma0|sigma0|beta0|gamma naught|sigma naught)(?=[\W_])"
    r"|\b(?:bands?|channel|reflectance|backscatter|norm|db|linear|power)\b"
    r"|波段|通道|反射率|后向散射"
)
_UNIT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(um|μm|微米|microns?|nm|纳米)(?![a-z])")


def plain(text: str) -> str:
    """Return a text as letters and digits only, in lower case, so that spellings compare."""
    return "".join(
        sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum()
    )


_BY_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {plain(word): name for name, (_, aliases) in COMMON_NAMES.items() for word in (name, *aliases)},
)


def band_words(name: str) -> str:
    """Return a common name with its meaning: `swir16 (short-wave infrared, SWIR, about 1.6 um)`."""
    known = COMMON_NAMES.get(name)
    return f"{name} ({known[0]})" if known else name


def undecorated(text: str) -> str:
    """Return a band's name without words such as `band`, `reflectance`, `dB`, in lower case."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("_", " ").strip()
    return _DECORATION.sub(" ", folded).strip()


def by_words(text: str) -> str | None:
    """Return the common name that words stand for, or None when they do not name one band.

    Bare `SWIR` or `infrared` names no one band. A wavelength in um or nm decides where it is given.
    """
    known = _BY_WORDS.get(plain(text)) or _BY_WORDS.get(plain(undecorated(text)))
    if known:
        return known
    measure = _UNIT.search(unicodedata.normalize("NFKC", text).casefold())
    if measure is None:
        return None
    length = float(measure.group(1))
    return by_wavelength(length / 1000 if measure.group(2) in {"nm", "纳米"} else length)


def by_wavelength(center_um: float) -> str | None:
    """Return the common name of a band by its centre wavelength in um, or None outside the list."""
    return next((name for low, high, name in _RANGES_UM if low <= center_um < high), None)

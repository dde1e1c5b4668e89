"""Quality bands among files: which one holds the codes, and the rule that leaves pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.raster import QaRule
from eoagent.io.header import RasterHeader
from eoagent.spectral.qa import class_names
from eoagent.spectral.sensors import quality_from_name

__all__ = ["find_qa", "qa_rule"]


def find_qa(headers: Sequence[RasterHeader], exclude: Sequence[str] | None) -> QaRule | None:
    """Return the rule of the quality file among several files, or None where none is wanted.

    Raises:
        InputError: if a rule is wanted and no file is a known quality band.
        NotFound: if the band has no such class.
    """
    if exclude is None:
        return None
    for header in headers:
        kind = quality_from_name(header.href)
        if kind is not None:
            return qa_rule(header.href, kind, exclude)
    raise InputError(
        f"pixels of class {', '.join(exclude)} were to be left out, but there is no quality band",
        hint="add the scene's QA_PIXEL (Landsat) or SCL (Sentinel-2) file",
    )


def qa_rule(href: str, kind: str, exclude: Sequence[str], *, index: int = 1) -> QaRule:
    """Return the rule that leaves out some classes of a quality band.

    Raises:
        NotFound: if the band has no such class; the hint lists those it has.
    """
    known = class_names(kind)
    unknown = [name for name in exclude if name not in known]
    if unknown:
        raise NotFound(
            f"a {kind} band has no class {', '.join(unknown)}", hint=f"its classes: {known}"
        )
    checked: Literal["landsat_qa_pixel", "sentinel2_scl"] = (
        "landsat_qa_pixel" if kind == "landsat_qa_pixel" else "sentinel2_scl"
    )
    return QaRule(href=href, index=index, kind=checked, exclude=tuple(exclude))

"""Quality bands among files: which one holds the codes, and the rule that leaves pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.raster import QaRule
from eoagent.io.filebands import FileBands
from eoagent.spectral.qa import LEFT_OUT, class_names
from eoagent.spectral.sensors import base_name, quality_from_name

__all__ = ["applied_note", "find_qa", "qa_rule", "unapplied_note"]

Kind = Literal["landsat_qa_pixel", "sentinel2_scl"]
_NAMED: Final[dict[str, Kind]] = {"qa_pixel": "landsat_qa_pixel", "scl": "sentinel2_scl"}
_GUIDES: Final[dict[Kind, str]] = {
    "landsat_qa_pixel": "USGS Landsat Collection 2 Level 2 Science Product Guide",
    "sentinel2_scl": "ESA Sentinel-2 Products Specification Document",
}


def find_qa(
    parts: Sequence[FileBands], exclude: Sequence[str] | None
) -> tuple[QaRule | None, tuple[str, ...]]:
    """Return the rule of the quality band among the bands of some files, and what to say of it.

    Args:
        parts: the files.
        exclude: classes to leave out; none of them applies no rule; None leaves out the usual ones
            where there are other bands than the quality band.

    Raises:
        InputError: if classes are named and no band is a known quality band.
        NotFound: if the band has no such class.
    """
    found = _quality_band(parts)
    if found is None:
        if exclude:
            raise InputError(
                f"pixels of class {', '.join(exclude)} were to be left out, but there is no "
                "quality band",
                hint="add the scene's QA_PIXEL (Landsat) or SCL (Sentinel-2) file",
            )
        return None, ()
    href, index, kind, name = found
    if exclude is None and sum(len(part.bands) for part in parts) == 1:
        return None, ()
    if exclude is not None and not exclude:
        return None, (unapplied_note(name),)
    rule = qa_rule(href, kind, LEFT_OUT[kind] if exclude is None else exclude, index=index)
    return rule, (applied_note(rule, name, is_default=exclude is None),)


def _quality_band(parts: Sequence[FileBands]) -> tuple[str, int, Kind, str] | None:
    """Return (href, band number, kind, name) of the first quality band."""
    for part in parts:
        kind = quality_from_name(part.header.href)
        if kind is not None:
            return part.header.href, 1, _checked(kind), base_name(part.header.href)
        for band in part.bands:
            if band.name in _NAMED and band.dtype[:1] in "iu":
                return band.href, band.index, _NAMED[band.name], band.name
    return None


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
    return QaRule(href=href, index=index, kind=_checked(kind), exclude=tuple(exclude))


def applied_note(rule: QaRule, name: str, *, is_default: bool) -> str:
    """Return in words which pixels a rule leaves out."""
    classes = ", ".join(rule.exclude)
    if not is_default:
        return f"pixels that '{name}' flags as {classes} are left out"
    return (
        f"clouds do not count: pixels that the quality band '{name}' flags as {classes} are left "
        f"out ({_GUIDES[rule.kind]})"
    )


def unapplied_note(name: str) -> str:
    """Return in words that a quality band was there and is not used."""
    return f"the quality band '{name}' was not applied, as asked: clouds count as ground"


def _checked(kind: str) -> Kind:
    return "landsat_qa_pixel" if kind == "landsat_qa_pixel" else "sentinel2_scl"

"""The bands of one file: names, types, nodata, and what turns stored numbers into values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import BandRef, ValueKind
from eoagent.contracts.store import Origins
from eoagent.io.bandnames import BandFacts, Naming, name_bands
from eoagent.io.dataset import RasterFile
from eoagent.io.header import RasterHeader, sample_values, side_mask
from eoagent.io.href import redact
from eoagent.io.scene_bands import BandHint
from eoagent.io.stated import Stated
from eoagent.io.valuekind import KindFacts, judge_kind
from eoagent.spectral.scaling import Scaling, scaling_from_name
from eoagent.spectral.sensors import base_name, quality_from_name

__all__ = ["FileBands", "read_bands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBands:
    """What one file adds to a raster."""

    header: RasterHeader
    """What the file says of itself."""
    bands: tuple[BandRef, ...]
    """Its bands, alpha left out."""
    naming: Naming
    """Who named them."""
    alpha: tuple[str, int] | None
    """(href, band number) of its alpha band or of the mask file beside it."""
    kind: ValueKind
    """What its numbers are."""
    notes: tuple[str, ...]
    """Choices made, each a sentence."""


def read_bands(
    file: RasterFile,
    header: RasterHeader,
    origins: Origins,
    *,
    stated: Stated,
    hints: Sequence[BandHint] = (),
    given: Sequence[str] = (),
) -> FileBands:
    """Return the bands of an open file.

    Args:
        file: an open raster.
        header: its header.
        origins: the guard, which a mask file beside it is put before.
        stated: what is said of the raster besides.
        hints: the bands of this file that a STAC item offers.
        given: the names that the user gave to the bands of this file.

    Raises:
        InputError: if the names do not fit.
        SourceError: if pixels had to be looked at and could not be read.
    """
    facts = BandFacts(
        href=header.href,
        descriptions=header.descriptions,
        colours=header.colours,
        sensor=stated.sensor,
    )
    naming = name_bands(facts, listed=hints, given=given)
    bands, preset = _scaled_bands(header, naming, stated, hints)
    mask_href, mask_note = side_mask(file, origins)
    kind, why = _kind(file, header, bands, preset)
    scale_note = f"the file states no scale; {preset.note} is applied" if preset else ""
    own = (note for note in (scale_note, mask_note, why) if note)
    return FileBands(
        header=header,
        bands=bands,
        naming=naming,
        alpha=_alpha(header, naming, mask_href),
        kind=kind,
        notes=(*header.notes, *naming.notes, *own),
    )


def _scaled_bands(
    header: RasterHeader, naming: Naming, stated: Stated, hints: Sequence[BandHint]
) -> tuple[tuple[BandRef, ...], Scaling | None]:
    """Return the bands, and the sensor's product rule where it scales one of them."""
    by_index = {hint.index: hint for hint in hints}
    preset = scaling_from_name(header.href)
    used: Scaling | None = None
    bands = []
    for position, name in enumerate(naming.names):
        if not name:
            continue
        scaled = _scaling(header, position, stated, by_index.get(position + 1))
        if scaled is None and preset is not None and header.dtypes[position][0] in "iu":
            scaled, used = (preset.scale, preset.offset), preset
        bands.append(_band(header, position, name, scaled or (1.0, 0.0), by_index))
    if not bands:
        raise InputError(
            f"{redact(header.href)!r} has no band besides alpha", hint="give another file"
        )
    return tuple(bands), used


def _kind(
    file: RasterFile, header: RasterHeader, bands: Sequence[BandRef], preset: Scaling | None
) -> tuple[ValueKind, str]:
    first = bands[0]
    facts = KindFacts(
        names=[band.name for band in bands],
        dtype=first.dtype,
        scale=first.scale,
        offset=first.offset,
        preset=preset.values if preset else None,
        text=" ".join((base_name(header.href), *header.descriptions)).casefold(),
        sample=sample_values(
            file, first.index, nodata=first.nodata, scale=first.scale, offset=first.offset
        ),
    )
    return judge_kind(facts)


def _scaling(
    header: RasterHeader, position: int, stated: Stated, hint: BandHint | None
) -> tuple[float, float] | None:
    """Return scale and offset as the user, the item or the file states them, or None."""
    if stated.scale is not None or stated.offset is not None:
        return (1.0 if stated.scale is None else stated.scale), (stated.offset or 0.0)
    if hint is not None and (hint.scale is not None or hint.offset is not None):
        return (1.0 if hint.scale is None else hint.scale), (hint.offset or 0.0)
    tags = header.scales[position], header.offsets[position]
    return tags if tags != (1.0, 0.0) else None


def _band(
    header: RasterHeader,
    position: int,
    name: str,
    scaled: tuple[float, float],
    hints: Mapping[int | None, BandHint],
) -> BandRef:
    hint = hints.get(position + 1)
    quality = quality_from_name(header.href) if len(header.dtypes) == 1 else None
    nodata = header.nodata[position]
    if nodata is None and hint is not None:
        nodata = hint.nodata
    if nodata is None and quality is not None:
        nodata = 1.0 if quality == "landsat_qa_pixel" else 0.0
    return BandRef(
        name=name,
        href=header.href,
        index=position + 1,
        dtype=header.dtypes[position],
        scale=1.0 if quality else scaled[0],
        offset=0.0 if quality else scaled[1],
        nodata=nodata,
        description=header.descriptions[position] or (hint.description if hint else ""),
    )


def _alpha(header: RasterHeader, naming: Naming, mask_href: str | None) -> tuple[str, int] | None:
    for number, (name, colour) in enumerate(zip(naming.names, header.colours, strict=True), 1):
        if colour == "alpha" and not name:
            return header.href, number
    return (mask_href, 1) if mask_href else None

"""What the command line says of indexes: a report, what one holds, what was found in it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.filesize import decimal

from eoagent.app.hits import Hits
from eoagent.contracts.indexing import BuildReport, IndexInfo
from eoagent.io.tileset import time_label
from eoagent.io.tilewords import SCORE_NOTE, centre_of, how_ranked

__all__ = ["hit_lines", "info_lines", "report_lines"]

_LISTED = 10


def report_lines(name: str, report: BuildReport) -> Iterator[str]:
    """Yield what a build, an update or an import did."""
    yield (
        f"index {name}, version {report.version}: {report.added:,} tiles added, "
        f"{report.removed:,} removed; {report.items:,} items looked at, {report.kept:,} unchanged"
    )
    if report.embedded:
        spent = ", ".join(f"{stage} {s:.1f} s" for stage, s in report.seconds.items() if s >= 0.1)
        yield f"  {report.embedded:,} tiles embedded" + (f" ({spent})" if spent else "")
    for reason, count in report.skipped.items():
        yield f"  left out: {count:,} tiles, {reason}"
    if report.without_place:
        yield f"  {report.without_place:,} tiles have no georeference"
    for text in report.quarantined[:_LISTED]:
        yield f"  not readable: {text}"
    if len(report.quarantined) > _LISTED:
        yield f"  and {len(report.quarantined) - _LISTED} more that cannot be read"
    for text in report.assumptions:
        yield f"  chosen: {text}"
    for text in report.warnings:
        yield f"  note: {text}"
    if report.is_partial:
        yield "  partial: the source could not be read to its end; the same command goes on"


def info_lines(info: IndexInfo) -> Iterator[str]:
    """Yield what an index holds."""
    yield f"{info.name}, version {info.version} of {info.created:%Y-%m-%d %H:%M} UTC"
    segments = "1 segment" if info.segments == 1 else f"{info.segments:,} segments"
    yield f"  tiles        {info.tiles:,} of {info.items:,} items, in {segments}"
    if info.deleted:
        yield f"  deleted      {info.deleted:,} (eoagent index vacuum gives their room back)"
    if info.bbox is not None:
        box = info.bbox
        yield f"  place        {box.west:.6g},{box.south:.6g},{box.east:.6g},{box.north:.6g}"
    if info.without_place:
        yield f"  no place     {info.without_place:,} tiles"
    yield f"  time         {info.time.label if info.time else 'not known'}"
    if any(info.collections):
        yield f"  collections  {', '.join(name for name in info.collections if name)}"
    encoder = info.encoder
    yield (
        f"  encoder      {encoder.card}, {encoder.dimensions} dimensions, "
        f"weights {encoder.weights_sha256[:12]}"
    )
    request = info.recipe.get("request")
    said = {**info.recipe, "request": None, **(request if isinstance(request, dict) else {})}
    for key, value in said.items():
        if value not in (None, "", [], (), 0):
            shown = ", ".join(str(v) for v in value) if isinstance(value, list) else value
            yield f"  {key:<12} {shown}"
    yield f"  size         {decimal(info.bytes)}"
    if info.quarantined:
        yield f"  not readable {info.quarantined:,} assets (--json lists them)"
    for one in info.ann:
        yield f"  approximate  {', '.join(f'{key} {value}' for key, value in one.items())}"
    for note in info.notes:
        yield f"  note         {note}"


def hit_lines(hits: Hits) -> Iterator[str]:
    """Yield the tiles that were found, a line each, and how they were ranked."""
    for hit in hits:
        z = "" if hit.z is None else f"  z {hit.z:+5.2f}"
        when = time_label(hit) or "no date"
        where = "no place"
        if hit.bbox is not None:
            lon, lat = centre_of(hit.bbox)
            where = f"{lat:.5f}, {lon:.5f}"
        merged = f"  ({hit.merged} tiles)" if hit.merged > 1 else ""
        yield f"{hit.rank:>4}  {hit.score:.4f}{z}  {when:<10}  {where}  {hit.item_id}{merged}"
        col, row, width, height = hit.window
        yield f"      {hit.tile_id}  {hit.href} [{col},{row} {width}x{height}]"
    result = hits.result
    counts = f"{len(hits)} of {result.matched:,} matching tiles ({result.total:,} in all)"
    yield f"{counts}; {how_ranked(result)}; {SCORE_NOTE}" if result.hits else counts

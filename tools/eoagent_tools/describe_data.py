"""Describe anything opened: bands, size, CRS, pixel size, date, valid share, cloud share."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from eoagent.contracts.artifact import Artifact, FeaturesRef, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import BandRef, MaskRef, QaRule, RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.grid import pixel_size_m, strips
from eoagent.io.atomic import disk_errors
from eoagent.io.blockwise import open_reader, raster_strips
from eoagent.io.store_files import mask_as_raster
from eoagent.spectral.qa import decode

__all__ = ["TOOL", "DescribeData", "describe_data"]

_CLOUDS: Final = MappingProxyType(
    {"landsat_qa_pixel": ("cloud",), "sentinel2_scl": ("cloud", "cirrus")}
)
"""Classes that the products' own cloud cover counts: of Landsat the cloud bit, of Sentinel-2 cloud
of medium and high probability and thin cirrus.

Source: USGS, Landsat Collection 2 metadata, CLOUD_COVER; ESA, Sentinel-2 Products Specification
Document, CLOUDY_PIXEL_PERCENTAGE.
"""


class DescribeData(Arguments):
    """Arguments of `describe_data`."""

    target: handle_of("raster", "mask", "features", "boxes", "aoi", "table")  # type: ignore[valid-type]
    """What to describe."""


def describe_data(arguments: DescribeData, services: Services) -> ToolResult:
    """Return facts of an artifact as figures, and all of them as a table.

    The cloud share is that of the quality band's pixels that are not fill; it is there where the
    raster has a quality band, as a rule or among its bands.

    Raises:
        InputError: if a quality band holds no quality codes.
        SourceError: if pixels could not be had, or the table could not be kept.
    """
    artifact = services.store.get(arguments.target)
    if artifact.kind == "raster":
        return _raster(services, RasterRef.model_validate(artifact.payload))
    if artifact.kind == "mask":
        mask = MaskRef.model_validate(artifact.payload)
        known = {"time": mask.time, "item_id": mask.item_id, "sources": mask.sources}
        return _raster(services, mask_as_raster(mask).model_copy(update=known), rule=mask.rule)
    if artifact.kind in {"features", "boxes", "aoi"}:
        return _features(services, FeaturesRef.model_validate(artifact.payload), artifact.title)
    return ToolResult(artifacts={"table": _table(services, artifact.title, artifact.preview)})


def _features(services: Services, ref: FeaturesRef, title: str) -> ToolResult:
    facts: dict[str, object] = {
        "features": ref.count,
        "types": list(ref.geometry_types),
        "columns": list(ref.columns),
        "crs": ref.crs or "pixels",
    }
    count = FigureDraft(
        name="count",
        value=ref.count,
        unit="count",
        label=f"features in {ref.label or title}"[:200],
        method="counted",
        sources=ref.sources,
    )
    return ToolResult(artifacts={"table": _table(services, title, facts)}, figures=(count,))


def _raster(services: Services, ref: RasterRef, *, rule: str = "") -> ToolResult:
    def figure(name: str, value: float | str, unit: str, label: str, method: str) -> FigureDraft:
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{label} of {ref.title}"[:200],
            method=method[:600],
            sources=ref.sources,
        )

    how = "pixels valid in every band" if len(ref.bands) > 1 else "valid pixels"
    if ref.qa is not None:
        how = f"{how}, without {', '.join(ref.qa.exclude)} by {ref.qa.kind}"
    figures = [
        figure("width_px", ref.grid.width, "px", "width", "from the file"),
        figure("height_px", ref.grid.height, "px", "height", "from the file"),
        figure("valid_share", _valid_share(services, ref), "percent", "valid share", how),
    ]
    facts: dict[str, object] = {
        "bands": list(ref.band_names),
        "crs": ref.grid.crs[:200] or "none",
        "values": ref.values,
        "sensor": ref.sensor or "unknown",
    }
    if rule:
        facts["rule"] = rule
    try:
        across, down = pixel_size_m(ref.grid)
    except InputError:
        facts["pixel_size"] = "unknown: no georeference"
    else:
        given = "geodesic at the centre" if ref.grid.is_georeferenced else "as stated"
        figures.append(figure("gsd_x", across, "m", "pixel width", given))
        figures.append(figure("gsd_y", down, "m", "pixel height", given))
    if ref.time is not None:
        figures.append(figure("date", ref.time.label, "choice", "date", "from the file or item"))
    quality = _quality(ref)
    share = None if quality is None else _cloud_share(services, ref, quality)
    if quality is not None and share is not None:
        classes = ", ".join(_CLOUDS[quality.kind])
        how = f"{quality.kind} classes {classes}, of the pixels that are not fill"
        figures.append(figure("cloud_share", share, "percent", "cloud share", how))
    return ToolResult(
        artifacts={"table": _table(services, ref.title, facts)}, figures=tuple(figures)
    )


def _valid_share(services: Services, ref: RasterRef) -> float:
    valid = total = 0
    bands = {name: name for name in ref.band_names}
    for _, _, mask in raster_strips(services, ref, bands=bands, what="counting valid pixels"):
        valid += int(np.count_nonzero(mask))
        total += mask.size
    return 100.0 * valid / total


def _quality(ref: RasterRef) -> QaRule | None:
    """Return where the quality codes of a raster lie: its rule's band, or one of its own."""
    if ref.qa is not None:
        return ref.qa
    kinds: dict[str, Literal["landsat_qa_pixel", "sentinel2_scl"]] = {
        "qa_pixel": "landsat_qa_pixel",
        "scl": "sentinel2_scl",
    }
    own = next((band for band in ref.bands if band.name in kinds and band.href), None)
    if own is None:
        return None
    return QaRule(href=own.href, index=own.index, kind=kinds[own.name], exclude=())


def _cloud_share(services: Services, ref: RasterRef, rule: QaRule) -> float | None:
    """Return the share of cloud among the pixels of the quality band that are not fill, %."""
    band = BandRef(name="codes", href=rule.href, index=rule.index)
    plain = {"bands": (band,), "alpha": None, "dataset_mask": False, "qa": None}
    cloudy = seen = 0
    with open_reader(services, ref.model_copy(update=plain)) as reader:
        for window in strips(ref.grid, services.options.block_pixels):
            services.deadline.check()
            codes, there = reader.read_stored("codes", window)
            known = there & ~decode(rule.kind, codes, ("fill",))
            cloudy += int(np.count_nonzero(decode(rule.kind, codes, _CLOUDS[rule.kind]) & known))
            seen += int(np.count_nonzero(known))
    return 100.0 * cloudy / seen if seen else None


def _table(services: Services, title: str, facts: dict[str, object]) -> Artifact:
    rows = [[key, json.dumps(value, ensure_ascii=False)] for key, value in facts.items()]
    file = services.store.scratch(".json")
    content = {"columns": ["fact", "value"], "rows": rows}
    with disk_errors(file):
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    payload = {"path": "", "columns": ["fact", "value"], "rows": len(rows), "label": title}
    return services.store.put(
        "table", title=f"facts of {title}", payload=payload, preview=dict(facts), file=file
    )


TOOL = FunctionTool(
    card=ToolCard(
        name="describe_data",
        summary="Bands, size, CRS, pixel size, date, valid share and cloud share of anything "
        "opened.",
        outputs=(
            Output(name="table", kind="table", about="all facts"),
            Output(name="width_px", kind="figure", about="px"),
            Output(name="height_px", kind="figure", about="px"),
            Output(name="valid_share", kind="figure", about="percent of all pixels"),
            Output(name="gsd_x", kind="figure", about="pixel width, m"),
            Output(name="gsd_y", kind="figure", about="pixel height, m"),
            Output(name="date", kind="figure", about="choice"),
            Output(
                name="cloud_share", kind="figure", about="percent, where there is a quality band"
            ),
            Output(name="count", kind="figure", about="features, count"),
        ),
        group="open",
    ),
    arguments=DescribeData,
    function=describe_data,
)

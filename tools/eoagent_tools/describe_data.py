"""Describe anything opened: bands, size, CRS, pixel size, date, valid share, cloud share."""

from __future__ import annotations

import json

import numpy as np

from eoagent.contracts.artifact import Artifact, FeaturesRef, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.grid import pixel_size_m
from eoagent.io.blockwise import open_reader, raster_strips
from eoagent.spectral.qa import decode

__all__ = ["TOOL", "DescribeData", "describe_data"]

_CLOUD_CLASSES = {
    "landsat_qa_pixel": ("cloud", "cirrus"),
    "sentinel2_scl": ("cloud", "cirrus"),
}


class DescribeData(Arguments):
    """Arguments of `describe_data`."""

    target: handle_of("raster", "mask", "features", "boxes", "aoi", "table")  # type: ignore[valid-type]
    """What to describe."""


def describe_data(arguments: DescribeData, services: Services) -> ToolResult:
    """Return facts of an artifact as figures, and all of them as a table."""
    artifact = services.store.get(arguments.target)
    if artifact.kind == "raster":
        return _raster(services, RasterRef.model_validate(artifact.payload))
    if artifact.kind in {"features", "boxes", "aoi"}:
        ref = FeaturesRef.model_validate(artifact.payload)
        facts = {
            "features": ref.count,
            "types": list(ref.geometry_types),
            "columns": list(ref.columns),
            "crs": ref.crs or "pixels",
        }
        count = FigureDraft(
            name="count",
            value=ref.count,
            unit="count",
            label=f"features in {ref.label}"[:200],
            method="counted",
            sources=ref.sources,
        )
        return ToolResult(
            artifacts={"table": _table(services, artifact.title, facts)}, figures=(count,)
        )
    return ToolResult(artifacts={"table": _table(services, artifact.title, artifact.preview)})


def _raster(services: Services, ref: RasterRef) -> ToolResult:
    valid = total = 0
    first = ref.band_names[0]
    for _, _, mask in raster_strips(
        services, ref, bands={name: name for name in ref.band_names}, what="counting valid pixels"
    ):
        valid += int(np.count_nonzero(mask))
        total += mask.size

    def figure(name: str, value: float | str, unit: str, label: str, method: str) -> FigureDraft:
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{label} of {ref.title}"[:200],
            method=method,
            sources=ref.sources,
        )

    share = 100.0 * valid / total
    how = "pixels valid in every band" if len(ref.bands) > 1 else f"valid pixels of {first}"
    figures = [
        figure("width_px", ref.grid.width, "px", "width", "from the file"),
        figure("height_px", ref.grid.height, "px", "height", "from the file"),
        figure("valid_share", share, "percent", "valid share", how),
    ]
    facts: dict[str, object] = {
        "bands": list(ref.band_names),
        "crs": ref.grid.crs[:200] or "none",
        "values": ref.values,
        "sensor": ref.sensor or "unknown",
    }
    try:
        across, down = pixel_size_m(ref.grid)
    except InputError:
        facts["pixel_size"] = "unknown: no georeference"
    else:
        figures.append(figure("gsd_x", across, "m", "pixel width", "geodesic at the centre"))
        figures.append(figure("gsd_y", down, "m", "pixel height", "geodesic at the centre"))
    if ref.time is not None:
        figures.append(figure("date", ref.time.label, "choice", "date", "from the file or item"))
    if ref.qa is not None:
        share = _cloud_share(services, ref)
        how = f"{ref.qa.kind} classes {', '.join(_CLOUD_CLASSES[ref.qa.kind])}"
        figures.append(figure("cloud_share", share, "percent", "cloud share", how))
    return ToolResult(
        artifacts={"table": _table(services, ref.title, facts)}, figures=tuple(figures)
    )


def _cloud_share(services: Services, ref: RasterRef) -> float:
    """Return the share of cloud among the pixels of the quality band that are not fill, %."""
    rule = ref.qa
    assert rule is not None
    plain = {"name": "qa", "href": rule.href, "index": rule.index, "scale": 1.0, "offset": 0.0}
    band = ref.bands[0].model_copy(update=plain)
    with open_reader(services, ref.model_copy(update={"bands": (band,), "qa": None})) as reader:
        codes, valid = reader.read_stored("qa")
    cloudy = decode(rule.kind, codes, _CLOUD_CLASSES[rule.kind]) & valid
    return 100.0 * int(np.count_nonzero(cloudy)) / max(1, int(np.count_nonzero(valid)))


def _table(services: Services, title: str, facts: dict[str, object]) -> Artifact:
    rows = [[key, json.dumps(value, ensure_ascii=False)] for key, value in facts.items()]
    file = services.store.scratch(".json")
    content = {"columns": ["fact", "value"], "rows": rows}
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
            Output(name="cloud_share", kind="figure", about="percent, where a quality band is"),
            Output(name="count", kind="figure", about="features, count"),
        ),
        group="open",
    ),
    arguments=DescribeData,
    function=describe_data,
)

"""Write a tool of your own and run it beside the installed ones."""

import math
import tempfile
from pathlib import Path

from eoagent.app.bench import run_tool
from eoagent.contracts.artifact import FeaturesHandle, FeaturesRef
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import Arguments, FunctionTool, Output, Services, ToolCard, ToolResult
from eoagent.geo.measure import area_m2, perimeter_m
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.sampleworld import write_world
from eoagent.io.stored_features import load_stored


class Compactness(Arguments):
    """Arguments of `compactness`; their descriptions are what a planner reads."""

    areas: FeaturesHandle
    """Polygons to judge."""


def compactness(arguments: Compactness, services: Services) -> ToolResult:
    """Return 4 pi area / perimeter^2 of all polygons together (Polsby and Popper 1991)."""
    ref = FeaturesRef.model_validate(services.store.get(arguments.areas).payload)
    shapes = [to_lonlat(shape, ref.crs) for shape in load_stored(services.store, ref).geometries]
    area, edge = sum(map(area_m2, shapes)), sum(map(perimeter_m, shapes))
    figure = FigureDraft(
        name="compactness",
        value=4 * math.pi * area / edge**2,
        unit="1",
        label=f"compactness of {ref.label}",
        method="4 pi area / perimeter^2, geodesic; 1 for a single disc",
        sources=ref.sources,
    )
    return ToolResult(figures=(figure,))


TOOL = FunctionTool(
    card=ToolCard(
        name="compactness",
        summary="How compact areas are, from 0 for a ribbon to 1 for a single disc.",
        outputs=(Output(name="compactness", kind="figure", about="4 pi area / perimeter^2, 1"),),
        group="measure",
    ),
    arguments=Compactness,
    function=compactness,
)

with tempfile.TemporaryDirectory() as name:
    write_world(Path(name) / "world", size=240)
    asked = {"href": f"{name}/world/vectors/places.geojson", "named": "Lake Solvera"}
    lake = run_tool("open_features", asked, home=name).artifacts["features"]
    result = run_tool("compactness", {"areas": lake.handle}, home=name, tools=[TOOL])
    print(f"{result.figures[0].label}: {result.figures[0].value:.3f}")

# Output:
# > compactness of Lake Solvera: 0.493

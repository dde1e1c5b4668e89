"""Every registered tool sits the exam of `eoagent.testing`, and keeps its card in a call."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pydantic import BaseModel, ValidationError
from rasterio.warp import transform_bounds

from eoagent import plugins
from eoagent.contracts.figure import Figure
from eoagent.contracts.tool import FunctionTool, ToolResult
from eoagent.testing import check_call, check_tool

GROUP = "eoagent.tools"
FOUND = plugins.find(GROUP)
OURS = {name: entry for name, entry in FOUND.items() if entry.module.startswith("eoagent_tools.")}
FOLDER = Path(__file__).resolve().parents[2] / "tools" / "eoagent_tools"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
HIDDEN = {"importlib", "eoagent.plugins", "eoagent.app", "eoagent.planner", "eoagent.cli"}

CALLS = {
    "open_image": {"hrefs": ["<image file>"]},
    "open_features": {"href": "<zones file>"},
    "describe_data": {"target": "<image>"},
    "spectral_index": {"raster": "<image>", "index": "ndvi"},
    "band_math": {"raster": "<image>", "expression": "nir - red"},
    "threshold": {"raster": "<image>", "band": "nir", "operator": "gt", "value": 0.3},
    "combine": {"operation": "not", "first": "<mask>"},
    "regions": {"mask": "<mask>", "connectivity": 4},
    "measure": {"target": "<mask>", "quantities": ["area", "share", "centroid", "bounds"]},
    "zonal_stats": {"raster": "<image>", "band": "red", "zones": "<zones>"},
    "calculate": {"expression": "a / b", "values": {"a": "f1", "b": "f2"}, "unit": "percent"},
    "align": {"rasters": ["<image>"], "onto": "<other image>", "resampling": "bilinear"},
    "terrain": {"raster": "<heights>", "operation": "slope"},
    "compare": {"first": "<mask>", "second": "<other mask>"},
    "find_place": {"name": "a", "places": ["<zones file>"]},
    "find_scenes": {"catalog": "<folder>"},
    "search_tiles": {"text": ["a forest"], "k": 2},
    "find_regions": {"raster": "<image>", "text": "a forest", "budget": 40},
    "segment": {"raster": "<image>", "phrase": "a forest"},
    "detect": {"raster": "<image>", "classes": ["forests", "dams"]},
    "count_objects": {"raster": "<image>", "classes": ["forests"]},
    "describe_image": {"raster": "<image>", "classes": ["forests"]},
    "classify_scene": {"raster": "<image>", "labels": ["a forest", "water", "snow", "a desert"]},
    "reason": {"raster": "<image>", "question": "where to land?", "want": ["mask", "answer"]},
    "rank": {"figures": ["f1", "f2"]},
    "relate": {"relation": "within", "first": "<mask>", "second": "<zones>", "distance_m": 500},
    "time_series": {"figures": ["f1", "f2", "f3"]},
    "render_map": {"layers": ["<image>", "<mask>", "<zones>"], "width_px": 300},
    "export": {"artifact": "<mask>", "path": "mask.tif"},
    "ask_user": {"question": "Which lake?"},
    "cannot_answer": {"reason": "There is no thermal band."},
}
"""A call per tool; what stands in <> is made by `things`."""


def figure(number, value):
    """Return a stated area whose source is one scene of a year of its own."""
    day = f"{2000 + number}-06-01T00:00:00Z"
    source = {
        "href": f"/data/{number}.tif",
        "fingerprint": {"kind": "none", "value": ""},
        "item_id": f"scene-{number}",
        "time": {"start": day, "end": day},
    }
    return Figure.model_validate(
        {
            "id": f"f{number}",
            "step": number,
            "name": "area",
            "value": value,
            "unit": "m2",
            "label": "area of water",
            "method": "stated",
            "sources": [source],
        }
    )


@pytest.fixture
def equipped(services, tmp_path, meaning, reasoning):
    """Services with three figures, an output folder, a model that sees colours, and an index."""
    encoder = meaning.ColourEncoder(input_px=4)
    tiles = [
        meaning.tile(n, tmp_path / "x.tif", (0, 0, 4, 4), bbox=(n, 1, n + 1, 2)) for n in (1, 2)
    ]
    index = meaning.OneIndex(tiles, encoder.encode_texts(["a forest", "water"]), encoder)
    return replace(
        services,
        models=reasoning.ReasoningModels(
            reasoning.StubReasoner([[1, 2, 9, 8]]),
            reasoning.StubOutliner(),
            others=meaning.OneModels(encoder, meaning.ColourSegmenter(meaning.COLOURS)),
        ),
        indexes=meaning.OneIndexes(index),
        figures={f"f{n}": figure(n, 100.0 * n**2) for n in (1, 2, 3)},
        options=replace(services.options, out_dir=tmp_path / "out"),
    )


@pytest.fixture
def things(equipped, tmp_path):
    """What the calls are about, by the words in <>: a scene of 12 x 16 pixels, masks, zones."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    image = folder / "scene_20190416.tif"
    values = np.random.default_rng(3).random((4, 12, 16)).astype("float32") * 0.6
    where = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 51e5)}
    shape = {"width": 16, "height": 12, "count": 4, "dtype": "float32"}
    with rasterio.open(image, "w", driver="GTiff", **shape, **where) as file:
        file.write(values)
        file.descriptions = ("blue", "green", "red", "nir")
    zones = tmp_path / "zones.geojson"
    corners = transform_bounds("EPSG:32633", "EPSG:4326", 500030, 5099900, 500090, 5099970)
    square = {"type": "Feature", "properties": {"name": "a"}}
    square["geometry"] = json.loads(shapely.to_geojson(shapely.box(*corners)))
    zones.write_text(json.dumps({"type": "FeatureCollection", "features": [square]}))

    def first(tool, **arguments):
        result = check_call(plugins.load(GROUP, tool), arguments, equipped)
        return next(iter(result.artifacts.values())).handle

    raster = first("open_image", hrefs=[str(image)])
    heights = first("band_math", raster=raster, expression="100 * nir")
    other = first("band_math", raster=raster, expression="red - nir")
    return {
        "<heights>": heights,
        "<other image>": other,
        "<image file>": str(image),
        "<zones file>": str(zones),
        "<folder>": str(folder),
        "<image>": raster,
        "<mask>": first("threshold", raster=raster, band="nir", operator="gt", value=0.3),
        "<other mask>": first("threshold", raster=raster, band="red", operator="gt", value=0.2),
        "<zones>": first("open_features", href=str(zones)),
    }


def filled(value, things):
    """Return arguments with things in place of words."""
    if isinstance(value, list):
        return [filled(part, things) for part in value]
    return things.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", FOUND)
def test_a_registered_tool_passes_the_exam(name):
    check_tool(plugins.load(GROUP, name), name=name)


@pytest.mark.parametrize("name", OURS)
def test_a_tool_of_ours_keeps_its_card_in_a_call(name, things, equipped):
    arguments = {key: filled(value, things) for key, value in CALLS[name].items()}
    tool = plugins.load(GROUP, name)
    result = check_call(tool, arguments, equipped)
    assert isinstance(result, BaseModel)
    assert ToolResult.model_validate_json(result.model_dump_json()) == result
    given = {output.name for output in tool.card.outputs if "*" not in output.name}
    assert {*result.artifacts, *(f.name for f in result.figures)} & given or tool.card.ends_run


def test_each_of_our_tools_has_a_call_here():
    assert set(OURS) == set(CALLS)


@pytest.mark.parametrize("name", OURS)
def test_arguments_in_json_refuse_unknown_names_and_numbers_that_are_none(name):
    model = plugins.load(GROUP, name).arguments
    assert model.model_json_schema()["additionalProperties"] is False
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json('{"colour": 1}')
    assert ("extra_forbidden", ("colour",)) in {
        (e["type"], e["loc"]) for e in caught.value.errors()
    }
    for field, about in model.model_json_schema()["properties"].items():
        branches = about.get("anyOf", [about])
        if {"number", "integer"} & {branch.get("type") for branch in branches}:
            for text in ("NaN", "Infinity", "-Infinity"):
                with pytest.raises(ValidationError) as caught:
                    model.model_validate_json(f'{{"{field}": {text}}}')
                assert field in {e["loc"][0] for e in caught.value.errors() if e["loc"]}


@pytest.mark.parametrize("name", OURS)
def test_card_and_schema_fit_into_a_prompt(name):
    tool = plugins.load(GROUP, name)
    schema = tool.arguments.model_json_schema()
    assert len(json.dumps(schema, allow_nan=False)) < 8000
    for field in schema["properties"].values():
        assert field["description"].strip()
    assert 10 <= len(tool.card.summary) <= 300


def test_each_file_is_one_tool_named_like_it():
    assert {path.stem for path in FILES} == set(OURS)
    for name, entry in OURS.items():
        assert entry.value == f"eoagent_tools.{name}:TOOL"
        module = vars(__import__(entry.module, fromlist=["TOOL"]))
        tools = [key for key, thing in module.items() if isinstance(thing, FunctionTool)]
        assert tools == ["TOOL"]
        assert name in module["__all__"]


def reached(source):
    """Return the modules that a source imports, those of its own package by a leading dot."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {module} | {f"{module.rstrip('.')}.{alias.name}" for alias in node.names}
    return found


def other_tools(source):
    """Return the imports by which a source could come to another tool."""
    return {
        module
        for module in reached(source)
        if module.startswith((".", "eoagent_tools"))
        or any(module == name or module.startswith(f"{name}.") for name in HIDDEN)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_tool_imports_no_other_tool(path):
    assert not other_tools(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted",
    [
        "from eoagent_tools.measure import TOOL",
        "from eoagent_tools import measure",
        "import eoagent_tools.measure as m",
        "from . import measure",
        "from .measure import TOOL",
        "def f():\n    from eoagent import plugins",
        "from eoagent.plugins import load",
        "import importlib",
    ],
)
def test_a_planted_way_to_another_tool_is_seen(planted):
    assert other_tools(f"import json\n{planted}\n")

"""The same tasks through the real tools, in one process: what the benchmark measures of ours.

Run as `tooled.py open|share|largest|polygons HOME SCENE-OR-MASK`; it prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from eoagent.app.bench import run_tool
from eoagent.contracts.tool import ToolResult

__all__ = ["largest", "polygons", "share"]


def share(home: str, scene: str) -> dict[str, Any]:
    """Return the share of water and the handle of its mask."""
    raster = _first(run_tool("open_image", {"hrefs": [scene]}, home=home))
    mask = _first(run_tool("threshold", {"raster": raster, "rule": "water"}, home=home))
    asked = {"target": mask, "quantities": ["share", "area"]}
    found = _figures(run_tool("measure", asked, home=home))
    return {
        "mask": mask,
        "share_percent": found["share"],
        "area_km2": found["area"] / 1e6,
    }


def largest(home: str, mask: str) -> dict[str, Any]:
    """Return how many regions a mask has, and the largest one."""
    result = run_tool("regions", {"mask": mask, "keep": 1}, home=home)
    found = _figures(result)
    return {"kept": found["count"], "largest_km2": found["largest"] / 1e6}


def polygons(home: str, mask: str) -> dict[str, Any]:
    """Return how many polygons a mask makes, and what was said about their outlines."""
    result = run_tool("regions", {"mask": mask}, home=home)
    return {"regions": _figures(result)["count"], "said": list(result.assumptions)}


def _first(result: ToolResult) -> str:
    return next(iter(result.artifacts.values())).handle


def _figures(result: ToolResult) -> dict[str, Any]:
    return {figure.name: figure.value for figure in result.figures}


_TASKS = {"share": share, "largest": largest, "polygons": polygons}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(_TASKS[sys.argv[1]](sys.argv[2], sys.argv[3])) + "\n")
